"""An operator's pause: reduce only, until `resume`; a lockout of openings, which outlives a death.

rule    Nothing is opened and no position increased: new orders meet the gate of the lockouts, what
        was decided before and not sent is dropped, what rests at the broker and would open is
        canceled. What reduces a position goes on, old orders and new. Only `resume` ends it
source  freqtrade#11539: a pause that lets open positions grow is none
"""

from core.emit import Emitter
from core.ending import cancel_all
from core.events import LockoutStarted
from core.lockout_facts import OPENINGS
from core.reasons import Reason, ReasonCode


def begin(emit: Emitter, why: str) -> None:
    """The lockout of openings; what would open a position and is on its way is taken back."""
    if OPENINGS not in emit.state.lockouts:
        emit(LockoutStarted, scope=OPENINGS, why=str(ReasonCode.OPERATOR_PAUSE))
    cancel_all(emit, Reason(code=ReasonCode.OPERATOR_PAUSE, detail=why), openings=True)
