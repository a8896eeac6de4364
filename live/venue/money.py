"""What the account is worth, what it may still open, and why an order is refused.

source  words and codes as in ALPACA.md A4 and recordings.json; the buying power text is from memory
"""

from decimal import Decimal

from core.values import CONTEXT, decimal_text
from live.venue.book import ZERO, Order
from live.venue.engine import Engine

MULTIPLIER = Decimal(1)

Refusal = tuple[int, dict[str, object]]


def last_price(engine: Engine, symbol: str) -> Decimal:
    """The symbol's last trade; its cost where there is no quote."""
    quote = engine.quotes.get(symbol)
    if quote is not None:
        return quote.last
    held = engine.positions.get(symbol, ZERO)
    return CONTEXT.divide(engine.costs.get(symbol, ZERO), held) if held else ZERO


def value(engine: Engine, symbol: str) -> Decimal:
    """The position's signed worth."""
    held = engine.positions.get(symbol, ZERO)
    return CONTEXT.multiply(held, last_price(engine, symbol))


def equity(engine: Engine) -> Decimal:
    """Cash and positions."""
    return engine.cash + sum((value(engine, symbol) for symbol in engine.positions), ZERO)


def held_quantity(engine: Engine, symbol: str, side: str) -> Decimal:
    """Shares that open orders of one side still want."""
    found = (o.leaves for o in engine.open.values() if o.symbol == symbol and o.side == side)
    return sum(found, ZERO)


def buying_power(engine: Engine) -> Decimal:
    """Money left for opening: equity less what is held and what open orders would open."""
    gross = sum((abs(value(engine, symbol)) for symbol in engine.positions), ZERO)
    opening = sum((needs(engine, order) for order in engine.open.values()), ZERO)
    return MULTIPLIER * equity(engine) - gross - opening


def needs(engine: Engine, order: Order) -> Decimal:
    """Money the order may take; one that only reduces the position takes none."""
    position = engine.positions.get(order.symbol, ZERO)
    if position * order.sign < 0:
        return max(ZERO, order.leaves - abs(position)) * reference(engine, order)
    return order.leaves * reference(engine, order)


def reference(engine: Engine, order: Order) -> Decimal:
    """The price an order is held at: its limit, or the opposite touch."""
    quote = engine.quotes.get(order.symbol)
    if order.limit_price is not None or quote is None:
        return order.limit_price or ZERO
    return quote.ask if order.side == "buy" else quote.bid


def refusal(engine: Engine, order: Order) -> Refusal | None:
    """Why the account may not send this order; None if it may."""
    opposite = [
        other
        for other in engine.open.values()
        if other.symbol == order.symbol and other.side != order.side and _may_meet(order, other)
    ]
    if opposite:
        return 403, {
            "code": 40310000,
            "existing_order_id": opposite[0].id,
            "message": "potential wash trade detected. use complex orders",
            "reject_reason": "opposite side market/stop order exists",
        }
    held = engine.positions.get(order.symbol, ZERO)
    if held * order.sign < 0:
        wanted = held_quantity(engine, order.symbol, order.side)
        available = abs(held) - wanted
        if order.quantity > available:
            return 403, _insufficient_quantity(order, abs(held), wanted, max(ZERO, available))
    return unaffordable(engine, needs(engine, order))


def unaffordable(engine: Engine, wanted: Decimal) -> Refusal | None:
    """The refusal of what takes more money than there is; None where there is enough."""
    power = buying_power(engine)
    if wanted <= power:
        return None
    return 403, {
        "buying_power": decimal_text(max(ZERO, power)),
        "code": 40310000,
        "message": "insufficient buying power",
    }


def _insufficient_quantity(
    order: Order, held: Decimal, wanted: Decimal, available: Decimal
) -> dict[str, object]:
    return {
        "available": decimal_text(available),
        "code": 40310000,
        "existing_qty": decimal_text(held),
        "held_for_orders": decimal_text(wanted),
        "message": (
            "insufficient qty available for order (requested: "
            f"{decimal_text(order.quantity)}, available: {decimal_text(available)})"
        ),
        "symbol": order.symbol,
    }


def _may_meet(order: Order, other: Order) -> bool:
    if order.limit_price is None or other.limit_price is None:
        return True
    if order.side == "buy":
        return order.limit_price >= other.limit_price
    return order.limit_price <= other.limit_price
