"""Pre-trade gates: small pure functions in one fixed order; the first that fails gives the reason.

shape   gate(Candidate) -> Reason | None; `first_failing(candidate)` walks `GATES`
rule    A gate whose input is missing blocks an opening order and says what was missing. A closing
        order (it reduces a position without passing zero) is never blocked by a gate that guards
        openings: exposure, capital, account, mismatch.
source  FIA guide; RTS 6 art. 15; SEC 15c3-5 (TCA.md B5)
"""

from collections.abc import Callable
from decimal import Decimal

import msgspec

from core.events import Quote
from core.order import OpenStatus
from core.reasons import Reason, ReasonCode
from core.state import Intent, State
from core.strategy import mid_of
from core.values import (
    CONTEXT,
    ZERO,
    DecimalText,
    OrderType,
    Side,
    decimal_text,
    seconds_between,
)

BPS = Decimal(10_000)
GREATEST_TOLD = Decimal(10**24)
"""A reason's numbers stay within this, so that they have 34 digits with their nine places."""


class Candidate(msgspec.Struct, frozen=True, kw_only=True):
    """An order as the strategy wants it, quantity and limit already rounded, and the state."""

    state: State
    symbol: str
    side: Side
    quantity: Decimal
    order_type: OrderType
    limit_price: Decimal | None
    requested_quantity: Decimal

    @property
    def quote(self) -> Quote | None:
        """The symbol's last quote."""
        return self.state.quotes.get(self.symbol)

    @property
    def held(self) -> Decimal:
        """Signed shares held."""
        return self.state.position(self.symbol)

    @property
    def closing(self) -> bool:
        """Whether it only reduces what is held."""
        signed = self.quantity * self.side.sign
        return bool(self.held) and (self.held > 0) != (signed > 0)

    @property
    def worst_price(self) -> Decimal:
        """The price to reckon with: the limit, or the opposite touch."""
        if self.limit_price is not None:
            return self.limit_price
        quote = self.quote
        if quote is None:
            return ZERO
        return Decimal(quote.ask if self.side is Side.BUY else quote.bid)

    @property
    def notional(self) -> Decimal:
        """Quantity at the worst price."""
        return CONTEXT.multiply(self.quantity, self.worst_price)


Gate = Callable[[Candidate], Reason | None]


def kill_switch(state: State) -> Reason | None:
    """No order while the kill switch is latched."""
    return Reason(code=ReasonCode.HALT_KILL_SWITCH) if state.halted else None


def session(state: State, slot: str) -> Reason | None:
    """No order outside a session; no calendar is no session."""
    if not state.sessions:
        return Reason(code=ReasonCode.SESSION_UNKNOWN, missing="calendar")
    if state.session_at(slot) is None:
        return Reason(code=ReasonCode.SESSION_CLOSED)
    return None


def quote_missing(order: Candidate) -> Reason | None:
    """No order without a quote of both sides; a price of zero or less is none."""
    quote = order.quote
    if quote is None:
        return Reason(code=ReasonCode.QUOTE_MISSING, missing="quote")
    if Decimal(quote.bid) <= ZERO:
        return Reason(code=ReasonCode.QUOTE_MISSING, missing="bid")
    if Decimal(quote.ask) <= ZERO:
        return Reason(code=ReasonCode.QUOTE_MISSING, missing="ask")
    return None


def quote_crossed(order: Candidate) -> Reason | None:
    """No order on a crossed quote; a locked one is valid."""
    quote = order.quote
    if quote is not None and Decimal(quote.bid) > Decimal(quote.ask):
        return _over(ReasonCode.QUOTE_CROSSED, Decimal(quote.ask), Decimal(quote.bid))
    return None


def quote_stale(order: Candidate) -> Reason | None:
    """No order on a quote older than the limit at the cycle's time, or of a later time."""
    quote, cycle = order.quote, order.state.cycle
    if quote is None or cycle is None:
        return Reason(code=ReasonCode.QUOTE_STALE, missing="quote time")
    limit = Decimal(order.state.config.risk.quote_max_age_s)
    age = seconds_between(quote.time, cycle.slot)
    if age < ZERO:
        return _over(ReasonCode.QUOTE_STALE, limit, age)
    return _limited(ReasonCode.QUOTE_STALE, limit, age)


def size_below_lot(order: Candidate) -> Reason | None:
    """No order for less than one lot."""
    if order.quantity <= ZERO:
        lot = Decimal(order.state.config.market.lot)
        return _over(ReasonCode.SIZE_BELOW_LOT, lot, order.requested_quantity)
    return None


def size_quantity(order: Candidate) -> Reason | None:
    """At most so many shares an order."""
    limit = Decimal(order.state.config.risk.order_max_quantity)
    return _limited(ReasonCode.SIZE_QUANTITY, limit, order.quantity)


def size_notional(order: Candidate) -> Reason | None:
    """At most so much money an order."""
    limit = Decimal(order.state.config.risk.order_max_notional)
    return _limited(ReasonCode.SIZE_NOTIONAL, limit, order.notional)


def position_reversal(order: Candidate) -> Reason | None:
    """A reversal closes now and opens in a later cycle."""
    if order.closing and order.quantity > abs(order.held):
        return _over(ReasonCode.POSITION_REVERSAL, abs(order.held), order.quantity)
    return None


def short_disabled(order: Candidate) -> Reason | None:
    """No short is opened where shorting is off."""
    if order.side is Side.SELL and not order.closing and not order.state.config.risk.allow_short:
        return Reason(code=ReasonCode.SHORT_DISABLED)
    return None


