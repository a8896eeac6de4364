"""`halt`, `resume` and `cancel-all` while a runner trades at a venue, and while none does."""

import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tests.cli.command import ended, events
from tests.real.world import JOURNAL, Drill, drill
from tests.venue.process import eventually

RESTS = {1: [("AAPL", "buy", 10, "90.00"), ("MSFT", "buy", 5, "90.00")]}
KEEPS_BUYING = {
    cycle: [("AAPL", "buy", 1, "100.02"), ("MSFT", "buy", 1, f"{90 + cycle % 2}.00")]
    for cycle in range(1, 60)
}


@pytest.fixture
def here(tmp_path: Path) -> Iterator[Drill]:
    """A venue and a folder."""
    with drill(tmp_path / "run") as made:
        yield made


def told(here: Drill, word: str) -> dict[str, Any]:
    """The operator's command, by the command line; what it answered."""
    ran = here.refold(word, "--journal", JOURNAL, "--json")
    assert ran.status == 0, ran.lines
    document: dict[str, Any] = ran.json
    return document


def test_a_running_trader_is_halted_resumed_and_its_orders_are_canceled(here: Drill) -> None:
    here.plan(KEEPS_BUYING)
    process = here.started("run", "--config", "c.toml", "--pace", 0.3, "--json")
    try:
        eventually(lambda: len(here.orders()) >= 4)
        told(here, "halt")
        time.sleep(1.5)
        halted = len(here.orders())
        time.sleep(1.0)
        assert len(here.orders()) == halted
        assert process.poll() is None

        told(here, "resume")
        eventually(lambda: len(here.orders()) > halted)

        told(here, "cancel-all")
        resting = [one["id"] for one in here.orders() if one["symbol"] == "MSFT"]
        eventually(lambda: here.venue_status(resting[0]) == "canceled")
        process.terminate()
        assert ended(process).status == 0
    finally:
        process.kill()
        process.communicate()
    here.assert_sound()


def test_a_command_has_the_time_at_which_it_was_given(here: Drill) -> None:
    """Not the journal's last: between two cycles, or with no runner, that may be long ago."""
    here.plan(RESTS)
    assert here.run("--cycles", 1).status == 0
    time.sleep(1.2)
    given = datetime.now(UTC)
    told(here, "halt")
    (command,) = [e for e in events(here.folder, JOURNAL) if e["type"].startswith("operator-com")]
    at = datetime.fromisoformat(command["event"]["observed_at"])
    assert at >= given


def test_orders_canceled_while_no_runner_lives_are_canceled_by_the_next(here: Drill) -> None:
    here.plan(RESTS)
    process = here.started("run", "--config", "c.toml", "--pace", 30)
    eventually(lambda: len(here.orders()) == 2)
    time.sleep(0.3)
    process.kill()
    process.communicate()
    decided = told(here, "cancel-all")["decisions"]
    assert {one["status"] for one in here.orders()} == {"new"}

    again = here.run("--cycles", 1)

    assert len(decided) == 2
    assert again.status == 0, again.lines
    assert again.json["open"] == 0
    assert {one["status"] for one in here.orders()} == {"canceled"}
    assert {row["status"] for row in here.rows("orders")} == {"CANCELED"}
    here.assert_sound()
