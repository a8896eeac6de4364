"""Gates of the quote: there, sane, fresh, narrow enough; and how far a limit may lie from it.

rule    Without a sane, fresh quote nothing is sent. The spread guards openings alone.
source  FIA guide (market data sanity); RTS 6 art. 15(1)(a) (price collars)
"""

from decimal import Decimal

from core.gates.candidate import BPS, Candidate, above, guards_openings, missing, told
from core.reasons import Reason, ReasonCode
from core.strategy import mid_of
from core.values import CONTEXT, ZERO, Side, seconds_between


def quote_missing(order: Candidate) -> Reason | None:
    """No order without a quote of both sides; a price of zero or less is none."""
    quote = order.quote
    if quote is None:
        return missing(ReasonCode.QUOTE_MISSING, "quote")
    if Decimal(quote.bid) <= ZERO:
        return missing(ReasonCode.QUOTE_MISSING, "bid")
    if Decimal(quote.ask) <= ZERO:
        return missing(ReasonCode.QUOTE_MISSING, "ask")
    return None


def quote_crossed(order: Candidate) -> Reason | None:
    """No order on a crossed quote; a locked one is valid."""
    quote = order.quote
    if quote is None:
        return None
    return above(ReasonCode.QUOTE_CROSSED, Decimal(quote.ask), Decimal(quote.bid))


def quote_stale(order: Candidate) -> Reason | None:
    """No order on a quote older than the limit at the cycle's time, or of a later time."""
    quote, cycle = order.quote, order.state.cycle
    if quote is None or cycle is None:
        return missing(ReasonCode.QUOTE_STALE, "quote time")
    limit = Decimal(order.risk.quote_max_age_s)
    age = seconds_between(quote.time, cycle.slot)
    if age < ZERO:
        return told(ReasonCode.QUOTE_STALE, limit, age)
    return above(ReasonCode.QUOTE_STALE, limit, age)


@guards_openings
def quote_spread(order: Candidate) -> Reason | None:
    """The spread is at most so many basis points of the mid."""
    limit = Decimal(order.risk.spread_max_bps)
    if not limit:
        return None
    quote = order.quote
    if quote is None:
        return missing(ReasonCode.QUOTE_SPREAD, "quote")
    spread = CONTEXT.subtract(Decimal(quote.ask), Decimal(quote.bid))
    observed = CONTEXT.divide(CONTEXT.multiply(spread, BPS), mid_of(quote))
    return above(ReasonCode.QUOTE_SPREAD, limit, observed)


def price_collar(order: Candidate) -> Reason | None:
    """A limit stays within so many basis points of the opposite touch, on the aggressive side."""
    quote = order.quote
    if order.limit_price is None or quote is None:
        return None
    touch = Decimal(quote.ask if order.side is Side.BUY else quote.bid)
    beyond = CONTEXT.multiply(CONTEXT.subtract(order.limit_price, touch), Decimal(order.side.sign))
    distance = CONTEXT.divide(CONTEXT.multiply(beyond, BPS), touch)
    return above(ReasonCode.PRICE_COLLAR, Decimal(order.risk.price_collar_bps), distance)
