"""A holding and what a trade does to it, by average cost.

shape   `Position(quantity, cost, realized)`: signed shares, signed money paid, money gained
        average cost = cost / quantity; a flat position has cost 0
rule    a trade that reduces realizes against the average cost; one that passes through zero
        realizes all of the old side and opens the rest at the trade's own price
"""

from decimal import Decimal

import msgspec

from core.values import CONTEXT, ZERO


class Position(msgspec.Struct, frozen=True, gc=False):
    """Signed shares (long > 0), signed cost of them, and realized profit so far."""

    quantity: Decimal = ZERO
    cost: Decimal = ZERO
    realized: Decimal = ZERO


FLAT = Position()


def after_trade(position: Position, quantity: Decimal, notional: Decimal) -> Position:
    """`position` after `quantity` signed shares changed hands for `notional` signed money.

    A buy has both positive, a sell both negative; a bust is its trade with both signs turned.
    Money without shares (a corrected price) moves the cost, or the realized profit when flat.
    """
    if not quantity:
        if not position.quantity:
            realized = CONTEXT.subtract(position.realized, notional)
            return Position(position.quantity, position.cost, realized)
        cost = CONTEXT.add(position.cost, notional)
        return Position(position.quantity, cost, position.realized)
    held = position.quantity
    total = CONTEXT.add(held, quantity)
    if not held or (held > ZERO) == (quantity > ZERO):
        return Position(total, CONTEXT.add(position.cost, notional), position.realized)
    if total and (total > ZERO) != (held > ZERO):
        opened = CONTEXT.divide(CONTEXT.multiply(notional, total), quantity)
        closed = CONTEXT.subtract(notional, opened)
        gain = CONTEXT.minus(CONTEXT.add(position.cost, closed))
        return Position(total, opened, CONTEXT.add(position.realized, gain))
    released = CONTEXT.divide(CONTEXT.multiply(position.cost, quantity), held)
    gain = CONTEXT.subtract(CONTEXT.minus(notional), CONTEXT.minus(released))
    cost = CONTEXT.add(position.cost, released) if total else ZERO
    return Position(total, cost, CONTEXT.add(position.realized, gain))
