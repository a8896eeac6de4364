"""The one `evolve`: what the state is after an event, of whichever kind, whoever wrote it.

rule    An observation is a fact and is never refused; a fact heard twice changes nothing more. A
        decision of ours that contradicts the journal raises `ImpossibleDecisionError`: then the
        journal was not written by this core.
        All arithmetic names `CONTEXT` itself, so the caller's decimal context changes nothing.
"""

from typing import assert_never

from msgspec.structs import replace

from core import order_facts, succession
from core.canonical import content_id
from core.config import config_from_flat
from core.events import (
    AccountReported,
    AlertCleared,
    AlertRaised,
    CalendarObserved,
    CancelAnswered,
    CancelAttempted,
    ConfigSnapshot,
    CostModelCalibrated,
    CycleClosed,
    CycleOpened,
    Decision,
    Event,
    FeeReported,
    FillBusted,
    FillCorrected,
    FillReported,
    IntentClosed,
    IntentCreated,
    JournalCreated,
    KillSwitchLatched,
    KillSwitchReleased,
    LockoutEnded,
    LockoutStarted,
    LookupRequested,
    Observation,
    OperatorCommanded,
    OrderLookedUp,
    OrderReported,
    OrderSubmitAttempted,
    OrderSubmitFailed,
    OrderSubmitSkipped,
    OrderSubmitted,
    OrderSubmitUnknown,
    QuotesObserved,
    RateBudgetReported,
    ReconcileMismatched,
    ReplaceAnswered,
    ReplaceAttempted,
    RollbackAccepted,
    RunnerStarted,
    RunnerStopped,
    SignalObserved,
    StrategyLoaded,
    StreamWentDown,
    StreamWentUp,
    TimerElapsed,
    TimerSet,
)
from core.events.base import DecisionEvent
from core.lockout_facts import with_ended, with_reject, with_started
from core.order import GIVEN_UP, OpenStatus
from core.rolling import marked
from core.state import (
    VANISHED,
    CycleCounts,
    Intent,
    State,
    StrategyFacts,
)
from core.values import TimeText

Lifecycle = (
    CalendarObserved
    | ConfigSnapshot
    | StrategyLoaded
    | JournalCreated
    | RunnerStarted
    | RunnerStopped
    | OperatorCommanded
    | RollbackAccepted
    | FeeReported
    | StreamWentUp
    | StreamWentDown
    | CostModelCalibrated
)
KEPT_SESSIONS = 2
"""Closed intents are kept for amending until this many sessions have begun after their close."""


def evolve(state: State, event: Event) -> State:
    """`state` after `event`."""
    if isinstance(event, DecisionEvent):
        return _after_decision(state, event)
    heard = _after_observation(state, event)
    if event.observed_at > state.now:
        return replace(heard, now=event.observed_at)
    return heard


def _after_observation(state: State, event: Observation) -> State:
    match event:
        case (
            OrderReported()
            | FillReported()
            | OrderSubmitted()
            | OrderSubmitFailed()
            | OrderSubmitUnknown()
            | OrderLookedUp()
            | CancelAnswered()
            | ReplaceAnswered()
            | FillBusted()
            | FillCorrected()
        ):
            return order_facts.after_report(state, event)
        case QuotesObserved():
            return _with_quotes(state, event)
        case CycleOpened():
            return _with_cycle(state, event)
        case TimerElapsed():
            return replace(state, timers={k: d for k, d in state.timers.items() if k != event.key})
        case AccountReported():
            return replace(state, account=event, reconciled_at=event.observed_at)
        case RateBudgetReported():
            return replace(state, rate=event, permits_used=0)
        case SignalObserved():
            return replace(state, signals={**state.signals, event.symbol: event})
        case ReconcileMismatched():
            return _with_mismatch(state, event)
        case _:
            return _after_lifecycle(state, event)


def _after_lifecycle(state: State, event: Lifecycle) -> State:
    match event:
        case CalendarObserved():
            return _with_calendar(state, event)
        case ConfigSnapshot():
            return _with_config(state, event)
        case StrategyLoaded():
            name, source_hash, window = event.name, event.source_hash, event.window
            facts = StrategyFacts(name=name, source_hash=source_hash, window=window)
            return replace(state, strategy=facts)
        case JournalCreated():
            return replace(state, journal_id=event.journal_id, mode=event.mode)
        case RunnerStarted():
            return _with_runner(state, event)
        case StreamWentUp() | StreamWentDown():
            return _with_stream(state, event)
        case OperatorCommanded():
            return succession.accepted_as_gone(state) if event.command == "resume" else state
        case RunnerStopped() | RollbackAccepted() | FeeReported() | CostModelCalibrated():
            return state
        case _:
            assert_never(event)


def _after_decision(state: State, event: Decision) -> State:
    state = replace(state, decisions=state.decisions + 1)
    match event:
        case OrderSubmitAttempted():
            return order_facts.after_request(state, event)
        case IntentCreated():
            return order_facts.with_intent(state, event)
        case IntentClosed():
            return with_reject(order_facts.with_closed(state, event), event)
        case TimerSet():
            return replace(state, timers={**state.timers, event.key: event.due})
        case CancelAttempted() | ReplaceAttempted() | LookupRequested():
            return order_facts.after_request(state, event)
        case OrderSubmitSkipped():
            return _count(state, skipped=1)
        case CycleClosed():
            return _with_cycle_closed(state, event)
        case KillSwitchLatched():
            return replace(state, halted=True)
        case KillSwitchReleased():
            return replace(state, halted=False)
        case AlertRaised():
            return replace(state, alerts=state.alerts | {event.key})
        case AlertCleared():
            return replace(state, alerts=state.alerts - {event.key})
        case LockoutStarted():
            return with_started(state, event)
        case LockoutEnded():
            return with_ended(state, event)
        case _:
            assert_never(event)


