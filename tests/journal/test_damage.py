"""Bytes that changed: nothing may be lost or altered in silence."""

import random
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from journal import VerifyReport, open_journal, verify
from journal.errors import BrokenChainError, JournalError, NotAJournalError, RollbackError
from tests.journal.sample import add, content, copy, make, side

FLIPS = 150


def report_of(path: Path) -> VerifyReport | str:
    """The report, or why there is none."""
    try:
        return verify(path)
    except NotAJournalError as error:
        return str(error)


@pytest.mark.parametrize("suffix", ["", "-wal", ".anchor"])
def test_no_flipped_bit_is_silent(tmp_path: Path, suffix: str) -> None:
    """Either verify says so, or every event is as it was."""
    path = tmp_path / "j.db"
    make(path, 40)
    with open_journal(path) as journal:
        if suffix != "":
            add(journal, 20)
        original = content(path)
        base = copy(path, tmp_path / "base.db", without=("-shm",))
    sound = side(base, suffix).read_bytes()
    chance = random.Random(7)
    detected = 0
    for _ in range(FLIPS):
        place, bit = chance.randrange(len(sound)), chance.randrange(8)
        damaged = bytearray(sound)
        damaged[place] ^= 1 << bit
        side(base, suffix).write_bytes(damaged)
        side(base, "-shm").unlink(missing_ok=True)
        report = report_of(base)
        if isinstance(report, str) or not report.ok:
            detected += 1
        else:
            assert content(base) == original, f"bit {bit} of byte {place} was silent"
    if suffix != ".anchor":
        assert detected > FLIPS / 4


