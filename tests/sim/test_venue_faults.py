"""The simulated venue's faults: by rate, by script, and those of its stream."""

from decimal import Decimal

import pytest

from core.sim.types import FaultRates, Refusal, VenueOrder, VenueParameters
from live.brokers.venue_file import Post
from tests.sim.build import Floor, at, parameters, quote, request

HALF = {"#1": "partial_fill"}


def fill_all(floor: Floor, minutes: int = 40) -> None:
    """Let the market stand still until everything has had its chance."""
    for minute in range(floor.minute + 1, floor.minute + minutes):
        floor.quotes(minute)


def test_a_lost_request_leaves_nothing_and_the_next_one_arrives() -> None:
    floor = Floor(parameters(script={"AAPL#1": "lost_request"})).quotes(0)

    assert floor.sends(request()) == Post.LOST
    assert floor.rows("orders") == []
    assert isinstance(floor.sends(request()), VenueOrder)


def test_a_lost_answer_leaves_the_order_working() -> None:
    floor = Floor(parameters(script={"#1": "lost_answer"})).quotes(0)

    assert floor.sends(request()) == Post.LOST
    assert floor.statuses() == ["new", "filled"]
    assert floor.sends(request()) == Post.DUPLICATE


def test_every_post_is_counted() -> None:
    floor = Floor(parameters(script={"#1": "lost_request"})).quotes(0)
    for _ in range(3):
        floor.sends(request())

    assert [row[:2] for row in floor.rows("posts")] == [("o-1", 3)]


@pytest.mark.parametrize(
    ("key", "order"),
    [
        ("#2", "o-2"),
        ("MSFT#1", "o-3"),
        ("AAPL#2", "o-2"),
        ("MSFT@2026-11-27T14:30:00.000000Z", "o-3"),
    ],
)
def test_a_script_names_an_order_by_number_by_symbol_or_by_slot(key: str, order: str) -> None:
    floor = Floor(parameters(script={key: "reject"}))
    floor.opens(0, quote(at(0)), MSFT=quote(at(0)))
    requests = [request("o-1"), request("o-2"), request("o-3", symbol="MSFT")]

    refused = [r.client_order_id for r in requests if isinstance(floor.sends(r), Refusal)]

    assert refused == [order]


@pytest.mark.parametrize("entry", [("AAPL", "reject"), ("#0", "reject"), ("#1", "explode")])
def test_a_script_that_says_nothing_is_refused(entry: tuple[str, str]) -> None:
    with pytest.raises(ValueError, match="expected SYMBOL#N=FAULT"):
        parameters(script=dict([entry]))


@pytest.mark.parametrize("rate", [Decimal("1.1"), Decimal(-1), Decimal("NaN"), 0.5])
def test_a_rate_that_is_no_probability_is_refused(rate: object) -> None:
    with pytest.raises(ValueError, match="expected a decimal from 0 to 1"):
        FaultRates(drop_rate=rate)  # type: ignore[arg-type]


def test_a_late_reject_follows_acceptance_and_fills_nothing() -> None:
    floor = Floor(parameters(rates=FaultRates(late_reject_rate=Decimal(1)))).quotes(0)

    assert isinstance(floor.sends(request()), VenueOrder)
    assert floor.statuses() == ["new", "rejected"]
    assert floor.venue.state.positions == {}


def test_a_scripted_partial_fill_takes_half_first() -> None:
    floor = Floor(parameters(script=HALF)).quotes(0).quotes(1)
    floor.sends(request(quantity=75))
    fill_all(floor)

    assert floor.fills()[0] == (37, "100.02")
    assert sum(quantity for quantity, _ in floor.fills()) == 75


@pytest.mark.parametrize("seconds", ["0.000001", "5.3", "59"])
def test_what_an_order_gets_does_not_depend_on_when_in_its_slot_it_comes(seconds: str) -> None:
    early, late = Floor(parameters(script=HALF)).quotes(0), Floor(parameters(script=HALF)).quotes(0)
    early.sends(request())
    late.sends(request(), seconds)
    fill_all(early)
    fill_all(late)

    assert early.rows("executions") == late.rows("executions")


def test_a_message_is_never_due_before_its_event_nor_before_the_venue_knew() -> None:
    floor = Floor().quotes(0)
    floor.sends(request(), "30")

    messages = floor.venue.messages(at(0), at(1))

    assert [m.event.status for m in messages] == ["new", "filled"]
    assert all(m.due > m.event.event_time and m.due > at(0, "30") for m in messages)


def stream(given: VenueParameters) -> list[tuple[str, int]]:
    """(order, event) of each message three orders bring, in order of delivery."""
    floor = Floor(given).quotes(0)
    for n in range(3):
        floor.sends(request(f"o-{n}", quantity=10))
    found = floor.venue.messages(at(0), at(20))
    return [(m.order.client_order_id, m.event.n) for m in found]


def test_a_dropped_message_never_comes_and_a_doubled_one_comes_twice() -> None:
    usual = stream(parameters())

    assert len(usual) == 6
    assert stream(parameters(rates=FaultRates(drop_rate=Decimal(1)))) == []
    assert sorted(stream(parameters(rates=FaultRates(duplicate_rate=Decimal(1))))) == sorted(
        [*usual, *usual]
    )


def test_a_delayed_message_comes_one_to_ninety_seconds_later() -> None:
    floor = Floor(parameters(rates=FaultRates(delay_rate=Decimal(1)))).quotes(0)
    floor.sends(request())
    dues = [m.due for m in floor.venue.messages(at(0), at(20))]

    assert len(dues) == 2
    assert all(at(0, "1") < due < at(0, "91") for due in dues)


def test_messages_change_places_when_they_are_reordered() -> None:
    orders = [
        stream(parameters(seed=seed, rates=FaultRates(reorder_rate=Decimal("0.5"))))
        for seed in range(8)
    ]

    assert any(found.index((o, 2)) < found.index((o, 1)) for found in orders for o, _ in found)
