"""The paths a soak has to have taken: names, counted as events tell of them; one at 0 is red.

shape   `probes_of(event)` -> the names it counts for; `missing(counts)` -> those never seen
why     a soak that stays green because it stopped going somewhere proves nothing
"""

from collections.abc import Iterator, Mapping

from core.events import (
    AlertRaised,
    CancelAnswered,
    Event,
    FillBusted,
    FillCorrected,
    FillReported,
    IntentClosed,
    OrderLookedUp,
    OrderReported,
    OrderSubmitAttempted,
    OrderSubmitFailed,
    OrderSubmitSkipped,
    OrderSubmitUnknown,
    ReconcileMismatched,
    StreamWentDown,
    StreamWentUp,
    TimerElapsed,
)
from live.chaos.deck import DEALT

REQUIRED = (
    *(f"fault: {kind.value}" for kind in DEALT),
    "failed: not_sent", "failed: rate_limited",
    "unknown: timeout", "unknown: half_answer", "unknown: no_answer", "unknown: unreadable",
    "looked up: found", "looked up: absent", "looked up: failed",
    "cancel: accepted", "cancel: refused", "cancel: unknown",
    "fill: stream", "fill: rest", "bust", "correction", "report: rest", "report: stream",
    "closed: FILLED", "closed: CANCELED", "closed: REJECTED", "closed: FAILED",
    "attempt: again", "timer: look", "timer: retry", "timer: cancel",
    "down: trade_updates", "down: account", "down: trading", "up: trade_updates", "up: account",
    "skip: signal.none", "skip: account.unreconciled", "skip: account.blocked",
    "skip: stream.down", "skip: size.notional",
    "killed: commit", "killed: submit", "killed: submitted", "killed: canceled",
    "killed: looked up",
)  # fmt: skip
"""What a year goes through."""


def probes_of(event: Event) -> Iterator[str]:
    """The paths this event tells of."""
    match event:
        case OrderSubmitAttempted(attempt=attempt) if attempt > 1:
            yield "attempt: again"
        case OrderSubmitFailed():
            yield f"failed: {event.error_class}"
        case OrderSubmitUnknown():
            yield f"unknown: {event.error_class}"
        case OrderLookedUp():
            absent = "absent" if event.complete else "failed"
            yield f"looked up: {'found' if event.found else absent}"
        case CancelAnswered():
            yield f"cancel: {event.outcome}"
        case FillReported():
            yield f"fill: {event.source}"
        case OrderReported():
            yield f"report: {event.source}"
        case FillBusted():
            yield "bust"
        case FillCorrected():
            yield "correction"
        case IntentClosed():
            yield f"closed: {event.status}"
        case TimerElapsed():
            yield f"timer: {event.key.partition(':')[0]}"
        case StreamWentDown():
            yield f"down: {event.stream}"
        case StreamWentUp():
            yield f"up: {event.stream}"
        case OrderSubmitSkipped():
            yield f"skip: {event.reason.code}"
        case ReconcileMismatched():
            yield f"mismatch: {event.what}{', resolved' if event.resolved else ''}"
        case AlertRaised():
            yield f"alert: {event.code}"
        case _:
            pass


def missing(counts: Mapping[str, int]) -> list[str]:
    """The required paths nobody took."""
    return [name for name in REQUIRED if not counts.get(name)]