def account_missing(order: Candidate) -> Reason | None:
    """No opening before the broker has reported the account."""
    if not order.closing and order.state.account is None:
        return Reason(code=ReasonCode.ACCOUNT_MISSING, missing="account")
    return None


def exposure_gross(order: Candidate) -> Reason | None:
    """Positions at the mid, open openings at their worst, and this order, within the limit."""
    if order.closing:
        return None
    total = order.notional
    for symbol, position in order.state.positions.items():
        quote = order.state.quotes.get(symbol)
        if position.quantity and quote is None:
            return Reason(code=ReasonCode.EXPOSURE_GROSS, missing=f"quote of {symbol}")
        if quote is not None:
            total = CONTEXT.add(total, abs(CONTEXT.multiply(position.quantity, mid_of(quote))))
    total = CONTEXT.add(total, _working_notional(order.state))
    limit = Decimal(order.state.config.risk.gross_exposure_max)
    return _limited(ReasonCode.EXPOSURE_GROSS, limit, total)


def capital_buying_power(order: Candidate) -> Reason | None:
    """The buying power reported, less open openings at their worst, covers the order."""
    account = order.state.account
    if order.closing or account is None:
        return None
    needed = CONTEXT.add(order.notional, _working_notional(order.state))
    return _limited(ReasonCode.CAPITAL_BUYING_POWER, Decimal(account.buying_power), needed)


def price_collar(order: Candidate) -> Reason | None:
    """A limit stays within so many basis points of the opposite touch, on the aggressive side."""
    quote = order.quote
    if order.limit_price is None or quote is None:
        return None
    touch = Decimal(quote.ask if order.side is Side.BUY else quote.bid)
    beyond = CONTEXT.multiply(CONTEXT.subtract(order.limit_price, touch), Decimal(order.side.sign))
    distance = CONTEXT.divide(CONTEXT.multiply(beyond, BPS), touch)
    limit = Decimal(order.state.config.risk.price_collar_bps)
    return _limited(ReasonCode.PRICE_COLLAR, limit, distance)


def reconcile_mismatch(order: Candidate) -> Reason | None:
    """No opening where something at the broker is not ours or does not agree."""
    what = order.state.mismatched.get(order.symbol)
    if what is None or order.closing:
        return None
    return Reason(code=ReasonCode.RECONCILE_MISMATCH, detail=what)


def outcome_unknown(order: Candidate) -> Reason | None:
    """Nothing in a symbol where an order's outcome is unknown."""
    for intent in _working_in(order):
        if intent.status in (OpenStatus.UNKNOWN, OpenStatus.SUBMITTING):
            return Reason(code=ReasonCode.OUTCOME_UNKNOWN, detail=intent.client_order_id)
    return None


def duplicate_intent(order: Candidate) -> Reason | None:
    """One open intent a side and symbol."""
    for intent in _working_in(order):
        if intent.side is order.side:
            return Reason(code=ReasonCode.DUPLICATE_INTENT, detail=intent.client_order_id)
    return None


def duplicate_opposite(order: Candidate) -> Reason | None:
    """No order against an open one of ours (self trade)."""
    for intent in _working_in(order):
        if intent.side is not order.side:
            return Reason(code=ReasonCode.DUPLICATE_OPPOSITE, detail=intent.client_order_id)
    return None


def rate_no_permit(order: Candidate) -> Reason | None:
    """One permit a POST, taken from the budget reported for this cycle."""
    rate = order.state.rate
    if rate is None:
        return Reason(code=ReasonCode.RATE_NO_PERMIT, missing="rate budget")
    permits = max(rate.remaining - order.state.config.rate.reserve, 0)
    return _limited(
        ReasonCode.RATE_NO_PERMIT, Decimal(permits), Decimal(order.state.permits_used + 1)
    )


GATES: tuple[Gate, ...] = (
    quote_missing,
    quote_crossed,
    quote_stale,
    size_below_lot,
    size_quantity,
    size_notional,
    position_reversal,
    short_disabled,
    account_missing,
    exposure_gross,
    capital_buying_power,
    price_collar,
    reconcile_mismatch,
    outcome_unknown,
    duplicate_intent,
    duplicate_opposite,
    rate_no_permit,
)
"""The fixed order. `kill_switch` and `session` come before all of these, for the whole cycle."""


def first_failing(order: Candidate) -> Reason | None:
    """The reason of the first gate that fails, or None: all passed."""
    for gate in GATES:
        reason = gate(order)
        if reason is not None:
            return reason
    return None


def _limited(code: ReasonCode, limit: Decimal, observed: Decimal) -> Reason | None:
    """A reason when `observed` is above `limit`; at the limit passes."""
    return _over(code, limit, observed) if observed > limit else None


def _over(code: ReasonCode, limit: Decimal, observed: Decimal) -> Reason:
    return Reason(code=code, limit=_short(limit), observed=_short(observed))


def _short(value: Decimal) -> DecimalText:
    """A gate's number, to nine places, at most 1e24: a quotient may not end, a wish may be any."""
    within = max(min(value, GREATEST_TOLD), -GREATEST_TOLD)
    return decimal_text(within.quantize(Decimal("1e-9"), context=CONTEXT))


def _working_in(order: Candidate) -> list[Intent]:
    return [i for i in order.state.intents.values() if i.symbol == order.symbol]


def _working_notional(state: State) -> Decimal:
    """Open openings at their worst case: every share left, at the worst price."""
    total = ZERO
    for intent in state.intents.values():
        if not intent.closing:
            total = CONTEXT.add(total, CONTEXT.multiply(intent.leaves, intent.worst_price))
    return total
