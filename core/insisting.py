"""A cancel that came to nothing is asked for again, on the broker's word that the order is open.

answered    accepted or refused: a timer, after `broker.look_interval_s`, twice as long after each
            attempt and each look, up to 64 times it
its time    the order is looked up
found open  it is canceled again; from the third attempt on a person is told
else        on its way (pending_cancel), not found, not asked: the timer again
dies        between the timer and the look's answer: the next start looks for what was refused; an
            accepted cancel it sends again itself (core/outcomes.py)
why         a 204 says that the cancel was taken, not that it will happen, and nobody else may be
            there to see that it did not
rules       from 3 on; before, an accepted cancel was believed and a refused one left alone
"""

from decimal import Decimal

from core.alerts import alert
from core.emit import Emitter
from core.ending import DOUBLINGS, cancel
from core.events import CancelAnswered, CancelAttempted, LookupRequested, OrderLookedUp, TimerSet
from core.order import OpenStatus, status_of
from core.state import Intent
from core.values import CONTEXT, decimal_text
from core.waits import due_after

SINCE_RULES = 3
TOLD_FROM = 3
"""From this attempt on a person is told."""
_UNCANCELED = "uncanceled"


def on_answered(emit: Emitter, answer: CancelAnswered) -> None:
    """The broker took it, or would not: see in time what came of it. Unknown ones: ending.py."""
    intent = _wanted_gone(emit, answer.client_order_id)
    if intent is not None and answer.outcome != "unknown":
        _wait(emit, intent, intent.cancel_attempt)


def on_timer(emit: Emitter, key: str) -> None:
    """Its time is over: only the broker knows whether it is still there.

    One that is looked for already is not asked for twice at once: two answers of one moment would
    count as two looks that did not find it.
    """
    kind, _, client_order_id = key.partition(":")
    if kind != _UNCANCELED:
        return
    intent = _wanted_gone(emit, client_order_id)
    if intent is None:
        return
    if f"look:{client_order_id}" in emit.state.timers:
        _wait(emit, intent, max(intent.cancel_attempt, intent.lookups + 1))
        return
    emit(LookupRequested, client_order_id=client_order_id, look=intent.lookups + 1)


def on_runner_started(emit: Emitter) -> None:
    """A look that was asked for and not answered is asked for again: nothing else waits for it."""
    for client_order_id in emit.state.open_client_order_ids():
        intent = _wanted_gone(emit, client_order_id)
        if intent is None or intent.cancel_pending or _key(intent) in emit.state.timers:
            continue
        emit(LookupRequested, client_order_id=client_order_id, look=intent.lookups + 1)


def on_looked_up(emit: Emitter, found: OrderLookedUp) -> None:
    """The answer to that look; while the timer stands it is the answer to another's."""
    intent = _wanted_gone(emit, found.client_order_id)
    if intent is None or _key(intent) in emit.state.timers:
        return
    if any(isinstance(one, CancelAttempted) for one in emit.decisions):
        return
    status, over, _ = status_of(found.status or "new")
    if not found.found or over or status is OpenStatus.PENDING_CANCEL:
        _wait(emit, intent, max(intent.cancel_attempt, intent.lookups + 1))
        return
    assert intent.cancel_reason is not None, "nobody wants it gone"
    cancel(emit, intent, intent.cancel_reason)
    if intent.cancel_attempt + 1 >= TOLD_FROM and intent.closed_at is None:
        detail = f"{intent.cancel_attempt} cancels, and the broker has it as {found.status}"
        key = f"status.{_key(intent)}"
        alert(emit, key, "status.uncanceled", detail)


def _wanted_gone(emit: Emitter, client_order_id: str) -> Intent | None:
    """The order, where it is open at the broker and a cancel of it was sent."""
    intent = emit.state.alive(client_order_id)
    if emit.state.rules < SINCE_RULES or intent is None or intent.stranger:
        return None
    return intent if intent.at_venue and intent.cancel_reason is not None else None


def _wait(emit: Emitter, intent: Intent, tries: int) -> None:
    step_s = emit.state.config.broker.look_interval_s
    wait_s = CONTEXT.multiply(Decimal(step_s), 2 ** min(max(tries - 1, 0), DOUBLINGS))
    due = due_after(emit.state, intent, decimal_text(wait_s), step_s)
    emit(TimerSet, key=_key(intent), due=due)


def _key(intent: Intent) -> str:
    return f"{_UNCANCELED}:{intent.client_order_id}"
