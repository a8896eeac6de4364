"""The halt drill: no order after it, what is open is canceled, whoever the runner is by then.

Real processes at a venue that trades round the clock. A halt takes some three seconds, most of them
to import alpaca-py; the README promises ten times that, and a loaded machine has four times more.
"""

import os
import signal
import sqlite3
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from subprocess import PIPE, Popen
from typing import Any

import pytest
from alpaca.common.exceptions import APIError

from bin.cli.exits import Exit
from tests.cli import command
from tests.cli.command import Ran, assert_refused, ended, environment, events
from tests.real.world import JOURNAL, KEY_ID, KEYS, SECRET, Drill, drill
from tests.venue.process import eventually, start

WITHIN_S = 120
PACE_S = 0.5
QUIET_S = 2.0
"""Several cycles of a runner that is not halted."""
KEEPS = """
from core.strategy import OrderRequest

class Keeps:
    def decide(self, view):
        yield OrderRequest("AAPL", "buy", 1, limit_price=view.quotes["AAPL"].ask)
        if not any(intent.symbol == "MSFT" for intent in view.open_intents):
            yield OrderRequest("MSFT", "buy", 1, limit_price=90)
"""
"""AAPL fills at once, in every cycle; MSFT rests."""
POST = {
    "symbol": "AAPL", "qty": "1", "side": "buy", "type": "market", "time_in_force": "day",
}  # fmt: skip
OVER = {"filled", "canceled", "rejected", "expired"}


@pytest.fixture
def here(tmp_path: Path) -> Iterator[Drill]:
    """A venue and a folder."""
    with drill(tmp_path / "run", slots=600) as made:
        (made.folder / "keeps.py").write_text(KEEPS, encoding="utf-8")
        target = {"target": f"{made.folder}/keeps.py:Keeps"}
        made.configure(market=f"csv:{made.folder}/quotes.csv", strategy=target)
        yield made


@pytest.fixture
def runner(here: Drill) -> Iterator["Popen[str]"]:
    """A runner that trades: an order rests and others fill."""
    process = here.started("run", "--config", "c.toml", "--pace", PACE_S, "--json")
    try:
        eventually(lambda: len(here.orders()) >= 4, WITHIN_S)
        yield process
    finally:
        process.kill()
        process.communicate()


def halted(here: Drill, *more: str, status: int = Exit.GOOD) -> Ran:
    """`halt --cancel-open`, and how it ended, within the time it has."""
    began = time.monotonic()
    ran = here.refold(
        *("halt", "--cancel-open", "--within", 60, *more),
        *("--why", "a drill", "--journal", JOURNAL, "--json"),
    )
    assert time.monotonic() - began < WITHIN_S
    assert ran.status == status, ran
    return ran


def assert_nothing_is_open(here: Drill) -> None:
    """At the venue, and by the journal."""
    assert {order["status"] for order in here.orders()} <= OVER, here.orders()
    assert here.rows("open-intents") == []


def assert_no_order_follows(here: Drill) -> None:
    """Neither a cycle later nor several."""
    sent = len(here.orders())
    time.sleep(QUIET_S)
    assert len(here.orders()) == sent


def resumed(here: Drill, *more: str) -> Ran:
    """`resume`."""
    ran = here.refold("resume", *more, "--journal", JOURNAL, "--json")
    assert ran.status == 0, ran
    return ran


def test_a_runner_that_lives(here: Drill, runner: "Popen[str]") -> None:
    ran = halted(here)

    assert ran.json["runner"]["alive"]
    assert (ran.json["broker"]["left"], ran.json["problems"]) == ([], [])
    assert_nothing_is_open(here)
    assert_no_order_follows(here)
    assert runner.poll() is None

    sent = len(here.orders())
    resumed(here)
    eventually(lambda: len(here.orders()) > sent, WITHIN_S)
    runner.terminate()
    assert ended(runner).status == 0
    here.assert_sound()