def _with_calendar(state: State, event: CalendarObserved) -> State:
    """The sessions known, in order; between its first and last date the new calendar is all."""
    dates = [session.date for session in event.sessions]
    first, last = (min(dates), max(dates)) if dates else ("", "")
    named = {s.date: s for s in state.sessions if not first <= s.date <= last}
    named.update({session.date: session for session in event.sessions})
    return replace(state, sessions=tuple(named[date] for date in sorted(named)))


def _with_quotes(state: State, event: QuotesObserved) -> State:
    """Latest quotes, and the windows of the symbols that changed."""
    length = 1 if state.strategy is None else state.strategy.window
    windows = dict(state.windows)
    for symbol, quote in event.quotes.items():
        windows[symbol] = (*windows.get(symbol, ()), quote)[-length:]
    return replace(state, quotes={**state.quotes, **event.quotes}, windows=windows)


def _with_cycle(state: State, event: CycleOpened) -> State:
    """A new tally and mark; the next config takes effect; intents of old sessions are let go."""
    before = state.cycle
    state = replace(
        state,
        cycle=CycleCounts(number=event.number, slot=event.slot),
        unsettled=None if before is None or before.closed else before,
    )
    if state.next_config is not None:
        config, config_id, config_hash = state.next_config
        state = replace(
            state, config=config, config_id=config_id, config_hash=config_hash, next_config=None
        )
    session = state.session_at(event.slot)
    if session is not None:
        day = marked(state.day, session.date, state.positions, state.quotes)
        state = replace(state, day=day)
    if before is not None and before.slot[:10] != event.slot[:10]:
        begun = [session.open for session in state.sessions if session.open <= event.slot]
        if len(begun) > KEPT_SESSIONS:
            oldest = begun[-KEPT_SESSIONS]
            gone = {k for k, i in state.closed.items() if _may_go(i, oldest)} - {*state.unfollowed}
            state = replace(state, closed=state.closed.without(gone)) if gone else state
    return state


def _may_go(intent: Intent, oldest: TimeText) -> bool:
    """Whether a closed intent may leave the state: not one that may yet turn up as an orphan."""
    doubtful = intent.status in GIVEN_UP and intent.lookups > 0
    return bool(intent.closed_at) and str(intent.closed_at) < oldest and not doubtful


def _with_cycle_closed(state: State, event: CycleClosed) -> State:
    if state.unsettled is not None and state.unsettled.number == event.number:
        return replace(state, unsettled=None)
    if state.cycle is None or state.cycle.number != event.number:
        return state
    return replace(state, cycle=replace(state.cycle, closed=True))


def _with_config(state: State, event: ConfigSnapshot) -> State:
    """In force at once before the first cycle, else from the next one; its rules always at once."""
    snapshot = (config_from_flat(event.config), content_id(event), event.config_hash)
    state = replace(state, rules=event.rules)
    if state.cycle is not None:
        return replace(state, next_config=snapshot)
    config, config_id, config_hash = snapshot
    return replace(state, config=config, config_id=config_id, config_hash=config_hash)


def _with_runner(state: State, event: RunnerStarted) -> State:
    """A new runner: every attempt without an answer has an unknown outcome from now on."""
    intents = dict(state.intents)
    for client_order_id, intent in state.intents.items():
        if intent.status is OpenStatus.SUBMITTING:
            lost = order_facts.lost_from_sight(intent, event.observed_at)
            intents[client_order_id] = lost
    return replace(
        state,
        epoch=event.epoch,
        seed=event.seed,
        intents=intents,
        streams={},
        reconciled_at=None,
    )


def _with_stream(state: State, event: StreamWentUp | StreamWentDown) -> State:
    """Something of the link to the broker is up, or is not and why."""
    why = event.why if isinstance(event, StreamWentDown) else ""
    return replace(state, streams={**state.streams, event.stream: why})


def _with_mismatch(state: State, event: ReconcileMismatched) -> State:
    if event.resolved:
        rest = {symbol: what for symbol, what in state.mismatched.items() if symbol != event.symbol}
        return replace(state, mismatched=rest)
    mismatched = {**state.mismatched, event.symbol: event.what}
    state = replace(state, mismatched=mismatched)
    vanished = state.intents.get(event.client_order_id or "")
    if event.what == VANISHED and vanished is not None and vanished.unknown_since is None:
        intents = dict(state.intents)
        sought = replace(vanished, unknown_since=event.observed_at, absent_looks=0)
        intents[vanished.client_order_id] = sought
        state = replace(state, intents=intents)
    return state


def _count(state: State, *, skipped: int) -> State:
    cycle = state.cycle
    if cycle is None:
        return state
    counted = replace(cycle, skipped=cycle.skipped + skipped, universe=cycle.universe + skipped)
    return replace(state, cycle=counted)
