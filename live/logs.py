"""Structured logs of what was committed: one JSON line an event of interest, never coalesced.

    CONFIG_EFFECTIVE_SUMMARY   at every start: the config's hash, the rules, every setting
    ORDER_SUBMIT_ATTEMPT       before the call: intent id, client order id, attempt, pacing counters
    then exactly one of        ORDER_SUBMITTED (both order ids)
                               ORDER_SUBMIT_SKIPPED (symbol, side, quantity, reason)
                               ORDER_SUBMIT_FAILED (status and error code)
    ORDER_SUBMIT_UNKNOWN       interim: nobody knows yet
    RATE_BUDGET_HELD           why no ordinary call leaves, and until when
    ORDER_FILL                 each execution as it is heard; one heard twice has the same id

why     logs are a reading aid; the journal is the record. They are written after the commit, and a
        log that cannot be written never stops a commit.
"""

import contextlib
from collections.abc import Callable, Mapping, Sequence
from typing import TextIO

from core.events import (
    AlertRaised,
    CycleClosed,
    Event,
    FillReported,
    IntentClosed,
    IntentCreated,
    KillSwitchLatched,
    KillSwitchReleased,
    OrderLookedUp,
    OrderReported,
    OrderSubmitAttempted,
    OrderSubmitFailed,
    OrderSubmitSkipped,
    OrderSubmitted,
    OrderSubmitUnknown,
    RateBudgetReported,
    RunnerStarted,
    RunnerStopped,
)
from core.events.lifecycle import Setting
from core.order import TerminalStatus
from core.rules import RULES
from core.state import State
from live.redaction import redact

Fields = dict[str, object]


class EventLog:
    """Turns committed events into log lines; each intent's outcome is said once.

    Of an intent only what is open is kept: what is closed has had its outcome said.
    """

    def __init__(self, stream: TextIO, state: Callable[[], State]) -> None:
        """`state` gives the state after the commit being logged; now, that of the last runner."""
        import structlog

        self.logger = structlog.wrap_logger(
            structlog.WriteLogger(stream),
            processors=[structlog.processors.JSONRenderer(), _redacted],
        )
        self.state = state
        self.failures: dict[str, OrderSubmitFailed] = {}
        self.said = {order_id for order_id, i in state().intents.items() if i.outcome}
        self.closing: set[str] = set()
        self.attempts_to_come = 0

    def say_config(self, config: Mapping[str, Setting], config_hash: str) -> None:
        """The effective configuration of this start, whether or not the journal has it already."""
        fields: Fields = {"config_hash": config_hash, "rules": RULES, **config}
        with contextlib.suppress(OSError, ValueError):  # a full disk stops no start
            self.logger.info("CONFIG_EFFECTIVE_SUMMARY", **fields)

    def __call__(self, events: Sequence[Event]) -> None:
        """Log a committed batch."""
        self.closing = {e.client_order_id for e in events if isinstance(e, IntentClosed)}
        self.attempts_to_come = sum(isinstance(e, OrderSubmitAttempted) for e in events)
        for event in events:
            for name, fields in self._lines(event):
                with contextlib.suppress(OSError, ValueError):  # a full disk never stops a commit
                    self.logger.info(name, **fields)

    def _lines(self, event: Event) -> list[tuple[str, Fields]]:
        match event:
            case OrderSubmitAttempted():
                return [("ORDER_SUBMIT_ATTEMPT", self._attempt(event))]
            case OrderSubmitSkipped():
                return [("ORDER_SUBMIT_SKIPPED", _skip(event))]
            case FillReported():
                names = ("client_order_id", "symbol", "side", "quantity", "price", "execution_id")
                return [*self._evidence(event), ("ORDER_FILL", _fields(event, *names))]
            case OrderSubmitted() | OrderReported() | OrderLookedUp():
                return self._evidence(event)
            case OrderSubmitFailed():
                self.failures[event.client_order_id] = event
                return []
            case OrderSubmitUnknown():
                return [("ORDER_SUBMIT_UNKNOWN", _fields(event, "client_order_id", "error_class"))]
            case IntentClosed():
                return self._closed(event)
            case _:
                return _others(event)

    def _attempt(self, event: OrderSubmitAttempted) -> Fields:
        """The state is that after the whole batch: attempts behind this one are taken off."""
        state = self.state()
        intent = state.intent(event.client_order_id)
        rate = state.rate
        self.attempts_to_come -= 1
        return {
            "at": event.decided_at,
            "intent": None if intent is None else intent.intent_id,
            "client_order_id": event.client_order_id,
            "attempt": event.attempt,
            "permits_used": state.permits_used - self.attempts_to_come,
            "permits_remaining": None if rate is None else rate.remaining,
            "rate_limit": None if rate is None else rate.limit,
        }

    def _evidence(
        self, event: OrderSubmitted | OrderReported | FillReported | OrderLookedUp
    ) -> list[tuple[str, Fields]]:
        """The first sign that the broker has the order is its ORDER_SUBMITTED."""
        order_id = event.client_order_id
        if order_id in self.said or event.venue_order_id is None:
            return []
        if isinstance(event, OrderLookedUp) and not event.found:
            return []
        intent = self.state().intent(order_id)
        if intent is None or intent.outcome != "submitted":
            return []
        if intent.closed_at is not None and order_id not in self.closing:
            return []
        self.said.add(order_id)
        fields: Fields = {
            "at": event.observed_at,
            "client_order_id": order_id,
            "venue_order_id": event.venue_order_id,
        }
        return [("ORDER_SUBMITTED", fields)]

    def _closed(self, event: IntentClosed) -> list[tuple[str, Fields]]:
        order_id = event.client_order_id
        intent = self.state().intent(order_id)
        said_before = order_id in self.said
        self.said.discard(order_id)
        self.closing.discard(order_id)
        failure = self.failures.pop(order_id, None)
        fields: Fields = {
            "at": event.decided_at,
            "client_order_id": order_id,
            "status": str(event.status),
            "filled_quantity": event.filled_quantity,
        }
        lines: list[tuple[str, Fields]] = [("INTENT_CLOSED", fields)]
        if said_before or intent is None:
            return lines
        reason = None if event.reason is None else str(event.reason.code)
        about: Fields = {
            "symbol": intent.symbol,
            "side": str(intent.side),
            "quantity": str(intent.quantity),
            "reason": reason,
        }
        if event.status is TerminalStatus.SKIPPED:
            lines.insert(0, ("ORDER_SUBMIT_SKIPPED", {**fields, **about}))
        elif event.status is TerminalStatus.FAILED:
            failed: Fields = {
                "status_code": None if failure is None else failure.status_code,
                "error_code": None if failure is None else failure.error_code,
            }
            lines.insert(0, ("ORDER_SUBMIT_FAILED", {**fields, **about, **failed}))
        return lines


