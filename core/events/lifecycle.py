"""Observations about the journal, the runner, the operator and what was loaded."""

from core.events.base import ObservationEvent
from core.struct import Value
from core.values import TimeText

Setting = str | int | bool | tuple[str, ...] | None
"""A config value in a snapshot; decimals are canonical text."""


class JournalCreated(ObservationEvent, frozen=True, kw_only=True, tag="journal-created.v1"):
    """Sequence 1 of every journal, always readable without a key.

    `journal_id`: 32 hex digits; in sim mode a function of `name`, else drawn once.
    `min_reader`: the oldest rules version that may trade on this journal.
    """

    journal_id: str
    name: str
    mode: str
    account_hash: str
    encrypted: bool
    format: int
    min_reader: int


class RunnerStarted(ObservationEvent, frozen=True, kw_only=True, tag="runner-started.v1"):
    """A runner claims the journal. `epoch` is one above the last; host and versions not in sim."""

    epoch: int
    seed: int
    host: str | None = None
    versions: dict[str, str] | None = None
    code_hash: str | None = None


class RunnerStopped(ObservationEvent, frozen=True, kw_only=True, tag="runner-stopped.v1"):
    """A runner ended in order. `reason`: "completed", "signal" or a fault's name."""

    epoch: int
    reason: str


class ConfigSnapshot(ObservationEvent, frozen=True, kw_only=True, tag="config-snapshot.v1"):
    """The effective configuration, secrets left out, keys dotted ("risk.order_max_notional").

    In force from the next cycle. `config_hash` = sha256 of the canonical bytes of `config`.
    `rules`: the version of what `decide` derives; replay re-derives only its own.
    """

    config: dict[str, Setting]
    config_hash: str
    rules: int


class StrategyLoaded(ObservationEvent, frozen=True, kw_only=True, tag="strategy-loaded.v1"):
    """The strategy's source: `sources` maps module names to text, `entry` names its own module.

    `window`: how many cycles of quotes its `view` holds. `source_hash` = content id of `sources`;
    `sources` is empty when `strategy.store_source` is false.
    """

    name: str
    class_name: str
    entry: str
    sources: dict[str, str]
    source_hash: str
    window: int


class Session(Value, frozen=True, kw_only=True):
    """One trading session: open <= t < close. `date` is the exchange's day."""

    date: str
    open: TimeText
    close: TimeText
    early_close: bool = False


class CalendarObserved(ObservationEvent, frozen=True, kw_only=True, tag="calendar-observed.v1"):
    """The sessions known from now on; a later one replaces those it names by date."""

    source: str
    sessions: tuple[Session, ...]


class OperatorCommanded(ObservationEvent, frozen=True, kw_only=True, tag="operator-commanded.v1"):
    """A person's command; `who` and `where` as known.

    `command`: halt, pause, resume, cancel-all, and broker-suspend or broker-resume, which ask the
    broker itself to refuse new orders or to take them again.
    """

    command: str
    who: str
    where: str
    why: str


class TimerElapsed(ObservationEvent, frozen=True, kw_only=True, tag="timer-elapsed.v1"):
    """The timer `key` of the state was due at `due`, and the shell woke."""

    key: str
    due: TimeText


class RollbackAccepted(ObservationEvent, frozen=True, kw_only=True, tag="rollback-accepted.v1"):
    """An operator accepted that the journal stands behind its anchor; both heads are kept."""

    journal_sequence: int
    journal_chain: str
    anchor_sequence: int
    anchor_chain: str
    who: str
    why: str
