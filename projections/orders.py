"""Every order we ever decided on, as it stands.

shape   one row an intent, in the order of creation
units   quantities in shares, prices a share, `average_price` to 6 places, half even
rule    late fills, busts and corrections amend `filled_quantity` and `average_price` of a closed
        order; its status stays the one it was closed with
"""

from core.events import Event
from core.fills import average_price, filled
from core.values import decimal_text
from projections.intent import INTENT, fold_intents
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
        "created_at": order.created_at,
        "closed_at": order.closed_at,
    }


ORDERS = Projection(name="orders", version=1, evolve=evolve, shown=INTENT.name, row=row)
