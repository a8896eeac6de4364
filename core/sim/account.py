"""The venue's account: what it is worth, and what it may still buy or sell short.

shape   equity       = cash + positions at their last trade
        buying power = multiplier * equity - gross exposure - what open orders would open
why     closing needs no buying power, so a long can always be sold; what open orders would open is
        held at their worst price
"""

from collections.abc import Iterable
from decimal import Decimal

from core.sim.types import Execution, VenueOrder, VenueParameters, VenueState
from core.values import CONTEXT, ZERO


def equity(state: VenueState, cash: Decimal, positions: dict[str, int]) -> Decimal:
    """Money the account is worth at the last trades the venue knows."""
    worth = cash
    for symbol, quantity in positions.items():
        worth = CONTEXT.add(worth, _value(state, symbol, quantity))
    return worth


def buying_power(state: VenueState, parameters: VenueParameters) -> Decimal:
    """Money left for opening; below zero when the market went against the account."""
    worth = equity(state, state.cash, state.positions)
    power = CONTEXT.multiply(parameters.multiplier, worth)
    for symbol, quantity in state.positions.items():
        power = CONTEXT.subtract(power, abs(_value(state, symbol, quantity)))
    return CONTEXT.subtract(power, _held(state, state.orders.values()))


def affords(state: VenueState, parameters: VenueParameters, order: VenueOrder) -> bool:
    """Whether buying power covers what `order` would open; closing always is covered."""
    open_orders = state.orders.values()
    needed = CONTEXT.subtract(_held(state, [*open_orders, order]), _held(state, open_orders))
    return needed <= 0 or needed <= buying_power(state, parameters)


def booked(state: VenueState, execution: Execution) -> VenueState:
    """`state` with the execution in its cash and positions."""
    sign = 1 if execution.side == "buy" else -1
    money = CONTEXT.multiply(Decimal(execution.price), Decimal(sign * execution.quantity))
    positions = dict(state.positions)
    quantity = positions.pop(execution.symbol, 0) + sign * execution.quantity
    if quantity:
        positions[execution.symbol] = quantity
    return VenueState(
        slot=state.slot,
        session=state.session,
        cash=CONTEXT.subtract(state.cash, money),
        positions=positions,
        quotes=state.quotes,
        orders=state.orders,
    )


def _value(state: VenueState, symbol: str, quantity: int) -> Decimal:
    quote = state.quotes.get(symbol)
    return CONTEXT.multiply(Decimal(quote.last), Decimal(quantity)) if quote else ZERO


def _held(state: VenueState, orders: Iterable[VenueOrder]) -> Decimal:
    """Money held for `orders`: what they would open, at the worst price on their side."""
    leaves: dict[tuple[str, str], int] = {}
    worst: dict[tuple[str, str], Decimal] = {}
    for order in orders:
        key = (order.symbol, order.side)
        leaves[key] = leaves.get(key, 0) + order.leaves_quantity
        worst[key] = max(worst.get(key, ZERO), Decimal(order.reference_price))
    held = ZERO
    for (symbol, side), quantity in leaves.items():
        position = state.positions.get(symbol, 0)
        closable = max(0, -position if side == "buy" else position)
        opening = max(0, quantity - closable)
        held = CONTEXT.add(held, CONTEXT.multiply(worst[symbol, side], Decimal(opening)))
    return held
