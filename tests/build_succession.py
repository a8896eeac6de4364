"""The nouns of tests about orders that take another's place: "order-2" that of "order-1"."""

from core.events import OrderLookedUp, OrderReported, ReplaceAttempted
from core.values import OrderType, Side, TimeInForce, decimal_text
from tests.build import reported, venue_id
from tests.build_world import ORDER, Number, at, decided, money_text


def replace_attempted(
    order: str = ORDER,
    by: str = "order-2",
    *,
    quantity: Number = 100,
    limit_price: Number | None = "10.02",
    seconds: float = 0,
) -> ReplaceAttempted:
    """One replace request may leave."""
    return ReplaceAttempted(
        **decided(seconds, 1, "replace", order, by),  # type: ignore[arg-type]
        client_order_id=order,
        attempt=1,
        successor_client_order_id=by,
        quantity=decimal_text(quantity),
        limit_price=money_text(limit_price),
    )


def replaced(order: str = ORDER, by: str | None = "order-2", **fields: Number) -> OrderReported:
    """The order is replaced; the broker names the successor, or does not."""
    return reported(order, "replaced", replaced_by=by, **fields)  # type: ignore[arg-type]


def succeeded(
    order: str = "order-2",
    of: str | None = ORDER,
    *,
    symbol: str = "MSFT",
    side: str = "buy",
    quantity: Number = 100,
    limit_price: Number | None = "10.01",
    status: str = "new",
    filled: Number | None = None,
    average: Number | None = None,
    replaced_by: str | None = None,
    seconds: float = 0,
) -> OrderLookedUp:
    """An order that takes the place of another, as the broker has it."""
    return OrderLookedUp(
        observed_at=at(seconds),
        client_order_id=order,
        source="stream",
        found=True,
        complete=True,
        venue_order_id=venue_id(order),
        status=status,
        replaces=None if of is None else venue_id(of),
        predecessor=of,
        replaced_by=None if replaced_by is None else venue_id(replaced_by),
        symbol=symbol,
        side=Side(side),
        quantity=decimal_text(quantity),
        order_type=OrderType.MARKET if limit_price is None else OrderType.LIMIT,
        limit_price=money_text(limit_price),
        time_in_force=TimeInForce.DAY,
        filled_quantity=money_text(filled),
        average_price=money_text(average),
    )
