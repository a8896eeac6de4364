"""The operator's own process dies in `halt --cancel-open`: what it commanded is done all the same.

Killed by SIGKILL before, in and after its commits, its calls and its DELETEs, of a real venue.
full    bin/test --full kills it at every step, some 300 cases in three minutes
"""

import pytest

from tests.journal.test_campaigns import campaign, needs_shim


@needs_shim
def test_what_a_killed_halt_wrote_down_is_done_by_the_next_halt_or_by_the_runner(
    full_size: bool,
) -> None:
    """And what it did not write down was never asked of the broker."""
    status, counts, told = campaign("operator_kill", *(("--all",) if full_size else ()))

    assert (counts["violations"], status) == (0, 0), told
    assert counts["killed"] >= 0.6 * counts["cases"]
    assert 0 < counts["commanded"] < counts["cases"]


@needs_shim
@pytest.mark.parametrize(
    ("plant", "found"),
    [
        ("no-cancel-again", "after it: "),
        ("forget-attempts", "by the runner: replay: parity False"),
    ],
)
def test_a_planted_fault_is_found(plant: str, found: str) -> None:
    """Killed behind its commit, at the first call it makes."""
    status, counts, told = campaign("operator_kill", "--plant", plant, "--at", "46:before")

    assert status == 1
    assert counts["violations"] > 0
    assert found in told