def _redacted(_logger: object, _method: str, line: Mapping[str, object] | str) -> str:
    """The rendered line without the secrets this process holds; the last thing done to it."""
    return redact(str(line))


def _skip(event: OrderSubmitSkipped) -> Fields:
    return {
        "at": event.decided_at,
        "cycle": event.cycle,
        "symbol": event.symbol,
        "side": None if event.side is None else str(event.side),
        "quantity": event.quantity,
        "reason": str(event.reason.code),
        "limit": event.reason.limit,
        "observed": event.reason.observed,
    }


def _others(event: Event) -> list[tuple[str, Fields]]:
    match event:
        case RunnerStarted():
            return [("RUNNER_STARTED", _fields(event, "epoch", "seed"))]
        case RunnerStopped():
            return [("RUNNER_STOPPED", _fields(event, "epoch", "reason"))]
        case IntentCreated():
            return [("INTENT_CREATED", _fields(event, "client_order_id", "symbol", "quantity"))]
        case CycleClosed():
            return [("CYCLE_CLOSED", _fields(event, "number", "intents", "skipped", "submitted"))]
        case KillSwitchLatched():
            return [("KILL_SWITCH_LATCHED", {"reason": str(event.reason.code)})]
        case KillSwitchReleased():
            return [("KILL_SWITCH_RELEASED", _fields(event, "who"))]
        case RateBudgetReported() if event.why is not None:
            names = ("why", "remaining", "resets_at", "retry_at")
            return [("RATE_BUDGET_HELD", _fields(event, *names))]
        case AlertRaised():
            return [("ALERT_RAISED", _fields(event, "key", "code", "detail"))]
        case _:
            return []


def _fields(event: Event, *names: str) -> Fields:
    at = getattr(event, "decided_at", None) or getattr(event, "observed_at", None)
    return {"at": at, **{name: getattr(event, name) for name in names}}
