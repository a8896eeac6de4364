"""What trading cost against the price it was decided on: implementation shortfall.

sign     positive is a cost, for a buy and for a sell (tcapy and Quantopian use the opposite)
units    money of the account's currency; basis points of ordered quantity times decision price
parts    s = +1 buy, -1 sell; X ordered; Q = sum of fills; Pd decision, Pa arrival, Pn end price
             delay       = s (Pa - Pd) Q          the market moved before the order was there
             trading     = s (sum p q - Pa Q)     what the fills cost against arrival
             opportunity = s (Pn - Pd) (X - Q)    the rest, marked where it was given up
             fees        as charged, a rebate is negative
         total = delay + trading + opportunity + fees, exactly: no part is ever rounded
rows     one an intent that has an outcome, in the order of creation. Arrival is the mid of the
         quote in force at `OrderSubmitted`; where that answer was lost, at its attempt. End is the
         mid in force when the intent was closed; while it is open the rest costs nothing yet.
         `cost_known` is false where a price that a part needs is `missing`
replaced an intent that lives on under a successor is one row still: X and Pd are what was decided,
        whatever a successor asks for; Q, the fills and the fees are those of its whole chain, Pa is
        the first order's, Pn the mid when the last of them was closed. A successor that asked for
        more makes an overfill, one that asked for less leaves a rest
source   Perold 1988; TCA.md B1. Delay is charged on what was filled only; what the market did
         to the unfilled part stands whole in opportunity
"""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import MAX_EMAX, MIN_EMIN, Context, Decimal, Inexact, InvalidOperation, Overflow

import msgspec
from msgspec.structs import replace

from core.events import Event, FeeReported, OrderSubmitAttempted, OrderSubmitted, QuotesObserved
from core.fills import Fills, average_price, filled, notional
from core.order import TerminalStatus
from core.values import CONTEXT, ZERO, Side, decimal_text
from projections.intent import BY_ID, INTENT, Change, IntentRecord, fold_intents
from projections.projection import Projection, Row
from projections.rounding import bps_text, price_text, rounded
from projections.view import Kind, View

Number = Decimal | int | str

_EXACT = Context(
    prec=5000, Emin=MIN_EMIN, Emax=MAX_EMAX, traps=[Inexact, InvalidOperation, Overflow]
)
_WIDEST = 200
"""Digits a number may have on each side of its point: sums of products stay far inside `_EXACT`."""

PART_PLACES = 12
"""Places of the parts in a row: prices of 4 places times quantities of 8 are shown exactly."""


@dataclass(frozen=True)
class Shortfall:
    """The parts of the cost in money, their exact sum, and that in basis points of X Pd."""

    delay: Decimal
    trading: Decimal
    opportunity: Decimal
    fees: Decimal
    total: Decimal
    total_bps: Decimal


def implementation_shortfall(
    side: Side | str,
    ordered_quantity: Number,
    decision_price: Number,
    fills: Iterable[tuple[Number, Number]],
    *,
    arrival_price: Number | None = None,
    end_price: Number | None = None,
    fees: Number = 0,
) -> Shortfall:
    """What an order cost against its decision price; `fills` are (quantity, price).

    Without `arrival_price` it is taken as the decision price: delay is 0. Without `end_price` the
    unfilled rest has no price: opportunity is 0, and the cost is a partial one. An overfill is
    bought or sold too: its rest X - Q is negative, so the excess is charged at fill against end.
    Only `total_bps` is rounded, once, to 34 digits.
    errors  `ValueError` for floats, NaN, infinity, a price or quantity below zero, X or Pd of zero
    """
    sign = Side(side).sign
    ordered = _above_zero("ordered_quantity", ordered_quantity)
    decision = _above_zero("decision_price", decision_price)
    arrival = decision if arrival_price is None else _not_below("arrival_price", arrival_price)
    quantity = money = ZERO
    for fill_quantity, fill_price in fills:
        shares = _not_below("fill quantity", fill_quantity)
        price = _not_below("fill price", fill_price)
        quantity = _EXACT.add(quantity, shares)
        money = _EXACT.add(money, _EXACT.multiply(shares, price))
    delay = _moved(sign, decision, arrival, quantity)
    trading = _signed(sign, _EXACT.subtract(money, _EXACT.multiply(arrival, quantity)))
    opportunity = ZERO
    if end_price is not None:
        end = _not_below("end_price", end_price)
        opportunity = _moved(sign, decision, end, _EXACT.subtract(ordered, quantity))
    charged = _exact("fees", fees)
    total = ZERO
    for part in (delay, trading, opportunity, charged):
        total = _EXACT.add(total, part)
    notional = _EXACT.multiply(ordered, decision)
    total_bps = CONTEXT.divide(_EXACT.multiply(Decimal(10_000), total), notional)
    return Shortfall(delay, trading, opportunity, charged, total, total_bps)


