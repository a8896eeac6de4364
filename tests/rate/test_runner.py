"""The real runner within a budget, against the venue: what it sends, skips, and writes down."""

import shutil
import sqlite3
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from core.events import (
    AccountReported,
    Event,
    OrderSubmitFailed,
    OrderSubmitSkipped,
    RateBudgetReported,
    SubmitFailure,
)
from core.reasons import ReasonCode
from live.brokers.alpaca.answer import Answer, NoAnswer
from live.brokers.alpaca.client import AlpacaClient
from live.brokers.alpaca.orders import Orders
from live.brokers.alpaca.settings import AlpacaSettings
from live.rate.budget import Permit, RateBudget
from live.rate.file import FileStore
from live.rate.store import unpacked
from live.rate.window import Rules, used
from live.secrets import Secrets
from tests.alpaca.world import TICKET, wall
from tests.real.world import JOURNAL, KEYS, Drill, drill

RULES = Rules(limit=100_000, reserve=20)
BUYS: dict[int, list[tuple[str, str, int, str]]] = {
    cycle: [("AAPL", "buy", 1, "99"), ("MSFT", "buy", 1, "99")] for cycle in (1, 2)
}


@pytest.fixture
def here(tmp_path: Path) -> Iterator[Drill]:
    """A venue and a folder, with a limiter of the test's own."""
    with drill(tmp_path / "here") as found:
        yield found


def plan(here: Drill, **rate: Any) -> None:
    """Two orders a cycle, within this budget."""
    here.plan(BUYS, rate={"folder": str(here.folder / "rate"), **rate})


def reported(here: Drill) -> list[RateBudgetReported]:
    """Every budget that was written down."""
    return [event for event in here.events if isinstance(event, RateBudgetReported)]


def skips(here: Drill) -> set[ReasonCode]:
    """Why nothing was sent."""
    return {event.reason.code for event in here.events if isinstance(event, OrderSubmitSkipped)}


def name_of(here: Drill) -> str:
    """What the account's log is called."""
    connection = sqlite3.connect(file_of(here))
    ((name,),) = connection.execute(
        "SELECT name FROM log WHERE name GLOB 'account:*' AND name NOT GLOB '*:data'"
    ).fetchall()
    connection.close()
    return str(name)


def file_of(here: Drill) -> Path:
    """The limiter's file."""
    return here.folder / "rate" / "rate.db"


def test_every_call_is_counted_and_no_permit_is_left_behind(here: Drill) -> None:
    plan(here, per_minute=500)
    here.session(2)
    calls = [call for call in here.venue.get("calls") if not call["path"].startswith("/_")]

    connection = sqlite3.connect(file_of(here))
    rows = connection.execute("SELECT data FROM log WHERE name GLOB 'account:*'").fetchall()
    connection.close()
    logs = [log for log in (unpacked(data) for (data,) in rows) if log is not None]

    handshakes = 1  # which the venue does not list
    assert sum(used(log) for log in logs) == len(calls) + handshakes
    assert all(log.held == {} for log in logs)
    assert [one.permits for one in reported(here)] == [2, 2]
    assert reported(here)[0].broker_limit == 1_000_000


def test_without_permits_an_order_is_skipped_with_its_reason_and_nothing_is_sent(
    here: Drill,
) -> None:
    """Another process of the account takes all there is, between the comparison and the cycle."""
    plan(here, per_minute=500)
    here.plan(BUYS, rate={"folder": str(here.folder / "rate")}, broker={"reconcile_every_s": "60"})
    taken: list[object] = []

    def take_all(events: Sequence[Event]) -> None:
        if any(isinstance(event, AccountReported) for event in events):
            other = RateBudget(FileStore(file_of(here).parent), RULES, name_of(here), expected=True)
            taken.append(other.take(100_000, ahead=True))

    here.session(1, take_all)

    assert taken
    assert here.posts() == {}
    assert skips(here) == {ReasonCode.RATE_NO_PERMIT}
    assert reported(here)[0].permits == 0


def test_429_is_written_down_at_once_and_nothing_follows_until_it_may(here: Drill) -> None:
    plan(here, per_minute=500)
    here.venue.arm("rate_limited", seconds=2, method="POST", path="/v2/orders")
    here.session(1)

    told = [one for one in reported(here) if one.retry_at is not None]
    (limited,) = [call for call in here.venue.get("calls") if call["fault"] == "rate_limited"]
    later = [call["at"] for call in here.venue.get("calls") if call["number"] > limited["number"]]

    assert [one.why for one in told] == ["429"]
    assert told[0].remaining == 0
    assert later
    assert min(later) >= limited["at"] + 2 * 10**9


