"""What the journal's fills add up to, by symbol, at average cost.

shape   one row a symbol that was ever traded or reported, by symbol; long > 0, short < 0. A flat
        one stays, with quantity 0. Fees that name no order of a known symbol stand under None
units   shares; money to 6 places; `realized_pnl` before fees, `fees` positive = cost
rules   A trade through zero realizes the old side and opens the rest at its own price
        (core.positions). A bust or a correction counts as if its execution had been heard that way
        at first: everything after it is folded again from there. Fills of orders that are not ours
        count too: they happened to this account.
        `account_quantity` is the broker's last statement, None if there was none; what the account
        held before the journal began is in there, and not in `quantity`.
"""

from collections.abc import Iterable
from decimal import Decimal
from typing import NamedTuple

import msgspec
from msgspec.structs import replace

from core.events import (
    AccountReported,
    Event,
    FeeReported,
    FillBusted,
    FillCorrected,
    FillReported,
)
from core.fills import (
    NO_FILLS,
    Fills,
    filled,
    notional,
    with_bust,
    with_correction,
    with_fill,
)
from core.positions import FLAT, Position, after_trade
from core.values import CONTEXT, ZERO, Side, decimal_text
from projections.intent import IntentRecord, find, fold_intents
from projections.projection import Projection, Row
from projections.rounding import money_text, price_text
from projections.view import Kind, View


class Holding(msgspec.Struct, frozen=True, kw_only=True, gc=False, omit_defaults=True):
    """A symbol's position now, and the key of the last trade in it."""

    position: Position = FLAT
    last: str | None = None
    bought: Decimal = ZERO
    sold: Decimal = ZERO
    fees: Decimal = ZERO
    account_quantity: str | None = None


