"""A disk that fails, fills or is busy: what is definite, what is unknown, and that it is said."""

import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from eventsourcing.persistence import IntegrityError, StoredEvent
from eventsourcing.popo import POPOApplicationRecorder

from journal import Journal, open_journal, verify
from journal.codec import Codec, originator_of
from journal.errors import (
    CommitUnknownError,
    DiskFullError,
    JournalBusyError,
    JournalMovedError,
    StorageError,
)
from journal.memory import memory_store
from journal.recorded import GENESIS
from journal.store import RecorderStore
from journal.url import parse_url
from tests.journal.sample import ROOT, add, at, created, intent, make, program, running, timer

STRACE = shutil.which("strace")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    make(tmp_path / "j.db", 3)
    return tmp_path / "j.db"


class FailingCommit:
    """SQLite's connection, but COMMIT raises: before it is done, or after."""

    def __init__(self, connection: sqlite3.Connection, *, after: bool, error: Exception) -> None:
        self.connection, self.after, self.error = connection, after, error

    def execute(self, sql: str, *arguments: Any) -> sqlite3.Cursor:
        if sql != "COMMIT":
            return self.connection.execute(sql, *arguments)
        if self.after:
            self.connection.execute(sql)
        raise self.error

    def __getattr__(self, name: str) -> Any:
        return getattr(self.connection, name)


def break_commit(journal: Journal, *, after: bool, error: Exception) -> None:
    store: Any = journal.store
    store._raw = FailingCommit(store._raw, after=after, error=error)


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("error", [sqlite3.OperationalError("disk I/O error"), KeyboardInterrupt()])
def test_a_commit_that_fails_is_unknown_and_the_next_start_reads_what_is_there(
    path: Path, after: bool, error: Exception
) -> None:
    journal = open_journal(path)
    head = journal.head
    break_commit(journal, after=after, error=error)
    with pytest.raises((CommitUnknownError, KeyboardInterrupt)):
        add(journal, 1)
    for action in (lambda: add(journal, 1), journal.anchor, journal.read_head):
        with pytest.raises(CommitUnknownError, match=r"sequences 5 to 5 .* stop this process"):
            action()
    journal.close()

    assert verify(path).ok
    with open_journal(path) as again:
        assert again.head.sequence == head.sequence + after
        add(again, 1)


def test_a_busy_commit_is_definite_and_the_journal_goes_on(path: Path) -> None:
    busy = sqlite3.OperationalError("database is locked")
    busy.sqlite_errorcode = sqlite3.SQLITE_BUSY
    with open_journal(path) as journal:
        break_commit(journal, after=False, error=busy)
        with pytest.raises(JournalBusyError, match="nothing was written"):
            add(journal, 1)
        assert journal.read_head() == journal.head


