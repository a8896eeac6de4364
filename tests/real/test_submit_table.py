"""One order, and whatever can become of its POST: how often it was sent, and what is alive.

source  ALPACA.md A3 and the table of what alpaca-py does alone: two to four orders for one, or
        "accepted" for what is not there. Here: one POST unless the order is proven absent, one
        live order, and a journal that says what the venue says, also after a restart
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from core.cycle import client_order_id
from core.events import (
    Event,
    IntentCreated,
    OrderSubmitFailed,
    OrderSubmitted,
    OrderSubmitUnknown,
)
from core.state import Intent, State
from tests.real.world import drill

ANSWERS = (OrderSubmitted, OrderSubmitFailed, OrderSubmitUnknown)


class Row(NamedTuple):
    """What is armed for the POST of one symbol's order, and what must have come of it."""

    faults: tuple[tuple[str, dict[str, Any]], ...]
    live: int
    first: type
    status: str


def row(fault: str, live: int, first: type, ends: str, **more: Any) -> Row:
    """A row of one fault."""
    return Row(((fault, more),), live, first, ends)


UNKNOWN, TAKEN = OrderSubmitUnknown, OrderSubmitted
TABLE = [
    row("error_after", 1, UNKNOWN, "FILLED", status="504"),
    row("error_after", 1, UNKNOWN, "FILLED", status="504", times=3),
    row("error_after", 1, UNKNOWN, "FILLED", status="504", times=4),
    row("error_after", 1, UNKNOWN, "FILLED", status="500"),
    row("error_before", 0, UNKNOWN, "FAILED", status="503"),
    row("error_before", 0, UNKNOWN, "FAILED", status="504"),
    row("timeout_after", 1, UNKNOWN, "FILLED"),
    row("timeout_before", 0, UNKNOWN, "FAILED"),
    row("reset_after", 1, UNKNOWN, "FILLED", at_byte=0),
    row("reset_after", 1, UNKNOWN, "FILLED", at_byte=60),
    row("reset_before", 0, UNKNOWN, "FAILED"),
    row("half_answer", 1, UNKNOWN, "FILLED", at_byte=80),
    row("html", 1, UNKNOWN, "FILLED"),
    row("empty", 1, UNKNOWN, "FILLED"),
    row("garbage", 1, UNKNOWN, "FILLED"),
    row("slow", 1, TAKEN, "FILLED", seconds=0.2),
    row("late_reject", 1, TAKEN, "REJECTED"),
    Row((("error_after", {"status": "502"}), ("late_visible", {"seconds": 0.4})), 1, UNKNOWN,
        "FILLED"),
    Row((("reset_after", {}), ("late_reject", {})), 1, UNKNOWN, "REJECTED"),
]  # fmt: skip
SYMBOLS = tuple(f"ROW{number:02}" for number in range(len(TABLE)))


def names(number: int) -> str:
    """What a row is called."""
    said = TABLE[number]
    return "-".join(f"{fault}{list(more.values())}" for fault, more in said.faults)


class Ran(NamedTuple):
    """The state after the run, after a restart, and what the venue has."""

    states: tuple[State, State]
    events: list[Any]
    posts: dict[str, int]
    orders: list[dict[str, Any]]


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ran]:
    """One cycle with an order for each row, then a restart."""
    with drill(tmp_path_factory.mktemp("table") / "run", symbols=SYMBOLS) as here:
        for number, one in enumerate(TABLE, 1):  # orders leave in the order of their symbols
            for fault, more in one.faults:
                here.venue.arm(fault, order_number=number, **more)
        here.plan({1: [(symbol, "buy", 10, "100.02") for symbol in SYMBOLS]})
        first = here.session()
        here.assert_agrees(first)
        again = here.session()
        here.assert_agrees(again)
        assert set(here.venue.get("campaign")["missing"]) == set()
        yield Ran((first, again), here.events, here.posts(), here.orders())
        here.assert_sound()


