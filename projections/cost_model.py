"""The cost models that were fitted, and on what.

shape   one row a `CostModelCalibrated`, in the order of the journal; a model takes effect with the
        cycle after its sequence, and the last row is the one in force
"""

from core.events import CostModelCalibrated, Event
from projections.intent import key_of_sequence
from projections.projection import Projection, Row
from projections.view import Kind, View

MODEL = Kind("model", CostModelCalibrated)


def evolve(view: View, sequence: int, event: Event) -> View:
    """`view` after `event`."""
    if isinstance(event, CostModelCalibrated):
        view.put(MODEL, key_of_sequence(sequence), event)
    return view


def row(view: View, key: str) -> Row | None:
    """The model at `key`."""
    model = view.get(MODEL, key)
    if model is None:
        return None
    return {
        "sequence": int(key),
        "calibrated_at": model.observed_at,
        "model_version": model.model_version,
        "fitted_through": model.fitted_through,
        "coefficients": {name: str(value) for name, value in model.coefficients.items()},
    }


COST_MODEL = Projection(name="cost_model", version=1, evolve=evolve, shown=MODEL.name, row=row)
