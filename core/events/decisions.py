"""Decisions: what the core derives from an observation, and nothing but the core."""

from core.events.base import DecisionEvent
from core.order import TerminalStatus
from core.reasons import Reason
from core.values import DecimalText, OrderType, Side, TimeInForce, TimeText


class IntentCreated(DecisionEvent, frozen=True, kw_only=True, tag="intent-created.v1"):
    """An order the core wants at the venue, all gates passed; its id at the broker included.

    `decision_price` is the mid of the quote it was decided on; `strategy_reason` is the
    strategy's own word. After `valid_until` it is not sent (again).
    """

    client_order_id: str
    strategy: str
    slot: TimeText
    leg: int
    symbol: str
    side: Side
    quantity: DecimalText
    order_type: OrderType
    limit_price: DecimalText | None = None
    time_in_force: TimeInForce
    closing: bool
    decision_price: DecimalText
    bid: DecimalText
    ask: DecimalText
    valid_until: TimeText
    strategy_reason: str | None = None


class OrderSubmitSkipped(DecisionEvent, frozen=True, kw_only=True, tag="order-submit-skipped.v1"):
    """Nothing is sent in this symbol in this cycle, and the one reason for it."""

    symbol: str
    reason: Reason
    side: Side | None = None
    quantity: DecimalText | None = None


class OrderSubmitAttempted(
    DecisionEvent, frozen=True, kw_only=True, tag="order-submit-attempted.v1"
):
    """One POST of the intent may now leave; attempts count from 1 under one client order id."""

    client_order_id: str
    attempt: int


class CancelAttempted(DecisionEvent, frozen=True, kw_only=True, tag="cancel-attempted.v1"):
    """One cancel request may now leave, and why."""

    client_order_id: str
    attempt: int
    reason: Reason


class ReplaceAttempted(DecisionEvent, frozen=True, kw_only=True, tag="replace-attempted.v1"):
    """One replace request may now leave."""

    client_order_id: str
    attempt: int
    successor_client_order_id: str
    quantity: DecimalText
    limit_price: DecimalText | None = None


class LookupRequested(DecisionEvent, frozen=True, kw_only=True, tag="lookup-requested.v1"):
    """The broker is to be asked what it knows of an order; looks count from 1."""

    client_order_id: str
    look: int


class IntentClosed(DecisionEvent, frozen=True, kw_only=True, tag="intent-closed.v1"):
    """The intent is over. Late fills, busts and corrections amend it by events of their own."""

    client_order_id: str
    status: TerminalStatus
    filled_quantity: DecimalText
    reason: Reason | None = None


class TimerSet(DecisionEvent, frozen=True, kw_only=True, tag="timer-set.v1"):
    """The core wants to be woken at `due`; a timer with the same key is replaced."""

    key: str
    due: TimeText


class LockoutStarted(DecisionEvent, frozen=True, kw_only=True, tag="lockout-started.v1"):
    """No orders for a while, or a lockout in force goes on: of which scope, why, until when.

    `until`: when it ends, or the broker is asked again; null until an operator or evidence ends it.
    `scope`: see core/lockout_facts.py.
    """

    scope: str
    why: str
    until: TimeText | None = None


class LockoutEnded(DecisionEvent, frozen=True, kw_only=True, tag="lockout-ended.v1"):
    """A lockout is over."""

    scope: str


class KillSwitchLatched(DecisionEvent, frozen=True, kw_only=True, tag="kill-switch-latched.v1"):
    """No order leaves until an operator's `resume`."""

    reason: Reason


class KillSwitchReleased(DecisionEvent, frozen=True, kw_only=True, tag="kill-switch-released.v1"):
    """An operator lifted the kill switch."""

    who: str


class AlertRaised(DecisionEvent, frozen=True, kw_only=True, tag="alert-raised.v1"):
    """A person should look: `key` names the one thing, `code` its kind."""

    key: str
    code: str
    detail: str


class AlertCleared(DecisionEvent, frozen=True, kw_only=True, tag="alert-cleared.v1"):
    """What the alert named is over."""

    key: str


class CycleClosed(DecisionEvent, frozen=True, kw_only=True, tag="cycle-closed.v1"):
    """Every intent has its outcome: intents = submitted + failed + unknown + dropped."""

    number: int
    universe: int
    intents: int
    skipped: int
    submitted: int
    failed: int
    unknown: int
    dropped: int
