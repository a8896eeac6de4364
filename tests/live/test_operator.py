"""An operator's commands in a journal a runner has claimed: one append, anchored, inherited."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from core.events import (
    CancelAnswered,
    CancelAttempted,
    Event,
    OperatorCommanded,
    TimerElapsed,
    tag_of,
)
from core.values import TimeText
from journal import Journal, open_journal
from journal.anchor import UNSYNCED_SLOT, anchor_path, read_slots
from live.committer import Committer
from live.operator import commanded, folded
from tests.sessions import run_session

RESTS = """
from core.strategy import OrderRequest

class Rests:
    def decide(self, view):
        for symbol in view.symbols:
            if not any(intent.symbol == symbol for intent in view.open_intents):
                yield OrderRequest(symbol, "buy", 10, limit_price=view.quotes[symbol].bid / 2)
"""


@pytest.fixture
def url(tmp_path: Path) -> str:
    """A journal with orders that rest."""
    return run_session(tmp_path, cycles=3, source=RESTS, name="Rests")


@pytest.fixture
def ours(url: str) -> Iterator[Committer]:
    """A runner's committer, its epoch claimed by name: only what is inherited is looked at."""
    with open_journal(url) as journal:
        committer = Committer(journal)
        committer.claimed_epoch = committer.state.epoch
        yield committer


def told(journal: Journal, *words: str) -> Committer:
    """The commands, as another process gives them."""
    committer = folded(journal)
    commanded(committer, words, who="ann", where="here", why="a test", now=None)
    return committer


def answered(attempt: CancelAttempted, at: TimeText, outcome: str = "accepted") -> CancelAnswered:
    """The broker took the cancel, or said nothing."""
    order = attempt.client_order_id
    return CancelAnswered(
        observed_at=at, client_order_id=order, attempt=attempt.attempt, outcome=outcome
    )


def test_commands_given_together_stand_together_and_are_anchored_with_a_sync(url: str) -> None:
    with open_journal(url) as journal:
        before = journal.read_head().sequence
        told(journal, "halt", "cancel-all")
        events: list[Event] = [one.event for one in journal.read(after=before)]
        path = journal.path
        head = journal.read_head().sequence
    assert path is not None
    tags = [tag_of(event) for event in events]
    assert tags[:3] == ["operator-commanded.v1", "kill-switch-latched.v1", "operator-commanded.v1"]
    assert set(tags[3:]) == {"cancel-attempted.v1"}
    assert [e.command for e in events if isinstance(e, OperatorCommanded)] == ["halt", "cancel-all"]
    synced = [slot for slot in read_slots(anchor_path(path)) if slot.place != UNSYNCED_SLOT]
    assert synced[0].head.sequence == head


def test_a_runner_inherits_the_cancels_that_nobody_has_answered_yet(
    url: str, ours: Committer
) -> None:
    with open_journal(url) as journal:
        other = told(journal, "cancel-all")
        attempts = [one.event for one in journal.read() if isinstance(one.event, CancelAttempted)][
            -2:
        ]
        assert len(attempts) == 2
        other.observe(answered(attempts[0], other.state.now))

    ours.catch_up()

    inherited = [one for one in ours.take_inherited() if isinstance(one, CancelAttempted)]
    assert inherited == [attempts[1]]


def test_a_timer_that_another_process_let_elapse_and_set_anew_is_not_taken_away(
    url: str, ours: Committer
) -> None:
    """The runner picked it, then found the journal moved: what it picked is over."""
    with open_journal(url) as journal:
        other = told(journal, "cancel-all")
        attempt = next(one for one in other.state.intents.values() if one.cancel_pending)
        key = f"cancel:{attempt.client_order_id}"

        def unknown() -> None:
            sent = [one.event for one in journal.read() if isinstance(one.event, CancelAttempted)]
            last = [one for one in sent if one.client_order_id == attempt.client_order_id][-1]
            other.observe(answered(last, other.state.now, "unknown"))

        unknown()
        ours.catch_up()
        first = ours.state.timers[key]
        elapsed = TimerElapsed(observed_at=first, key=key, due=first)
        assert other.elapse(elapsed) is not None
        unknown()
        second = other.state.timers[key]
        assert second > first

        assert ours.elapse(elapsed) is None

        assert ours.state.timers[key] == second
        assert sum(isinstance(one.event, TimerElapsed) for one in journal.read()) == 1
