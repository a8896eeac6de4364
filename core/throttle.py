"""The repeated-execution throttle: after so many executions the strategy waits for a person.

rule    An execution is an order of ours that filled, at least in part, since the last resume. At
        `risk.executions_max` of them the strategy is locked out; open orders live on, what rests
        may still fill, cancels and look-ups go out. Only an operator's `resume` ends it
source  RTS 6 art. 15(3): disabled until re-enabled by a designated member of staff; FIA guide
"""

from core.alerts import alert, clear
from core.emit import Emitter
from core.events import LockoutEnded, LockoutStarted
from core.reasons import ReasonCode
from core.state import STRATEGY

ALERT = f"lockout:{STRATEGY}"


def disable_if_reached(emit: Emitter) -> None:
    """The lockout, once the strategy has executed often enough."""
    limit = emit.state.config.risk.executions_max
    if not limit or emit.state.executions < limit or STRATEGY in emit.state.lockouts:
        return
    emit(LockoutStarted, scope=STRATEGY, why=str(ReasonCode.THROTTLE_EXECUTIONS))
    detail = f"{emit.state.executions} orders filled; resume enables the strategy again"
    alert(emit, ALERT, ReasonCode.THROTTLE_EXECUTIONS, detail)


def enable(emit: Emitter) -> None:
    """An operator's resume: the lockout is over, the count begins anew."""
    if STRATEGY not in emit.state.lockouts:
        return
    emit(LockoutEnded, scope=STRATEGY)
    clear(emit, ALERT)
