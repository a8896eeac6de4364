"""What follows from an answer, a report, a timer or a restart: the order protocol of DESIGN §4.

OrderSubmitFailed    refused: closed as FAILED. Not sent or 429: again under the same id after
                     `broker.retry_after_s`, while the intent is valid and nothing is halted.
                     After a 429 as long as it asked for, else twice as long each time
OrderSubmitUnknown   looked up at once; the same at a restart for every attempt without answer
OrderLookedUp        found: adopted, if it is the same order, else everything halts, and what stands
                     under our id is a stranger: not looked up, canceled or sent again
                     absent: after `broker.settle_s` and `broker.looks` looks, sent again under
                     the same id where the broker's policy says so, else closed as FAILED;
                     before that, the next look is a timer. A failed look proves nothing. The
                     same for an order that the broker acknowledged and no longer has, but that is
                     never sent again
reports              a status that is not ordinary has a deadline: an order that is still in it then
                     raises an alert. A terminal word or the last share closes the intent; one of an
                     order that was given up as FAILED or SKIPPED raises an alert: it is an orphan,
                     and while it is alive it is canceled
a successor          a person is told; it has the deadline of its intent, and is canceled where
                     the order before it was to be
"""

from decimal import Decimal

from core.alerts import alert, clear
from core.cycle import cancel_due
from core.emit import Emitter
from core.ending import (
    ASKED,
    DOUBLINGS,
    asked_for,
    cancel,
    cancel_as_asked,
    close,
    too_old_or_late,
)
from core.events import (
    FillBusted,
    FillCorrected,
    FillReported,
    KillSwitchLatched,
    LookupRequested,
    OrderLookedUp,
    OrderReported,
    OrderSubmitAttempted,
    OrderSubmitFailed,
    OrderSubmitted,
    SubmitFailure,
    TimerSet,
)
from core.lockout_facts import RATE, in_the_way, reason_of, silent_until
from core.order import DEADLINED, GIVEN_UP, WATCHED, OpenStatus, TerminalStatus, status_of
from core.order_facts import same_order
from core.reasons import Reason, ReasonCode
from core.state import Intent, State
from core.values import (
    CONTEXT,
    DecimalText,
    TimeText,
    decimal_text,
    later_by,
    seconds_between,
)
from core.waits import due_after, next_look

STUCK_S = DecimalText("60")
"""How long an order may be in a status that is not ordinary before a person is told."""


def on_report(emit: Emitter, report: OrderSubmitted | OrderReported | FillReported) -> None:
    """Close what is over; name what nobody knows."""
    intent = emit.state.intent(report.client_order_id)
    if intent is None or intent.stranger:
        detail = f"{type(report).__name__} of an order that is not ours"
        alert(emit, f"order.foreign:{report.client_order_id}", "order.foreign", detail)
        return
    _on_word(emit, intent)


def _on_word(emit: Emitter, intent: Intent) -> None:
    """The broker has an order of ours: an open one's word is heard, one given up is an orphan."""
    if intent.closed_at is None:
        _settle(emit, intent)
    elif intent.status in GIVEN_UP:
        detail = f"{intent.status} here, at the broker {intent.reported_status or 'filled'}"
        alert(emit, f"order.orphan:{intent.client_order_id}", ReasonCode.ORDER_ORPHAN, detail)
        if intent.client_order_id in emit.state.orphans and not intent.cancel_pending:
            cancel(emit, intent, Reason(code=ReasonCode.ORDER_ORPHAN, detail=detail))


def on_successor(emit: Emitter, client_order_id: str) -> None:
    """Somebody replaced an order of ours: the intent is watched and ended under the new one."""
    intent = emit.state.intents[client_order_id]
    before = emit.state.intent(intent.replaces or "")
    assert before is not None, f"intent {client_order_id}: it was made from the one before"
    clear(emit, f"order.foreign:{client_order_id}")
    limit = "" if intent.limit_price is None else f" at {decimal_text(intent.limit_price)}"
    detail = f"{client_order_id}: {decimal_text(intent.quantity)}{limit}"
    alert(emit, f"order.replaced:{before.client_order_id}", "order.replaced", detail)
    if status_of(intent.reported_status or "new")[1] or not intent.leaves:
        return
    due = cancel_due(emit.state, intent.slot, intent.since)
    if due is not None:
        emit(TimerSet, key=f"cancel:{client_order_id}", due=due)
    if before.status in GIVEN_UP:
        cancel(emit, intent, Reason(code=ReasonCode.ORDER_ORPHAN, detail=before.client_order_id))
    elif intent.cancel_reason is not None:
        cancel(emit, intent, intent.cancel_reason)
    elif (asked := asked_for(emit.state, before.client_order_id)) is not None:
        cancel(emit, intent, Reason(code=asked))


