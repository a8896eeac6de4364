"""A session killed by SIGKILL at a durable step goes on as if nothing had happened.

The campaign itself is tests/campaign; here it is run, and shown to find what is planted for it.
"""

import os
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from tests.campaign import scenario, tracer
from tests.campaign.facts import differences, facts_of
from tests.campaign.plants import PLANTS
from tests.campaign.shim import UnusableShimError, unix_vfs

ROOT = Path(__file__).resolve().parent.parent.parent
CLOSING = re.compile(r"^points (\d+), killed (\d+), violations (\d+)$", re.MULTILINE)
SNAPSHOT = "main.db.snapshot.new"
AGAIN = ("20:before", "70:after")
"""A second death, in the restart: in its claim, and as it goes on."""
ONLY_WHEN_KILLED = ("acknowledge-early", "forget-attempts", "slot-twice")

SEEN_IN_THE_JOURNAL = ("forget-attempts", "new-id-each-attempt", "random-id", "slot-twice")
"""Seen to leave the protocol in the journal; the others show at the venue, and here by chance."""


def shim_problem() -> str:
    """Why SQLite's system calls cannot be counted here; empty if they can."""
    try:
        unix_vfs()
    except UnusableShimError as error:
        return str(error)
    return ""


if shim_problem() and not tracer.usable():
    pytest.skip(f"KILL CAMPAIGN SKIPPED: {shim_problem()}; no strace", allow_module_level=True)


def python(*arguments: str) -> subprocess.CompletedProcess[str]:
    """A Python of its own with these arguments, no settings of ours in its environment."""
    environment = {key: text for key, text in os.environ.items() if not key.startswith("REFOLD_")}
    command = [sys.executable, *arguments]
    return subprocess.run(
        command, cwd=ROOT, env=environment, text=True, capture_output=True, check=False
    )


def campaign(*arguments: str) -> tuple[subprocess.CompletedProcess[str], tuple[int, int, int]]:
    """A campaign as a command; (points, killed, violations) of its closing line."""
    done = python("-m", "tests.campaign.kill", *arguments)
    closing = CLOSING.search(done.stdout)
    assert closing is not None, done.stdout + done.stderr
    return done, (int(closing[1]), int(closing[2]), int(closing[3]))


def test_a_session_killed_at_any_durable_step_goes_on_as_if_never_killed(full_size: bool) -> None:
    size = ("--all", "--pairs", "600") if full_size else ("--points", "200", "--pairs", "30")

    done, (points, killed, violations) = campaign(*size)

    assert violations == 0, done.stderr
    assert done.returncode == 0
    assert killed == points >= 200


@pytest.mark.skipif(bool(shim_problem()), reason="strace names no files")
def test_a_kill_at_any_step_of_writing_a_snapshot_costs_time_only(full_size: bool) -> None:
    listed = python("-m", "tests.campaign.kill", "--list").stdout.splitlines()
    steps = [line.replace("whole ", "").split()[:3] for line in listed if SNAPSHOT in line]
    assert [what for _, what, _ in steps[:4]] == ["create", "write", "fsync", "replace"]
    assert len(steps) >= 16, "a session keeps its state several times"
    chosen = steps if full_size else [*steps[:4], *steps[-4:]]
    points = [f"{number}:{when}" for number, _, _ in chosen for when in ("before", "after")]
    points += [f"{number}:half" for number, what, _ in chosen if what == "write"]
    points += [f"{number}:after+{second}" for number, _, _ in chosen for second in AGAIN]

    done, (count, killed, violations) = campaign("--at", *points)

    assert violations == 0, done.stderr
    assert count == killed == len(points)


def test_sessions_drawn_by_chance_survive_kills_too(full_size: bool) -> None:
    for number in range(1, 11 if full_size else 2):
        size = ("--points", "200" if full_size else "15", "--pairs", "10")

        done, (_, _, violations) = campaign("--session", str(number), *size)

        assert violations == 0, f"session {number}: {done.stderr}"


@pytest.mark.parametrize("plant", sorted(PLANTS))
def test_a_planted_fault_is_found(plant: str) -> None:
    done, (_, _, violations) = campaign("--plant", plant, "--points", "8")

    assert done.returncode == 1
    assert violations > 0
    assert "violation  point" in done.stderr
    assert plant not in SEEN_IN_THE_JOURNAL or "protocol: " in done.stderr
    if plant in ONLY_WHEN_KILLED:
        assert "violation  never killed" not in done.stderr


@pytest.mark.skipif(not tracer.usable(), reason="there is no strace to count with")
@pytest.mark.skipif(bool(shim_problem()), reason="the shim cannot be used here")
def test_the_shim_counts_every_step_that_strace_sees() -> None:
    traced = python("-m", "tests.campaign.kill", "--list", "--strace").stdout.splitlines()
    counted = python("-m", "tests.campaign.kill", "--list").stdout.splitlines()

    seen = Counter(line.split()[-1] for line in traced)
    words = [set(line.split()) for line in counted]
    for call in ("pwrite64", "ftruncate", "unlink"):
        names = {call, "pwrite"} if call == "pwrite64" else {call}
        assert sum(bool(line & names) for line in words) == seen[call] > 0, call


def test_whole_processes_killed_go_on_and_verify_and_replay_exit_with_0(tmp_path: Path) -> None:
    config = scenario.write_inputs(tmp_path)

    def run(name: str, *more: str) -> int:
        url = f"sqlite:///{tmp_path}/{name}.db"
        command = ("run", "--config", str(config), "--journal", url, "--json", *more)
        return python("-m", "bin.cli", *command).returncode

    assert run("never") == 0
    for commits in ("3", "17", "40"):
        assert run("killed", "--kill-after-commits", commits) == -9
    assert run("killed") == 0

    url = f"sqlite:///{tmp_path}/killed.db"
    assert python("-m", "bin.cli", "verify", url).returncode == 0
    assert python("-m", "bin.cli", "replay", url).returncode == 0
    never = facts_of(f"sqlite:///{tmp_path}/never.db")
    assert differences(never, facts_of(url), kills=3) == []


def test_a_session_run_in_pieces_is_the_one_that_was_run_whole(tmp_path: Path) -> None:
    config = scenario.write_inputs(tmp_path)

    def run(name: str, *more: str) -> str:
        url = f"sqlite:///{tmp_path}/{name}.db"
        command = ("run", "--config", str(config), "--journal", url, "--json", *more)
        assert python("-m", "bin.cli", *command).returncode == 0
        return url

    pieces = whole = run("whole")
    for _ in range(4):
        pieces = run("pieces", "--cycles", "4")

    assert differences(facts_of(whole), facts_of(pieces), kills=0) == []
