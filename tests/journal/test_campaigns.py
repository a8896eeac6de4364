"""What is promised of a disk that fails: the campaigns of tests/campaign, run and shown to find.

full    bin/test --full runs them at the size of their `--all`
"""

import re
import subprocess
import sys

import pytest

from tests.campaign.shim import UnusableShimError, unix_vfs
from tests.journal.sample import ROOT


def shim_problem() -> str:
    """Why nothing can stand between SQLite and its files here; empty if it can."""
    try:
        unix_vfs()
    except UnusableShimError as error:
        return str(error)
    return ""


needs_shim = pytest.mark.skipif(
    bool(shim_problem()), reason=f"DISK CAMPAIGNS SKIPPED: {shim_problem()}"
)


def campaign(name: str, *arguments: str) -> tuple[int, dict[str, int], str]:
    """A campaign as a command: its exit status, the counts of its closing line, what it told."""
    done = subprocess.run(
        [sys.executable, "-m", f"tests.campaign.{name}", *arguments],
        cwd=ROOT,
        text=True,
        capture_output=True,
        check=False,
    )
    assert done.stdout, done.stderr
    closing = re.findall(r"([a-z ]*[a-z]) (\d+)", done.stdout.splitlines()[-1])
    return done.returncode, {what.strip(): int(count) for what, count in closing}, done.stderr


@needs_shim
@pytest.mark.parametrize("scenario", ["journal", "session"])
def test_no_power_loss_costs_an_acknowledged_event(scenario: str, full_size: bool) -> None:
    size = ("--all",) if full_size else ("--states", "2000")

    status, counts, told = campaign("power", "--scenario", scenario, *size)

    assert (counts["lost"], counts["wrong"]) == (0, 0), told
    assert counts["power states"] >= 2000
    assert status == 0


@needs_shim
@pytest.mark.parametrize("plant", ["synchronous-normal", "synchronous-off"])
def test_a_journal_that_syncs_less_loses_a_fifth_of_the_power_losses(plant: str) -> None:
    status, counts, _ = campaign("power", "--plant", plant, "--states", "600")

    assert status == 1
    assert counts["lost"] >= 0.2 * counts["power states"]


@needs_shim
def test_an_anchor_written_before_its_commit_is_found() -> None:
    status, counts, told = campaign("power", "--plant", "anchor-first", "--states", "300")

    assert status == 1
    assert counts["wrong"] > 0
    assert counts["lost"] == 0
    assert "ROLLBACK" in told


def test_no_flip_cut_swap_or_older_copy_is_silent(full_size: bool) -> None:
    status, counts, told = campaign("damage", *(("--all",) if full_size else ("--cases", "2000")))

    assert counts["silent"] == 0, told
    assert counts["damage cases"] >= 2000
    assert min(counts["harmless"], counts["detected"]) > 400
    assert status == 0


def test_a_verifier_without_the_anchor_misses_a_lost_tail() -> None:
    status, counts, told = campaign("damage", "--plant", "no-anchor", "--cases", "300")

    assert status == 1
    assert counts["silent"] > 0
    assert "'cut', '-wal'" in told


@needs_shim
def test_after_an_error_in_a_commit_nothing_is_committed_or_posted(full_size: bool) -> None:
    status, counts, told = campaign("errors", *(("--all",) if full_size else ("--points", "60")))

    assert counts["violations"] == 0, told
    assert counts["fired"] == counts["errors"] >= 60
    assert counts["in a commit"] >= 8
    assert status == 0


@needs_shim
@pytest.mark.parametrize("plant", ["retry-commits", "swallow-doubt"])
def test_a_journal_that_goes_on_after_a_failed_commit_is_found(plant: str) -> None:
    points = ("write:eio:900", "sync:eio:100", "sync:eio:101", "write:eio:901", "write:eio:906")

    status, counts, told = campaign("errors", "--plant", plant, "--at", *points)

    assert status == 1
    assert counts["violations"] > 0
    assert "after an error in a commit" in told


def test_a_runner_stopped_past_its_claim_is_fenced_when_it_goes_on(full_size: bool) -> None:
    status, counts, told = campaign("pause", *(("--all",) if full_size else ("--pauses", "30")))

    assert counts["violations"] == 0, told
    assert counts["stopped"] == counts["pauses"] >= 30
    assert (counts["events after the claim"], counts["extra orders"]) == (0, 0)
    assert status == 0


@pytest.mark.parametrize("plant", ["unfenced", "blind"])
def test_a_runner_that_ignores_its_fence_is_found(plant: str) -> None:
    status, counts, _ = campaign("pause", "--plant", plant, "--pauses", "4")

    assert status == 1
    assert counts["events after the claim"] > 0
    assert plant == "unfenced" or counts["extra orders"] > 0
