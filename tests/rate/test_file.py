"""The budget in a file: what it outlives, and what it does not believe."""

import os
import shutil
import signal
import sqlite3
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from live.rate.budget import Permit, RateBudget, Refusal
from live.rate.file import FileStore
from live.rate.store import Found, StoreError
from live.rate.window import SECOND
from tests.rate.world import LIMIT, RESERVE, granted, in_file, most_in_a_window, said, spending, why

ORDINARY = LIMIT - RESERVE


def spent(folder: Path, calls: int) -> None:
    """A process's calls, answered."""
    budget = in_file(folder)
    for _ in range(calls):
        permit = budget.take()
        assert isinstance(permit, Permit)
        budget.answered(permit, 200, {})


def test_a_restart_does_not_forget_what_was_spent(tmp_path: Path) -> None:
    spent(tmp_path, 5)

    assert granted(in_file(tmp_path)) == ORDINARY - 5
    assert granted(in_file(tmp_path), reserve=True) == RESERVE


def test_a_429_heard_by_one_holds_the_other_back(tmp_path: Path) -> None:
    one, other = in_file(tmp_path), in_file(tmp_path)
    ahead = other.take(2, ahead=True)
    first = one.take()
    assert isinstance(first, Permit)
    assert isinstance(ahead, Permit)
    assert other.usable(ahead) is None
    one.answered(first, 429, {"retry-after": "7"})

    refusal = other.take(reserve=True)
    held = other.usable(ahead)

    assert isinstance(refusal, Refusal)
    assert isinstance(held, Refusal)
    assert refusal.why == held.why == "429"
    assert 6 < refusal.wait_s <= 7


def _sql(file: Path, *statements: str) -> None:
    connection = sqlite3.connect(file, isolation_level=None)
    for statement in statements:
        connection.execute(statement)
    connection.close()


def _another_programs(file: Path) -> None:
    file.unlink()
    _sql(file, "PRAGMA application_id=7", "CREATE TABLE log (x)")


def _bit(file: Path) -> None:
    """One bit of the row's own bytes: SQLite does not see it."""
    data = bytearray(file.read_bytes())
    where = data.find(b"limit_of") if b"limit_of" in data else data.find(b"serial") + 8
    data[where] ^= 1
    file.write_bytes(bytes(data))


