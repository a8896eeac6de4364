"""Every order we ever decided on, as it stands.

shape   one row an order, in the order of creation: one an intent, and one each successor of it,
        under the same intent; `replaces` and `replaced_by` are client order ids
units   quantities in shares, prices a share, `average_price` to 6 places, half even
rule    late fills, busts and corrections amend `filled_quantity` and `average_price` of a closed
        order; its status stays the one it was closed with
"""

from core.events import Event
from core.fills import average_price, filled
from core.order import TerminalStatus
from core.values import decimal_text
from projections.intent import INTENT, IntentRecord, fold_intents
from projections.projection import Projection, Row
from projections.rounding import price_text
from projections.view import View


def evolve(view: View, sequence: int, event: Event) -> View:
    """`view` after `event`."""
    fold_intents(view, sequence, event)
    return view


def row(view: View, key: str) -> Row | None:
    """The order at `key`."""
    order = view.get(INTENT, key)
    if order is None:
        return None
    limit = order.limit_price
    return {
        "client_order_id": order.client_order_id,
        "intent": order.intent,
        "symbol": order.symbol,
        "side": str(order.side),
        "quantity": decimal_text(order.quantity),
        "order_type": str(order.order_type),
        "limit_price": None if limit is None else decimal_text(limit),
        "time_in_force": str(order.time_in_force),
        "filled_quantity": decimal_text(filled(order.fills)),
        "average_price": price_text(average_price(order.fills)),
        "status": order.status,
        "cycle": order.cycle,
        "slot": order.slot,
        "attempts": order.attempts,
        "venue_order_id": order.venue_order_id,
        "reason": order.reason,
        "replaces": order.replaces,
        "replaced_by": _successor(order),
        "created_at": order.created_at,
        "closed_at": order.closed_at,
    }


def _successor(order: IntentRecord) -> str | None:
    """The order that stands in its place; None where there is none, or nobody knows it."""
    if order.status != TerminalStatus.REPLACED or order.successor is None:
        return None
    return order.successor.client_order_id or None


ORDERS = Projection(name="orders", version=2, evolve=evolve, shown=INTENT.name, row=row)
