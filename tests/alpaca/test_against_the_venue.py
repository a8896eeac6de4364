"""The adapter and the core's fold against the fault venue, in a process of its own, over sockets.

The driver is the smallest runner there is: it submits what it was told to, hears what comes, looks
up what is unknown and compares, until nothing moves. Then the journal's fold and the venue's own
file must say the same, whatever was lost, doubled, late or half on the way.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from core.decide import advance
from core.events import (
    IntentCreated,
    Observation,
    OrderLookedUp,
    OrderSubmitAttempted,
    OrderSubmitFailed,
    OrderSubmitted,
    OrderSubmitUnknown,
    ReconcileMismatched,
    SubmitFailure,
)
from core.evolve import evolve
from core.order import OpenStatus
from core.state import INITIAL, State
from core.values import TimeText, later_by
from live.brokers.alpaca.broker import AlpacaBroker
from live.brokers.alpaca.client import AlpacaClient
from live.brokers.alpaca.settings import AlpacaSettings
from live.brokers.ticket import ticket_of
from live.feeds.alpaca import AlpacaFeed
from live.secrets import Secrets
from tests import build
from tests.alpaca.world import wall
from tests.venue.process import Running, start

ANSWERS = (
    "timeout_before", "timeout_after", "reset_before", "reset_after", "half_answer",
    "error_before", "error_after", "html", "empty", "garbage", "slow",
)  # fmt: skip
ORDERS = (
    "late_visible", "late_reject", "unknown_status", "partial_fill", "fill_after_cancel",
    "cancel_rejected",
)  # fmt: skip
STREAM = (
    "stream_drop", "stream_duplicate", "stream_reorder", "stream_delay", "stream_null",
    "stream_unknown_event",
)  # fmt: skip
RATES = ",".join(
    [f"{kind}=0.02" for kind in ANSWERS]
    + [f"{kind}=0.1" for kind in ORDERS]
    + [f"{kind}=0.08" for kind in STREAM]
    + ["stream_half_open=0.02", "stream_disconnect=0.04"]
)
TAG = "rf-0123abcd-"
MANY = ("--requests-per-minute", "1000000", "--cash", "10000000")


def settings_of(venue: Running, **changes: Any) -> AlpacaSettings:
    """The venue's places, and times in which a test ends."""
    return AlpacaSettings(
        **{
            "trading_url": venue.ready["trading_url"],
            "data_url": venue.ready["data_url"],
            "trading_stream_url": venue.ready["trading_stream_url"],
            "requests_per_minute": 1_000_000,
            "connect_s": 1.0,
            "read_s": 0.7,
            "total_s": 1.0,
            "answer_s": 1.5,
            "ping_s": 0.5,
            "probe_s": 2.0,
            "stale_s": 1.0,
            "backoff_s": (0.05, 0.2),
            **changes,
        }
    )


def keys_of(venue: Running) -> Secrets:
    """The venue's own keys."""
    return Secrets(
        {"APCA_API_KEY_ID": venue.ready["key_id"], "APCA_API_SECRET_KEY": venue.ready["secret"]}
    )


class Driver:
    """The fold of what a broker says, and the calls a runner makes."""

    def __init__(self, broker: AlpacaBroker) -> None:
        self.broker = broker
        self.state: State = INITIAL
        self.heard: list[Observation] = []
        self.heard_until = wall()

    def hear(self, *observations: Observation) -> None:
        """Fold what was observed, and its decisions."""
        for observation in observations:
            self.heard.append(observation)
            self.state, _ = advance(self.state, observation)

    def send(self, intent: IntentCreated) -> None:
        """Decide, attempt, submit; a submit that was provably not taken is attempted again."""
        self.state = evolve(self.state, intent)
        for attempt in range(1, 20):
            made = build.attempted(intent.client_order_id, attempt)
            assert isinstance(made, OrderSubmitAttempted)
            self.state = evolve(self.state, made)
            held = self.state.intents[intent.client_order_id]
            answer = self.broker.submit(ticket_of(held), attempt, wall())
            self.hear(answer)
            if not isinstance(answer, OrderSubmitFailed):
                return
            if answer.error_class is SubmitFailure.REFUSED:
                return
            time.sleep(0.05)

    def take(self) -> None:
        """Everything the stream brought."""
        while (due := self.broker.next_due(self.heard_until)) is not None and due <= wall():
            self.hear(*self.broker.messages(self.heard_until, due))
            self.heard_until = due

    def settle(self, least_s: float = 0) -> None:
        """Hear, look up and compare until the broker is believed and nothing is news."""
        started = time.monotonic()
        ends = started + 120
        quiet = 0
        while quiet < 3 or time.monotonic() < started + least_s:
            assert time.monotonic() < ends, (self.broker.down, self.unknown(), self.heard[-5:])
            self.broker.wait(0.15)
            self.take()
            for order_id in self.unknown():
                self.hear(self.broker.look_up(order_id, wall()))
            if self.broker.account(wall()) is None:
                continue
            self.take()
            found = self.broker.reconcile(self.state, wall())
            self.hear(*found)
            quiet = 0 if found or self.broker.down else quiet + 1

    def unknown(self) -> list[str]:
        """Orders nobody knows of, that were looked for in vain fewer than six times."""
        return [
            order_id
            for order_id, intent in self.state.intents.items()
            if intent.status is OpenStatus.UNKNOWN and intent.absent_looks < 6
        ]


