"""All events, their tags, and the two unions the type checker holds `evolve` and `decide` to."""

from core.events.account import (
    AccountReported,
    CostModelCalibrated,
    FeeReported,
    RateBudgetReported,
    ReconcileMismatched,
    StreamWentDown,
    StreamWentUp,
)
from core.events.base import DecisionEvent, ObservationEvent
from core.events.decisions import (
    AlertCleared,
    AlertRaised,
    CancelAttempted,
    CycleClosed,
    IntentClosed,
    IntentCreated,
    KillSwitchLatched,
    KillSwitchReleased,
    LockoutEnded,
    LockoutStarted,
    LookupRequested,
    OrderSubmitAttempted,
    OrderSubmitSkipped,
    ReplaceAttempted,
    TimerSet,
)
from core.events.lifecycle import (
    CalendarObserved,
    ConfigSnapshot,
    JournalCreated,
    OperatorCommanded,
    RollbackAccepted,
    RunnerStarted,
    RunnerStopped,
    Session,
    Setting,
    StrategyLoaded,
    TimerElapsed,
)
from core.events.market import CycleOpened, Quote, QuotesObserved, SignalObserved
from core.events.orders import (
    CancelAnswered,
    FillBusted,
    FillCorrected,
    FillReported,
    OrderLookedUp,
    OrderReported,
    OrderSubmitFailed,
    OrderSubmitted,
    OrderSubmitUnknown,
    ReplaceAnswered,
    SubmitFailure,
)

Observation = (
    JournalCreated
    | RunnerStarted
    | RunnerStopped
    | ConfigSnapshot
    | StrategyLoaded
    | CalendarObserved
    | OperatorCommanded
    | TimerElapsed
    | RollbackAccepted
    | QuotesObserved
    | SignalObserved
    | CycleOpened
    | AccountReported
    | RateBudgetReported
    | FeeReported
    | ReconcileMismatched
    | StreamWentUp
    | StreamWentDown
    | CostModelCalibrated
    | OrderSubmitted
    | OrderSubmitFailed
    | OrderSubmitUnknown
    | OrderLookedUp
    | OrderReported
    | CancelAnswered
    | ReplaceAnswered
    | FillReported
    | FillBusted
    | FillCorrected
)
Decision = (
    IntentCreated
    | OrderSubmitSkipped
    | OrderSubmitAttempted
    | CancelAttempted
    | ReplaceAttempted
    | LookupRequested
    | IntentClosed
    | TimerSet
    | LockoutStarted
    | LockoutEnded
    | KillSwitchLatched
    | KillSwitchReleased
    | AlertRaised
    | AlertCleared
    | CycleClosed
)
Event = Observation | Decision

OBSERVATION_TYPES: tuple[type[ObservationEvent], ...] = Observation.__args__
DECISION_TYPES: tuple[type[DecisionEvent], ...] = Decision.__args__
_EVENT_TYPES: tuple[type[ObservationEvent] | type[DecisionEvent], ...] = (
    *OBSERVATION_TYPES,
    *DECISION_TYPES,
)
EVENT_BY_TAG = {str(event.__struct_config__.tag): event for event in _EVENT_TYPES}
"""Tag -> class, of every event this release writes."""
_TAGS = {event: tag for tag, event in EVENT_BY_TAG.items()}


def tag_of(event: ObservationEvent | DecisionEvent) -> str:
    """The literal tag of an event, "order-submitted.v1"; never its import path."""
    return _TAGS.get(type(event)) or str(event.__struct_config__.tag)


__all__ = [
    "DECISION_TYPES",
    "EVENT_BY_TAG",
    "OBSERVATION_TYPES",
    "AccountReported",
    "AlertCleared",
    "AlertRaised",
    "CalendarObserved",
    "CancelAnswered",
    "CancelAttempted",
    "ConfigSnapshot",
    "CostModelCalibrated",
    "CycleClosed",
    "CycleOpened",
    "Decision",
    "DecisionEvent",
    "Event",
    "FeeReported",
    "FillBusted",
    "FillCorrected",
    "FillReported",
    "IntentClosed",
    "IntentCreated",
    "JournalCreated",
    "KillSwitchLatched",
    "KillSwitchReleased",
    "LockoutEnded",
    "LockoutStarted",
    "LookupRequested",
    "Observation",
    "ObservationEvent",
    "OperatorCommanded",
    "OrderLookedUp",
    "OrderReported",
    "OrderSubmitAttempted",
    "OrderSubmitFailed",
    "OrderSubmitSkipped",
    "OrderSubmitUnknown",
    "OrderSubmitted",
    "Quote",
    "QuotesObserved",
    "RateBudgetReported",
    "ReconcileMismatched",
    "ReplaceAnswered",
    "ReplaceAttempted",
    "RollbackAccepted",
    "RunnerStarted",
    "RunnerStopped",
    "Session",
    "Setting",
    "SignalObserved",
    "StrategyLoaded",
    "StreamWentDown",
    "StreamWentUp",
    "SubmitFailure",
    "TimerElapsed",
    "TimerSet",
    "tag_of",
]
