"""How an order of ours ends: closed by evidence, or canceled, at once or once it is known.

CancelAttempted     what is at the broker is asked to go; an answer that got lost asks again, each
                    time after twice the wait
what is not there   is closed as SKIPPED; of what nobody knows, a timer asks again
"""

from decimal import Decimal

from core.alerts import OF_STATUS, clear
from core.emit import Emitter
from core.events import CancelAnswered, CancelAttempted, IntentClosed, LookupRequested, TimerSet
from core.order import OpenStatus, TerminalStatus
from core.reasons import Reason, ReasonCode
from core.state import Intent, State
from core.values import CONTEXT, decimal_text, seconds_between
from core.waits import due_after, next_look

ASKED = {"cancel-all": ReasonCode.OPERATOR_CANCEL, "pause": ReasonCode.OPERATOR_PAUSE}
"""What an operator wants canceled once it is known, by the kind of its timer."""
DOUBLINGS = 6
"""How often the wait before another cancel doubles: a broker that refuses us is not hammered."""


def close(
    emit: Emitter, intent: Intent, status: TerminalStatus, reason: Reason | None = None
) -> None:
    """The intent is over."""
    emit(
        IntentClosed,
        client_order_id=intent.client_order_id,
        status=status,
        filled_quantity=decimal_text(intent.filled),
        reason=reason,
    )
    clear(emit, *(f"{kind}:{intent.client_order_id}" for kind in OF_STATUS))


def cancel(emit: Emitter, intent: Intent, reason: Reason) -> None:
    """Ask the broker to cancel it."""
    emit(
        CancelAttempted,
        client_order_id=intent.client_order_id,
        attempt=intent.cancel_attempt + 1,
        reason=reason,
    )


def cancel_all(emit: Emitter, reason: Reason, *, openings: bool = False) -> None:
    """Cancel what is at the broker, drop what is not; what nobody knows of, once it is known.

    Orphans too, whose cancel may have come to nothing.

    `openings`: only what opens or increases a position.
    """
    kind = next(kind for kind, code in ASKED.items() if code is reason.code)
    for client_order_id in emit.state.open_client_order_ids():
        intent = emit.state.intents[client_order_id]
        if openings and intent.closing:
            continue
        if intent.status is OpenStatus.PENDING_SUBMIT:
            close(emit, intent, TerminalStatus.SKIPPED, reason)
        elif not intent.at_venue:
            due = next_look(emit.state, intent)
            emit(TimerSet, key=f"{kind}:{client_order_id}", due=due)
        elif not intent.cancel_pending:
            cancel(emit, intent, reason)
    for client_order_id in sorted(emit.state.orphans):
        orphan = emit.state.alive(client_order_id)
        if orphan is not None and not (orphan.cancel_pending or openings):
            cancel(emit, orphan, reason)


def cancel_as_asked(emit: Emitter, intent: Intent) -> None:
    """An operator asked while nobody knew of the order; now it is there: it is not waited for."""
    code = asked_for(emit.state, intent.client_order_id)
    if code is not None:
        cancel(emit, intent, Reason(code=code))


def asked_for(state: State, client_order_id: str) -> ReasonCode | None:
    """What an operator asked of it while nobody knew of it; None: nothing, or it was done."""
    for kind, code in ASKED.items():
        if f"{kind}:{client_order_id}" in state.timers:
            return code
    return None


def on_cancel_answered(emit: Emitter, answer: CancelAnswered) -> None:
    """An unknown cancel is sent again, each time after twice the wait: its target makes it safe.

    One that was refused says that the order is not what we think it is: it is looked up.
    """
    if answer.outcome == "refused" and answer.client_order_id in emit.state.intents:
        look = emit.state.intents[answer.client_order_id].lookups + 1
        emit(LookupRequested, client_order_id=answer.client_order_id, look=look)
    intent = emit.state.alive(answer.client_order_id)
    if intent is not None and answer.outcome == "unknown":
        doubled = 2 ** min(max(intent.cancel_attempt - 1, 0), DOUBLINGS)
        wait_s = CONTEXT.multiply(Decimal(emit.state.config.broker.retry_after_s), doubled)
        due = due_after(emit.state, intent, decimal_text(wait_s))
        emit(TimerSet, key=f"cancel:{intent.client_order_id}", due=due)


def too_old_or_late(state: State, intent: Intent) -> Reason:
    """Why a working order's own timer cancels it, with the numbers of that rule."""
    risk = state.config.risk
    age, limit = seconds_between(intent.since, state.now), Decimal(risk.order_max_age_s)
    code = ReasonCode.ORDER_MAX_AGE
    if not limit or age < limit:
        code, limit = ReasonCode.ORDER_BEFORE_CLOSE, Decimal(risk.cancel_before_close_s)
        session = state.session_at(intent.slot)
        left = age if session is None else seconds_between(intent.slot, session.close)
        age = CONTEXT.subtract(left, age)
    return Reason(code=code, limit=decimal_text(limit), observed=decimal_text(age))
