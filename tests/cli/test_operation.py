"""A runner at work: it is halted, resumed, stopped by signals, killed, and goes on."""

import contextlib
import os
import signal
import sqlite3
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from journal import open_journal
from journal.errors import JournalMissingError
from projections.cycle_summary import CYCLE_SUMMARY
from projections.projection import fold_all
from tests.cli.command import assert_sound, ended, events, refold, started
from tests.cli.conftest import LOSSY, Session
from tests.cli.world import JOURNAL, run_words

PACE_S = 0.4


@pytest.fixture
def paced(world: Path) -> Iterator[subprocess.Popen[str]]:
    """A runner that opens a cycle every so often; it is ended if the test did not."""
    process = started(*run_words("--pace", PACE_S), cwd=world)
    yield process
    if process.poll() is None:
        process.kill()
    process.communicate()


def cycles(world: Path) -> list[dict[str, Any]]:
    """The cycles so far, none while there is no journal; read here, for it is asked often."""
    try:
        journal = open_journal(world / "j.db", read_only=True)
    except JournalMissingError:
        return []
    with contextlib.closing(journal):
        events_so_far = ((recorded.sequence, recorded.event) for recorded in journal.read())
        view = fold_all(CYCLE_SUMMARY, events_so_far)
    return list(CYCLE_SUMMARY.rows(view))


def stop_between_commits(process: subprocess.Popen[str], world: Path) -> None:
    """SIGSTOP while it holds no database's lock: one that does holds up every other writer."""
    for _ in range(100):
        os.kill(process.pid, signal.SIGSTOP)
        if all(is_free(world / name) for name in ("j.db", "j.db.venue")):
            return
        os.kill(process.pid, signal.SIGCONT)
        time.sleep(0.01)
    raise AssertionError("it was never found between two commits")


def is_free(path: Path) -> bool:
    """Whether nobody writes this database now."""
    with contextlib.closing(sqlite3.connect(path, timeout=0)) as database:
        try:
            database.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError:
            return False
        database.rollback()
        return True


def until(what: Callable[[], object], timeout_s: float = 20) -> None:
    """Wait until `what` is true."""
    end = time.monotonic() + timeout_s
    while not what():
        assert time.monotonic() < end, "it never happened"
        time.sleep(0.02)


def operate(world: Path, word: str) -> int:
    """An operator's command; the journal's head behind it."""
    ran = refold(word, "--journal", JOURNAL, "--json", "--why", "a drill", cwd=world)
    assert ran.status == 0, ran.lines
    sequence: int = ran.json["head"]["sequence"]
    return sequence


def test_a_halt_is_obeyed_before_the_next_order_and_lifted_by_resume(
    world: Path, paced: subprocess.Popen[str]
) -> None:
    until(lambda: len(cycles(world)) >= 2)
    halted = operate(world, "halt")
    seen = len(cycles(world))
    until(lambda: len(cycles(world)) >= seen + 2)
    resumed = operate(world, "resume")
    until(lambda: any(row["intents"] for row in cycles(world)[seen + 2 :]))
    paced.send_signal(signal.SIGTERM)
    assert ended(paced).status == 0

    between = [e for e in events(world, JOURNAL) if halted < e["sequence"] < resumed]
    kinds = {event["type"] for event in between}
    assert "order-submit-skipped.v1" in kinds
    assert not kinds & {"intent-created.v1", "order-submit-attempted.v1"}
    skips = [e["event"] for e in between if e["type"] == "order-submit-skipped.v1"]
    assert {skip["reason"]["code"] for skip in skips} == {"halt.kill_switch"}
    assert_sound(world, JOURNAL)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_the_run_in_order_and_the_next_one_goes_on(
    world: Path, paced: subprocess.Popen[str], number: signal.Signals
) -> None:
    until(lambda: len(cycles(world)) >= 2)
    paced.send_signal(number)
    ran = ended(paced)
    assert (ran.status, ran.complaints) == (0, [])
    last = refold("tail", "-n", 1, "--journal", JOURNAL, "--json", cwd=world).json["events"][0]
    assert (last["type"], last["event"]["reason"]) == ("runner-stopped.v1", "signal")
    assert last["sequence"] == ran.json["head"]["sequence"]
    done = ran.json["cycles"]
    assert refold(*run_words("--cycles", 3), cwd=world).json["cycles"] == done + 3
    assert_sound(world, JOURNAL)