def _moved(sign: int, start: Decimal, end: Decimal, quantity: Decimal) -> Decimal:
    return _signed(sign, _EXACT.multiply(_EXACT.subtract(end, start), quantity))


def _signed(sign: int, value: Decimal) -> Decimal:
    """`sign` times `value`; adding zero turns -0 into 0."""
    return _EXACT.add(_EXACT.multiply(Decimal(sign), value), ZERO)


def _exact(name: str, value: Number) -> Decimal:
    """`value` as a finite decimal, every digit of it."""
    if isinstance(value, bool) or not isinstance(value, Decimal | int | str):
        message = f"{name}: expected a Decimal, int or decimal text, found {value!r}"
        raise ValueError(message)
    try:
        number = Decimal(value)
    except InvalidOperation:
        message = f"{name}: expected a decimal number, found {value!r}"
        raise ValueError(message) from None
    exponent = number.as_tuple().exponent
    if not isinstance(exponent, int) or exponent < -_WIDEST or number.adjusted() > _WIDEST:
        message = f"{name}: expected a finite number of at most {_WIDEST} digits, found {value!r}"
        raise ValueError(message)
    return number


def _not_below(name: str, value: Number) -> Decimal:
    number = _exact(name, value)
    if number < 0:
        message = f"{name}: expected zero or more, found {value}"
        raise ValueError(message)
    return number


def _above_zero(name: str, value: Number) -> Decimal:
    number = _exact(name, value)
    if number <= 0:
        message = f"{name}: expected more than zero, found {value}"
        raise ValueError(message)
    return number


# -- the projection


class Cost(msgspec.Struct, frozen=True, kw_only=True, gc=False, omit_defaults=True):
    """The prices around one intent; `arrived` once the venue was known to have it.

    `successors`: the keys of the orders that took its place, in the order they were heard of.
    """

    attempt_mid: Decimal | None = None
    arrived: bool = False
    arrival: Decimal | None = None
    end: Decimal | None = None
    fees: Decimal = ZERO
    successors: tuple[str, ...] = ()


class Mid(msgspec.Struct, frozen=True, gc=False):
    """The mid of a symbol's quote in force; None where a side of it is missing."""

    mid: Decimal | None


class Charged(msgspec.Struct, frozen=True, gc=False):
    """A fee that was counted."""

    amount: Decimal


COST = Kind("cost", Cost)
MID = Kind("mid", Mid)
FEE = Kind("fee", Charged)


def evolve(view: View, sequence: int, event: Event) -> View:
    """`view` after `event`."""
    match event:
        case QuotesObserved():
            for symbol, quote in event.quotes.items():
                mid = Mid(_mid(Decimal(quote.bid), Decimal(quote.ask)))
                if view.get(MID, symbol) != mid:
                    view.put(MID, symbol, mid)
        case FeeReported():
            _charge(view, event)
        case _:
            for change in fold_intents(view, sequence, event):
                _price(view, change, event)
    return view


def row(view: View, key: str) -> Row | None:
    """The cost of the intent at `key`; None while it has no outcome."""
    intent, cost = view.get(INTENT, key), view.get(COST, key)
    if intent is None or cost is None or not intent.outcome:
        return None
    chain = _chain(view, intent, cost)
    fills = [fill for order in chain for fill in _fills(order.fills)]
    done = _sum(filled(order.fills) for order in chain)
    parts = implementation_shortfall(
        intent.side,
        intent.quantity,
        intent.decision_price,
        fills,
        arrival_price=cost.arrival,
        end_price=cost.end,
        fees=cost.fees,
    )
    money = [_money(part) for part in (parts.delay, parts.trading, parts.opportunity, parts.fees)]
    missing = _missing(intent, cost, done)
    spent = _sum(notional(order.fills) for order in chain)
    return {
        "client_order_id": intent.client_order_id,
        "intent": intent.intent,
        "symbol": intent.symbol,
        "side": str(intent.side),
        "cycle": intent.cycle,
        "status": _current(chain).status,
        "ordered_quantity": decimal_text(intent.quantity),
        "filled_quantity": decimal_text(done),
        "decision_price": decimal_text(intent.decision_price),
        "arrival_price": _text(cost.arrival),
        "end_price": _text(cost.end),
        "average_price": price_text(CONTEXT.divide(spent, done) if done else None),
        "delay": decimal_text(money[0]),
        "trading": decimal_text(money[1]),
        "opportunity": decimal_text(money[2]),
        "fees": decimal_text(money[3]),
        "total": decimal_text(_EXACT.add(_EXACT.add(*money[:2]), _EXACT.add(*money[2:]))),
        "total_bps": bps_text(parts.total_bps),
        "cost_known": not missing,
        "missing": ",".join(missing) or None,
    }


