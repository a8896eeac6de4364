"""What every engine promises: append, conflict, read, follow. One suite for all of them.

An encrypted journal promises the same: each engine is tried with one as well.
"""

import gc
import threading
import tracemalloc
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from msgspec.structs import replace

import journal as ours
from core.events import Event
from core.events.lifecycle import JournalCreated
from journal import GENESIS, Head, Journal, verify
from journal.errors import (
    ForkError,
    JournalExistsError,
    JournalMissingError,
    JournalMovedError,
    NewerJournalError,
    ReadOnlyError,
    RollbackError,
)
from journal.master_key import MasterKey
from journal.memory import forget
from tests.journal.sample import add, at, intent, timer, timers
from tests.journal.sample import created as plain_creation
from tests.journal.secret import KEY

ENGINES = ("memory", "sqlite", "postgresql")
KEYS: list[MasterKey | None] = [None]
"""The key of the journals of the test that runs; None where they are plain."""


@pytest.fixture(params=[*ENGINES, *(f"{engine}-encrypted" for engine in ENGINES)])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    engine, _, encrypted = request.param.partition("-")
    KEYS[0] = KEY if encrypted else None
    if engine == "sqlite":
        yield f"sqlite:///{tmp_path}/journal.db"
    elif engine == "postgresql":
        yield request.getfixturevalue("postgres")
    else:
        yield f"memory:///{request.node.name}"
        forget(request.node.name)
    KEYS[0] = None


def created(*, form: int = 1, min_reader: int = 1) -> JournalCreated:
    """Sequence 1 of this test's kind of journal; `form` counts from the newest of that kind."""
    encrypted = KEYS[0] is not None
    event = plain_creation(form=form + encrypted, min_reader=min_reader)
    return replace(event, encrypted=encrypted)


def create_journal(url: str, event: JournalCreated, *, recorded_at: str) -> Journal:
    """The journal's own function, with this test's key."""
    return ours.create_journal(url, event, recorded_at=recorded_at, key=KEYS[0])


def open_journal(url: str, *, read_only: bool = False) -> Journal:
    """The journal's own function, with this test's key."""
    return ours.open_journal(url, read_only=read_only, key=KEYS[0])


@pytest.fixture
def journal(url: str) -> Iterator[Journal]:
    with create_journal(url, created(), recorded_at=at(0)) as journal:
        yield journal


def test_a_new_journal_holds_its_first_event_and_says_who_it_is(journal: Journal) -> None:
    assert journal.head.sequence == 1
    assert journal.created == created()
    assert journal.journal_id == created().journal_id
    assert [recorded.event for recorded in journal.read()] == [created()]


def test_a_journal_is_created_once(url: str, journal: Journal) -> None:
    with pytest.raises(JournalExistsError, match="already here"):
        create_journal(url, created(), recorded_at=at(0))
    assert journal.read_head() == journal.head


def test_opening_never_creates(url: str) -> None:
    with pytest.raises(JournalMissingError, match="no journal here"):
        open_journal(url)
    with pytest.raises(JournalMissingError):
        open_journal(url)


def test_what_was_appended_is_read_back_with_its_envelope(journal: Journal) -> None:
    events: list[Event] = [timer(1), intent(2)]
    head = journal.append(events, expected=journal.head, epoch=7, recorded_at=at(3))

    read = list(journal.read(after=1))
    assert [recorded.event for recorded in read] == events
    assert [recorded.sequence for recorded in read] == [2, 3]
    assert {recorded.epoch for recorded in read} == {7}
    assert {recorded.recorded_at for recorded in read} == {read[0].recorded_at}
    assert read[-1].head == head == journal.head == journal.read_head()


def test_a_closed_journal_goes_on_where_it_stopped(url: str, journal: Journal) -> None:
    head = add(journal, 3)
    journal.close()

    with open_journal(url) as again:
        assert again.head == head
        assert add(again, 1).sequence == head.sequence + 1


def test_an_append_to_another_head_writes_nothing_and_names_both_heads(journal: Journal) -> None:
    first = journal.head
    head = add(journal, 2)

    for expected in (first, Head(head.sequence, "ab" * 32), Head(99, "ab" * 32), GENESIS):
        with pytest.raises(JournalMovedError) as caught:
            journal.append([timer(9)], expected=expected, epoch=1, recorded_at=at(9))
        assert (caught.value.expected, caught.value.found) == (expected, head)
    assert journal.read_head() == head


def test_the_loser_of_a_race_reads_the_tail_and_appends_again(url: str, journal: Journal) -> None:
    with open_journal(url) as other:
        head = add(other, 1)
        with pytest.raises(JournalMovedError):
            add(journal, 1)
        assert [recorded.head for recorded in journal.read(journal.head)] == [head]
        assert (
            journal.append([timer(5)], expected=head, epoch=1, recorded_at=at(5)).sequence
            == head.sequence + 1
        )


@pytest.mark.parametrize(
    ("count", "recorded_at", "epoch"),
    [(0, at(1), 1), (1, "2026-01-02", 1), (1, at(1), -1), (1, at(1), 2**64)],
)
def test_an_append_that_is_no_append_is_refused(
    journal: Journal, count: int, recorded_at: str, epoch: int
) -> None:
    head = journal.head
    with pytest.raises(ValueError, match="expected"):
        journal.append(timers(1, count), expected=head, epoch=epoch, recorded_at=recorded_at)
    assert journal.read_head() == head
    assert add(journal, 1).sequence == 2