def test_a_signal_does_not_wait_for_the_pause_to_end(world: Path) -> None:
    process = started(*run_words("--pace", 3600), cwd=world)
    until(lambda: len(cycles(world)) == 1)
    process.send_signal(signal.SIGTERM)
    assert ended(process).status == 0


def test_a_runner_that_sleeps_past_a_halt_sends_nothing_when_it_wakes(
    world: Path, paced: subprocess.Popen[str]
) -> None:
    until(lambda: len(cycles(world)) >= 2)
    stop_between_commits(paced, world)
    halted = operate(world, "halt")
    os.kill(paced.pid, signal.SIGCONT)
    seen = len(cycles(world))
    until(lambda: len(cycles(world)) >= seen + 2)
    paced.send_signal(signal.SIGINT)
    assert ended(paced).status == 0
    later = [e["type"] for e in events(world, JOURNAL) if e["sequence"] > halted]
    assert "order-submit-attempted.v1" not in later
    assert_sound(world, JOURNAL)


def test_a_runner_that_slept_while_another_took_over_is_fenced(
    world: Path, paced: subprocess.Popen[str]
) -> None:
    until(lambda: len(cycles(world)) >= 2)
    stop_between_commits(paced, world)
    assert refold(*run_words("--cycles", 1), cwd=world).status == 75
    other = refold(*run_words("--cycles", 2, "--take-over"), cwd=world)
    assert other.status == 0, other.complaints
    os.kill(paced.pid, signal.SIGCONT)
    fenced = ended(paced)
    assert (fenced.status, len(fenced.complaints)) == (3, 1), fenced.complaints
    assert "epoch" in fenced.complaints[0]
    assert len(cycles(world)) == other.json["cycles"]
    assert_sound(world, JOURNAL)


def test_a_cancel_of_all_orders_reaches_the_venue_of_a_running_runner(world: Path) -> None:
    """The runner finds the operator's cancels in the journal and must carry them out."""
    text = (world / "strategy.py").read_text()
    resting = text.replace('"buy", 100,', '"buy", 100, limit_price="90",')
    (world / "strategy.py").write_text(resting)
    env = {"REFOLD_RISK__PRICE_COLLAR_BPS": "9000", **dict.fromkeys(LOSSY, "0")}
    process = started(*run_words("--pace", PACE_S), cwd=world, env=env)
    until(lambda: len(cycles(world)) >= 2)
    canceled = operate(world, "cancel-all")
    until(lambda: len(cycles(world)) >= 5)
    process.send_signal(signal.SIGTERM)
    assert ended(process).status == 0
    later = [e["type"] for e in events(world, JOURNAL) if e["sequence"] > canceled]
    assert "cancel-answered.v1" in later
    assert_sound(world, JOURNAL)


@pytest.mark.parametrize("commits", [1, 3, 26])
def test_a_killed_run_goes_on_and_ends_with_the_same_orders(
    whole: Session, world: Path, commits: int
) -> None:
    killed = refold(*run_words("--kill-after-commits", commits), cwd=world)
    assert (killed.status, killed.out) == (-signal.SIGKILL, "")
    assert refold("verify", JOURNAL, cwd=world).status == 0
    again = refold(*run_words(), cwd=world)
    assert (again.status, again.json["cycles"]) == (0, whole.ran.json["cycles"])
    assert traded(world) == traded(whole.folder)
    assert_sound(world, JOURNAL)


def test_in_pieces_it_goes_on_where_it_stopped_and_ends_the_same(
    whole: Session, world: Path
) -> None:
    pieces = [refold(*run_words("--cycles", n), cwd=world).json["cycles"] for n in (1, 11, 1)]
    last = refold(*run_words(), cwd=world)
    assert [*pieces, last.json["cycles"]] == [1, 12, 13, 30]
    assert traded(world) == traded(whole.folder)
    for name in ("intents", "submitted", "failed", "dropped", "fills", "skipped", "open"):
        assert last.json[name] == whole.ran.json[name], name


def traded(folder: Path) -> list[list[object]]:
    """What every order came to: nothing of ids of events, times of answers or attempts."""
    names = ("client_order_id", "symbol", "side", "quantity", "filled_quantity", "average_price")
    rows = refold("show", "orders", "--journal", JOURNAL, "--json", cwd=folder).json["rows"]
    return [[row[name] for name in (*names, "status", "cycle")] for row in rows]