@contextmanager
def driving(venue: Running, **changes: Any) -> Iterator[Driver]:
    """A driver whose stream runs."""
    broker = AlpacaBroker(settings_of(venue, **changes), keys_of(venue), wall, TAG)
    broker.start()
    try:
        yield Driver(broker)
    finally:
        broker.close()


def compare(driver: Driver, venue: Running) -> None:
    """The fold and the venue say the same of every order and position."""
    truth = venue.get("state")
    theirs = {one["client_order_id"]: one for one in truth["orders"]}
    assert set(truth["posts"].values()) == {1}
    for order_id in [*driver.state.intents, *dict(driver.state.closed.items())]:
        intent, order = driver.state.intent(order_id), theirs.get(order_id)
        assert intent is not None
        if order is None:
            assert intent.filled == 0
            assert intent.reported_status is None
            continue
        assert intent.at_venue or intent.closed_at is not None, order
        assert intent.filled == Decimal(order["filled_qty"]), (order, intent)
        assert intent.reported_status == order["status"]
    held = {s: Decimal(q) for s, q in truth["positions"].items() if Decimal(q)}
    assert {s: driver.state.position(s) for s in driver.state.held()} == held
    assert driver.state.mismatched == {}


def intent(number: int, price: str = "100.02", quantity: int = 2) -> IntentCreated:
    """A buy of the venue's AAPL."""
    return build.intent(
        f"{TAG}{number:04}", symbol="AAPL", quantity=quantity, limit_price=price,
        decision_price="100.01", cycle=number,
    )  # fmt: skip


def test_an_order_a_fill_a_cancel_and_a_duplicate_without_faults(tmp_path: Path) -> None:
    with start(tmp_path / "venue.db", *MANY) as venue, driving(venue) as driver:
        driver.settle()
        driver.send(intent(1))
        driver.send(intent(2, "99"))
        driver.settle()
        held = driver.state.intents[f"{TAG}0002"]
        compare(driver, venue)
        again = driver.broker.submit(ticket_of(held), 2, wall())
        looked = driver.broker.look_up(f"{TAG}0002", wall())
        answer = driver.broker.cancel(f"{TAG}0002", 1, wall())
        driver.hear(answer)
        driver.settle()

        first, second = (driver.state.intent(f"{TAG}000{n}") for n in (1, 2))

    assert isinstance(again, OrderSubmitUnknown)
    assert again.error_class == "duplicate_id"
    assert isinstance(looked, OrderLookedUp)
    assert (looked.found, looked.status) == (True, "new")
    assert answer.outcome == "accepted"
    assert first is not None
    assert second is not None
    assert (first.status, second.status) == ("FILLED", "CANCELED")
    executions = [e for e in driver.heard if type(e).__name__ == "FillReported"]
    assert len(executions) == 1


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_whatever_goes_wrong_on_the_way_both_sides_agree_in_the_end(
    tmp_path: Path, seed: int
) -> None:
    faults = ("--seed", str(seed), "--faults", RATES)
    with start(tmp_path / "venue.db", *MANY, *faults) as venue, driving(venue) as driver:
        venue.post("quotes", {"AAPL": {"bid": "100.00", "ask": "100.02", "ask_size": 10**6}})
        for number in range(1, 31):
            driver.send(intent(number, "100.02" if number % 2 else "99"))
            driver.take()
            if number % 4 == 0 and f"{TAG}{number:04}" in driver.state.intents:
                driver.hear(driver.broker.cancel(f"{TAG}{number:04}", 1, wall()))
        venue.post("rates", {"faults": ""})
        driver.settle(least_s=3)  # an order that shows itself late does so by then

        compare(driver, venue)
        counts = venue.counts

    kinds = {type(one) for one in driver.heard}
    assert {OrderSubmitted, OrderSubmitUnknown} <= kinds
    assert sum(counts.values()) >= 8, counts