@pytest.mark.parametrize("number", range(len(TABLE)), ids=names)
def test_an_order_is_sent_once_and_lives_once_whatever_becomes_of_its_post(
    number: int, ran: Ran
) -> None:
    expected, symbol = TABLE[number], SYMBOLS[number]
    before, after = (intent_of(state, symbol) for state in ran.states)
    order_id = before.client_order_id
    answers = [e for e in ran.events if isinstance(e, ANSWERS) and e.client_order_id == order_id]

    assert [type(one) for one in answers] == [expected.first]
    assert ran.posts[order_id] == 1
    assert [one["symbol"] for one in ran.orders].count(symbol) == expected.live
    assert str(before.status) == str(after.status) == expected.status
    assert before.fills == after.fills


@pytest.mark.parametrize(("seconds", "times"), [(1, 2), (7, 1)])
def test_a_limited_order_waits_and_goes_under_its_own_id(
    tmp_path: Path, seconds: float, times: int
) -> None:
    """A 429 is the proof of absence: what was refused is posted again, and nothing besides.

    The wait of the second is longer than any doubt about an outcome: a run ends after it.
    """
    with drill(tmp_path / "run") as here:
        here.plan({1: [("AAPL", "buy", 10, "100.02")]})
        here.venue.arm("rate_limited", order_number=1, seconds=seconds, times=times)
        state = here.session()
        here.assert_agrees(state)
        here.assert_agrees(here.session())

        intent = intent_of(state, "AAPL")
        assert intent.status == "FILLED"
        assert here.posts() == {intent.client_order_id: times + 1}
        assert len(here.orders()) == 1


def test_a_venue_that_dies_with_the_order_in_hand_is_asked_when_it_is_back(tmp_path: Path) -> None:
    with drill(tmp_path / "run") as here:
        here.plan({1: [("AAPL", "buy", 10, "100.02")]})
        here.venue.arm("die_after", order_number=1)
        first = here.session()
    with drill(tmp_path / "run") as here:
        here.plan({1: [("AAPL", "buy", 10, "100.02")]})
        second = here.session()
        here.assert_agrees(second)

        order_id = intent_of(first, "AAPL").client_order_id
        assert intent_of(first, "AAPL").status == "UNKNOWN"
        assert intent_of(second, "AAPL").status == "FILLED"
        assert here.posts() == {order_id: 1}


STRANGE = {"symbol": "AAPL", "side": "buy", "quantity": "99", "limit_price": "90"}


def test_a_strangers_order_under_our_next_id_halts_before_anything_is_sent(tmp_path: Path) -> None:
    with drill(tmp_path / "run") as here:
        here.plan({2: [("AAPL", "buy", 10, "100.02")]})
        state = here.session()
        taken = client_order_id(state, "2024-03-04T14:01:00.000000Z", "AAPL", 0)
        here.venue.post("order", {**STRANGE, "client_order_id": taken})
        after = here.session()

        assert after.halted
        assert after.mismatched == {"AAPL": "foreign-order-with-our-tag"}
        assert here.posts() == {}


def test_one_that_was_there_a_moment_before_ours_is_found_by_the_refusal_and_halts(
    tmp_path: Path,
) -> None:
    with drill(tmp_path / "run") as here:
        here.plan({1: [("AAPL", "buy", 10, "100.02")], 2: [("MSFT", "buy", 10, "100.02")]})

        def interfere(events: Sequence[Event]) -> None:
            for event in events:
                if isinstance(event, IntentCreated):
                    taken = {**STRANGE, "client_order_id": event.client_order_id}
                    here.venue.post("order", taken)

        after = here.session(cycles=2, listener=interfere)
        intent = intent_of(after, "AAPL")
        answers = [event for event in here.events if isinstance(event, ANSWERS)]

        assert [type(one) for one in answers] == [OrderSubmitUnknown]
        assert after.halted
        assert intent.closed_at is None
        assert intent.filled == 0
        assert here.posts() == {intent.client_order_id: 1}


def intent_of(state: State, symbol: str) -> Intent:
    """The one intent of a symbol."""
    known = [*state.intents.values(), *dict(state.closed.items()).values()]
    (found,) = [intent for intent in known if intent.symbol == symbol]
    return found