def _price(view: View, change: Change, event: Event) -> None:
    """Keep the mids in force at the attempt, at the arrival, and at the close of the last order."""
    intent, key = change.after, change.after.root or change.key
    quote = view.get(MID, intent.symbol)
    mid = None if quote is None else quote.mid
    cost = view.get(COST, key) or Cost()
    if intent.root is not None and change.before is None:
        cost = replace(cost, end=None, successors=(*cost.successors, change.key))
    if isinstance(event, OrderSubmitAttempted):
        cost = replace(cost, attempt_mid=mid)
    if intent.outcome == "submitted" and not cost.arrived:
        at_answer = isinstance(event, OrderSubmitted)
        cost = replace(cost, arrived=True, arrival=mid if at_answer else cost.attempt_mid)
    if intent.closed_at is not None and (change.before is None or change.before.closed_at is None):
        orders = (view.get(INTENT, other) for other in (key, *cost.successors))
        over = all(order is None or order.closed_at is not None for order in orders)
        cost = replace(cost, end=mid) if over else cost
    view.put(COST, key, cost)


def _charge(view: View, event: FeeReported) -> None:
    """A fee counts once, for the order it names."""
    at = None if event.client_order_id is None else view.get(BY_ID, event.client_order_id)
    if at is None or view.get(FEE, event.fee_id) is not None:
        return
    amount = Decimal(event.amount)
    view.put(FEE, event.fee_id, Charged(amount))
    order = view.get(INTENT, at.key)
    key = at.key if order is None or order.root is None else order.root
    cost = view.get(COST, key) or Cost()
    view.put(COST, key, replace(cost, fees=CONTEXT.add(cost.fees, amount)))


def _chain(view: View, intent: IntentRecord, cost: Cost) -> list[IntentRecord]:
    """The intent's orders, the first one first."""
    orders = (view.get(INTENT, key) for key in cost.successors)
    return [intent, *(order for order in orders if order is not None)]


def _sum(amounts: Iterable[Decimal]) -> Decimal:
    total = ZERO
    for amount in amounts:
        total = CONTEXT.add(total, amount)
    return total


def _current(chain: list[IntentRecord]) -> IntentRecord:
    """The order the intent lives on under: behind a replaced one, its successor."""
    by_id = {order.client_order_id: order for order in chain}
    current = chain[0]
    for _ in chain:
        heir = None if current.successor is None else by_id.get(current.successor.client_order_id)
        if current.status != TerminalStatus.REPLACED or heir is None:
            break
        current = heir
    return current


def _fills(fills: Fills) -> list[tuple[Number, Number]]:
    """The executions, or the cumulative report where that knows of more."""
    average = average_price(fills)
    if average is not None and filled(Fills(fills.executions)) < fills.reported_quantity:
        return [(fills.reported_quantity, average)]
    return [(execution.quantity, execution.price) for execution in fills.executions]


def _missing(intent: IntentRecord, cost: Cost, done: Decimal) -> list[str]:
    """The prices that a part of the cost needs and nobody knows."""
    names: list[str] = []
    if done and cost.arrival is None:
        names.append("arrival_price")
    if done != intent.quantity and cost.end is None:
        names.append("end_price")
    return names


def _mid(bid: Decimal, ask: Decimal) -> Decimal | None:
    if bid <= 0 or ask <= 0:
        return None
    return CONTEXT.divide(CONTEXT.add(bid, ask), Decimal(2))


def _money(part: Decimal) -> Decimal:
    """`part` as it is if it has at most `PART_PLACES` places, else rounded half even."""
    return rounded(part, PART_PLACES)


def _text(value: Decimal | None) -> str | None:
    return None if value is None else decimal_text(value)


TCA = Projection(name="tca", version=2, evolve=evolve, shown=COST.name, row=row)
