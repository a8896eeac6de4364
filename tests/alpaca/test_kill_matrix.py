"""The runner killed at durable and network steps while the venue misbehaves (issue 5).

full    bin/test --full runs every point of every behavior, some 14,000 cases
"""

import pytest

from tests.journal.test_campaigns import campaign, needs_shim


@needs_shim
def test_a_killed_runner_and_the_venue_agree_after_the_restart(full_size: bool) -> None:
    status, counts, told = campaign(
        "alpaca_kill", *(("--all",) if full_size else ("--points", "312"))
    )

    assert (counts["duplicates"], counts["lost fills"], counts["violations"]) == (0, 0, 0), told
    assert counts["cases"] >= 300
    assert counts["killed"] >= 0.95 * counts["cases"]
    assert status == 0


@needs_shim
@pytest.mark.parametrize(
    ("plant", "behavior", "found"),
    [
        ("fresh-id", "times-out-after", "duplicate: "),
        ("absence-at-once", "late-visible", "duplicate: "),
        ("forget-attempts", "times-out-after", "UNKNOWN and never asked for"),
        ("no-news", "stream-drops", "lost fill: "),
    ],
)
def test_a_planted_fault_is_found(plant: str, behavior: str, found: str) -> None:
    size = ("--behavior", behavior, "--points", "16")

    status, counts, told = campaign("alpaca_kill", "--plant", plant, *size)

    assert status == 1
    assert counts["violations"] > 0
    assert found in told
