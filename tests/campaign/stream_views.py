"""What two folds of one history have to agree on: the state, its amounts, and the views."""

from typing import Any

from core.events import Event
from core.state import State
from projections.open_intents import OPEN_INTENTS
from projections.orders import ORDERS
from projections.positions import POSITIONS
from projections.projection import Projection, fold_all
from projections.tca import TCA
from tests import build

SHOWN: dict[Projection, tuple[str, ...]] = {
    OPEN_INTENTS: ("intent", "client_order_id", "quantity", "leaves_quantity", "status"),
    ORDERS: ("intent", "client_order_id", "status", "filled_quantity", "average_price",
             "replaces", "replaced_by"),
    TCA: ("intent", "status", "ordered_quantity", "filled_quantity", "average_price"),
    POSITIONS: ("symbol", "quantity", "bought_quantity", "sold_quantity"),
}  # fmt: skip


def summary(state: State) -> dict[str, Any]:
    """What has to be the same, however it was heard."""
    intents = {**dict(state.closed.items()), **state.intents}
    return {
        "orders": {
            order_id: (
                intent.status,
                intent.reported_status,
                intent.filled,
                sorted((one.quantity, one.price) for one in intent.fills.executions),
                (intent.intent_id, intent.replaces, intent.quantity, intent.limit_price),
            )
            for order_id, intent in sorted(intents.items())
        },
        **amounts(state),
    }


def amounts(state: State) -> dict[str, Any]:
    """What no late message may change."""
    intents = {**dict(state.closed.items()), **state.intents}
    return {
        "filled": {order_id: intent.filled for order_id, intent in sorted(intents.items())},
        "open": sorted(state.intents),
        "unfollowed": state.unfollowed,
        "executions": state.executions,
        "positions": {symbol: state.position(symbol) for symbol in sorted(state.held())},
    }


def views(told: list[Event]) -> dict[str, Any]:
    """What the projections show of what was told, without what hangs on when it was told."""
    shown: dict[str, Any] = {}
    for projection, cells in SHOWN.items():
        view = fold_all(projection, build.numbered(told))
        rows = [tuple(row[cell] for cell in cells) for row in projection.rows(view)]
        shown[projection.name] = sorted(rows, key=str)
    return shown