def test_a_runner_that_is_dead(here: Drill, runner: "Popen[str]") -> None:
    runner.kill()
    runner.communicate()

    ran = halted(here)

    assert not ran.json["runner"]["alive"]
    assert ran.json["broker"]["left"] == []
    assert_nothing_is_open(here)
    sent = len(here.orders())
    again = here.run("--cycles", 2)
    assert (again.status, len(here.orders())) == (0, sent), again
    resumed(here)
    assert here.run("--cycles", 1).status == 0
    assert len(here.orders()) > sent
    here.assert_sound()


def test_a_runner_that_is_stopped(here: Drill, runner: "Popen[str]") -> None:
    """It sends nothing more when it goes on."""
    stop(here, runner)

    ran = halted(here)

    assert ran.json["runner"]["stopped"]
    assert_nothing_is_open(here)
    sent = len(here.orders())
    os.kill(runner.pid, signal.SIGCONT)
    assert_no_order_follows(here)
    resumed(here)
    eventually(lambda: len(here.orders()) > sent, WITHIN_S)
    runner.terminate()
    assert ended(runner).status == 0
    here.assert_sound()


STOPS_ITSELF = """
import os, signal, sys
from live.brokers.alpaca.orders import Orders

real, sent = Orders.submit, []

def submit(orders, *words):
    sent.append(words)
    if len(sent) == 3:
        os.kill(os.getpid(), signal.SIGSTOP)
    return real(orders, *words)

Orders.submit = submit
from bin.cli.__main__ import main
sys.exit(main(sys.argv[1:]))
"""


def test_a_runner_that_is_stopped_behind_its_last_look_at_the_journal(here: Drill) -> None:
    """The one order that it still lets out is canceled: by itself, for the cancel waits for it."""
    process = Popen(
        [sys.executable, "-c", STOPS_ITSELF, "run", "--config", "c.toml", "--pace", str(PACE_S)],
        cwd=here.folder,
        env=environment(**KEYS),
        stdout=PIPE,
        stderr=PIPE,
        text=True,
    )
    try:
        eventually(lambda: is_stopped(process.pid), WITHIN_S)
        ran = halted(here, "--within", "2", status=Exit.NOT_CONFIRMED)
        (left,) = [one for one in ran.json["broker"]["left"] if one["status"] == "SUBMITTING"]
        assert any(left["client_order_id"] in line for line in ran.json["problems"])
        assert len(here.orders()) == 2

        os.kill(process.pid, signal.SIGCONT)
        eventually(lambda: len(here.orders()) == 3, WITHIN_S)
        eventually(lambda: {order["status"] for order in here.orders()} <= OVER, WITHIN_S)
        assert_no_order_follows(here)
        assert_nothing_is_open(here)
        process.terminate()
        assert ended(process).status == 0
    finally:
        process.kill()
        process.communicate()
    assert set(here.posts().values()) == {1}
    here.assert_sound()


def test_a_cancel_that_the_broker_takes_back_is_sent_again(tmp_path: Path) -> None:
    """Taken with 204, then rejected where nobody listens: the runner is dead."""
    with drill(tmp_path / "run", "--script", "1:cancel_rejected") as here:
        here.plan({1: [("MSFT", "buy", 1, "90.00")]})
        process = here.started("run", "--config", "c.toml", "--pace", 600)
        try:
            eventually(lambda: len(here.orders()) == 1, WITHIN_S)
            eventually(lambda: len(here.rows("open-intents")) == 1, WITHIN_S)
        finally:
            process.kill()
            process.communicate()

        halted(here)

        assert_nothing_is_open(here)
        assert len([call for call in here.writes() if call["method"] == "DELETE"]) >= 2
        here.assert_sound()


def test_a_journal_that_is_held_by_a_stopped_process_is_said_to_be_so(
    here: Drill, runner: "Popen[str]"
) -> None:
    """Nothing was commanded then, and the line says what to do."""
    stop(here, runner)
    with closing(sqlite3.connect(here.folder / "j.db", isolation_level=None)) as writer:
        writer.execute("BEGIN IMMEDIATE")
        ran = here.refold("halt", "--cancel-open", "--journal", JOURNAL)
        writer.execute("ROLLBACK")

    assert_refused(ran, f"process {runner.pid}", "stopped", f"kill -KILL {runner.pid}")
    os.kill(runner.pid, signal.SIGCONT)


