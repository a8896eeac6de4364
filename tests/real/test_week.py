"""What a week brings that no fault injector does: a closed market, a person, a replaced order."""

import json
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from core.events import (
    CancelAnswered,
    CycleOpened,
    Event,
    OrderSubmitted,
    ReconcileMismatched,
)
from tests.cli.command import ended, events
from tests.real.world import JOURNAL, Drill, drill
from tests.venue.process import eventually

RESTS = {1: [("AAPL", "buy", 10, "90.00")]}


@pytest.fixture
def here(tmp_path: Path) -> Iterator[Drill]:
    """A venue and a folder."""
    with drill(tmp_path / "run") as made:
        yield made


def test_a_runner_started_while_the_market_is_closed_waits_hears_and_stops_at_a_word(
    here: Drill,
) -> None:
    """No session for days; the stream is heard meanwhile, and SIGTERM is obeyed at once."""
    here.configure(market="alpaca", strategy={"target": f"{here.folder}/flip.py:Flip"})
    today = time.strftime("%Y-%m-%d", time.gmtime())
    days = {time.strftime("%Y-%m-%d", time.gmtime(time.time() + n * 86_400)) for n in range(-2, 4)}
    here.venue.post("calendar", dict.fromkeys(sorted(days | {today})))
    process = here.started("run", "--config", "c.toml", "--json")
    eventually(lambda: here.venue.get("state")["listening"] == 1)
    here.venue.post("order", {"symbol": "MSFT", "side": "buy", "quantity": 1, "limit_price": "90"})
    time.sleep(2.5)
    (theirs,) = here.orders()
    here.venue.post("cancel", {"client_order_id": theirs["client_order_id"]})
    time.sleep(0.7)
    asked = time.monotonic()
    process.terminate()
    ran = ended(process)

    assert time.monotonic() - asked < 60
    assert (ran.status, ran.json["cycles"]) == (0, 0), ran.lines
    kinds = [one["type"].split(".")[0] for one in events(here.folder, JOURNAL)]
    assert "order-reported" in kinds, kinds
    assert "reconcile-mismatched" in kinds
    assert kinds[-1] == "runner-stopped"
    assert here.writes() == []
    here.assert_sound()


def test_a_persons_order_blocks_its_symbol_until_it_is_gone(here: Drill) -> None:
    plan = [("AAPL", "buy", 1, "100.02"), ("MSFT", "buy", 1, "100.02")]
    here.plan({1: plan, 2: plan})
    mine = {"symbol": "AAPL", "side": "buy", "quantity": 5, "limit_price": "90"}
    here.venue.post("order", mine)
    blocked = here.session()
    (theirs,) = [one for one in here.orders() if one["foreign"]]
    here.venue.post("cancel", {"client_order_id": theirs["client_order_id"]})
    freed = here.session()

    assert blocked.mismatched == {"AAPL": "foreign-order"}
    assert freed.mismatched == {}
    sold = {one["symbol"] for one in here.orders() if not one["foreign"]}
    assert sold == {"AAPL", "MSFT"}
    here.assert_sound()


def test_what_does_not_agree_at_the_end_is_compared_again_until_it_does(here: Drill) -> None:
    """Shares that show themselves at the last cycle, and are gone after the last comparison."""
    here.plan({})
    moved: list[str] = []

    def hear(events: Sequence[Event]) -> None:
        for event in events:
            if isinstance(event, CycleOpened):
                moved.append("there")
                here.venue.post("position", {"symbol": "MSFT", "quantity": "5", "price": "100"})
            elif isinstance(event, ReconcileMismatched) and not event.resolved:
                moved.append("gone")
                here.venue.post("position", {"symbol": "MSFT", "quantity": "-5", "price": "100"})

    state = here.session(listener=hear)

    assert moved == ["there", "gone"]
    assert state.mismatched == {}
    here.assert_sound()


@pytest.mark.parametrize("heard", [True, False])
def test_a_cancel_the_venue_takes_and_then_refuses_is_sent_again_by_the_runner_alone(
    here: Drill, *, heard: bool
) -> None:
    """204, then order_cancel_rejected on the stream, or not a word: it works on till then."""
    here.configure(
        market="alpaca",
        strategy={
            "target": f"{here.folder}/plan.py:Plan",
            "parameters": {"plan": json.dumps(dict.fromkeys(range(1, 9), RESTS[1]))},
        },
        risk={"order_max_age_s": "1"},
    )
    here.venue.arm("cancel_rejected", order_number=1)
    if not heard:
        for event in ("pending_cancel", "order_cancel_rejected"):
            here.venue.arm("stream_drop", event=event, times=1)
    state = here.session(40, stopping=lambda: any(map(is_over, here.orders())))

    first = here.orders()[0]
    said = [one.outcome for one in cancels(here, first["client_order_id"])]
    assert said == (["accepted", "refused", "accepted"] if heard else ["accepted", "accepted"])
    assert here.venue.counts["cancel_rejected"] == 1
    assert first["status"] == "canceled"
    here.session()
    here.assert_sound()
    assert state.alerts == frozenset()


def is_over(order: dict[str, Any]) -> bool:
    """At the venue."""
    return bool(order["status"] == "canceled")


def cancels(here: Drill, order: str) -> list[CancelAnswered]:
    """What was answered to this order's cancels, by whoever."""
    answers = [one for one in here.events if isinstance(one, CancelAnswered)]
    return [one for one in answers if one.client_order_id == order]


def test_a_cancel_of_an_order_that_filled_unheard_is_refused_at_once_and_the_fill_is_found(
    here: Drill,
) -> None:
    """DELETE 422: the fill was never told on the stream; the order is read, not canceled again."""
    here.plan(RESTS, risk={"order_max_age_s": "1"}, broker={"reconcile_every_s": "60"})
    here.venue.arm("stream_drop", event="fill", times=9)

    def hear(events: Sequence[Event]) -> None:
        for event in events:
            if isinstance(event, OrderSubmitted):
                here.venue.post("fill", {"client_order_id": event.client_order_id, "price": "90"})

    state = here.session(listener=hear)

    kinds = [type(one).__name__ for one in here.events]
    at = kinds.index("CancelAnswered")
    answer = here.events[at]
    assert isinstance(answer, CancelAnswered)
    assert (answer.outcome, answer.status_code, answer.error_code) == ("refused", 422, "42210000")
    assert kinds[at : at + 5] == [
        "CancelAnswered", "LookupRequested", "TimerSet", "OrderLookedUp", "IntentClosed",
    ]  # fmt: skip
    assert [call["status"] for call in here.writes() if call["method"] == "DELETE"] == [422]
    assert here.venue.counts["stream_drop"] >= 1
    assert state.intents == {}
    (known,) = dict(state.closed.items()).values()
    assert str(known.status) == "FILLED"
    assert state.position("AAPL") == state.executed(known.client_order_id) == 10
    here.assert_agrees(state)
    here.assert_sound()