def _settle(emit: Emitter, intent: Intent) -> None:
    """What an open intent's last word and its fills say: over, watched, or a word nobody knows."""
    word = intent.reported_status or "new"
    status, _, known = status_of(word)
    alerts = emit.state.alerts
    if not known:
        alert(emit, f"status.unknown:{intent.client_order_id}", "status.unknown", word)
    elif status in WATCHED:
        alert(emit, f"status.watched:{intent.client_order_id}", "status.watched", word)
    stuck = f"stuck:{intent.client_order_id}"
    if status in DEADLINED and stuck not in emit.state.timers and f"status.{stuck}" not in alerts:
        emit(TimerSet, key=stuck, due=due_after(emit.state, intent, STUCK_S))
    if isinstance(status, TerminalStatus):
        close(emit, intent, status)
    elif intent.filled >= intent.quantity:
        close(emit, intent, TerminalStatus.FILLED)
    elif intent.at_venue and not (intent.cancel_pending or intent.stranger):
        cancel_as_asked(emit, intent)


def on_amendment(emit: Emitter, amendment: FillBusted | FillCorrected) -> None:
    """A bust or correction is always shown to a person; a correction can fill the rest."""
    key = f"fill.amended:{amendment.client_order_id}:{amendment.execution_id}"
    alert(emit, key, "fill.amended", type(amendment).__name__)
    intent = emit.state.intents.get(amendment.client_order_id)
    if intent is not None and not intent.stranger:
        _settle(emit, intent)


def on_failed(emit: Emitter, failure: OrderSubmitFailed) -> None:
    """A certain no: final, or another attempt under the same id later."""
    intent = emit.state.intents.get(failure.client_order_id)
    if intent is None or intent.outcome or failure.attempt != intent.attempt:
        return
    if failure.error_class is SubmitFailure.REFUSED:
        detail = " ".join(str(p) for p in (failure.status_code, failure.error_code) if p)
        reason = Reason(code=ReasonCode.BROKER_REFUSED, detail=detail or None)
        close(emit, intent, TerminalStatus.FAILED, reason)
    elif not _closed_unsent(emit, intent):
        due = _retry_due(emit.state, intent, failure)
        emit(TimerSet, key=f"retry:{intent.client_order_id}", due=due)


def _retry_due(state: State, intent: Intent, failure: OrderSubmitFailed) -> TimeText:
    """When the next attempt may leave, or just after the intent's validity if that is earlier."""
    step_s = state.config.broker.retry_after_s
    wait_s = Decimal(step_s)
    if failure.error_class is SubmitFailure.RATE_LIMITED:
        if failure.retry_after_s is None:
            wait_s = CONTEXT.multiply(wait_s, 2 ** min(intent.attempt - 1, DOUBLINGS))
        else:
            wait_s = max(wait_s, Decimal(failure.retry_after_s))
    due = due_after(state, intent, decimal_text(wait_s), step_s)
    return min(due, later_by(intent.valid_until, Decimal(step_s)))


def limited_until(state: State, intent: Intent, failure: OrderSubmitFailed) -> TimeText:
    """When anything may be sent again after a 429: as it asked, else after the least wait.

    Never by the count of attempts, of which a killed runner may make one more.
    """
    step_s = state.config.broker.retry_after_s
    wait_s = max(Decimal(step_s), Decimal(failure.retry_after_s or 0))
    return due_after(state, intent, decimal_text(wait_s), step_s)


def on_unknown(emit: Emitter, client_order_id: str) -> None:
    """Ask the broker at once; until there is evidence the intent stays as it is."""
    intent = emit.state.intents.get(client_order_id)
    if intent is None or intent.stranger:
        return
    if intent.unknown_since is not None:
        emit(LookupRequested, client_order_id=client_order_id, look=intent.lookups + 1)


def on_looked_up(emit: Emitter, found: OrderLookedUp) -> None:
    """Evidence, or one more look."""
    intent = emit.state.intent(found.client_order_id)
    if intent is None:
        return
    another = intent.closed_at is None and not same_order(intent, found)
    if found.found and (intent.stranger or another):
        detail = f"{found.side} {found.quantity} {found.symbol} at {found.limit_price}"
        reason = Reason(code=ReasonCode.IDENTITY_COLLISION, detail=detail)
        alert(emit, f"identity:{intent.client_order_id}", ReasonCode.IDENTITY_COLLISION, detail)
        if not emit.state.halted:
            emit(KillSwitchLatched, reason=reason)
    elif found.found:
        _on_word(emit, intent)
    elif emit.state.intents.get(intent.client_order_id) and intent.unknown_since is not None:
        _absent(emit, intent, complete=found.complete)