# -- what the broker is asked for besides


def test_the_account_is_suspended_after_the_cancels_and_released_by_name_alone(
    here: Drill, runner: "Popen[str]"
) -> None:
    ran = halted(here, "--broker-suspend")

    assert ran.json["broker"]["suspended"] is True
    writes = [(call["method"], call["path"]) for call in here.writes()]
    assert writes[-1] == ("PATCH", "/v2/account/configurations")
    assert "DELETE" in {method for method, _ in writes}
    with pytest.raises(APIError) as refused:
        here.venue.trading().post("/orders", POST)
    assert refused.value.status_code == 403

    again = resumed(here)
    assert any("resume --broker-resume" in line for line in again.json["still"])
    assert_no_order_follows(here)
    resumed(here, "--broker-resume")
    sent = len(here.orders())
    eventually(lambda: len(here.orders()) > sent, WITHIN_S)
    runner.terminate()
    assert ended(runner).status == 0
    here.assert_sound()


def test_what_the_broker_is_not_known_to_have_done_is_named_and_the_halt_stands(
    here: Drill,
) -> None:
    """Without keys, without a broker, with another account's keys: that one is asked nothing."""
    here.plan({1: [("MSFT", "buy", 1, "90.00")]})
    assert here.run("--cycles", 1).status == 0
    (order,) = here.orders()

    words = ("halt", "--cancel-open", "--journal", JOURNAL, "--json")
    keyless = command.refold(*words, cwd=here.folder)
    assert keyless.status == Exit.NOT_CONFIRMED
    assert keyless.json["decisions"][0]["type"] == "kill-switch-latched.v1"
    assert "APCA_API_KEY_ID" in keyless.json["problems"][0]
    assert here.venue_status(order["id"]) == "new"

    here.venue.process.kill()
    here.venue.process.wait(10)
    alone = halted(here, "--broker-suspend", "--within", "1", status=Exit.NOT_CONFIRMED)
    assert [one["client_order_id"] for one in alone.json["broker"]["left"]] == [
        order["client_order_id"]
    ]
    assert any("not known to be canceled" in line for line in alone.json["problems"])
    assert any("not known to be suspended" in line for line in alone.json["problems"])

    port = here.venue.ready["trading_url"].rpartition(":")[2]
    keys = ("--key-id", KEY_ID, "--secret", SECRET)
    with start(None, "--port", port, "--seed", "2", *keys) as other:
        strange = halted(here, "--broker-suspend", status=Exit.NOT_CONFIRMED)
        assert [call for call in other.get("calls") if call["method"] != "GET"] == []
    assert "another one's keys" in strange.json["problems"][0]

    said = [e["event"]["command"] for e in events(here.folder, JOURNAL) if is_command(e)]
    assert said == ["halt", "cancel-all"] * 2 + ["broker-suspend"] + ["halt", "cancel-all"]


def stop(here: Drill, process: "Popen[str]") -> None:
    """SIGSTOP where the runner holds no transaction: there a test of its own is for it."""
    for _ in range(100):
        os.kill(process.pid, signal.SIGSTOP)
        eventually(lambda: is_stopped(process.pid), 10)
        with closing(sqlite3.connect(here.folder / "j.db", isolation_level=None, timeout=0)) as db:
            try:
                db.execute("BEGIN IMMEDIATE")
                db.execute("ROLLBACK")
            except sqlite3.OperationalError:
                os.kill(process.pid, signal.SIGCONT)
                time.sleep(0.05)
                continue
        if {order["status"] for order in here.rows("open-intents")} <= {"SUBMITTED"}:
            return
        os.kill(process.pid, signal.SIGCONT)
        time.sleep(0.05)
    pytest.fail("the runner is never between two calls")


def is_stopped(pid: int) -> bool:
    """Whether the process is stopped by a signal."""
    stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8")
    return stat.rpartition(")")[2].split()[0] == "T"


def is_command(event: dict[str, Any]) -> bool:
    """Whether it is an operator's."""
    return bool(event["type"] == "operator-commanded.v1")
