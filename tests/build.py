"""The nouns of tests: events with a default for everything the test is not about.

shape   `intent(symbol="MSFT")` is an `IntentCreated` for 100 shares to buy at 10, in cycle 1, sent
        as "order-1"; `at(5)` is five seconds into the made-up day. `numbered(events)` gives them
        sequences from 1
rule    Decisions get their ordinal from their content where a test names none, so two that
        differ have two ids
"""

from collections.abc import Iterable

from core.events import (
    AlertCleared,
    AlertRaised,
    CancelAnswered,
    CancelAttempted,
    Event,
    FillBusted,
    FillCorrected,
    FillReported,
    IntentClosed,
    IntentCreated,
    LockoutEnded,
    LockoutStarted,
    OrderLookedUp,
    OrderReported,
    OrderSubmitAttempted,
    OrderSubmitFailed,
    OrderSubmitSkipped,
    OrderSubmitted,
    OrderSubmitUnknown,
    SubmitFailure,
)
from core.order import TerminalStatus
from core.reasons import Reason, ReasonCode
from core.values import OrderType, Side, TimeInForce, decimal_text
from tests.build_world import (
    CAUSE,
    CONFIG,
    ORDER,
    Number,
    account,
    at,
    cost_model,
    cycle_closed,
    cycle_opened,
    decided,
    fee,
    money_text,
    quote,
    quotes,
    rate_budget,
    runner_started,
)


def numbered(events: Iterable[Event], first: int = 1) -> list[tuple[int, Event]]:
    """The events with their sequences."""
    return list(enumerate(events, start=first))


def reason(code: str = "signal.none", **fields: str) -> Reason:
    """A gate's verdict."""
    return Reason(code=ReasonCode(code), **fields)  # type: ignore[arg-type]


# -- decisions


def intent(
    order: str = ORDER,
    *,
    symbol: str = "MSFT",
    side: str = "buy",
    quantity: Number = 100,
    decision_price: Number = "10",
    limit_price: Number | None = "10.01",
    cycle: int = 1,
    seconds: float = 0,
) -> IntentCreated:
    """An order the core wants; a limit order for the day, market where the limit is None."""
    price = decimal_text(decision_price)
    return IntentCreated(
        **decided(seconds, cycle, "intent", order),  # type: ignore[arg-type]
        client_order_id=order,
        strategy="test",
        slot=at(seconds),
        leg=0,
        symbol=symbol,
        side=Side(side),
        quantity=decimal_text(quantity),
        order_type=OrderType.MARKET if limit_price is None else OrderType.LIMIT,
        limit_price=money_text(limit_price),
        time_in_force=TimeInForce.DAY,
        closing=False,
        decision_price=price,
        bid=price,
        ask=price,
        valid_until=at(seconds + 60),
    )


def skipped(
    symbol: str = "MSFT", code: str = "signal.none", *, cycle: int = 1, seconds: float = 0
) -> OrderSubmitSkipped:
    """Nothing is sent in this symbol."""
    return OrderSubmitSkipped(
        **decided(seconds, cycle, "skipped", symbol),  # type: ignore[arg-type]
        symbol=symbol,
        reason=reason(code),
    )


def attempted(
    order: str = ORDER, attempt: int = 1, *, cycle: int = 1, seconds: float = 0
) -> OrderSubmitAttempted:
    """One POST may leave."""
    return OrderSubmitAttempted(
        **decided(seconds, cycle, "attempted", order, attempt),  # type: ignore[arg-type]
        client_order_id=order,
        attempt=attempt,
    )


def cancel_attempted(
    order: str = ORDER, attempt: int = 1, *, cycle: int = 1, seconds: float = 0
) -> CancelAttempted:
    """One cancel may leave."""
    return CancelAttempted(
        **decided(seconds, cycle, "cancel", order, attempt),  # type: ignore[arg-type]
        client_order_id=order,
        attempt=attempt,
        reason=reason("order.max_age"),
    )


def closed(
    order: str = ORDER,
    status: str = "FILLED",
    *,
    filled: Number = 0,
    code: str | None = None,
    cycle: int = 1,
    seconds: float = 0,
) -> IntentClosed:
    """The intent is over."""
    return IntentClosed(
        **decided(seconds, cycle, "closed", order),  # type: ignore[arg-type]
        client_order_id=order,
        status=TerminalStatus(status),
        filled_quantity=decimal_text(filled),
        reason=None if code is None else reason(code),
    )


def lockout(
    why: str = "429", *, scope: str = "broker", until: float | None = None, seconds: float = 0
) -> LockoutStarted:
    """The broker wants no orders for a while."""
    return LockoutStarted(
        **decided(seconds, 1, "lockout", scope, why),  # type: ignore[arg-type]
        scope=scope,
        why=why,
        until=None if until is None else at(until),
    )


def lockout_ended(*, scope: str = "broker", seconds: float = 0) -> LockoutEnded:
    """A lockout is over."""
    return LockoutEnded(
        **decided(seconds, 1, "lockout-ended", scope),  # type: ignore[arg-type]
        scope=scope,
    )


def alert(key: str = "order:1", code: str = "order.held", *, seconds: float = 0) -> AlertRaised:
    """A person should look."""
    return AlertRaised(
        **decided(seconds, 1, "alert", key),  # type: ignore[arg-type]
        key=key,
        code=code,
        detail="look",
    )


