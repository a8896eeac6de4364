"""Gates of pace: how often, how soon again, and how old the signal behind it may be.

units   cooldowns and rates are measured on the runner's clock, signals on the market's
rule    Only the broker's own budget holds for closing orders; the rest guards openings alone, so
        what they hold back is left for closing and canceling.
source  RTS 6 art. 15(1)(d) (messages); FIA guide
"""

from decimal import Decimal

from core.gates.candidate import Candidate, above, guards_openings, missing, told
from core.reasons import Reason, ReasonCode
from core.rolling import sent_lately
from core.values import ZERO, TimeText, seconds_between


@guards_openings
def signal_age(order: Candidate) -> Reason | None:
    """The model's signal for the symbol is there, and not older than the limit."""
    limit = Decimal(order.risk.signal_max_age_s)
    if not limit:
        return None
    signal, cycle = order.state.signals.get(order.symbol), order.state.cycle
    if signal is None or cycle is None:
        return missing(ReasonCode.SIGNAL_MISSING, "signal")
    age = seconds_between(signal.source_time or signal.observed_at, cycle.slot)
    if age < ZERO:
        return told(ReasonCode.SIGNAL_STALE, limit, age)
    return above(ReasonCode.SIGNAL_STALE, limit, age)


@guards_openings
def cooldown_loss(order: Candidate) -> Reason | None:
    """No opening so soon after a loss was realized in the symbol."""
    left = order.state.exits.get(order.symbol)
    limit = Decimal(order.risk.loss_cooldown_s)
    return _too_soon(order, ReasonCode.COOLDOWN_LOSS, limit, None if left is None else left.lost_at)


@guards_openings
def cooldown_reentry(order: Candidate) -> Reason | None:
    """No opening so soon after the symbol's position was closed."""
    left = order.state.exits.get(order.symbol)
    limit = Decimal(order.risk.reentry_cooldown_s)
    return _too_soon(
        order, ReasonCode.COOLDOWN_REENTRY, limit, None if left is None else left.flat_at
    )


@guards_openings
def rate_orders(order: Candidate) -> Reason | None:
    """At most so many orders in sixty seconds."""
    limit = order.risk.orders_per_minute_max
    if not limit:
        return None
    orders, _ = sent_lately(order.state.sent, order.state.now)
    return above(ReasonCode.RATE_ORDERS, Decimal(limit), Decimal(orders + 1))


@guards_openings
def rate_messages(order: Candidate) -> Reason | None:
    """At most so many orders, cancels and look-ups in sixty seconds."""
    limit = order.risk.messages_per_minute_max
    if not limit:
        return None
    _, messages = sent_lately(order.state.sent, order.state.now)
    return above(ReasonCode.RATE_MESSAGES, Decimal(limit), Decimal(messages + 1))


def rate_no_permit(order: Candidate) -> Reason | None:
    """One permit a POST: of those taken for this cycle, else of the budget reported for it."""
    rate = order.state.rate
    if rate is None:
        return missing(ReasonCode.RATE_NO_PERMIT, "rate budget")
    permits = rate.permits
    if permits is None:
        permits = max(rate.remaining - order.state.config.rate.reserve, 0)
    return above(ReasonCode.RATE_NO_PERMIT, Decimal(permits), Decimal(order.state.permits_used + 1))


def _too_soon(
    order: Candidate, code: ReasonCode, limit: Decimal, since: TimeText | None
) -> Reason | None:
    """A reason when less than `limit` seconds have gone by since."""
    if not limit or since is None:
        return None
    age = seconds_between(since, order.state.now)
    return told(code, limit, age) if age < limit else None
