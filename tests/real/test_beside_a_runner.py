"""What an operator's process does, and a runner that waits or is locked out meanwhile."""

import os
import signal
from collections.abc import Iterator
from contextlib import closing
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from core.events import CancelAttempted, CycleOpened, LockoutStarted, Observation
from core.values import later_by
from journal import open_journal
from live.operator import folded
from tests import build
from tests.cli.command import ended
from tests.core.world import mismatched
from tests.real.test_halt_drill import stop
from tests.real.world import JOURNAL, Drill, drill
from tests.venue.process import eventually

WITHIN_S = 60
RESTS = {1: [("AAPL", "buy", 10, "90.00"), ("MSFT", "buy", 5, "90.00")]}


@pytest.fixture
def here(tmp_path: Path) -> Iterator[Drill]:
    """A venue and a folder."""
    with drill(tmp_path / "run", slots=560) as made:
        made.keep_quoting()
        yield made


def told(here: Drill, *words: object) -> dict[str, Any]:
    """The operator's command, by the command line; what it answered."""
    ran = here.refold(*words, "--journal", JOURNAL, "--json")
    assert ran.status == 0, ran.lines
    document: dict[str, Any] = ran.json
    return document


def count(here: Drill, kind: type) -> int:
    """How many events of this kind the journal has."""
    with open_journal(f"sqlite:///{here.folder}/j.db", read_only=True) as journal:
        return sum(isinstance(recorded.event, kind) for recorded in journal.read())


def comes(here: Drill, kind: type, times: int = 1) -> None:
    """Wait until the journal has so many of this kind."""
    eventually(lambda: count(here, kind) >= times, WITHIN_S)


def locked_out(here: Drill) -> None:
    """The configuration of one who is: a strategy that trades often, no try of its own."""
    here.configure(
        market=f"csv:{here.folder}/quotes.csv",
        strategy={"target": f"{here.folder}/flip.py:Flip"},
        broker={"probe_after_s": "3000", "probe_max_s": "3000"},
    )


def test_a_runner_that_waits_for_its_next_cycle_cancels_what_it_is_told_to(here: Drill) -> None:
    here.plan(RESTS)
    runner = here.started("run", "--config", "c.toml", "--pace", 3000, "--json")
    try:
        eventually(lambda: len(here.orders()) == 2, WITHIN_S)
        told(here, "cancel-all")
        eventually(lambda: {one["status"] for one in here.orders()} == {"canceled"}, WITHIN_S)
        runner.terminate()
        assert ended(runner).status == 0
    finally:
        runner.kill()
        runner.communicate()
    assert count(here, CancelAttempted) == 2
    assert [call["method"] for call in here.writes()] == ["POST"] * 2 + ["DELETE"] * 2
    here.assert_sound()


def test_a_runner_tries_its_own_keys_when_another_process_found_that_they_hold(
    here: Drill,
) -> None:
    """Else it would ask nothing ever again, and no cycle would say why."""
    locked_out(here)
    runner = here.started("run", "--config", "c.toml", "--pace", "0.3", "--json")
    try:
        eventually(lambda: len(here.posts()) >= 2, WITHIN_S)
        here.venue.post("keys", {"refuses": 401})
        comes(here, LockoutStarted)
        here.venue.post("keys", {"refuses": None})
        told(here, "halt", "--cancel-open", "--within", WITHIN_S)
        sent = len(here.posts())
        told(here, "resume")
        eventually(lambda: len(here.posts()) > sent, WITHIN_S)
        runner.terminate()
        assert ended(runner).status == 0
    finally:
        runner.kill()
        runner.communicate()
    here.assert_sound()


def test_a_runner_whose_own_keys_are_still_refused_is_locked_out_anew(here: Drill) -> None:
    """The operator's may be others: what they may do, the runner may not."""
    locked_out(here)
    runner = here.started("run", "--config", "c.toml", "--pace", "0.3", "--json")
    try:
        eventually(lambda: len(here.posts()) >= 2, WITHIN_S)
        here.venue.post("keys", {"refuses": 401})
        comes(here, LockoutStarted)
        stop(here, runner)
        here.venue.post("keys", {"refuses": None})
        told(here, "halt", "--cancel-open", "--within", WITHIN_S)
        here.venue.post("keys", {"refuses": 401})
        os.kill(runner.pid, signal.SIGCONT)
        comes(here, LockoutStarted, 2)
        calls = len(here.venue.get("calls"))
        comes(here, CycleOpened, count(here, CycleOpened) + 3)
        assert len(here.venue.get("calls")) == calls, "one try, and it was refused"
        runner.terminate()
        assert ended(runner).status == 0
    finally:
        runner.kill()
        runner.communicate()
    assert here.rows("cycles")[-1]["lockout"]
    here.assert_sound()


def locked_out_and_dead(here: Drill) -> None:
    """Two orders rest, the runner died locked out, and the keys hold again: nobody knows it."""
    here.plan(RESTS, broker={"probe_after_s": "3000", "probe_max_s": "3000"})
    runner = here.started("run", "--config", "c.toml", "--pace", "3000", "--json")
    try:
        eventually(lambda: len(here.orders()) == 2, WITHIN_S)
        here.venue.post("keys", {"refuses": 401})
        comes(here, LockoutStarted)
    finally:
        runner.kill()
        runner.communicate()
    here.venue.post("keys", {"refuses": None})


def test_a_halt_of_a_locked_out_account_cancels_although_its_positions_cannot_be_read(
    here: Drill,
) -> None:
    """The keys hold again, and nobody but the halt knows: a cancel needs the open orders alone."""
    locked_out_and_dead(here)
    here.venue.arm("error_before", method="GET", path="/v2/positions", times=999)

    told(here, "halt", "--cancel-open", "--within", WITHIN_S)

    assert {one["status"] for one in here.orders()} == {"canceled"}
    here.assert_sound()


def test_a_halt_of_a_locked_out_account_cancels_once_a_look_succeeds_be_it_not_the_first(
    here: Drill,
) -> None:
    locked_out_and_dead(here)
    here.venue.arm("error_before", method="GET", path="/v2/account", times=999)
    here.venue.arm("error_before", method="GET", path="/v2/orders", times=2)

    told(here, "halt", "--cancel-open", "--within", WITHIN_S)

    assert {one["status"] for one in here.orders()} == {"canceled"}
    here.assert_sound()


def test_a_halt_cancels_an_order_that_was_given_up_and_is_alive(here: Drill) -> None:
    """Its runner died between the cancel's commit and its call: nobody else would name it."""
    here.plan({1: RESTS[1][:1]})
    state = here.session(1)
    ((order, intent),) = state.intents.items()
    with closing(open_journal(f"sqlite:///{here.folder}/j.db")) as journal:
        committer = folded(journal)

        def heard(observation: Observation) -> None:
            committer.observe(
                replace(observation, observed_at=later_by(committer.state.now, Decimal(2)))
            )

        heard(mismatched("order-vanished", "AAPL", order=order))
        heard(build.absent(order))
        heard(build.absent(order))
        assert committer.state.intents == {}
        heard(replace(build.reported(order, "new"), venue_order_id=intent.venue_order_id))
        assert committer.state.orphans == {order: "AAPL"}

    told(here, "halt", "--cancel-open", "--within", WITHIN_S)

    assert [one["status"] for one in here.orders()] == ["canceled"]
    here.assert_sound()