@pytest.mark.skipif(STRACE is None, reason="strace is not installed")
@pytest.mark.parametrize("call", ["fdatasync", "pwrite64"])
def test_an_error_of_the_disk_poisons_the_journal_and_loses_nothing(path: Path, call: str) -> None:
    for when in (4, 6, 9, 14):
        before = verify(path).events
        inject = ["-e", f"trace={call}", "-e", f"inject={call}:error=EIO:when={when}"]
        result = subprocess.run(
            [str(STRACE), "-f", "-qq", "-o", "/dev/null", *inject, *program("writer", path, 2, 8)],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
        )
        if "Operation not permitted" in result.stderr:
            pytest.skip("strace may not trace here")
        heard = [int(line) for line in result.stdout.split("\n") if line.isdigit()]
        last = heard[-1] if heard else before
        report = verify(path)
        assert report.ok, report.problems
        assert report.events in (last, last + 2)
        opened = result.stdout.startswith("ready")
        assert result.returncode == 3 or len(heard) == 8 or not opened, result.stderr


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 4 MiB."""
    folder = tmp_path / "small"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", str(folder)]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("no file system can be mounted here")
    try:
        yield folder
    finally:
        subprocess.run(["umount", str(folder)], check=True)


def test_a_full_disk_is_refused_before_anything_is_written(small_disk: Path) -> None:
    path, ballast = small_disk / "j.db", small_disk / "ballast"
    make(path)
    ballast.write_bytes(bytes(2**20))
    with open_journal(path) as journal:
        head = journal.head
        refused = pytest.raises(DiskFullError, match="nothing was written, free some space")
        with refused:
            for number in range(1000):
                events = [intent(number) for _ in range(100)]
                head = journal.append(events, expected=head, epoch=1, recorded_at=at(1))
        assert journal.read_head() == head
        ballast.unlink()
        head = add(journal, 1)
    assert head.sequence > 500
    assert verify(path).events == head.sequence


def test_a_disk_filled_by_another_within_the_commit_is_an_unknown_commit(small_disk: Path) -> None:
    path = small_disk / "j.db"
    make(path)
    journal = open_journal(path)
    journal.store._refuse_full = lambda _need: None  # type: ignore[attr-defined]
    head = add(journal, 3)
    with (small_disk / "ballast").open("wb") as ballast:
        ballast.write(bytes(shutil.disk_usage(small_disk).free))
    with pytest.raises(CommitUnknownError, match="full"):
        journal.append([intent(n) for n in range(40)], expected=head, epoch=1, recorded_at=at(1))
    journal.close()
    (small_disk / "ballast").unlink()
    assert verify(path).events == head.sequence
    with open_journal(path) as again:
        add(again, 1)


def test_creating_on_a_full_disk_fails_in_one_line_and_works_later(small_disk: Path) -> None:
    (small_disk / "ballast").write_bytes(bytes(shutil.disk_usage(small_disk).free))
    with pytest.raises((DiskFullError, StorageError)) as caught:
        make(small_disk / "j.db")
    assert "\n" not in str(caught.value)
    (small_disk / "ballast").unlink()
    make(small_disk / "j.db", 2)
    assert verify(small_disk / "j.db").ok


def test_a_file_size_limit_is_an_unknown_commit_too(path: Path) -> None:
    result = subprocess.run(
        program("writer", path, 20, 500, 200_000),
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    heard = [int(line) for line in result.stdout.split("\n") if line.isdigit()]
    assert result.returncode == 3, result.stderr
    report = verify(path)
    assert report.ok
    assert report.events in (heard[-1], heard[-1] + 20)


HOLD = (
    "import sqlite3, sys\nc = sqlite3.connect(sys.argv[1], isolation_level=None)\n"
    "c.execute('BEGIN IMMEDIATE')\nprint('held', flush=True)\nsys.stdin.read()"
)


def test_another_process_holding_the_write_lock_is_busy_and_definite(path: Path) -> None:
    with (
        open_journal(path) as journal,
        subprocess.Popen(
            [sys.executable, "-c", HOLD, str(path)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        ) as holder,
    ):
        assert holder.stdout is not None
        holder.stdout.readline()
        with pytest.raises(JournalBusyError, match="held its write lock for 2 s"):
            add(journal, 1)
        assert len(list(journal.read())) == 4
        holder.kill()
        holder.wait()
        assert add(journal, 1).sequence == 5


def test_two_processes_racing_leave_no_gap_and_no_double(path: Path) -> None:
    with (
        running(program("writer", path, 1, 60)) as one,
        running(program("writer", path, 1, 60)) as two,
    ):
        outputs = [process.communicate()[0].split()[1:] for process in (one, two)]
    acknowledged = sorted(int(sequence) for output in outputs for sequence in output)
    assert acknowledged == list(range(5, 125))
    report = verify(path)
    assert (report.ok, report.events) == (True, 124)


class LosesAnswers(POPOApplicationRecorder):
    """A recorder whose client runs an insert twice: the library's `@retry` after a lost answer."""

    def insert_events(self, stored_events: Any, **kwargs: Any) -> Any:
        super().insert_events(stored_events, **kwargs)
        return super().insert_events(stored_events, **kwargs)


def test_our_own_rows_reported_as_a_conflict_are_a_lost_answer() -> None:
    store = RecorderStore(LosesAnswers())
    store.bind(originator_of(created().journal_id))
    codec = Codec(created().journal_id, "here")
    rows, head = codec.encode([timer(1), timer(2)], GENESIS, epoch=1, recorded_at=1)

    store.append(rows, GENESIS)
    assert store.scan(-1, 10) == rows
    with pytest.raises(JournalMovedError) as caught:
        store.append(codec.encode([timer(3)], GENESIS, epoch=1, recorded_at=1)[0], GENESIS)
    assert caught.value.found == head


class Overtaken(POPOApplicationRecorder):
    """A recorder into which somebody else writes just before us."""

    def insert_events(self, stored_events: Any, **kwargs: Any) -> Any:
        first = stored_events[0]
        super().insert_events(
            [StoredEvent(first.originator_id, first.originator_version, "other.v1", bytes(60))]
        )
        with pytest.raises(IntegrityError):
            super().insert_events(stored_events, **kwargs)
        raise IntegrityError


def test_somebody_elses_row_at_our_sequence_is_a_moved_journal() -> None:
    store = RecorderStore(Overtaken())
    store.bind(originator_of(created().journal_id))
    rows, _ = Codec(created().journal_id, "here").encode(
        [timer(1)], GENESIS, epoch=1, recorded_at=1
    )
    with pytest.raises(JournalMovedError):
        store.append(rows, GENESIS)


def test_a_memory_journal_is_the_generic_store() -> None:
    assert isinstance(memory_store(parse_url("memory://"), create=True), RecorderStore)
