"""Parity: every decision derived again from the observations, and compared with the recorded id.

shape   parity(records, strategy) -> Report
rule    Equality of sha256 ids, nothing weaker. A stretch decided under `rules` that this core
        does not keep is folded from its recorded decisions and counted as not re-derived.
finds   a strategy that reads a clock, `random`, `hash()` of text, the order of a set, or memory of
        its own: its decisions come out different, and the first one is named with its fields
"""

from collections import deque
from collections.abc import Callable, Iterable
from typing import Protocol

import msgspec

from core.canonical import content_id
from core.decide import advance
from core.events import ConfigSnapshot, CycleOpened, Decision, Event, StrategyLoaded, tag_of
from core.events.base import DecisionEvent
from core.evolve import evolve
from core.rules import REDERIVED
from core.state import INITIAL, State
from core.strategy_source import load_class


class Record(Protocol):
    """What parity needs of a recorded event."""

    @property
    def sequence(self) -> int:
        """Its place in the journal."""
        ...

    @property
    def event(self) -> Event:
        """The event."""
        ...

    @property
    def event_id(self) -> str:
        """sha256 of its stored bytes."""
        ...


class Divergence(msgspec.Struct, frozen=True, kw_only=True):
    """The first decision that came out different.

    `expected` is the recorded decision, `actual` the derived one, each as plain data with its id;
    either is None where the other has no counterpart. `diff` lists the fields that differ.
    """

    sequence: int
    type: str
    expected: dict[str, object] | None
    actual: dict[str, object] | None
    diff: list[dict[str, object]]


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """What a replay found. `parity` is None where nothing could be derived again."""

    parity: bool | None
    events: int
    observations: int
    decisions: int
    not_rederived: int
    divergence: Divergence | None


StrategyOf = Callable[[StrategyLoaded], type]


def stored_strategy(loaded: StrategyLoaded) -> type:
    """The class made from the source the journal holds."""
    return load_class(dict(loaded.sources), loaded.entry, loaded.class_name)


def parity(
    records: Iterable[Record],
    strategy_of: StrategyOf = stored_strategy,
    *,
    disturb: Callable[[], None] | None = None,
    progress: Callable[[int], None] = lambda _: None,
) -> Report:
    """Fold the observations, derive the decisions again, stop at the first that differs.

    With `disturb` every cycle is made different in what a strategy must not depend on: `disturb`
    is called (it moves what the process shares), the strategy's module is executed anew, and the
    cycle is derived twice, so a memory anywhere in the process has moved on before it counts.
    """
    run = _Run(strategy_of, disturb)
    for record in records:
        run.take(record)
        if run.divergence is not None:
            break
        progress(record.sequence)
    else:
        run.finish()
    return run.report()


class _Run:
    """One pass: the state, what is still expected, and the counts."""

    def __init__(self, strategy_of: StrategyOf, disturb: Callable[[], None] | None) -> None:
        self.strategy_of = strategy_of
        self.disturb = disturb
        self.state: State = INITIAL
        self.loaded: StrategyLoaded | None = None
        self.strategy: type | None = None
        self.derived: deque[Decision] = deque()
        self.last = 0
        self.observations = self.decisions = self.not_rederived = 0
        self.divergence: Divergence | None = None

    def take(self, record: Record) -> None:
        """One recorded event."""
        event = record.event
        self.last = record.sequence
        if isinstance(event, DecisionEvent):
            self.decisions += 1
            self._compare(record, event)
            return
        if self.derived:
            self._diverge(record.sequence, None, self.derived[0])
            return
        self.observations += 1
        if isinstance(event, StrategyLoaded):
            self.loaded = event
            self.strategy = self.strategy_of(event)
        elif self.disturb is not None and isinstance(event, CycleOpened):
            self._move_on(event, self.disturb)
        rules = event.rules if isinstance(event, ConfigSnapshot) else self.state.rules
        if rules in REDERIVED:
            self.state, derived = advance(self.state, event, self.strategy)
            self.derived = deque(derived)
        else:
            self.state = evolve(self.state, event)

    def _move_on(self, opened: CycleOpened, disturb: Callable[[], None]) -> None:
        """Make this cycle find everything but its view changed."""
        disturb()
        if self.loaded is not None:
            self.strategy = self.strategy_of(self.loaded)
        advance(self.state, opened, self.strategy)
        disturb()

    def finish(self) -> None:
        """The journal ended: nothing more may be expected."""
        if self.derived:
            self._diverge(self.last + 1, None, self.derived[0])

    def report(self) -> Report:
        """What was found."""
        rederived = self.decisions - self.not_rederived
        nothing = not rederived and self.divergence is None and self.not_rederived > 0
        return Report(
            parity=None if nothing else self.divergence is None,
            events=self.last,
            observations=self.observations,
            decisions=self.decisions,
            not_rederived=self.not_rederived,
            divergence=self.divergence,
        )

    def _compare(self, record: Record, event: Decision) -> None:
        if self.state.rules not in REDERIVED:
            self.not_rederived += 1
            self.state = evolve(self.state, event)
            return
        if not self.derived:
            self._diverge(record.sequence, (record.event_id, event), None)
            return
        expected = self.derived.popleft()
        if content_id(expected) != record.event_id:
            self._diverge(record.sequence, (record.event_id, event), expected)

    def _diverge(
        self, sequence: int, recorded: tuple[str, Decision] | None, derived: Decision | None
    ) -> None:
        left = None if recorded is None else plain(recorded[1], recorded[0])
        right = None if derived is None else plain(derived, content_id(derived))
        named = recorded[1] if recorded is not None else derived
        assert named is not None
        self.divergence = Divergence(
            sequence=sequence,
            type=tag_of(named),
            expected=left,
            actual=right,
            diff=differences(left, right),
        )


def plain(event: Event, event_id: str) -> dict[str, object]:
    """An event as plain data, its id with it."""
    return {"id": event_id, **msgspec.to_builtins(event)}


def differences(
    left: dict[str, object] | None, right: dict[str, object] | None
) -> list[dict[str, object]]:
    """The fields in which two events differ: their name, and the value on each side."""
    if left is None or right is None:
        return []
    names = sorted({*left, *right} - {"id"})
    return [
        {"field": name, "expected": left.get(name), "actual": right.get(name)}
        for name in names
        if left.get(name) != right.get(name)
    ]
