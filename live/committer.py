"""Observe, decide, commit: the one way anything enters a journal, runner and operator alike.

shape   Committer(journal, strategy): `observe([observation, ...])` -> decisions, all durable
rule    An observation and its decisions are one append. On `JournalMovedError` nothing was
        written: the tail is folded and the decisions are made again on what is now known.
dies    before the append: nothing happened, the next start hears it again. In it: all or nothing.
        After it, before the caller acts: the decision stands without an outcome, and the next
        start treats it so (an attempt without an answer is UNKNOWN and is looked up).
"""

from collections.abc import Callable, Sequence

from msgspec.structs import replace

from core.decide import advance
from core.events import (
    CancelAnswered,
    CancelAttempted,
    Decision,
    Event,
    Observation,
    RunnerStarted,
    TimerElapsed,
)
from core.events.base import DecisionEvent
from core.evolve import evolve
from core.state import INITIAL, State
from core.values import TimeText
from journal import GENESIS, Head, Journal
from journal.errors import JournalMovedError
from live.full_pass import FullPass
from live.redaction import all_redacted, refuse_in
from live.snapshots import Snapshots

Listener = Callable[[Sequence[Event]], None]


class FencedError(Exception):
    """A newer runner has claimed the journal; this one may not act any more."""

    def __init__(self, ours: int, theirs: int) -> None:
        """The epoch we claimed and the newer one."""
        super().__init__(
            f"runner of epoch {ours}: expected to be the newest, found epoch {theirs} in the "
            "journal; another runner took over and this one stops"
        )
        self.ours = ours
        self.theirs = theirs


class Committer:
    """The state at the journal's head, and the only code that appends."""

    meanwhile: Callable[[State, Sequence[Decision]], Callable[[], object] | None] = staticmethod(
        lambda *_: None
    )
    """What there is to do while a commit waits, from what it decided and the state after it.

    The commit may be refused yet: whoever answers gets ready to act on it, and acts on nothing.
    """
    full_pass: FullPass | None = None
    """What checks the events before the snapshot; None where this committer folded them."""

    def __init__(
        self,
        journal: Journal,
        strategy: type | None = None,
        listener: Listener | None = None,
        snapshots: Snapshots | None = None,
    ) -> None:
        """Folds the journal on from its snapshot where it is given one, else from its first event.

        `listener` hears every committed event. `started_from`: the snapshot's sequence, or 0.
        """
        self.journal = journal
        self.strategy = strategy
        self.listener = listener
        self.snapshots = snapshots
        self.state, self.head = (INITIAL, GENESIS) if snapshots is None else snapshots.newest()
        self.started_from = self.head.sequence
        self.claimed_epoch: int | None = None
        self.inherited: list[Decision] = []
        self._answered: dict[str, int] = {}
        self.catch_up()
        self._answered.clear()  # what was answered before this process began is state

    def catch_up(self) -> None:
        """Fold what others appended; stop if one of them is a newer runner.

        Decisions that an operator's command caused are `inherited`: the runner carries them out,
        where the operator's own process has not done so.
        """
        for recorded in self.journal.read(after=self.head.sequence):
            event = recorded.event
            self.state = evolve(self.state, event)
            self.head = Head(sequence=recorded.sequence, chain=recorded.chain)
            ours = self.claimed_epoch
            if ours is not None and isinstance(event, DecisionEvent):
                self.inherited.append(event)
            elif isinstance(event, CancelAnswered):
                self._answered[event.client_order_id] = event.attempt
                self.inherited = [one for one in self.inherited if not self.is_answered(one)]
            if isinstance(event, RunnerStarted) and ours is not None and event.epoch > ours:
                raise FencedError(ours, event.epoch)

    def is_answered(self, decision: Decision) -> bool:
        """Whether another process has carried out this cancel, and written its answer down."""
        if not isinstance(decision, CancelAttempted):
            return False
        return decision.attempt <= self._answered.get(decision.client_order_id, 0)

    def claim(
        self,
        news: Callable[[], Sequence[Observation]],
        started: Callable[[int], RunnerStarted],
    ) -> list[Decision]:
        """Claim the next epoch: `news` (config, strategy, calendar) and `RunnerStarted` at once.

        The config snapshot comes first: what the start decides is decided under its `rules`.
        """
        while True:
            epoch = self.state.epoch + 1
            try:
                decisions = self._commit([*news(), started(epoch)], epoch)
            except JournalMovedError:
                self.catch_up()
                continue
            self.claimed_epoch = epoch
            return decisions

    def check(self) -> None:
        """Raise if what was folded before the snapshot is known by now not to be sound."""
        if self.full_pass is not None:
            self.full_pass.check()

    def keep(self, *, stopping: bool = False) -> None:
        """Keep the state, which is that of committed events only, if it is time to.

        Called where nothing waits for an answer: it takes as long as the state is large.
        """
        self.journal.rest()
        if self.snapshots is None:
            return
        if stopping:
            self.snapshots.keep(self.state, self.head)
        else:
            self.snapshots.offer(self.state, self.head)

    def take_inherited(self) -> list[Decision]:
        """The decisions others appended since the last time, to be carried out once."""
        taken, self.inherited = self.inherited, []
        return taken

    def observe(self, *observations: Observation) -> list[Decision]:
        """Commit the observations, each with its decisions behind it; the decisions, in order."""
        while True:
            epoch = self.claimed_epoch if self.claimed_epoch is not None else self.state.epoch
            try:
                return self._commit(observations, epoch)
            except JournalMovedError:
                self.catch_up()

    def elapse(self, elapsed: TimerElapsed) -> list[Decision] | None:
        """As `observe`; None where the timer is over, or was set anew, by another process."""
        while self.state.timers.get(elapsed.key) == elapsed.due:
            epoch = self.claimed_epoch if self.claimed_epoch is not None else self.state.epoch
            try:
                return self._commit([elapsed], epoch)
            except JournalMovedError:
                self.catch_up()
        return None

    def _commit(self, observations: Sequence[Observation], epoch: int) -> list[Decision]:
        state = self.state
        events: list[Event] = []
        decisions: list[Decision] = []
        # the one place where a secret is taken out of what is kept
        for told in all_redacted(observations):
            observation = replace(told, observed_at=later(told.observed_at, state.now))
            state, derived = advance(state, observation, self.strategy)
            events += [observation, *derived]
            decisions += derived
        refuse_in(decisions)
        self.check()
        self.head = self.journal.append(
            events,
            expected=self.head,
            epoch=epoch,
            recorded_at=state.now,
            meanwhile=self.meanwhile(state, decisions),
        )
        self.state = state
        if self.listener is not None:
            self.listener(events)
        return decisions


def later(left: TimeText, right: TimeText) -> TimeText:
    """The later of two times: observed times never decrease."""
    return max(left, right)
