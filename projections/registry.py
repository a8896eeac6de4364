"""All projections, in the order they are shown and rebuilt."""

from projections.alerts import ALERTS
from projections.cost_model import COST_MODEL
from projections.cycle_summary import CYCLE_SUMMARY
from projections.open_intents import OPEN_INTENTS
from projections.orders import ORDERS
from projections.positions import POSITIONS
from projections.projection import Projection
from projections.skips import SKIPS
from projections.tca import TCA

PROJECTIONS: tuple[Projection, ...] = (
    OPEN_INTENTS,
    ORDERS,
    CYCLE_SUMMARY,
    SKIPS,
    POSITIONS,
    TCA,
    COST_MODEL,
    ALERTS,
)

SHOWN_AS = {"open-intents": OPEN_INTENTS, "cycles": CYCLE_SUMMARY, "cost-model": COST_MODEL}
"""Other names a projection goes by on the command line."""


def named(name: str) -> Projection:
    """The projection of this name, or of the one it is shown as; `KeyError` names all."""
    by_name = {projection.name: projection for projection in PROJECTIONS} | SHOWN_AS
    if name not in by_name:
        known = ", ".join(sorted(by_name))
        message = f"projection {name!r}: expected one of {known}"
        raise KeyError(message)
    return by_name[name]
