"""The head kept outside: what it notices, what it forgives, and how a rollback is accepted."""

from pathlib import Path

import pytest

from core.events.lifecycle import RollbackAccepted
from journal import GENESIS, Head, Journal, create_journal, open_journal, verify
from journal.anchor import SLOT_SIZE, Anchor, anchor_path, create_anchor, read_slots
from journal.errors import AnchorMissingError, ForkError, JournalError, RollbackError
from tests.journal.sample import add, at, copy, created, make, side, timer


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "j.db"


def problems(path: Path) -> list[str]:
    return [problem.problem.split()[0] for problem in verify(path).problems]


def test_every_commit_is_noted_without_a_sync_and_a_sync_takes_turns(path: Path) -> None:
    make(path)
    with open_journal(path) as journal:
        synced: list[set[int]] = []
        for _ in range(3):
            add(journal, 2)
            assert read_slots(anchor_path(path))[0].head == journal.head
            journal.anchor()
            journal.anchor()
            synced.append({s.head.sequence for s in read_slots(anchor_path(path)) if s.place < 2})
    assert synced == [{1, 3}, {3, 5}, {5, 7}]


def test_a_journal_that_is_ahead_of_its_anchor_is_normal(path: Path, tmp_path: Path) -> None:
    make(path, 3)
    copy(path, tmp_path / "old.db")
    with open_journal(path) as journal:
        head = add(journal, 5)
    side(tmp_path / "old.db", ".anchor").replace(side(path, ".anchor"))

    assert verify(path).ok
    with open_journal(path) as journal:
        assert journal.head == head


def test_a_dropped_wal_is_a_rollback(path: Path, tmp_path: Path) -> None:
    make(path, 3)
    with open_journal(path) as journal:
        add(journal, 5)
        copied = copy(path, tmp_path / "copy.db", without=("-wal", "-shm"))

    with pytest.raises(RollbackError, match=r"ROLLBACK .* sequence 9 .* ends at 4; restore"):
        open_journal(copied)
    assert problems(copied) == ["ROLLBACK"]


def test_a_restored_older_copy_is_a_rollback(path: Path, tmp_path: Path) -> None:
    make(path, 3)
    older = copy(path, tmp_path / "older.db")
    with open_journal(path) as journal:
        add(journal, 5)
    older.replace(path)

    with pytest.raises(RollbackError) as caught:
        open_journal(path)
    assert (caught.value.journal.sequence, caught.value.anchor_sequence) == (4, 9)
    assert problems(path) == ["ROLLBACK"]


def test_a_lost_file_is_a_rollback_and_is_not_created_anew(path: Path) -> None:
    make(path, 3)
    path.unlink()

    for action in (open_journal, verify):
        if action is verify:
            assert problems(path) == ["ROLLBACK"]
        else:
            with pytest.raises(RollbackError):
                action(path)
    with pytest.raises(RollbackError):
        create_journal(path, created(), recorded_at=at(0))
    assert not path.exists() or path.stat().st_size == 0


def test_another_journals_anchor_is_a_fork(path: Path, tmp_path: Path) -> None:
    make(path, 3)
    make(tmp_path / "other.db", 3, name="other")
    side(tmp_path / "other.db", ".anchor").replace(side(path, ".anchor"))

    with pytest.raises(ForkError, match="the anchor is of journal"):
        open_journal(path)
    assert problems(path) == ["FORK"]


def test_the_same_journal_with_another_history_is_a_fork(path: Path, tmp_path: Path) -> None:
    make(path, 1)
    twin = copy(path, tmp_path / "twin.db")
    with open_journal(path) as journal:
        add(journal, 1)
    with open_journal(twin) as journal:
        journal.append([timer(99), timer(98)], expected=journal.head, epoch=1, recorded_at=at(9))
    twin.replace(path)

    with pytest.raises(ForkError, match=r"FORK .* at sequence 3 the chain is"):
        open_journal(path)
    assert problems(path) == ["FORK"]


@pytest.mark.parametrize("damage", ["gone", "empty", "zeros", "no slot valid"])
def test_a_missing_anchor_is_refused_unless_it_is_accepted(path: Path, damage: str) -> None:
    head = make(path, 3)
    file = anchor_path(path)
    match damage:
        case "gone":
            file.unlink()
        case "empty":
            file.write_bytes(b"")
        case "zeros":
            file.write_bytes(bytes(3 * SLOT_SIZE))
        case _:
            file.write_bytes(file.read_bytes().replace(b"refoldA1", b"refoldB1"))

    with pytest.raises(AnchorMissingError, match="ANCHOR_MISSING"):
        open_journal(path)
    assert problems(path) == ["ANCHOR_MISSING"]
    with open_journal(path, read_only=True) as journal:
        assert isinstance(journal.anchor_error, AnchorMissingError)
    with open_journal(path, accept_anchor_missing=True) as journal:
        assert journal.head == head
    assert verify(path).ok


def test_a_torn_slot_is_ignored_and_mended(path: Path) -> None:
    head = make(path, 3)
    file = anchor_path(path)
    for slot in range(3):
        data = bytearray(file.read_bytes())
        data[slot * SLOT_SIZE + 40 : slot * SLOT_SIZE + 60] = b"torn" * 5
        file.write_bytes(data)
        assert len(read_slots(file)) == 2
        assert verify(path).ok
        with open_journal(path) as journal:
            head = add(journal, 2)
            journal.anchor()
            add(journal, 1)
            journal.anchor()
        assert len(read_slots(file)) == 3
    assert head.sequence == 12