class Trade(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What one event moved: signed shares, signed money, the trade before, the position after."""

    quantity: Decimal
    notional: Decimal
    previous: str | None
    after: Position


class Foreign(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """The fills of an order that is not ours; a bust may come before we know its symbol."""

    symbol: str = ""
    side: Side = Side.BUY
    fills: Fills = NO_FILLS


class Heard(msgspec.Struct, frozen=True, gc=False):
    """The sequence at which an execution was first heard."""

    sequence: int


class Account(msgspec.Struct, frozen=True, gc=False):
    """The positions of the broker's last statement."""

    positions: dict[str, str]


HOLDING = Kind("holding", Holding)
TRADE = Kind("trade", Trade)
FOREIGN = Kind("foreign", Foreign)
HEARD = Kind("heard", Heard)
FEE = Kind("fee", Heard)
ACCOUNT = Kind("account", Account)

_Fill = FillReported | FillBusted | FillCorrected


class _Place(NamedTuple):
    """Where a trade belongs: its symbol, its side, and the sequence it counts from."""

    symbol: str
    side: Side
    sequence: int


def evolve(view: View, sequence: int, event: Event) -> View:
    """`view` after `event`."""
    for change in fold_intents(view, sequence, event):
        intent = change.after
        before = _strangers(view, intent) if change.before is None else change.before.fills
        place = _Place(intent.symbol, intent.side, _heard_at(view, sequence, event))
        _trade(view, place, before, intent.fills)
    match event:
        case FillReported() | FillBusted() | FillCorrected():
            known = find(view, event.client_order_id)
            if known is None or known.stranger:
                _fold_foreign(view, sequence, event)
        case FeeReported():
            _charge(view, sequence, event)
        case AccountReported():
            _compare(view, event)
        case _:
            pass
    return view


def row(view: View, key: str) -> Row | None:
    """The position in the symbol `key`."""
    holding = view.get(HOLDING, key)
    if holding is None:
        return None
    held = holding.position
    average = CONTEXT.divide(held.cost, held.quantity) if held.quantity else None
    return {
        "symbol": key or None,
        "quantity": decimal_text(held.quantity),
        "average_cost": price_text(average),
        "cost_basis": money_text(held.cost),
        "realized_pnl": money_text(held.realized),
        "fees": decimal_text(holding.fees),
        "bought_quantity": decimal_text(holding.bought),
        "sold_quantity": decimal_text(holding.sold),
        "account_quantity": holding.account_quantity,
    }


def _heard_at(view: View, sequence: int, event: Event) -> int:
    """Where an event's execution was first heard; its own place if it says something new."""
    if not isinstance(event, FillReported | FillBusted | FillCorrected):
        return sequence
    order = event.client_order_id
    names = [] if event.execution_id is None else [f"{order}\nid {event.execution_id}"]
    if isinstance(event, FillCorrected) and event.correction_id is not None:
        names.append(f"{order}\nid {event.correction_id}")
    if isinstance(event, FillReported) and event.cumulative_quantity is not None:
        names.append(f"{order}\nof {event.cumulative_quantity}")
    known = [heard.sequence for name in names if (heard := view.get(HEARD, name)) is not None]
    first = known[0] if known else sequence
    for name in names:
        if view.get(HEARD, name) is None:
            view.put(HEARD, name, Heard(first))
    return first


def _strangers(view: View, intent: IntentRecord) -> Fills:
    """What was counted of a new intent while nobody knew whose successor it was."""
    known = view.get(FOREIGN, intent.client_order_id)
    if known is None:
        return NO_FILLS
    view.put(FOREIGN, intent.client_order_id, None)
    return known.fills


def _fold_foreign(view: View, sequence: int, event: _Fill) -> None:
    """A fill of an order that is not ours."""
    order = view.get(FOREIGN, event.client_order_id) or Foreign()
    if isinstance(event, FillReported):
        order = replace(order, symbol=event.symbol, side=event.side)
    fills = _after(order.fills, event)
    view.put(FOREIGN, event.client_order_id, replace(order, fills=fills))
    place = _Place(order.symbol, order.side, _heard_at(view, sequence, event))
    _trade(view, place, order.fills, fills)


def _after(fills: Fills, event: _Fill) -> Fills:
    match event:
        case FillReported(cumulative_quantity=cumulative):
            return with_fill(
                fills,
                Decimal(event.quantity),
                Decimal(event.price),
                event.execution_id,
                None if cumulative is None else Decimal(cumulative),
            )
        case FillBusted():
            return with_bust(fills, event.execution_id)
        case FillCorrected():
            quantity, price = Decimal(event.quantity), Decimal(event.price)
            own = event.correction_id
            return with_correction(fills, event.execution_id, quantity, price, own)


def _trade(view: View, place: _Place, before: Fills, after: Fills) -> None:
    """An order's fills moved the position, as of the sequence of `place`."""
    if after == before:
        return
    symbol, side, at = place
    quantity = CONTEXT.subtract(filled(after), filled(before))
    money = CONTEXT.subtract(notional(after), notional(before))
    holding = _holding(view, symbol)
    if side is Side.BUY:
        holding = replace(holding, bought=CONTEXT.add(holding.bought, quantity))
    else:
        holding = replace(holding, sold=CONTEXT.add(holding.sold, quantity))
    signed = CONTEXT.multiply(quantity, side.sign), CONTEXT.multiply(money, side.sign)
    view.put(HOLDING, symbol, _amended(view, holding, f"{symbol}/{at:016d}", *signed))


def _amended(view: View, holding: Holding, key: str, quantity: Decimal, money: Decimal) -> Holding:
    """`holding` after the trade at `key` moved by so much, and all later ones folded again."""
    later: list[tuple[str, Trade]] = []
    at = holding.last
    while at is not None and at >= key:
        trade = view.get(TRADE, at)
        assert trade is not None, f"trade {at}: its successor names it"
        later.append((at, trade))
        at = trade.previous
    found = later.pop()[1] if later and later[-1][0] == key else None
    if found is not None:
        quantity = CONTEXT.add(found.quantity, quantity)
        money = CONTEXT.add(found.notional, money)
    before = None if at is None else view.get(TRADE, at)
    moved = Trade(quantity=quantity, notional=money, previous=at, after=FLAT)
    trades = [(key, moved), *reversed(later)]
    return _folded(view, holding, FLAT if before is None else before.after, at, trades)


def _folded(
    view: View,
    holding: Holding,
    position: Position,
    previous: str | None,
    trades: Iterable[tuple[str, Trade]],
) -> Holding:
    for key, trade in trades:
        if trade.quantity or trade.notional:
            position = after_trade(position, trade.quantity, trade.notional)
        view.put(TRADE, key, replace(trade, previous=previous, after=position))
        previous = key
    return replace(holding, position=position, last=previous)


def _charge(view: View, sequence: int, event: FeeReported) -> None:
    """A fee counts once, for the symbol of its order where that is known."""
    if view.get(FEE, event.fee_id) is not None:
        return
    view.put(FEE, event.fee_id, Heard(sequence))
    symbol = ""
    if event.client_order_id is not None:
        order = find(view, event.client_order_id) or view.get(FOREIGN, event.client_order_id)
        symbol = "" if order is None else order.symbol
    holding = _holding(view, symbol)
    fees = CONTEXT.add(holding.fees, Decimal(event.amount))
    view.put(HOLDING, symbol, replace(holding, fees=fees))


def _compare(view: View, event: AccountReported) -> None:
    """Keep the broker's own count beside ours; a symbol it leaves out is flat there."""
    before = view.get(ACCOUNT, "")
    now = {symbol: str(quantity) for symbol, quantity in event.positions.items()}
    if before is not None and now == before.positions:
        return
    view.put(ACCOUNT, "", Account(now))
    named = view.keys(HOLDING.name) if before is None else before.positions
    for symbol in sorted({*named, *now}):
        holding = view.get(HOLDING, symbol) or Holding()
        quantity = now.get(symbol, "0")
        if symbol and quantity != holding.account_quantity:
            view.put(HOLDING, symbol, replace(holding, account_quantity=quantity))


def _holding(view: View, symbol: str) -> Holding:
    """The holding in `symbol`; a new one knows what the broker last said of it."""
    known = view.get(HOLDING, symbol)
    if known is not None:
        return known
    account = view.get(ACCOUNT, "")
    if account is None or not symbol:
        return Holding()
    return Holding(account_quantity=account.positions.get(symbol, "0"))


POSITIONS = Projection(name="positions", version=2, evolve=evolve, shown=HOLDING.name, row=row)