def test_reading_is_limited_and_starts_behind_any_sequence(journal: Journal) -> None:
    add(journal, 1_200, batch=400)

    assert [r.sequence for r in journal.read(after=5, limit=3)] == [6, 7, 8]
    assert [r.sequence for r in journal.read(after=600, limit=600)] == list(range(601, 1201))
    assert [r.sequence for r in journal.read()] == list(range(1, 1202))
    assert list(journal.read(after=1201)) == []
    assert list(journal.read(limit=0)) == []


def test_the_events_are_those_that_reading_gives(journal: Journal) -> None:
    add(journal, 1_200, batch=400)
    told = [(recorded.sequence, recorded.event) for recorded in journal.read()]

    assert list(journal.events()) == told
    assert list(journal.events(after=5, limit=700)) == told[5:705]
    assert list(journal.events(after=journal.head)) == list(journal.events(limit=0)) == []


def test_reading_and_verifying_take_the_same_memory_whatever_the_length(
    url: str, journal: Journal
) -> None:
    def peak(walk: Callable[[], int]) -> int:
        gc.collect()
        tracemalloc.start()
        assert walk() == journal.head.sequence
        found = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return found

    def peaks() -> list[int]:
        return [peak(lambda: sum(1 for _ in journal.read())), peak(lambda: verify(url).events)]

    add(journal, 2_000, batch=500)
    short = peaks()
    add(journal, 8_000, batch=500)

    assert all(long < 2.5 * least for long, least in zip(peaks(), short, strict=True))


def test_reading_can_go_on_while_more_is_appended(journal: Journal) -> None:
    add(journal, 600, batch=600)
    reading = journal.read()
    next(reading)
    add(journal, 3)
    assert [r.sequence for r in reading] == list(range(2, 605))


def test_reading_from_beyond_the_end_is_a_rollback_not_silence(journal: Journal) -> None:
    with pytest.raises(RollbackError, match="sequence 5 was committed once"):
        next(journal.read(after=5))


def test_reading_from_a_head_of_another_journal_is_a_fork(journal: Journal) -> None:
    with pytest.raises(ForkError, match="at sequence 1"):
        next(journal.read(after=Head(1, "ab" * 32)))


def test_following_gives_what_is_there_and_then_what_comes(url: str, journal: Journal) -> None:
    add(journal, 3)
    seen: list[int] = []
    with open_journal(url, read_only=True) as reader:
        writer = threading.Thread(target=add, args=(journal, 4))
        for recorded in reader.follow(1, stop=lambda: len(seen) >= 7, poll_s=0.002):
            seen.append(recorded.sequence)
            if recorded.sequence == 4:
                writer.start()
        writer.join()
    assert seen == list(range(2, 9))


def test_following_sees_the_events_of_its_own_journal_object(journal: Journal) -> None:
    seen: list[int] = []
    for recorded in journal.follow(0, stop=lambda: len(seen) >= 3, poll_s=0.002):
        seen.append(recorded.sequence)
        if recorded.sequence < 3:
            add(journal, 1)
    assert seen == [1, 2, 3]


def test_a_journal_opened_for_reading_refuses_to_write(url: str, journal: Journal) -> None:
    with open_journal(url, read_only=True) as reader:
        with pytest.raises(ReadOnlyError, match="for reading only"):
            add(reader, 1)
        with pytest.raises(ReadOnlyError, match="for reading only"):
            reader.anchor()
        assert reader.head == journal.head


def test_a_closed_journal_answers_nothing(journal: Journal) -> None:
    journal.close()
    journal.close()
    with pytest.raises(ValueError, match="a closed one"):
        journal.read_head()


def test_a_whole_journal_verifies(url: str, journal: Journal) -> None:
    head = add(journal, 700, batch=70)
    report = verify(url)
    assert (report.ok, report.events, report.head, report.problems) == (True, 701, head, [])


@pytest.mark.parametrize(("form", "min_reader"), [(2, 1), (1, 2)])
def test_a_journal_from_a_newer_release_is_read_and_verified_but_never_written(
    url: str, form: int, min_reader: int
) -> None:
    newer = created(form=form, min_reader=min_reader)
    if newer.encrypted:
        refuse_newer_and_encrypted(url, newer)
        return
    with create_journal(url, newer, recorded_at=at(0)) as journal:
        with pytest.raises(NewerJournalError, match="use the newer release"):
            add(journal, 1)
        assert [recorded.event for recorded in journal.read()] == [newer]
    assert verify(url).ok


def refuse_newer_and_encrypted(url: str, newer: JournalCreated) -> None:
    """Its cipher may be another, so it is not even opened; it verifies without a key."""
    with pytest.raises(NewerJournalError, match="use the newer release"):
        create_journal(url, newer, recorded_at=at(0))
    with ours.open_journal(url, read_only=True, sealed=True) as journal:
        assert [recorded.event for recorded in journal.read()] == [newer]
    assert verify(url).ok