def test_a_sync_never_overwrites_the_newest_synced_slot(tmp_path: Path) -> None:
    """A torn write of it would leave the older one; the newest must be the one that stays."""
    file, journal_id = tmp_path / "a", "ab" * 16
    create_anchor(file, journal_id)
    for sequence in range(1, 6):
        anchor = Anchor(file, journal_id)
        anchor.sync(Head(sequence, f"{sequence:064x}"))
        anchor.close()
        kept = {s.head.sequence for s in read_slots(file) if s.place < 2}
        assert kept == {sequence, sequence - 1}


def test_a_reader_is_told_of_a_rollback_but_may_read(path: Path) -> None:
    make(path, 3)
    create_anchor(anchor_path(path), created().journal_id, Head(50, "ab" * 32))
    with open_journal(path, read_only=True) as journal:
        assert isinstance(journal.anchor_error, RollbackError)
        assert len(list(journal.read())) == 4


def accepted(journal: Journal, lost: Head) -> RollbackAccepted:
    return RollbackAccepted(
        observed_at=at(9),
        journal_sequence=journal.head.sequence,
        journal_chain=journal.head.chain,
        anchor_sequence=lost.sequence,
        anchor_chain=lost.chain,
        who="operator",
        why="restored last night's copy",
    )


def rolled_back(path: Path, lost_events: int) -> Head:
    """A journal whose last events were lost; the head it had."""
    make(path, 3)
    older = copy(path, path.with_name("older.db"))
    with open_journal(path) as journal:
        lost = add(journal, lost_events)
    older.replace(path)
    return lost


@pytest.mark.parametrize("lost_events", [1, 5])
def test_a_rollback_is_accepted_by_writing_it_down_first(path: Path, lost_events: int) -> None:
    lost = rolled_back(path, lost_events)
    with open_journal(path, accept_rollback=True) as journal:
        assert journal.rolled_back_from == lost
        with pytest.raises(RollbackError):
            add(journal, 1)
        with pytest.raises(RollbackError):
            journal.anchor()
        wrong = accepted(journal, Head(lost.sequence, "ab" * 32))
        with pytest.raises(RollbackError):
            journal.append([wrong], expected=journal.head, epoch=1, recorded_at=at(9))
        journal.append([accepted(journal, lost)], expected=journal.head, epoch=1, recorded_at=at(9))
        assert journal.rolled_back_from is None
        add(journal, 1)
    assert verify(path).ok
    open_journal(path).close()


def test_a_rollback_that_is_not_written_down_stands(path: Path) -> None:
    rolled_back(path, 2)
    open_journal(path, accept_rollback=True).close()
    with pytest.raises(RollbackError):
        open_journal(path)


@pytest.mark.parametrize("lost_events", [1, 5])
@pytest.mark.parametrize("resets", [0, 1, 2])
def test_dying_between_the_accepted_rollback_and_the_anchor_is_mended_at_open(
    path: Path, tmp_path: Path, lost_events: int, resets: int
) -> None:
    lost = rolled_back(path, lost_events)
    stale = anchor_path(path).read_bytes()
    with open_journal(path, accept_rollback=True) as journal:
        head = journal.append(
            [accepted(journal, lost)], expected=journal.head, epoch=1, recorded_at=at(9)
        )
        fresh = anchor_path(path).read_bytes()
    cut = resets * SLOT_SIZE
    anchor_path(path).write_bytes(fresh[:cut] + stale[cut:])

    assert verify(path).ok
    with open_journal(path) as journal:
        assert journal.head == head
        add(journal, 1)
    assert verify(path).ok
    assert {slot.head.sequence for slot in read_slots(anchor_path(path))} <= {5, 6}


def test_a_fork_cannot_be_accepted(path: Path) -> None:
    make(path, 3)
    create_anchor(anchor_path(path), created().journal_id, Head(2, "ab" * 32))
    with pytest.raises(ForkError):
        open_journal(path, accept_rollback=True, accept_anchor_missing=True)


def test_every_anchor_error_is_a_journal_error_of_one_line(tmp_path: Path) -> None:
    errors: list[JournalError] = [
        RollbackError("j", GENESIS, 5),
        ForkError("j", 5, "x"),
        AnchorMissingError(tmp_path, "no file"),
    ]
    assert all("\n" not in str(error) and ";" in str(error) + ";" for error in errors)


def test_a_runner_that_was_overtaken_leaves_the_newer_ones_slots(path: Path) -> None:
    def synced() -> list[int]:
        slots = sorted(read_slots(anchor_path(path)))
        return [slot.head.sequence for slot in slots]

    make(path)
    with open_journal(path) as overtaken:
        add(overtaken, 1)
        with open_journal(path) as newer:
            for _ in range(3):
                add(newer, 2)
                newer.anchor()
        before = synced()
        overtaken.anchor()
        overtaken._note(overtaken.head)
    assert synced() == before
    assert max(before) == 6 + overtaken.head.sequence
