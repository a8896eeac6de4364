"""`status`: what it shows, what needs a person, its exit statuses, and that it disturbs nobody."""

import json
import os
import signal
from pathlib import Path
from subprocess import Popen
from typing import Any

import pytest

from bin.cli.exits import Exit
from journal import WriterLock
from journal.holder import holder_of
from tests.cli.command import Ran, assert_refused, ended, refold, started
from tests.venue.process import eventually

URL = "sqlite:///j.db"
NAMES = {
    "time", "journal", "name", "mode", "head", "anchor", "epoch", "runner", "kill_switch", "pause",
    "lockouts", "cycle", "open_intents", "unknown", "orphans", "mismatches", "alerts", "positions",
    "link", "rate_budget", "findings", "ok",
}  # fmt: skip


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A journal of five simulated cycles."""
    assert run(tmp_path).status == 0
    return tmp_path


def run(folder: Path, *more: object) -> Ran:
    """`run` in simulated time."""
    return refold("run", "--journal", URL, "--cycles", 5, *more, "--json", cwd=folder)


def status(folder: Path, *more: object) -> Ran:
    """`status --json`."""
    return refold("status", "--journal", URL, "--json", *more, cwd=folder)


def told(folder: Path, word: str, *more: str) -> None:
    """An operator's command."""
    ran = refold(word, *more, "--who", "ann", "--journal", URL, "--json", cwd=folder)
    assert ran.status == 0, ran


def found(ran: Ran) -> list[tuple[str, str]]:
    """What needs a person."""
    return [(one["what"], one["found"]) for one in ran.json["findings"]]


def test_a_journal_in_order_needs_nobody(folder: Path) -> None:
    ran = status(folder)

    assert (ran.status, ran.json["ok"], ran.json["findings"]) == (Exit.GOOD, True, [])
    assert set(ran.json) == NAMES
    assert ran.json["cycle"]["number"] == 5
    assert ran.json["runner"]["alive"] is False
    assert ran.json["runner"]["ended"] == "completed"
    assert ran.json["anchor"] == "good"
    counts = ran.json["cycle"]
    assert counts["intents"] + counts["skipped"] == counts["universe"]
    assert sum(counts["reasons"].values()) == counts["skipped"]


def test_a_halt_is_shown_with_who_and_why_and_has_a_status_of_its_own(folder: Path) -> None:
    told(folder, "halt", "--why", "the feed looks odd")
    assert run(folder).status == 0  # five more cycles; the halt is long ago by then

    ran = status(folder)

    assert ran.status == Exit.HALTED
    switch = ran.json["kill_switch"]
    assert (switch["who"], switch["why"]) == ("ann", "the feed looks odd")
    assert ran.json["cycle"]["reasons"] == {"halt.kill_switch": ran.json["cycle"]["skipped"]}
    told(folder, "resume")
    assert status(folder).status == Exit.GOOD


def test_a_pause_needs_a_person_and_is_in_every_cycle(folder: Path) -> None:
    told(folder, "pause", "--why", "a quiet hour")
    assert run(folder).status == 0

    ran = status(folder)

    assert ran.status == Exit.CHECK_FAILED
    assert (ran.json["pause"]["who"], ran.json["pause"]["why"]) == ("ann", "a quiet hour")
    cycles = refold("show", "cycles", "--journal", URL, "--json", cwd=folder).json["rows"]
    assert [row["lockout_reason"] for row in cycles[5:]] == ["operator.pause"] * 5
    told(folder, "resume")
    assert status(folder).status == Exit.GOOD


def test_a_runner_that_died_is_said_to_have_ended_without_a_word(tmp_path: Path) -> None:
    assert run(tmp_path, "--kill-after-commits", 6).status == -signal.SIGKILL

    ran = status(tmp_path)

    assert ran.status == Exit.CHECK_FAILED
    assert ("runner", "the one of epoch 1 ended without a word") in found(ran)


def test_a_missing_anchor_is_found(folder: Path) -> None:
    (folder / "j.db.anchor").unlink()

    ran = status(folder)

    assert ran.status == Exit.CHECK_FAILED
    assert found(ran)[0][0] == "anchor"


def test_a_journal_that_is_not_there_cannot_be_shown(tmp_path: Path) -> None:
    assert_refused(refold("status", "--journal", URL, cwd=tmp_path), "j.db")


def test_a_person_reads_one_screen(folder: Path) -> None:
    told(folder, "halt", "--why", "seen")

    lines = refold("status", "--journal", URL, cwd=folder).out.splitlines()

    assert len(lines) <= 24
    assert all(len(line) <= 120 or line.startswith("!") for line in lines)
    assert any(line.startswith("trading   HALTED by ann") for line in lines)
    assert lines[-1].startswith("! halted: operator.halt by ann on command-line")


def test_a_runner_at_work_is_seen_and_not_disturbed(tmp_path: Path) -> None:
    words = ("run", "--journal", URL, "--pace", 0.1, "--json")
    process = started(*words, cwd=tmp_path)
    try:
        eventually((tmp_path / "j.db").exists, 120)
        ran = eventually(lambda: alive(status(tmp_path)), 120)
        assert ran["runner"]["pid"] == process.pid
        assert status(tmp_path).json["runner"]["stopped"] is False

        os.kill(process.pid, signal.SIGSTOP)
        stopped = status(tmp_path)
        assert (stopped.json["runner"]["stopped"], stopped.status) == (True, Exit.CHECK_FAILED)
        os.kill(process.pid, signal.SIGCONT)
        process.terminate()
        assert ended(process).status == 0
    finally:
        process.kill()
        process.communicate()
    assert status(tmp_path).json["runner"]["alive"] is False


def alive(ran: Ran) -> Any:
    """The document, once a runner is seen."""
    return ran.json if ran.status < 2 and ran.json["runner"]["alive"] else None


def test_looking_for_the_holder_takes_no_lock(tmp_path: Path) -> None:
    """A lock taken to see whether it is free would turn a runner away that starts just then."""
    place = tmp_path / "j.db"
    assert holder_of(place) is None
    with WriterLock(place):
        holder = holder_of(place)
        assert holder is not None
        assert (holder.pid, holder.stopped) == (os.getpid(), False)
    assert holder_of(place) is None


def test_a_watch_shows_what_changes_and_ends_well_on_ctrl_c(folder: Path) -> None:
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # a CI may have it ignored
    process = started("status", "--watch", 0.1, "--json", "--journal", URL, cwd=folder)
    signal.signal(signal.SIGINT, before)
    try:
        assert line_of(process)["kill_switch"] is None
        told(folder, "halt", "--why", "now")
        eventually(lambda: line_of(process)["kill_switch"] is not None, 120)
        process.send_signal(signal.SIGINT)
        ran = ended(process)
    finally:
        process.kill()
        process.communicate()
    assert (ran.status, ran.lines) == (Exit.HALTED, [])


def line_of(process: "Popen[str]") -> Any:
    """The next document of a watch."""
    assert process.stdout is not None
    return json.loads(process.stdout.readline())
