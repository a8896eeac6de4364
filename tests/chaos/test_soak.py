"""A simulated year of the real core, shell, adapter and venue, and what a soak must find."""

import subprocess
import sys

from tests.cli.command import ROOT


def soak(*words: str) -> "subprocess.CompletedProcess[str]":
    """The soak in a process of its own; its time is simulated, so it is never too slow."""
    return subprocess.run(
        [sys.executable, "-m", "tests.campaign.soak", *words],
        cwd=ROOT, capture_output=True, text=True, timeout=1_200, check=False,
    )  # fmt: skip


def test_a_year_of_every_fault_breaks_no_promise_and_takes_every_path() -> None:
    done = soak("--years", "1", "--seed", "11")
    assert done.returncode == 0, done.stderr + done.stdout
    assert "violations 0" in done.stdout
    assert "paths never taken: none" in done.stdout


def test_one_seed_is_one_history() -> None:
    first, again = (soak("--days", "3", "--seed", "5", "--probes").stdout for _ in range(2))
    assert first.splitlines()[:-2] == again.splitlines()[:-2]
    assert first.partition(", seconds")[0] == again.partition(", seconds")[0]


def test_a_fresh_id_for_what_was_not_answered_is_found() -> None:
    done = soak("--days", "8", "--seed", "3", "--plant", "fresh-id")
    assert done.returncode == 1
    assert "duplicate" in done.stderr