LOST: dict[str, Callable[[Path], object]] = {
    "deleted": lambda file: file.unlink(),
    "the folder deleted": lambda file: shutil.rmtree(file.parent),
    "another program's": _another_programs,
    "the row gone": lambda file: _sql(file, "DELETE FROM log"),
    "the row changed": lambda file: _sql(file, "UPDATE log SET data = x'00'"),
    "the row text": lambda file: _sql(file, "UPDATE log SET data = 'full'"),
    "the table gone": lambda file: _sql(file, "DROP TABLE log"),
}
DAMAGED: dict[str, Callable[[Path], object]] = {
    "emptied": lambda file: os.truncate(file, 0),
    "cut": lambda file: os.truncate(file, file.stat().st_size // 2),
    "noise": lambda file: file.write_bytes(os.urandom(8192)),
    "text": lambda file: file.write_text("nothing of yours\n"),
    "a bit": _bit,
}
"""In place: a process that runs may have all of it in its WAL, and then nothing is lost."""


@pytest.mark.parametrize("damage", LOST | DAMAGED)
def test_a_state_that_is_lost_or_damaged_is_no_permit_for_a_window(
    tmp_path: Path, damage: str
) -> None:
    folder = tmp_path / "state"
    before = in_file(folder, window_s=1.5)
    assert isinstance(before.take(), Permit)
    before._store.close()  # the WAL is in the file then
    (LOST | DAMAGED)[damage](folder / "rate.db")

    _assert_no_permit_for_a_window(folder, in_file(folder, window_s=1.5, expected=True))


@pytest.mark.parametrize("damage", LOST)
def test_a_process_that_runs_sees_it_too(tmp_path: Path, damage: str) -> None:
    folder = tmp_path / "state"
    running = in_file(folder, window_s=1.5)
    assert isinstance(running.take(), Permit)
    LOST[damage](folder / "rate.db")

    assert running.left().ordinary == 0
    _assert_no_permit_for_a_window(folder, running)


@pytest.mark.parametrize("damage", DAMAGED)
def test_damage_under_a_process_that_runs_makes_no_permits(tmp_path: Path, damage: str) -> None:
    running = in_file(tmp_path)
    assert granted(running, 5) == 5
    DAMAGED[damage](tmp_path / "rate.db")

    more = granted(running)
    more += granted(in_file(tmp_path, expected=True), 1)

    assert more <= ORDINARY - 5


def _assert_no_permit_for_a_window(folder: Path, budget: RateBudget) -> None:
    began = time.monotonic()
    assert "limiter" in why(budget)
    assert granted(in_file(folder, window_s=1.5, expected=True)) == 0
    assert granted(budget, reserve=True) == RESERVE
    assert isinstance(budget.wait(20), Permit)
    assert time.monotonic() - began > 1.4


def test_an_older_copy_that_was_put_back_is_not_believed(tmp_path: Path) -> None:
    known = in_file(tmp_path)
    assert granted(known, 1) == 1
    known._store.close()
    copy = (tmp_path / "rate.db").read_bytes()
    assert granted(known, 3) == 3
    known._store.close()
    (tmp_path / "rate.db").write_bytes(copy)

    assert "older copy" in why(known)


def test_nothing_was_spent_where_nothing_ever_was(tmp_path: Path) -> None:
    assert granted(in_file(tmp_path / "new")) == ORDINARY
    assert (tmp_path / "new" / "rate.db").stat().st_mode & 0o077 == 0


def test_another_start_of_the_machine_is_no_permit_for_a_window(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spent(tmp_path, 1)
    monkeypatch.setattr("live.rate.file.boot_id", lambda: "another")

    assert why(in_file(tmp_path)) == "the machine was started anew"


@pytest.mark.parametrize("step_s", [-86_400, 86_400])
def test_the_wall_clock_may_be_set_meanwhile(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step_s: int
) -> None:
    spent(tmp_path, 5)
    wall, wall_ns = time.time, time.time_ns
    monkeypatch.setattr(time, "time", lambda: wall() + step_s)
    monkeypatch.setattr(time, "time_ns", lambda: wall_ns() + step_s * 10**9)

    assert granted(in_file(tmp_path)) == ORDINARY - 5


def test_a_store_that_hangs_grants_nothing_but_a_few_cancels(tmp_path: Path) -> None:
    budget = in_file(tmp_path)
    budget._store = FileStore(tmp_path, busy_s=0.05)
    assert isinstance(budget.take(), Permit)
    holder = sqlite3.connect(tmp_path / "rate.db", isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    try:
        assert "locked" in why(budget)
        assert granted(budget, 5, reserve=True) == RESERVE
        assert granted(budget, 2, reserve=True) == 0
    finally:
        holder.close()

    assert granted(budget) == ORDINARY - 1


def test_a_call_that_could_not_be_written_down_is_not_given_back(tmp_path: Path) -> None:
    """It left: as many permits as were held count until none of them could be used any more."""
    budget = in_file(tmp_path)
    budget._store = FileStore(tmp_path, busy_s=0.05)
    permit = budget.take(4, ahead=True)
    assert isinstance(permit, Permit)
    holder = sqlite3.connect(tmp_path / "rate.db", isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    budget.answered(permit, 200, {})
    holder.close()
    budget.give_back(permit)

    assert granted(budget) == ORDINARY - 4


def test_a_folder_that_cannot_be_written_grants_nothing(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")

    assert "limiter" in why(in_file(tmp_path / "file"))


def test_a_change_is_whole_or_not_there(tmp_path: Path) -> None:
    store = FileStore(tmp_path)
    store.change("name", lambda _: (b"before", None))

    def fail(_: Found) -> tuple[bytes, None]:
        raise StoreError("in the middle")

    with pytest.raises(StoreError, match="in the middle"):
        store.change("name", fail)

    assert store.look("name").data == b"before"


def test_four_processes_never_take_more_than_the_limit_in_any_window(tmp_path: Path) -> None:
    words = {"store": str(tmp_path), "limit": 20, "window_s": 0.5, "seconds": 2.5}
    processes = [spending(**words, hold=hold) for hold in (1, 1, 3, 7)]

    lines = [line for process in processes for line in said(process)]

    stamps = [line["at"] for line in lines if "at" in line]
    assert len(stamps) > 20
    assert most_in_a_window(stamps, SECOND // 2) <= 20


def test_a_process_killed_anywhere_in_a_take_leaves_a_sound_log_and_spends_what_it_took(
    tmp_path: Path,
) -> None:
    """Killed again and again while another goes on; then all that was taken is still counted."""
    words = {"store": str(tmp_path), "limit": 100_000, "window_s": 60}
    stamps = 0
    for _ in range(4):
        process = spending(**words, seconds=30, hold=1)
        assert process.stdout is not None
        process.stdout.readline()
        time.sleep(0.05)
        os.kill(process.pid, signal.SIGKILL)
        stamps += 1 + sum("at" in line for line in said(process))

    budget = in_file(tmp_path, expected=True)
    budget.rules = type(budget.rules)(limit=100_000, reserve=0)
    left = budget.left()

    assert left.why == ""
    assert 100_000 - left.left >= stamps
