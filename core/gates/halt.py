"""Gates of the whole cycle, before any symbol: whether anything is sent at all.

shape   gate(State, slot) -> Reason | None
rule    These block closing orders as well: nothing is sent by a core that is halted, that runs on
        a journal of another mode, whose strategy is disabled, or outside a session.
source  RTS 6 art. 12 (kill switch) and art. 15(3) (repeated executions)
"""

from decimal import Decimal

from core.gates.candidate import missing, told
from core.reasons import Reason, ReasonCode
from core.state import STRATEGY, State
from core.values import TimeText


def kill_switch(state: State, _: TimeText) -> Reason | None:
    """No order while the kill switch is latched."""
    return Reason(code=ReasonCode.HALT_KILL_SWITCH) if state.halted else None


def mode(state: State, _: TimeText) -> Reason | None:
    """No order when the configuration means another mode than the journal was made for."""
    meant = str(state.config.mode)
    if not state.mode:
        return missing(ReasonCode.MODE_MISMATCH, "the journal's mode")
    if state.mode != meant:
        detail = f"the journal is {state.mode}, the configuration {meant}"
        return Reason(code=ReasonCode.MODE_MISMATCH, detail=detail)
    return None


def throttle(state: State, _: TimeText) -> Reason | None:
    """No order of a strategy disabled after its repeated executions, until an operator's resume."""
    if STRATEGY not in state.lockouts:
        return None
    limit = Decimal(state.config.risk.executions_max)
    return told(ReasonCode.THROTTLE_EXECUTIONS, limit, Decimal(state.executions))


def session(state: State, slot: TimeText) -> Reason | None:
    """No order outside a session (holidays, after an early close); no calendar is no session."""
    if not state.sessions:
        return missing(ReasonCode.SESSION_UNKNOWN, "calendar")
    if state.session_at(slot) is None:
        return Reason(code=ReasonCode.SESSION_CLOSED)
    return None
