"""The events before a snapshot are verified while the runner works; a fault stops it for good."""

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from core.events import RunnerStopped
from journal import Head, open_journal
from journal.errors import JournalError
from live import full_pass
from live.full_pass import FullPass, UnsoundJournalError
from live.operator import command
from tests.cli.command import refold
from tests.journal.test_damage import AT, edit
from tests.live.kept import config_of, folded, running, session, snapshot_of, url_of
from tests.sessions import events_of

ROOT = Path(__file__).resolve().parent.parent.parent
OLD = 5
"""A sequence far behind the snapshot."""


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A session of ten cycles, stopped in order; nobody writes into it."""
    folder = tmp_path_factory.mktemp("made")
    session(folder, 10)
    return folder


@pytest.fixture
def folder(made: Path, tmp_path: Path) -> Path:
    """A copy of it for one test."""
    return Path(shutil.copytree(made, tmp_path / "copy"))


@pytest.fixture
def beside(monkeypatch: pytest.MonkeyPatch) -> None:
    """However short the journal is, the pass is a process at the runner's side."""
    monkeypatch.setattr(full_pass, "AT_ONCE_EVENTS", 0)


def damage(folder: Path) -> None:
    """Flip a bit in the bytes of an old event, behind the journal's back."""
    middle = "substr(state, 1, 79) || CAST(x'21' AS BLOB) || substr(state, 81)"
    statement = f"UPDATE stored_events SET state = CAST({middle} AS BLOB) {AT} {OLD - 1}"
    edit(folder / "main.db", statement)


def head_of(folder: Path) -> Head:
    """The journal's head."""
    with open_journal(url_of(folder), read_only=True) as journal:
        return journal.head


@pytest.mark.usefixtures("beside")
def test_a_flip_in_an_old_event_stops_the_runner_with_nothing_appended_any_more(
    folder: Path,
) -> None:
    damage(folder)

    with running(folder) as runner:  # what it appends before the verdict is there is sound
        assert runner.committer.full_pass is not None
        with pytest.raises(UnsoundJournalError, match=f"sequence {OLD}: its bytes hash to"):
            runner.committer.full_pass.join()
        head = runner.committer.head
        with pytest.raises(UnsoundJournalError):
            runner.run(3)
        with pytest.raises(UnsoundJournalError):
            runner.actions._before_call()
        with pytest.raises(UnsoundJournalError):
            runner.committer.observe(runner.broker.rate_budget(runner.committer.state.now))
        with pytest.raises(UnsoundJournalError):
            runner.stop("completed")

    assert head_of(folder) == head


@pytest.mark.usefixtures("beside")
def test_a_run_on_a_damaged_journal_is_stopped_wherever_the_verdict_finds_it(folder: Path) -> None:
    damage(folder)
    stopped = sum(isinstance(event, RunnerStopped) for event in undamaged(folder))

    with pytest.raises(UnsoundJournalError):
        session(folder, 200)

    assert sum(isinstance(event, RunnerStopped) for event in undamaged(folder)) == stopped


@pytest.mark.usefixtures("beside")
def test_a_start_after_the_fault_was_found_is_refused_before_it_appends(folder: Path) -> None:
    damage(folder)
    with pytest.raises(UnsoundJournalError):
        session(folder, 200)
    head = head_of(folder)

    with pytest.raises(JournalError, match=f"sequence {OLD}: its bytes hash to"):
        session(folder, 200)

    assert head_of(folder) == head
    assert not snapshot_of(folder).exists()


def undamaged(folder: Path) -> list[object]:
    """The events behind the damaged one."""
    with open_journal(url_of(folder), read_only=True) as journal:
        return [recorded.event for recorded in journal.read(after=OLD)]


def test_the_line_and_the_status_are_those_of_a_run_without_a_snapshot(
    folder: Path, tmp_path: Path
) -> None:
    damage(folder)
    other = Path(shutil.copytree(folder, tmp_path / "other"))
    snapshot_of(other).unlink()
    before = head_of(folder)
    config_of(folder)
    words = ("run", "--journal", "sqlite:///main.db", "--strategy", "strategy.py:Trades")

    said = [refold(*words, "--symbols", "AAPL,MSFT", cwd=place) for place in (folder, other)]

    assert [ran.status for ran in said] == [2, 2]
    lines = [[line for line in ran.complaints if "snapshot" not in line] for ran in said]
    assert lines[0] == lines[1]
    assert f"main.db sequence {OLD}: its bytes hash to" in lines[0][0]
    assert head_of(folder) == before


@pytest.mark.usefixtures("beside")
def test_an_operators_command_reads_everything_before_it_appends(folder: Path) -> None:
    damage(folder)
    before = head_of(folder)

    with open_journal(url_of(folder)) as journal, pytest.raises(JournalError, match="its bytes"):
        command(journal, "halt", who="ann", where="here", why="a drill", now=None)

    assert head_of(folder) == before


@pytest.mark.usefixtures("beside")
def test_a_run_on_a_sound_journal_ends_when_the_pass_has(folder: Path) -> None:
    with running(folder) as runner:
        passed = runner.committer.full_pass
        assert passed is not None
        runner.stop(runner.run(1))
        assert not passed.running

    assert isinstance(events_of(url_of(folder))[-1], RunnerStopped)
    assert folded(url_of(folder)).cycle is not None


@pytest.mark.usefixtures("beside")
@pytest.mark.parametrize("sound", [True, False])
def test_a_pass_that_was_killed_is_done_again_by_the_runner(folder: Path, *, sound: bool) -> None:
    if not sound:
        damage(folder)
    with running(folder) as runner:
        passed = runner.committer.full_pass
        assert passed is not None
        assert passed._process is not None
        passed._process.kill()
        passed._process.wait()

        if sound:
            runner.run(1)
            assert not passed.running
        else:
            with pytest.raises(UnsoundJournalError):
                runner.run(1)


@pytest.mark.usefixtures("beside")
def test_no_other_user_sees_the_url_and_its_password(folder: Path) -> None:
    passed = FullPass(url_of(folder), "here", events=1)
    assert passed._process is not None
    pid = passed._process.pid
    try:
        for name in ("cmdline", "environ"):
            assert b"main.db" not in Path(f"/proc/{pid}/{name}").read_bytes()
        passed.join()
    finally:
        passed.close()


def test_a_pass_ends_with_its_runner_and_not_by_a_signal_to_it(tmp_path: Path) -> None:
    """It waits for a URL here; the runner's death closes the pipe."""
    read_end, write_end = os.pipe()
    command = [sys.executable, "-m", "live.full_pass"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(command, cwd=tmp_path, env=environment, stdin=read_end) as process:
        os.close(read_end)
        until = time.monotonic() + 30
        status = Path(f"/proc/{process.pid}/status")
        while "SigIgn:\t0000000001005002" not in status.read_text() and time.monotonic() < until:
            time.sleep(0.02)
        process.send_signal(signal.SIGTERM)
        process.send_signal(signal.SIGINT)
        time.sleep(0.1)
        assert process.poll() is None
        os.close(write_end)
        assert process.wait(30) == 1
