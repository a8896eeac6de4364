"""Lockouts as facts: what each scope is called, what stands in an order's way, and the fold.

scopes  broker         the keys are refused (401, 403 without a code); nothing is sent, and the
                       account is read at spaced times until one read succeeds
        rate           429; nothing is sent until the time the broker named
        account        the account says it may not trade; no opening, until it says otherwise
        rejects        too many orders refused lately; no opening for a cooldown
        symbol:MSFT    the same in one symbol
        openings       an operator's pause; no opening, until `resume`
        strategy       core/throttle.py
why     they are events, so a restart forgets none, and an end that never came is no end
"""

from decimal import Decimal

from msgspec.structs import replace

from core.events import IntentClosed, LockoutEnded, LockoutStarted
from core.order import TerminalStatus
from core.reasons import Reason, ReasonCode
from core.state import STRATEGY, Lockout, State
from core.values import CONTEXT, TimeText, micros

BROKER, RATE, ACCOUNT, REJECTS = "broker", "rate", "account", "rejects"
OPENINGS = "openings"
SILENT = (BROKER, RATE)
"""The scopes under which nothing at all is sent."""
_SYMBOL, LOCKOUTS = "symbol:", "lockout:"
"""`LOCKOUTS` begins the timers of this kind."""
# A module's name costs nothing to look up, a member of an enum a tenth of a microsecond.
_REJECTED, _BROKER_REFUSED = TerminalStatus.REJECTED, ReasonCode.BROKER_REFUSED
ALL = ""
"""Where refusals of every symbol are counted."""


def of_symbol(symbol: str) -> str:
    """The scope of one symbol."""
    return _SYMBOL + symbol


def timer_of(scope: str) -> str:
    """The timer that ends, or tries to end, the scope's lockout."""
    return LOCKOUTS + scope


def scope_of(timer: str) -> str | None:
    """The scope whose timer this is."""
    return timer.removeprefix(LOCKOUTS) if timer.startswith(LOCKOUTS) else None


def in_the_way(state: State, symbol: str, *, closing: bool) -> Lockout | None:
    """The gravest lockout under which this order may not be sent."""
    scopes = SILENT if closing else (*SILENT, OPENINGS, ACCOUNT, REJECTS, of_symbol(symbol))
    return next((state.lockouts[scope] for scope in scopes if scope in state.lockouts), None)


def reason_of(lockout: Lockout) -> Reason:
    """The reason of whatever a lockout stops."""
    until = None if lockout.until is None else f"until {lockout.until}"
    return Reason(code=ReasonCode(lockout.why), detail=until)


def silent_until(state: State) -> TimeText | None:
    """Before this time nothing needs to be tried again, for nothing is sent."""
    ends = [state.lockouts[scope].until for scope in SILENT if scope in state.lockouts]
    return max((end for end in ends if end is not None), default=None)


# -- the fold


def with_started(state: State, event: LockoutStarted) -> State:
    """The lockout is in force; one that was, for the same reason, is prolonged."""
    known = state.lockouts.get(event.scope)
    prolonged = known.prolonged + 1 if known is not None and known.why == event.why else 0
    lockout = Lockout(event.why, event.until, prolonged)
    counted = ALL if event.scope == REJECTS else event.scope.removeprefix(_SYMBOL)
    rejects = {key: times for key, times in state.rejects.items() if key != counted}
    return replace(state, lockouts={**state.lockouts, event.scope: lockout}, rejects=rejects)


def with_ended(state: State, event: LockoutEnded) -> State:
    """The lockout is over, its timer too; a strategy enabled again is counted anew."""
    rest = {scope: lockout for scope, lockout in state.lockouts.items() if scope != event.scope}
    own = timer_of(event.scope)
    timers = state.timers
    if own in timers:
        timers = {key: due for key, due in timers.items() if key != own}
    executions = 0 if event.scope == STRATEGY else state.executions
    return replace(state, lockouts=rest, executions=executions, timers=timers)


def with_reject(state: State, event: IntentClosed) -> State:
    """The windows of refusals after an intent's end; times are of the intents' decisions.

    A killed runner hears of a refusal later than one that lived; it counts at the same time.
    """
    code = None if event.reason is None else event.reason.code
    refused = event.status is _REJECTED or code is _BROKER_REFUSED
    intent = state.intent(event.client_order_id) if refused else None
    if intent is None or BROKER in state.lockouts:
        return state
    risk = state.config.risk
    rejects, window = dict(state.rejects), int(CONTEXT.scaleb(Decimal(risk.rejects_window_s), 6))
    for key, limit in ((ALL, risk.rejects_max), (intent.symbol, risk.rejects_symbol_max)):
        if limit:
            times = sorted((*rejects.get(key, ()), intent.since))[-limit:]
            kept = [time for time in times if micros(times[-1]) - micros(time) < window]
            rejects[key] = tuple(kept)
    return replace(state, rejects=rejects)
