"""Gates of what may be opened, and when: mode, blackouts, restricted symbols, short rules.

rule    All of them guard openings alone.
source  SEC 15c3-5(c)(2)(ii) (restricted symbols); Regulation SHO rules 201 and 203
"""

from decimal import Decimal

from core.gates.candidate import Candidate, guards_openings, missing, told
from core.reasons import Reason, ReasonCode
from core.values import CONTEXT, Side, TimeText, seconds_between

MINUTE_S = Decimal(60)


@guards_openings
def closing_only(order: Candidate) -> Reason | None:
    """Nothing is opened while `risk.closing_only` is on."""
    return Reason(code=ReasonCode.MODE_CLOSING_ONLY) if order.risk.closing_only else None


@guards_openings
def blackout_after_open(order: Candidate) -> Reason | None:
    """Nothing is opened within so many minutes after the session's open."""
    limit = Decimal(order.risk.blackout_after_open_minutes)
    if not limit:
        return None
    around = _session_times(order)
    if around is None:
        return missing(ReasonCode.SESSION_AFTER_OPEN, "session")
    slot, opened, _ = around
    return _within(ReasonCode.SESSION_AFTER_OPEN, limit, opened, slot)


@guards_openings
def blackout_before_close(order: Candidate) -> Reason | None:
    """Nothing is opened within so many minutes before the session's close, early ones included."""
    limit = Decimal(order.risk.blackout_before_close_minutes)
    if not limit:
        return None
    around = _session_times(order)
    if around is None:
        return missing(ReasonCode.SESSION_BEFORE_CLOSE, "session")
    slot, _, closes = around
    return _within(ReasonCode.SESSION_BEFORE_CLOSE, limit, slot, closes)


@guards_openings
def restricted(order: Candidate) -> Reason | None:
    """Nothing is opened in a symbol of `risk.restricted`."""
    if order.symbol in order.risk.restricted:
        return Reason(code=ReasonCode.SYMBOL_RESTRICTED, detail=order.symbol)
    return None


@guards_openings
def short_disabled(order: Candidate) -> Reason | None:
    """No short is opened where shorting is off."""
    if order.side is Side.SELL and not order.risk.allow_short:
        return Reason(code=ReasonCode.SHORT_DISABLED)
    return None


@guards_openings
def short_unavailable(order: Candidate) -> Reason | None:
    """No short is opened in a symbol of `risk.not_shortable`: its shares cannot be borrowed."""
    if order.side is Side.SELL and order.symbol in order.risk.not_shortable:
        return Reason(code=ReasonCode.SHORT_UNAVAILABLE, detail=order.symbol)
    return None


@guards_openings
def short_price_test(order: Candidate) -> Reason | None:
    """A short is opened above the bid alone where `risk.short_price_test` is on."""
    if order.side is Side.BUY or not order.risk.short_price_test:
        return None
    quote = order.quote
    if quote is None:
        return missing(ReasonCode.SHORT_PRICE_TEST, "quote")
    if order.worst_price > Decimal(quote.bid):
        return None
    return told(ReasonCode.SHORT_PRICE_TEST, Decimal(quote.bid), order.worst_price)


def _session_times(order: Candidate) -> tuple[TimeText, TimeText, TimeText] | None:
    """(slot, open, close) of the cycle."""
    cycle = order.state.cycle
    session = None if cycle is None else order.state.session_at(cycle.slot)
    if cycle is None or session is None:
        return None
    return cycle.slot, session.open, session.close


def _within(code: ReasonCode, limit: Decimal, earlier: str, later: str) -> Reason | None:
    """A reason when less than `limit` minutes lie between."""
    apart = CONTEXT.divide(seconds_between(earlier, later), MINUTE_S)
    return told(code, limit, apart) if apart < limit else None
