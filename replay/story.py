"""One English sentence for each event that a story tells of."""

from core.events import (
    CancelAnswered,
    CancelAttempted,
    ConfigSnapshot,
    CycleOpened,
    Event,
    FillBusted,
    FillCorrected,
    FillReported,
    IntentClosed,
    IntentCreated,
    LookupRequested,
    OrderLookedUp,
    OrderReported,
    OrderSubmitAttempted,
    OrderSubmitFailed,
    OrderSubmitSkipped,
    OrderSubmitted,
    OrderSubmitUnknown,
    QuotesObserved,
    SignalObserved,
    StrategyLoaded,
    TimerElapsed,
    TimerSet,
    tag_of,
)
from core.reasons import Reason


def sentence(event: Event, symbol: str | None = None) -> str:
    """What `event` says."""
    said = _inputs(event, symbol) or _decisions(event) or _answers(event)
    return said or tag_of(event)


def reason_text(reason: Reason | None) -> str:
    """A reason with its numbers."""
    if reason is None:
        return ""
    parts = [str(reason.code)]
    if reason.observed is not None:
        parts.append(f"observed {reason.observed}")
    if reason.limit is not None:
        parts.append(f"limit {reason.limit}")
    if reason.missing is not None:
        parts.append(f"missing {reason.missing}")
    if reason.detail is not None:
        parts.append(reason.detail)
    return ", ".join(parts)


def _inputs(event: Event, symbol: str | None) -> str | None:
    match event:
        case ConfigSnapshot():
            return f"the configuration in force is {event.config_hash[:16]}, rules {event.rules}"
        case StrategyLoaded():
            return f"the strategy is {event.name}, source {event.source_hash[:16]}"
        case SignalObserved():
            return f"{event.model} {event.model_version} said {event.value} for {event.symbol}"
        case QuotesObserved() if symbol is not None and symbol in event.quotes:
            quote = event.quotes[symbol]
            return f"{symbol} stood at {quote.bid} bid, {quote.ask} ask, at {quote.time}"
        case CycleOpened():
            return f"cycle {event.number} opened for the slot {event.slot}"
        case _:
            return None


def _decisions(event: Event) -> str | None:
    match event:
        case IntentCreated():
            limit = "" if event.limit_price is None else f" at {event.limit_price}"
            because = "" if event.strategy_reason is None else f" ({event.strategy_reason})"
            return (
                f"all gates passed: {event.side} {event.quantity} {event.symbol}, "
                f"{event.order_type}{limit}, {event.time_in_force}{because}"
            )
        case OrderSubmitSkipped():
            return f"nothing was sent in {event.symbol}: {reason_text(event.reason)}"
        case OrderSubmitAttempted():
            return f"attempt {event.attempt} may leave"
        case LookupRequested():
            return f"the broker is asked for the order, look {event.look}"
        case CancelAttempted():
            return f"cancel {event.attempt} may leave: {reason_text(event.reason)}"
        case IntentClosed():
            because = "" if event.reason is None else f": {reason_text(event.reason)}"
            return f"closed as {event.status} with {event.filled_quantity} filled{because}"
        case TimerSet():
            return f"timer {event.key.partition(':')[0]} set for {event.due}"
        case TimerElapsed():
            return f"timer {event.key.partition(':')[0]} was due"
        case _:
            return None


def _instead(event: OrderLookedUp) -> str:
    """Whose place an order takes, and with what."""
    if event.predecessor is None:
        return ""
    limit = "" if event.limit_price is None else f" at {event.limit_price}"
    return f", in the place of {event.predecessor}: {event.quantity}{limit}"


def _answers(event: Event) -> str | None:
    match event:
        case OrderSubmitted():
            return f"the broker has it as {event.venue_order_id}, status {event.status}"
        case OrderSubmitFailed():
            detail = " ".join(str(p) for p in (event.status_code, event.error_code) if p)
            return f"attempt {event.attempt} failed for certain: {event.error_class} {detail}"
        case OrderSubmitUnknown():
            return f"nobody knows whether attempt {event.attempt} arrived: {event.error_class}"
        case OrderLookedUp():
            if event.found:
                instead = _instead(event)
                return f"found by {event.source}: status {event.status}{instead}"
            return f"not found by {event.source}" + ("" if event.complete else ", look incomplete")
        case OrderReported():
            return f"{event.source} reports {event.status}, {event.filled_quantity or 0} filled"
        case CancelAnswered():
            return f"the cancel was {event.outcome}"
        case FillReported():
            return f"{event.source} reports a fill of {event.quantity} at {event.price}"
        case FillBusted():
            return f"execution {event.execution_id} was busted"
        case FillCorrected():
            return f"execution {event.execution_id} corrected to {event.quantity} at {event.price}"
        case _:
            return None