def test_a_stranger_in_the_account_is_named(tmp_path: Path) -> None:
    with start(tmp_path / "venue.db", *MANY) as venue, driving(venue) as driver:
        driver.settle()
        venue.post("order", {"symbol": "MSFT", "side": "buy", "quantity": "1", "limit_price": "1"})
        venue.post("position", {"symbol": "AAPL", "quantity": "5", "price": "100"})
        driver.settle()

    told = [one for one in driver.heard if isinstance(one, ReconcileMismatched)]
    assert sorted((one.symbol, one.what) for one in told) == [
        ("AAPL", "position"),
        ("MSFT", "foreign-order"),
    ]


def test_a_venue_that_dies_and_comes_back_is_down_then_compared(tmp_path: Path) -> None:
    file = tmp_path / "venue.db"
    with start(file, *MANY) as venue, driving(venue) as driver:
        driver.settle()
        driver.send(intent(1))
        driver.settle()
        port = venue.ready["trading_url"].rpartition(":")[2]
        venue.process.kill()
        venue.process.wait(5)
        while not driver.broker.down:
            driver.broker.wait(0.1)
            driver.take()
        found = driver.broker.submit(ticket_of(_open(driver, intent(2))), 1, wall())
        driver.hear(found)
        with start(file, *MANY, "--port", port) as revived:
            driver.settle()
            compare(driver, revived)

    assert isinstance(found, OrderSubmitFailed)
    assert found.error_class is SubmitFailure.NOT_SENT


def _open(driver: Driver, made: IntentCreated) -> Any:
    driver.state = evolve(driver.state, made)
    driver.state = evolve(driver.state, build.attempted(made.client_order_id))
    return driver.state.intents[made.client_order_id]


def test_the_feed_reads_the_venues_market(tmp_path: Path) -> None:
    def wait(until: TimeText) -> bool:
        return bool(until)

    with start(tmp_path / "venue.db", *MANY) as venue:
        client = AlpacaClient(settings_of(venue), keys_of(venue), wall)
        feed = AlpacaFeed(client, ["AAPL", "NONE"], wait)
        source, sessions = feed.calendar()
        quotes = feed.quotes(later_by(wall(), Decimal(1)))
        clock = feed.clock()

    assert (source, len(sessions) >= 5) == ("alpaca", True)
    assert set(quotes) == {"AAPL"}
    assert (quotes["AAPL"].bid, quotes["AAPL"].ask) == ("100", "100.02")
    assert [getattr(one, "stream", "") for one in feed.news()] == ["quotes:NONE"]
    assert abs(getattr(clock, "ahead_s", Decimal(99))) < 5


def test_a_correction_of_a_correction_is_the_same_execution_after_a_restart(
    tmp_path: Path,
) -> None:
    def amend(venue: Running, driver: Driver, price: str) -> None:
        venue.post("correct", {"client_order_id": f"{TAG}0001", "price": price})
        order = f"{TAG}0001"
        while driver.state.average_price(order) != Decimal(price):
            assert driver.broker.wait(10), driver.state.intent(order)
            driver.take()

    with start(tmp_path / "venue.db", *MANY) as venue:
        with driving(venue) as before:
            before.settle()
            before.send(intent(1))
            before.settle()
            amend(venue, before, "99.90")
        with driving(venue) as after:
            after.state = before.state
            after.settle()
            amend(venue, after, "99.80")
            after.settle()
            compare(after, venue)

    known = after.state.intent(f"{TAG}0001")
    assert known is not None
    (execution,) = known.fills.executions
    assert (str(execution.quantity), len(execution.corrections)) == ("2", 2)
