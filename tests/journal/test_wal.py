"""What makes a commit wait longer than its own bytes is done where nothing waits."""

import os
import sqlite3
import subprocess
import sys
from pathlib import Path

from journal import create_journal, open_journal
from journal.anchor import beside
from tests.journal.sample import ROOT, at, created, timers

CHECKPOINT_BY_SQLITE = 1_000 * 4_096
DIES = """
import os, sys
from journal import open_journal
from journal import wal
journal = open_journal(sys.argv[1])
wal.sync_data = lambda fd: os.kill(os.getpid(), 9)
journal.make_room()
"""


def size(path: Path) -> int:
    """Bytes of the log."""
    return beside(path, "-wal").stat().st_size


def test_room_changes_the_logs_length_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "main.db"
    with create_journal(path, created(), recorded_at=at(0)) as journal:
        journal.append(timers(1, 5), expected=journal.head, epoch=1, recorded_at=at(5))
        head = journal.head

        journal.make_room()

        assert size(path) > CHECKPOINT_BY_SQLITE
        assert journal.read_head() == head
        assert not journal.store.problems()
        with open_journal(path, read_only=True) as reader:
            assert [one.sequence for one in reader.read()] == list(range(1, 7))
        journal.append(timers(6, 5), expected=head, epoch=1, recorded_at=at(9))
    with open_journal(path, read_only=True) as reader:
        assert len(list(reader.read())) == 11


def test_no_room_is_made_in_another_journals_log(tmp_path: Path) -> None:
    path, other = tmp_path / "main.db", tmp_path / "other.db"
    with (
        create_journal(other, created(), recorded_at=at(0)) as theirs,
        create_journal(path, created(), recorded_at=at(0)) as journal,
    ):
        theirs.append(timers(1, 5), expected=theirs.head, epoch=1, recorded_at=at(5))
        before = size(other)
        for suffix in ("", "-wal", "-shm"):
            Path(f"{other}{suffix}").replace(f"{path}{suffix}")

        journal.make_room()

        assert size(path) == before


def test_appends_with_rests_between_never_make_the_log_longer(tmp_path: Path) -> None:
    path = tmp_path / "main.db"
    with create_journal(path, created(), recorded_at=at(0)) as journal:
        journal.make_room()
        before = size(path)
        checkpoints = 0
        for number in range(1, 600):
            journal.append([*timers(number, 1)], expected=journal.head, epoch=1, recorded_at=at(9))
            since = journal.store._since_checkpoint  # type: ignore[attr-defined]
            journal.rest()
            checkpoints += journal.store._since_checkpoint < since  # type: ignore[attr-defined]

        assert size(path) == before
        assert checkpoints >= 2


def test_a_reader_that_holds_an_old_state_keeps_it_through_a_rest(tmp_path: Path) -> None:
    path = tmp_path / "main.db"
    with create_journal(path, created(), recorded_at=at(0)) as journal:
        journal.append(timers(1, 5), expected=journal.head, epoch=1, recorded_at=at(5))
        reader = sqlite3.connect(path, isolation_level=None)
        reader.execute("BEGIN")
        count = "SELECT count(*) FROM stored_events"
        assert reader.execute(count).fetchone() == (6,)

        for number in range(6, 400):
            journal.append(timers(number, 1), expected=journal.head, epoch=1, recorded_at=at(9))
            journal.rest()

        assert reader.execute(count).fetchone() == (6,)
        reader.close()


def test_a_death_while_room_is_made_loses_nothing(tmp_path: Path) -> None:
    path = tmp_path / "main.db"
    with create_journal(path, created(), recorded_at=at(0)) as journal:
        head = journal.append(timers(1, 5), expected=journal.head, epoch=1, recorded_at=at(5))
    died = subprocess.run(
        [sys.executable, "-c", DIES, str(path)],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        timeout=60,
        check=False,
    )
    assert died.returncode == -9
    assert size(path) > CHECKPOINT_BY_SQLITE

    with open_journal(path) as journal:
        assert journal.head == head
        journal.append(timers(6, 5), expected=head, epoch=1, recorded_at=at(9))
        assert not journal.store.problems()
        assert len(list(journal.read())) == 11


def test_a_rehearsal_writes_nothing_and_waits_for_no_writer(tmp_path: Path) -> None:
    path = tmp_path / "main.db"
    with create_journal(path, created(), recorded_at=at(0)) as journal:
        head, log = journal.head, size(path)
        other = sqlite3.connect(path, isolation_level=None)

        journal.rehearse(timers(1, 5), at(5))
        other.execute("BEGIN IMMEDIATE")
        journal.rehearse(timers(1, 5), at(5))
        other.execute("ROLLBACK")
        other.close()

        assert (journal.read_head(), size(path)) == (head, log)
        journal.append(timers(1, 5), expected=head, epoch=1, recorded_at=at(5))
