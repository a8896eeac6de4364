"""Where journals are and are not: URLs, files that are something else, folders, locks."""

import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from uuid import uuid4

import pytest
from eventsourcing.persistence import StoredEvent
from eventsourcing.sqlite import SQLiteApplicationRecorder, SQLiteDatastore

from journal import Journal, JournalUrl, WriterLock, create_journal, open_journal, parse_url, verify
from journal.errors import (
    JournalError,
    JournalMissingError,
    JournalUrlError,
    LockedError,
    NotAJournalError,
    StorageError,
)
from tests.journal.sample import ROOT, add, at, created, make


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("sqlite:///a/b.db", JournalUrl("sqlite:///a/b.db", "sqlite", Path("a/b.db"))),
        ("sqlite:////a/b.db", JournalUrl("sqlite:////a/b.db", "sqlite", Path("/a/b.db"))),
        ("a b?.db", JournalUrl("a b?.db", "sqlite", Path("a b?.db"))),
        ("memory:///x", JournalUrl("memory:///x", "memory", name="x")),
        ("memory://", JournalUrl("memory://", "memory")),
    ],
)
def test_a_url_names_an_engine_and_a_place(text: str, expected: JournalUrl) -> None:
    assert parse_url(text) == expected
    assert parse_url(expected) is expected


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "found nothing"),
        ("sqlite://b.db", "three slashes"),
        ("sqlite:///", "three slashes"),
        (":memory:", "write memory:///NAME"),
        ("mysql://me:secret@host/db", "found 'mysql'"),  # pragma: allowlist secret
        ("sqlite+pysqlite:///b.db", "found 'sqlite[+]pysqlite'; write sqlite:///PATH"),
        ("umadb://host:50051", "found 'umadb'; write sqlite:///PATH"),
        ("postgresql+psycopg://me:secret@host/db", "no driver"),  # pragma: allowlist secret
        ("a\0b", "found nothing"),
    ],
)
def test_what_names_no_journal_is_told_in_one_line_without_its_password(
    text: str, why: str
) -> None:
    with pytest.raises(JournalUrlError, match=why) as caught:
        parse_url(text)
    assert "secret" not in str(caught.value)


def test_a_path_with_odd_characters_holds_a_journal(tmp_path: Path) -> None:
    path = tmp_path / "a b?c#d%41é.db"
    make(path, 2)
    assert path.exists()
    assert verify(path).events == 3


def test_a_relative_path_stays_the_same_place_when_the_folder_changes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    make("j.db")
    with open_journal("sqlite:///j.db") as journal:
        monkeypatch.chdir("/")
        add(journal, 1)
    assert verify(tmp_path / "j.db").events == 2


def test_a_link_to_a_journal_is_that_journal_with_its_anchor_and_lock(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    make(tmp_path / "real" / "j.db", 1)
    link = tmp_path / "link.db"
    link.symlink_to(tmp_path / "real" / "j.db")
    with open_journal(link) as journal:
        add(journal, 1)
    assert verify(tmp_path / "real" / "j.db").events == 3
    with WriterLock(link), pytest.raises(LockedError):
        WriterLock(tmp_path / "real" / "j.db").acquire()


def foreign_events(path: Path) -> None:
    datastore = SQLiteDatastore(str(path))
    recorder = SQLiteApplicationRecorder(datastore)
    recorder.create_table()
    recorder.insert_events([StoredEvent(uuid4(), 0, "journal-created.v1", b'\x01{"format":1}')])
    datastore.close()


def table(path: Path, sql: str) -> None:
    connection = sqlite3.connect(path)
    connection.execute(sql)
    connection.commit()
    connection.close()


@pytest.mark.parametrize(
    ("kind", "found"),
    [
        ("text", "no SQLite file"),
        ("empty", "an empty file"),
        ("folder", "a folder"),
        ("other tables", "an SQLite file with the table cats"),
        ("another program's events", "an event store of another program"),
        ("a table of that name", "a table stored_events of another shape"),
    ],
)
def test_a_file_that_is_no_journal_is_named_and_left_alone(
    tmp_path: Path, kind: str, found: str
) -> None:
    path = tmp_path / "thing"
    match kind:
        case "text":
            path.write_text("dear diary, this is not a database" * 100)
        case "empty":
            path.touch()
        case "folder":
            path.mkdir()
        case "other tables":
            table(path, "CREATE TABLE cats (name)")
        case "another program's events":
            foreign_events(path)
        case _:
            table(path, "CREATE TABLE stored_events (a, b)")
    before = path.read_bytes() if path.is_file() else b""

    for action in (open_journal, verify):
        with pytest.raises(NotAJournalError, match=found) as caught:
            action(path)
        assert str(path) in str(caught.value)
    if kind != "empty":
        with pytest.raises(JournalError):
            create_journal(path, created(), recorded_at=at(0))
    if path.is_file():
        assert path.read_bytes() == before


def test_an_empty_file_counts_as_nothing_and_a_journal_can_be_made_in_it(tmp_path: Path) -> None:
    path = tmp_path / "j.db"
    path.touch()
    with pytest.raises(JournalMissingError):
        open_journal(path)
    make(path, 1)
    assert verify(path).ok


def test_a_missing_folder_is_said_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="its folder does not exist; make it first"):
        make(tmp_path / "no" / "j.db")
    with pytest.raises(JournalMissingError):
        open_journal(tmp_path / "no" / "j.db")
    with pytest.raises(JournalMissingError):
        verify(tmp_path / "no" / "j.db")


