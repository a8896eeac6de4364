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
        ("forget-attempts", "times-out-after", "replay: parity False"),
        ("no-news", "stream-drops", "lost fill: "),
    ],
)
def test_a_planted_fault_is_found(plant: str, behavior: str, found: str) -> None:
    size = ("--behavior", behavior, "--points", "16")

    status, counts, told = campaign("alpaca_kill", "--plant", plant, *size)

    assert status == 1
    assert counts["violations"] > 0
    assert found in told


def test_a_runner_stopped_past_its_claim_is_fenced_and_sends_no_order_of_its_own(
    full_size: bool,
) -> None:
    status, counts, told = campaign("alpaca_pause", "--pauses", "400" if full_size else "20")

    assert (counts["events after the claim"], counts["duplicates"]) == (0, 0), told
    assert (counts["violations"], status) == (0, 0), told
    assert counts["stopped"] >= 0.9 * counts["pauses"]


@pytest.mark.parametrize("plant", ["unfenced", "blind"])
def test_a_runner_that_ignores_its_fence_is_found_at_the_venue_too(plant: str) -> None:
    status, counts, _ = campaign("alpaca_pause", "--plant", plant, "--pauses", "6")

    assert status == 1
    assert counts["events after the claim"] > 0
    assert plant == "unfenced" or counts["duplicates"] > 0