def test_a_flip_in_the_wal_that_drops_commits_stops_the_runner_too(tmp_path: Path) -> None:
    path = tmp_path / "j.db"
    make(path)
    with open_journal(path) as journal:
        add(journal, 20)
        base = copy(path, tmp_path / "base.db", without=("-shm",))
    wal = side(base, "-wal")
    data = bytearray(wal.read_bytes())
    data[len(data) // 2] ^= 1
    wal.write_bytes(data)

    with pytest.raises(JournalError, match="ROLLBACK"):
        open_journal(base)
    assert wal.read_bytes() == bytes(data), "the evidence must stay as it was found"


def edit(path: Path, *statements: str) -> None:
    """Change rows as somebody would who wants to: without the triggers."""
    connection = sqlite3.connect(path, isolation_level=None)
    connection.create_function("edited", 1, lambda data: data.replace(b"timer-", b"TIMER-"))
    triggers = connection.execute(
        "SELECT name, sql FROM sqlite_master WHERE type='trigger'"
    ).fetchall()
    for name, _ in triggers:
        connection.execute(f"DROP TRIGGER {name}")
    for statement in statements:
        connection.execute(statement)
    for _, sql in triggers:
        connection.execute(sql)
    connection.close()


AT = "WHERE originator_version ="
EDITS: dict[str, tuple[tuple[str, ...], int | None, str]] = {
    "edited": (
        (f"UPDATE stored_events SET state = edited(state) {AT} 5",),
        6,
        "its bytes hash to",
    ),
    "swapped": (
        (
            f"UPDATE stored_events SET originator_version = 99 {AT} 3",
            f"UPDATE stored_events SET originator_version = 3 {AT} 4",
            f"UPDATE stored_events SET originator_version = 4 {AT} 99",
        ),
        4,
        "expected this sequence, found 5",
    ),
    "swapped contents": (
        (f"UPDATE stored_events SET state = (SELECT state FROM stored_events {AT} 4) {AT} 3",),
        4,
        "its bytes hash to",
    ),
    "removed": ((f"DELETE FROM stored_events {AT} 7",), 8, "expected this sequence, found 9"),
    "retagged": (
        (f"UPDATE stored_events SET topic = 'timer-set.v1' {AT} 2",),
        3,
        "its bytes hash to",
    ),
    "later": (
        (f"UPDATE stored_events SET topic = 'No Tag' {AT} 2",),
        3,
        "no frame is stored here",
    ),
    "tail cut": (("DELETE FROM stored_events WHERE originator_version > 8",), None, "ROLLBACK"),
    "last row": ((f"DELETE FROM stored_events {AT} 10",), None, "ROLLBACK"),
    "first row": (
        (f"DELETE FROM stored_events {AT} 0",),
        1,
        "found an event store of another program",
    ),
    "no text": (
        (f"UPDATE stored_events SET topic = CAST(x'ff41' AS TEXT) {AT} 6",),
        7,
        "decode",
    ),
    "text for bytes": (
        (f"UPDATE stored_events SET state = CAST('abc' AS TEXT) {AT} 6",),
        7,
        "no frame is stored here",
    ),
    "someone else's rows": (
        ("INSERT INTO stored_events VALUES ('aa', 0, 'x', x'00')",),
        None,
        "found 1 others",
    ),
}


@pytest.mark.parametrize("name", EDITS)
def test_rows_changed_behind_its_back_are_found_at_the_first_bad_sequence(
    tmp_path: Path, name: str
) -> None:
    statements, sequence, text = EDITS[name]
    path = tmp_path / "j.db"
    make(path, 10)
    edit(path, *statements)

    report = report_of(path)
    assert not isinstance(report, str)
    assert not report.ok
    assert report.problems[0].sequence == sequence
    assert text in report.problems[0].problem
    if sequence is not None:
        assert report.events == report.head.sequence == sequence - 1


def test_reading_stops_at_a_bad_row_and_gives_out_nothing_behind_it(tmp_path: Path) -> None:
    path = tmp_path / "j.db"
    make(path, 10)
    edit(path, *EDITS["edited"][0])
    read: list[int] = []
    with open_journal(path) as journal, pytest.raises(BrokenChainError) as caught:
        read.extend(recorded.sequence for recorded in journal.read())
    assert caught.value.sequence == 6
    assert all(sequence < 6 for sequence in read)


def test_nothing_is_appended_behind_a_bad_last_row(tmp_path: Path) -> None:
    path = tmp_path / "j.db"
    make(path, 5)
    edit(path, f"UPDATE stored_events SET state = edited(state) {AT} 5")
    with pytest.raises(BrokenChainError, match="sequence 6"):
        open_journal(path)


@pytest.mark.parametrize("cut", range(1, 8))
def test_a_truncated_file_is_never_a_shorter_journal(tmp_path: Path, cut: int) -> None:
    path = tmp_path / "j.db"
    make(path, 100)
    original = path.read_bytes()
    path.write_bytes(original[: len(original) * cut // 8 // 512 * 512])
    report = report_of(path)
    assert isinstance(report, str) or not report.ok
    with pytest.raises(JournalError):
        for _ in open_journal(path).read():
            pass


def test_a_first_row_whose_topic_is_no_text_is_named(tmp_path: Path) -> None:
    path = tmp_path / "j.db"
    make(path, 3)
    edit(path, f"UPDATE stored_events SET topic = CAST(x'ff41' AS TEXT) {AT} 0")
    assert "UTF-8" in verify(path).problems[0].problem
    with pytest.raises(JournalError, match="UTF-8"):
        open_journal(path)


DROPS: dict[str, Callable[[Path], None]] = {
    "triggers": lambda path: edit_schema(path, "DROP TRIGGER stored_events_no_update"),
    "a new index": lambda path: edit_schema(path, "CREATE INDEX x ON stored_events (topic)"),
}


def edit_schema(path: Path, sql: str) -> None:
    """One statement, by another program."""
    connection = sqlite3.connect(path)
    connection.execute(sql)
    connection.close()


@pytest.mark.parametrize("name", DROPS)
def test_a_changed_schema_is_named(tmp_path: Path, name: str) -> None:
    path = tmp_path / "j.db"
    make(path, 3)
    DROPS[name](path)
    assert "the table and the triggers as created" in verify(path).problems[0].problem


def test_a_journal_that_was_emptied_is_a_rollback_and_is_not_made_anew(tmp_path: Path) -> None:
    path = tmp_path / "j.db"
    make(path, 10)
    path.write_bytes(b"")
    for suffix in ("-wal", "-shm"):
        side(path, suffix).unlink(missing_ok=True)

    with pytest.raises(RollbackError):
        open_journal(path)
    assert path.read_bytes() == b""
    found = report_of(path)
    assert not isinstance(found, str)
    assert "ROLLBACK" in found.problems[0].problem
