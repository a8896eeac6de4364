"""Why nothing was sent: one enum of `family.code`, and the reason a gate gives.

Codes are never reused. Each is a sentence about the rule; a test reaches every one of them.
`Reason` is a value, not an exception: a no that a rule foresees is a fact of the journal.
"""

from enum import StrEnum

from core.struct import Value
from core.values import DecimalText


class ReasonCode(StrEnum):
    """Every reason for which an order is not sent, dropped, canceled by us, or blocked."""

    HALT_KILL_SWITCH = "halt.kill_switch"
    """The kill switch is latched; only `resume` lifts it."""
    SESSION_CLOSED = "session.closed"
    """The cycle's time is outside every observed session."""
    SESSION_UNKNOWN = "session.unknown"
    """No calendar was observed for the cycle's time."""
    SIGNAL_NONE = "signal.none"
    """The strategy asked for nothing in this symbol."""
    SIGNAL_FAILED = "signal.failed"
    """The strategy raised; the detail names the exception's class."""
    SIGNAL_INVALID = "signal.invalid"
    """The strategy returned something that is no order request for this symbol."""
    ACCOUNT_MISSING = "account.missing"
    """The broker has not reported the account yet."""
    RATE_NO_PERMIT = "rate.no_permit"
    """The rate budget has no permit left in this cycle, or was not reported."""
    RECONCILE_MISMATCH = "reconcile.mismatch"
    """An order or position that is not ours, or that disagrees, stands in this symbol."""
    OUTCOME_UNKNOWN = "outcome.unknown"
    """An order in this symbol was sent and nobody knows yet what became of it."""
    QUOTE_MISSING = "quote.missing"
    """The symbol has no quote, or none of one side."""
    QUOTE_CROSSED = "quote.crossed"
    """The bid is above the ask."""
    QUOTE_STALE = "quote.stale"
    """The quote is older than `risk.quote_max_age_s` at the cycle's time."""
    SIZE_BELOW_LOT = "size.below_lot"
    """The quantity rounds to less than one lot."""
    SIZE_QUANTITY = "size.quantity"
    """The quantity is above `risk.order_max_quantity`."""
    SIZE_NOTIONAL = "size.notional"
    """The notional is above `risk.order_max_notional`."""
    PRICE_COLLAR = "price.collar"
    """The limit price is further from the quote than `risk.price_collar_bps`."""
    DUPLICATE_INTENT = "duplicate.intent"
    """An intent on the same side of this symbol is still open."""
    DUPLICATE_OPPOSITE = "duplicate.opposite"
    """An intent on the other side of this symbol is still open."""
    POSITION_REVERSAL = "position.reversal"
    """The quantity would carry the position through zero; close now, open in a later cycle."""
    SHORT_DISABLED = "short.disabled"
    """The order would open a short position and `risk.allow_short` is off."""
    EXPOSURE_GROSS = "exposure.gross"
    """Gross exposure, open intents at their worst case included, would pass its limit."""
    CAPITAL_BUYING_POWER = "capital.buying_power"
    """The buying power left does not cover the order."""
    INTENT_EXPIRED = "intent.expired"
    """The intent's validity ended before it could be sent (again)."""
    BROKER_REFUSED = "broker.refused"
    """The broker refused the order."""
    BROKER_ABSENT = "broker.absent"
    """After the settling time and all looks the broker does not have the order."""
    ORDER_MAX_AGE = "order.max_age"
    """The order worked for `risk.order_max_age_s` and is canceled by us."""
    ORDER_BEFORE_CLOSE = "order.before_close"
    """The session closes soon and the order is canceled by us."""
    OPERATOR_HALT = "operator.halt"
    """An operator's command halted trading."""
    OPERATOR_CANCEL = "operator.cancel"
    """An operator's command cancels the order."""
    IDENTITY_COLLISION = "identity.collision"
    """The broker has our client order id with other parameters."""


class Reason(Value, frozen=True, kw_only=True, omit_defaults=True):
    """The first failing gate's verdict: the limit it holds, what it observed, what it missed."""

    code: ReasonCode
    limit: DecimalText | None = None
    observed: DecimalText | None = None
    missing: str | None = None
    detail: str | None = None
