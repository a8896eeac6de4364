"""Lockouts as decisions: what the broker said -> no order for a while, and what ends that.

starts  401, and 403 without a code, to whatever was asked   broker, until the first probe
        429                                                  rate, until the time it named
        an account that says it may not trade                account, until it says otherwise
        `risk.rejects_max` orders refused in the window      rejects, for the cooldown
        `risk.rejects_symbol_max` in one symbol              symbol:…, for the cooldown
ends    broker   an account that is reported; its timer lets the shell ask for one: after
                 `broker.probe_after_s`, and after each try twice the wait, up to `probe_max_s`
        account  an account that is reported and may trade (it is, with every comparison)
        others   their timer, or an operator's `resume`, which also tries the keys at once
dies    the timers are state: a runner killed between a try's timer and its answer tries again at
        the next one, never sooner; `TimerSet` stands with the `TimerElapsed` that allows the try
"""

from decimal import Decimal

from core.alerts import alert, clear
from core.emit import Emitter
from core.events import (
    AccountReported,
    CancelAnswered,
    LockoutEnded,
    LockoutStarted,
    Observation,
    OrderLookedUp,
    OrderSubmitFailed,
    OrderSubmitUnknown,
    RateBudgetReported,
    StreamWentDown,
    SubmitFailure,
    TimerElapsed,
    TimerSet,
    tag_of,
)
from core.lockout_facts import (
    ACCOUNT,
    ALL,
    BROKER,
    RATE,
    REJECTS,
    of_symbol,
    scope_of,
    timer_of,
)
from core.outcomes import limited_until, on_free
from core.reasons import ReasonCode
from core.state import STRATEGY, State
from core.values import CONTEXT, TimeText, later_by

_UNAUTHORIZED, _FORBIDDEN, _TOO_MANY = 401, 403, 429
_CALLED_FOR = (BROKER, ACCOUNT, REJECTS)
"""The scopes for which a person should look."""


def hear(emit: Emitter, heard: Observation) -> None:
    """What an observation starts or ends, before anything else follows from it."""
    match heard:
        case OrderSubmitFailed() if heard.error_class is SubmitFailure.RATE_LIMITED:
            intent = emit.state.intent(heard.client_order_id)
            if heard.status_code == _TOO_MANY and intent is not None:
                _limited(emit, limited_until(emit.state, intent, heard))
        case OrderSubmitFailed() | StreamWentDown():
            _keys(emit, heard, heard.status_code, heard.error_code)
        case OrderSubmitUnknown() | OrderLookedUp() | CancelAnswered():
            if heard.status_code == _UNAUTHORIZED:
                _keys(emit, heard, _UNAUTHORIZED, None)
        case RateBudgetReported():
            if heard.retry_at is not None and heard.retry_at > emit.state.now:
                _limited(emit, heard.retry_at)
        case AccountReported():
            _account(emit, heard)
        case TimerElapsed():
            _elapsed(emit, scope_of(heard.key))
        case _:
            pass


def count_rejects(emit: Emitter) -> None:
    """The cooldown, once the broker has refused often enough."""
    risk = emit.state.config.risk
    for key, times in sorted(emit.state.rejects.items()):
        limit = risk.rejects_max if key == ALL else risk.rejects_symbol_max
        scope = REJECTS if key == ALL else of_symbol(key)
        if limit and len(times) >= limit and scope not in emit.state.lockouts:
            until = later_by(times[-1], Decimal(risk.rejects_cooldown_s))
            detail = f"{len(times)} orders refused since {times[0]}"
            _start(emit, scope, ReasonCode.LOCKOUT_REJECTS, until, detail)


def on_resume(emit: Emitter) -> None:
    """An operator's resume: cooldowns are over, refused keys are tried at once."""
    for scope in sorted(emit.state.lockouts):
        if scope == BROKER:
            emit(TimerSet, key=timer_of(BROKER), due=emit.state.now)
        elif scope not in (RATE, ACCOUNT, STRATEGY):
            _end(emit, scope)


def _keys(emit: Emitter, heard: Observation, status: int | None, error_code: str | None) -> None:
    """Keys that are refused: a 403 with a code is about one order."""
    if BROKER in emit.state.lockouts:
        return
    if status == _UNAUTHORIZED:
        code = ReasonCode.LOCKOUT_UNAUTHORIZED
    elif status == _FORBIDDEN and error_code is None:
        code = ReasonCode.LOCKOUT_FORBIDDEN
    else:
        return
    until = later_by(_since(emit.state, heard), _probe_wait(emit.state, 0))
    told = getattr(heard, "why", "") or f"HTTP {status}"
    _start(emit, BROKER, code, until, f"{told} ({tag_of(heard)})")


def _limited(emit: Emitter, until: TimeText) -> None:
    """429: nothing before this time; a later one prolongs it."""
    known = emit.state.lockouts.get(RATE)
    if known is None or known.until is None or known.until < until:
        _start(emit, RATE, ReasonCode.LOCKOUT_RATE_LIMITED, until, "HTTP 429")


def _account(emit: Emitter, account: AccountReported) -> None:
    """The account could be read, so the keys hold; whether it may trade, it says."""
    _end(emit, BROKER)
    if account.blocked is None:
        _end(emit, ACCOUNT)
    elif ACCOUNT not in emit.state.lockouts:
        _start(emit, ACCOUNT, ReasonCode.LOCKOUT_ACCOUNT, None, account.blocked)


def _elapsed(emit: Emitter, scope: str | None) -> None:
    """A lockout's time: it is over, or the keys are tried once and it goes on until they hold."""
    lockout = None if scope is None else emit.state.lockouts.get(scope)
    if scope is None or lockout is None:
        return
    if scope != BROKER:
        _end(emit, scope)
        return
    wait = _probe_wait(emit.state, lockout.prolonged + 1)
    _force(emit, BROKER, lockout.why, later_by(emit.state.now, wait))


def _probe_wait(state: State, tries: int) -> Decimal:
    """The wait after so many tries: doubled by each, up to the longest."""
    broker = state.config.broker
    wait, longest = Decimal(broker.probe_after_s), Decimal(broker.probe_max_s)
    for _ in range(min(tries, 40)):
        wait = min(CONTEXT.add(wait, wait), max(wait, longest))
    return wait


def _since(state: State, heard: Observation) -> TimeText:
    """From when it counts: in sim from the order's slot, so that a killed runner counts alike."""
    intent = state.intent(getattr(heard, "client_order_id", ""))
    return state.now if intent is None else state.runner_time(intent.slot)


def _start(
    emit: Emitter, scope: str, code: ReasonCode, until: TimeText | None, detail: str
) -> None:
    _force(emit, scope, str(code), until)
    if scope in _CALLED_FOR:
        alert(emit, _alert_of(scope), code, detail)


def _force(emit: Emitter, scope: str, why: str, until: TimeText | None) -> None:
    emit(LockoutStarted, scope=scope, why=why, until=until)
    if until is not None:
        emit(TimerSet, key=timer_of(scope), due=until)


def _end(emit: Emitter, scope: str) -> None:
    if scope not in emit.state.lockouts:
        return
    emit(LockoutEnded, scope=scope)
    clear(emit, _alert_of(scope))
    if scope == BROKER:
        on_free(emit)


def _alert_of(scope: str) -> str:
    return f"lockout:{scope}"