def _absent(emit: Emitter, intent: Intent, *, complete: bool) -> None:
    """Not there. Proof only by a whole look after the settling time, and enough of them."""
    broker = emit.state.config.broker
    since = intent.unknown_since or emit.state.now
    settled = seconds_between(since, emit.state.now) >= Decimal(broker.settle_s)
    if not complete or not settled or intent.absent_looks < broker.looks:
        emit(TimerSet, key=f"look:{intent.client_order_id}", due=next_look(emit.state, intent))
    elif intent.at_venue or not broker.resend_unknown:
        reason = Reason(code=ReasonCode.BROKER_ABSENT, observed=decimal_text(intent.absent_looks))
        close(emit, intent, TerminalStatus.FAILED, reason)
    elif not _closed_unsent(emit, intent):
        if silent_until(emit.state) is not None:
            emit(TimerSet, key=f"look:{intent.client_order_id}", due=next_look(emit.state, intent))
        else:
            _attempt(emit, intent)


def on_timer(emit: Emitter, key: str) -> None:
    """What was waited for is due.

    retry: send again; look: look again; stuck: tell a person; cancel: it worked long enough, or the
    session ends.
    """
    kind, _, client_order_id = key.partition(":")
    intent = emit.state.alive(client_order_id)
    if intent is None:
        return
    if kind == "look":
        on_unknown(emit, client_order_id)
    elif kind == "stuck" and intent.status in DEADLINED:
        alert(emit, f"status.{key}", "status.stuck", intent.reported_status or str(intent.status))
    elif kind == "retry" and intent.status is OpenStatus.PENDING_SUBMIT:
        if not _closed_unsent(emit, intent):
            _retry(emit, intent)
    elif (kind == "cancel" or kind in ASKED) and not (intent.cancel_pending or intent.stranger):
        reason = intent.cancel_reason or too_old_or_late(emit.state, intent)
        if kind in ASKED:
            reason = Reason(code=ASKED[kind])
        if intent.at_venue:
            cancel(emit, intent, reason)
        else:  # the outcome is unknown: cancel once it is known
            emit(TimerSet, key=key, due=next_look(emit.state, intent))


def on_runner_started(emit: Emitter) -> None:
    """After a crash: ask for every attempt without an answer, send unanswered cancels again."""
    for client_order_id in emit.state.open_client_order_ids():
        intent = emit.state.intents[client_order_id]
        if intent.status is OpenStatus.UNKNOWN:
            on_unknown(emit, client_order_id)
        elif intent.cancel_pending and intent.at_venue:
            cancel(emit, intent, intent.cancel_reason or too_old_or_late(emit.state, intent))
    for client_order_id in sorted(emit.state.orphans):
        orphan = emit.state.intent(client_order_id)
        if orphan is not None:
            cancel(emit, orphan, Reason(code=ReasonCode.ORDER_ORPHAN))


def on_free(emit: Emitter) -> None:
    """The broker speaks to us again: ask and cancel what could not be asked and canceled."""
    for client_order_id in emit.state.open_client_order_ids():
        intent = emit.state.intents[client_order_id]
        if not intent.at_venue:
            on_unknown(emit, client_order_id)
        elif intent.cancel_reason and not (intent.cancel_pending or intent.stranger):
            cancel(emit, intent, intent.cancel_reason)


def _attempt(emit: Emitter, intent: Intent) -> None:
    emit(OrderSubmitAttempted, client_order_id=intent.client_order_id, attempt=intent.attempt + 1)


def _retry(emit: Emitter, intent: Intent) -> None:
    """Another attempt, unless the broker wants to hear nothing for a while."""
    if silent_until(emit.state) is None:
        _attempt(emit, intent)
        return
    due = due_after(emit.state, intent, emit.state.config.broker.retry_after_s)
    emit(TimerSet, key=f"retry:{intent.client_order_id}", due=due)


def _closed_unsent(emit: Emitter, intent: Intent) -> bool:
    """Whether an intent that is not at the broker may not be sent any more, and was closed."""
    state = emit.state
    if state.halted:
        reason = Reason(code=ReasonCode.HALT_KILL_SWITCH)
        close(emit, intent, TerminalStatus.SKIPPED, reason)
        return True
    if intent.stranger:
        reason = Reason(code=ReasonCode.IDENTITY_COLLISION)
        close(emit, intent, TerminalStatus.FAILED, reason)
        return True
    asked = asked_for(state, intent.client_order_id)
    if asked is not None:
        close(emit, intent, TerminalStatus.SKIPPED, Reason(code=asked))
        return True
    lockout = in_the_way(state, intent.symbol, closing=intent.closing)
    if lockout is not None and lockout is not state.lockouts.get(RATE):
        close(emit, intent, TerminalStatus.SKIPPED, reason_of(lockout))
        return True
    if state.now > intent.valid_until:
        reason = Reason(code=ReasonCode.INTENT_EXPIRED, detail=intent.valid_until)
        close(emit, intent, TerminalStatus.FAILED, reason)
        return True
    return False