def test_a_start_whose_limiter_is_lost_waits_says_why_and_sends_nothing_before(
    here: Drill, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """The wait is cut short here; what is waited for is a whole window."""
    plan(here, per_minute=500)
    here.session(1)
    before = len(here.venue.get("calls"))
    shutil.rmtree(file_of(here).parent)
    monkeypatch.setattr("live.brokers.real.START_WAIT_S", 1.0)

    ran_into = None
    try:
        here.session(1)
    except Exception as error:  # noqa: BLE001 - whatever it says is looked at
        ran_into = str(error)

    assert ran_into is not None
    assert "rate_limited" in ran_into or "limiter" in ran_into
    assert len(here.venue.get("calls")) == before
    assert "waiting for a permit of the rate budget: the limiter's state is missing" in (
        capfd.readouterr().err
    )


def test_a_cancel_goes_out_of_the_reserve_and_a_read_does_not(here: Drill) -> None:
    url = here.venue.ready["trading_url"]
    rules = Rules(limit=5, reserve=3)
    budget = RateBudget(FileStore(here.folder), rules, "account")
    client = AlpacaClient(
        AlpacaSettings(trading_url=url, data_url=url), Secrets(KEYS), wall, (budget, budget)
    )
    reads = [client.get("/account") for _ in range(3)]
    cancel = client.delete("/orders/61d1feca-aa11-4863-8b79-64c5e4731a98")
    with client.reserved():
        halt = client.get("/orders")
    after = client.get("/orders")

    assert [isinstance(one, Answer) for one in reads] == [True, True, False]
    assert isinstance(cancel, Answer)
    assert isinstance(halt, Answer)
    assert isinstance(after, NoAnswer)
    assert (after.sent, after.kind) == (False, "rate_limited")
    assert len(here.venue.get("calls")) == 4


def test_the_halts_own_process_cancels_out_of_the_accounts_reserve(here: Drill) -> None:
    """Nothing ordinary is left; its calls are in the account's log, beside the runner's."""
    plan(here, per_minute=100_000)
    here.session(1)
    other = RateBudget(FileStore(file_of(here).parent), RULES, name_of(here), expected=True)
    other.take(100_000, ahead=True)
    before = other.left()
    folder = str(file_of(here).parent)

    words = ("--cancel-open", "--journal", JOURNAL, "--why", "a test")
    ran = here.refold("halt", *words, REFOLD_RATE__FOLDER=folder)

    assert ran.status == 0, ran.lines
    assert {order["status"] for order in here.orders()} == {"canceled"}
    assert (before.ordinary, before.left) == (0, 20)
    assert 4 <= 20 - other.left().left <= 20


def test_a_halt_needs_no_limiter(here: Drill) -> None:
    """Its store cannot even be named: its calls go by its own count, up to the reserve."""
    plan(here)
    here.session(1)

    words = ("--cancel-open", "--journal", JOURNAL, "--why", "a test")
    ran = here.refold("halt", *words, REFOLD_RATE__STORE="redis://here:port/x")

    assert ran.status == 0, ran.lines
    assert "rate.store" in ran.lines[0]
    assert {order["status"] for order in here.orders()} == {"canceled"}


def test_a_retry_after_heard_elsewhere_stops_an_order_that_has_its_permit(here: Drill) -> None:
    """Between the commit of the attempt and its POST; it is provably not sent, and waits."""
    url = here.venue.ready["trading_url"]
    rules = Rules(limit=50, reserve=3)
    ours, theirs = (RateBudget(FileStore(here.folder), rules, "account") for _ in range(2))
    client = AlpacaClient(
        AlpacaSettings(trading_url=url, data_url=url), Secrets(KEYS), wall, (ours, ours)
    )
    assert client.hold(2) == 2
    permit = theirs.take()
    assert isinstance(permit, Permit)
    theirs.answered(permit, 429, {"retry-after": "7"})

    answer = Orders(client).submit(TICKET, 1, wall())

    assert isinstance(answer, OrderSubmitFailed)
    assert answer.error_class is SubmitFailure.RATE_LIMITED
    assert here.venue.get("calls") == []
