"""`decide`: every decision, derived from the state, one observation and the strategy.

shape   decide(state, observation, strategy) -> [decision]; `advance` gives the new state as well
reads   nothing else: no clock, file, environment or global RNG; time is the observation's own
why     live and replay call the same function, so parity is equality of ids
"""

from decimal import localcontext

from core import alerts, cycle, ending, insisting, lockouts, outcomes, pause, throttle
from core.alerts import alert, clear
from core.emit import Emitter
from core.events import (
    CancelAnswered,
    CycleOpened,
    Decision,
    FillBusted,
    FillCorrected,
    FillReported,
    KillSwitchLatched,
    KillSwitchReleased,
    Observation,
    OperatorCommanded,
    OrderLookedUp,
    OrderReported,
    OrderSubmitFailed,
    OrderSubmitted,
    OrderSubmitUnknown,
    ReconcileMismatched,
    ReplaceAnswered,
    RunnerStarted,
    TimerElapsed,
)
from core.evolve import evolve
from core.reasons import Reason, ReasonCode
from core.state import VANISHED, State
from core.succession import heir_of
from core.values import CONTEXT


def decide(state: State, observation: Observation, strategy: type | None = None) -> list[Decision]:
    """The decisions `observation` causes, in order; they stand directly behind it."""
    return advance(state, observation, strategy)[1]


def advance(
    state: State, observation: Observation, strategy: type | None = None
) -> tuple[State, list[Decision]]:
    """(state after the observation and its decisions, those decisions)."""
    with localcontext(CONTEXT):
        emit = Emitter(evolve(state, observation), observation)
        heir = heir_of(observation)
        if heir is not None and emit.state.knows_order(heir) and not state.knows_order(heir):
            outcomes.on_successor(emit, heir)
        _derive(emit, observation, strategy)
        return emit.state, emit.decisions


def _derive(emit: Emitter, observation: Observation, strategy: type | None) -> None:
    lockouts.hear(emit, observation)
    match observation:
        case CycleOpened():
            throttle.disable_if_reached(emit)
            cycle.open_cycle(emit, strategy)
        case OrderSubmitted() | OrderReported() | FillReported():
            outcomes.on_report(emit, observation)
        case FillBusted() | FillCorrected():
            outcomes.on_amendment(emit, observation)
        case ReplaceAnswered():
            pass
        case OrderSubmitFailed():
            outcomes.on_failed(emit, observation)
        case OrderSubmitUnknown():
            outcomes.on_unknown(emit, observation.client_order_id)
        case OrderLookedUp():
            outcomes.on_looked_up(emit, observation)
            insisting.on_looked_up(emit, observation)
        case CancelAnswered():
            ending.on_cancel_answered(emit, observation)
            insisting.on_answered(emit, observation)
        case TimerElapsed():
            outcomes.on_timer(emit, observation.key)
            insisting.on_timer(emit, observation.key)
        case RunnerStarted():
            outcomes.on_runner_started(emit)
            insisting.on_runner_started(emit)
        case OperatorCommanded():
            _on_command(emit, observation)
        case ReconcileMismatched():
            _on_mismatch(emit, observation)
        case _:
            return
    if not isinstance(observation, CycleOpened):
        throttle.disable_if_reached(emit)
        lockouts.count_rejects(emit)
        cycle.close_if_settled(emit)


def _on_command(emit: Emitter, command: OperatorCommanded) -> None:
    """`halt` latches the kill switch, `pause` stops openings, `cancel-all` cancels what is open.

    `resume` lifts all that waits for a person: the kill switch, the pause, a disabled strategy.
    """
    if command.command == "halt" and not emit.state.halted:
        reason = Reason(code=ReasonCode.OPERATOR_HALT, detail=command.why)
        emit(KillSwitchLatched, reason=reason)
    elif command.command == "resume":
        if emit.state.halted:
            emit(KillSwitchReleased, who=command.who)
        throttle.enable(emit)
        lockouts.on_resume(emit)
        alerts.on_resume(emit)
    elif command.command == "pause":
        pause.begin(emit, command.why)
    elif command.command == "cancel-all":
        reason = Reason(code=ReasonCode.OPERATOR_CANCEL, detail=command.why)
        ending.cancel_all(emit, reason)


def _on_mismatch(emit: Emitter, mismatch: ReconcileMismatched) -> None:
    """What does not agree is named until it does; a foreign order with our tag halts everything."""
    if mismatch.resolved:
        prefix = f"reconcile:{mismatch.symbol}:"
        clear(emit, *(key for key in sorted(emit.state.alerts) if key.startswith(prefix)))
        return
    key = f"reconcile:{mismatch.symbol}:{mismatch.what}"
    alert(emit, key, ReasonCode.RECONCILE_MISMATCH, mismatch.broker_side)
    if mismatch.what == VANISHED and mismatch.client_order_id:
        outcomes.on_unknown(emit, mismatch.client_order_id)
    if mismatch.what == "foreign-order-with-our-tag" and not emit.state.halted:
        reason = Reason(code=ReasonCode.IDENTITY_COLLISION, detail=mismatch.client_order_id)
        emit(KillSwitchLatched, reason=reason)