def alert_cleared(key: str = "order:1", *, seconds: float = 0) -> AlertCleared:
    """What the alert named is over."""
    return AlertCleared(
        **decided(seconds, 1, "cleared", key),  # type: ignore[arg-type]
        key=key,
    )


# -- what the venue says


def venue_id(order: str) -> str:
    """The venue's id of an order."""
    return f"venue-{order}"


def submitted(
    order: str = ORDER, *, status: str = "new", attempt: int = 1, seconds: float = 0
) -> OrderSubmitted:
    """The broker has the order."""
    return OrderSubmitted(
        observed_at=at(seconds),
        client_order_id=order,
        venue_order_id=venue_id(order),
        attempt=attempt,
        status=status,
    )


def submit_failed(
    order: str = ORDER, error_class: str = "refused", *, attempt: int = 1, seconds: float = 0
) -> OrderSubmitFailed:
    """The broker said no, or the order was never sent."""
    return OrderSubmitFailed(
        observed_at=at(seconds),
        client_order_id=order,
        attempt=attempt,
        error_class=SubmitFailure(error_class),
    )


def submit_unknown(
    order: str = ORDER, *, attempt: int = 1, seconds: float = 0
) -> OrderSubmitUnknown:
    """Nobody knows whether the broker has the order."""
    return OrderSubmitUnknown(
        observed_at=at(seconds), client_order_id=order, attempt=attempt, error_class="timeout"
    )


def found(
    creation: IntentCreated,
    *,
    status: str = "new",
    filled: Number | None = None,
    average: Number | None = None,
    seconds: float = 0,
) -> OrderLookedUp:
    """The broker has the order of `creation`, as it was meant."""
    return OrderLookedUp(
        observed_at=at(seconds),
        client_order_id=creation.client_order_id,
        source="by-id",
        found=True,
        complete=True,
        venue_order_id=venue_id(creation.client_order_id),
        status=status,
        symbol=creation.symbol,
        side=creation.side,
        quantity=creation.quantity,
        order_type=creation.order_type,
        limit_price=creation.limit_price,
        time_in_force=creation.time_in_force,
        filled_quantity=money_text(filled),
        average_price=money_text(average),
    )


def absent(order: str = ORDER, *, complete: bool = True, seconds: float = 0) -> OrderLookedUp:
    """The broker has no such order, as far as it looked."""
    return OrderLookedUp(
        observed_at=at(seconds),
        client_order_id=order,
        source="by-id",
        found=False,
        complete=complete,
    )


def reported(
    order: str = ORDER,
    status: str = "partially_filled",
    *,
    filled: Number | None = None,
    average: Number | None = None,
    replaced_by: str | None = None,
    seconds: float = 0,
) -> OrderReported:
    """A status of the order, with its cumulative fill."""
    return OrderReported(
        observed_at=at(seconds),
        client_order_id=order,
        venue_order_id=venue_id(order),
        status=status,
        source="stream",
        filled_quantity=money_text(filled),
        average_price=money_text(average),
        replaced_by=None if replaced_by is None else venue_id(replaced_by),
    )


def fill(
    quantity: Number = 100,
    price: Number = "10",
    *,
    order: str = ORDER,
    symbol: str = "MSFT",
    side: str = "buy",
    execution: str | None = "execution-1",
    cumulative: Number | None = None,
    seconds: float = 0,
) -> FillReported:
    """One execution."""
    return FillReported(
        observed_at=at(seconds),
        client_order_id=order,
        venue_order_id=venue_id(order),
        symbol=symbol,
        side=Side(side),
        quantity=decimal_text(quantity),
        price=decimal_text(price),
        source="stream",
        execution_id=execution,
        cumulative_quantity=money_text(cumulative),
    )


def busted(order: str = ORDER, *, execution: str = "execution-1", seconds: float = 0) -> FillBusted:
    """The venue took an execution back."""
    return FillBusted(
        observed_at=at(seconds), client_order_id=order, execution_id=execution, source="stream"
    )


def corrected(
    quantity: Number,
    price: Number,
    *,
    order: str = ORDER,
    execution: str = "execution-1",
    seconds: float = 0,
) -> FillCorrected:
    """The venue restated an execution."""
    return FillCorrected(
        observed_at=at(seconds),
        client_order_id=order,
        execution_id=execution,
        quantity=decimal_text(quantity),
        price=decimal_text(price),
        source="stream",
    )


def cancel_answered(
    order: str = ORDER, outcome: str = "accepted", *, attempt: int = 1, seconds: float = 0
) -> CancelAnswered:
    """The answer to a cancel."""
    return CancelAnswered(
        observed_at=at(seconds), client_order_id=order, attempt=attempt, outcome=outcome
    )


__all__ = [
    "CAUSE",
    "CONFIG",
    "ORDER",
    "Number",
    "absent",
    "account",
    "alert",
    "alert_cleared",
    "at",
    "attempted",
    "busted",
    "cancel_answered",
    "cancel_attempted",
    "closed",
    "corrected",
    "cost_model",
    "cycle_closed",
    "cycle_opened",
    "fee",
    "fill",
    "found",
    "intent",
    "lockout",
    "lockout_ended",
    "numbered",
    "quote",
    "quotes",
    "rate_budget",
    "reason",
    "reported",
    "runner_started",
    "skipped",
    "submit_failed",
    "submit_unknown",
    "submitted",
]
