"""An order as a broker is told of it, in canonical text, nothing of the journal's in it."""

from core.state import Intent
from core.struct import Value
from core.values import DecimalText, OrderType, Side, TimeInForce, decimal_text


class Ticket(Value, frozen=True, kw_only=True):
    """The parameters of one order under its client order id."""

    client_order_id: str
    symbol: str
    side: Side
    quantity: DecimalText
    order_type: OrderType
    limit_price: DecimalText | None
    time_in_force: TimeInForce


def ticket_of(intent: Intent) -> Ticket:
    """What the broker is told of an intent; the same for every attempt."""
    limit = intent.limit_price
    return Ticket(
        client_order_id=intent.client_order_id,
        symbol=intent.symbol,
        side=intent.side,
        quantity=decimal_text(intent.quantity),
        order_type=intent.order_type,
        limit_price=None if limit is None else decimal_text(limit),
        time_in_force=intent.time_in_force,
    )