def test_opening_leaves_nothing_where_nothing_was(tmp_path: Path) -> None:
    with pytest.raises(JournalMissingError):
        open_journal(tmp_path / "j.db")
    assert list(tmp_path.iterdir()) == []


def test_a_journal_replaced_under_a_runner_is_noticed_before_the_next_append(
    tmp_path: Path,
) -> None:
    path = tmp_path / "j.db"
    make(path)
    make(tmp_path / "other.db")
    with open_journal(path) as journal:
        (tmp_path / "other.db").replace(path)
        with pytest.raises(StorageError, match="replaced or removed"):
            add(journal, 1)


HOLD = (
    "import sys\nfrom journal import WriterLock\nlock = WriterLock(sys.argv[1])\nlock.acquire()\n"
    "print('held', flush=True)\nsys.stdin.read()"
)


def test_a_second_runner_is_told_who_holds_the_lock_and_gets_it_when_that_one_dies(
    tmp_path: Path,
) -> None:
    path = tmp_path / "j.db"
    make(path)
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(path)],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as holder:
        assert holder.stdout is not None
        holder.stdout.readline()
        for _ in range(2):
            with pytest.raises(LockedError, match=f"held by process {holder.pid}, since 20") as e:
                WriterLock(path).acquire()
            assert e.value.pid == holder.pid
        with open_journal(path, read_only=True) as journal:
            assert journal.head.sequence == 1
        holder.kill()
        holder.wait()
        with WriterLock(path):
            pass


def test_the_lock_is_free_again_after_its_release_and_memory_needs_none(tmp_path: Path) -> None:
    for _ in range(2):
        with WriterLock(tmp_path / "j.db"):
            pass
    with WriterLock("memory:///x"), WriterLock("memory:///x"):
        pass


def test_reading_a_journal_in_a_folder_nobody_can_write_to(tmp_path: Path) -> None:
    """A folder bound read-only, since root does not care for its permissions."""
    folder = tmp_path / "archive"
    folder.mkdir()
    head = make(folder / "j.db", 5)
    mount = ["mount", "--bind", "-o", "ro", str(folder), str(folder)]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("no mount can be made here")
    try:
        assert verify(folder / "j.db").head == head
        with open_journal(folder / "j.db", read_only=True) as journal:
            assert journal.head == head
        actions: list[Callable[[], Journal]] = [
            lambda: open_journal(folder / "j.db"),
            lambda: create_journal(folder / "new.db", created(), recorded_at=at(0)),
        ]
        for action in actions:
            with pytest.raises(JournalError, match=r"(?i)read-only|permissions") as caught:
                action()
            assert "\n" not in str(caught.value)
    finally:
        subprocess.run(["umount", str(folder)], check=True)
