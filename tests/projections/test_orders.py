"""Orders and open intents: what a row says after each turn of an order's life."""

import pytest

from core.canonical import content_id
from core.events import Event
from core.order import TerminalStatus
from projections.open_intents import OPEN_INTENTS
from projections.orders import ORDERS
from tests.build import (
    absent,
    at,
    attempted,
    busted,
    closed,
    corrected,
    fill,
    found,
    intent,
    reported,
    runner_started,
    submit_failed,
    submit_unknown,
    submitted,
)
from tests.projections.spec import cells, only, rows_of

SENT: tuple[Event, ...] = (intent(), attempted(), submitted())


def filled(*events: Event) -> tuple[object, ...]:
    return cells(only(ORDERS, *events), "filled_quantity", "average_price", "status")


def test_a_new_intent_has_all_its_terms() -> None:
    made = intent()

    assert only(ORDERS, made) == {
        "client_order_id": "order-1",
        "intent": content_id(made),
        "symbol": "MSFT",
        "side": "buy",
        "quantity": "100",
        "order_type": "limit",
        "limit_price": "10.01",
        "time_in_force": "day",
        "filled_quantity": "0",
        "average_price": None,
        "status": "PENDING_SUBMIT",
        "cycle": 1,
        "slot": at(),
        "attempts": 0,
        "venue_order_id": None,
        "reason": None,
        "replaces": None,
        "replaced_by": None,
        "created_at": at(),
        "closed_at": None,
    }


@pytest.mark.parametrize(
    ("events", "status"),
    [
        ((attempted(),), "SUBMITTING"),
        ((attempted(), submitted()), "SUBMITTED"),
        ((attempted(), submitted(status="held")), "HELD"),
        ((attempted(), submitted(status="a word nobody knows")), "SUBMITTED"),
        ((attempted(), submit_unknown()), "UNKNOWN"),
        ((attempted(), runner_started(2)), "UNKNOWN"),
        ((attempted(), submit_unknown(), absent()), "UNKNOWN"),
        ((attempted(), runner_started(2), found(intent()), runner_started(3)), "SUBMITTED"),
        ((attempted(), submit_unknown(), found(intent())), "SUBMITTED"),
        ((attempted(), submit_unknown(), fill(10)), "PARTIALLY_FILLED"),
        ((attempted(), submit_failed(error_class="rate_limited")), "PENDING_SUBMIT"),
        ((attempted(), submitted(), fill(10)), "PARTIALLY_FILLED"),
        ((attempted(), submitted(), reported(status="pending_cancel")), "PENDING_CANCEL"),
        ((attempted(), submitted(), closed(status="CANCELED")), "CANCELED"),
    ],
)
def test_a_status_is_what_the_core_says_it_is(events: tuple[Event, ...], status: str) -> None:
    assert only(ORDERS, intent(), *events)["status"] == status


def test_attempts_the_venues_id_and_the_close_are_told() -> None:
    events = (*SENT, attempted(attempt=2), closed(status="REJECTED", code="broker.refused"))

    assert cells(
        only(ORDERS, *events), "attempts", "venue_order_id", "reason", "closed_at", "status"
    ) == (2, "venue-order-1", "broker.refused", at(), "REJECTED")


def test_the_average_price_is_rounded_half_even_to_six_places() -> None:
    events = (*SENT, fill(1, "10", execution="a"), fill(2, "10.01", execution="b"))

    assert filled(*events) == ("3", "10.006667", "PARTIALLY_FILLED")


def test_a_fill_heard_twice_counts_once() -> None:
    assert filled(*SENT, fill(40), fill(40)) == ("40", "10", "PARTIALLY_FILLED")


def test_a_fill_of_rest_and_its_echo_on_the_stream_count_once() -> None:
    by_rest = fill(40, execution=None, cumulative=40)
    by_stream = fill(40, cumulative=40)

    assert filled(*SENT, by_rest, by_stream)[0] == "40"
    assert filled(*SENT, by_stream, by_rest)[0] == "40"


def test_a_cumulative_report_may_come_before_its_fills() -> None:
    early = (*SENT, reported(filled=60, average="10.02"))

    assert filled(*early) == ("60", "10.02", "PARTIALLY_FILLED")
    assert filled(*early, fill(60, "10.02"))[0] == "60"
    assert filled(*early, fill(20, "10.02"))[0] == "60"
    assert filled(*early, fill(60, "10.02"), fill(40, "10", execution="b"))[0] == "100"


def test_a_bust_lowers_the_sum_and_a_correction_restates_it() -> None:
    assert filled(*SENT, fill(40), busted())[0] == "0"
    assert filled(*SENT, fill(40), corrected(30, "10.5"))[:2] == ("30", "10.5")
    assert filled(*SENT, busted(), fill(40))[0] == "0"


def test_a_late_fill_amends_a_closed_order_and_its_status_stays() -> None:
    over = (*SENT, closed(status="CANCELED"))

    assert filled(*over, fill(40)) == ("40", "10", "CANCELED")
    assert filled(*over, fill(40), busted()) == ("0", None, "CANCELED")


@pytest.mark.parametrize("status", [str(status) for status in TerminalStatus])
def test_nothing_reopens_a_closed_order(status: str) -> None:
    late = (submitted(), reported(status="new"), fill(1), attempted(attempt=9), closed())

    assert only(ORDERS, *SENT, closed(status=status), *late)["status"] == status


def test_orders_stand_in_the_order_of_their_creation() -> None:
    rows = rows_of(ORDERS, intent("z"), intent("a"), intent("m"))

    assert [row["client_order_id"] for row in rows] == ["z", "a", "m"]


def test_a_report_of_an_order_that_is_not_ours_is_no_order() -> None:
    assert rows_of(ORDERS, fill(order="foreign"), reported("foreign")) == []


def test_an_open_intent_tells_what_it_leaves_and_how_old_it_is() -> None:
    made = intent(seconds=1)
    row = only(OPEN_INTENTS, made, attempted(seconds=1), fill(30, seconds=8.5))

    assert row == {
        "intent": content_id(made),
        "client_order_id": "order-1",
        "symbol": "MSFT",
        "side": "buy",
        "quantity": "100",
        "leaves_quantity": "70",
        "status": "PARTIALLY_FILLED",
        "age_s": 7,
        "source_id": None,
    }


def test_any_event_makes_an_open_intent_older() -> None:
    assert only(OPEN_INTENTS, intent(), runner_started(seconds=90))["age_s"] == 90


def test_an_event_of_an_earlier_time_makes_nothing_younger() -> None:
    later = (runner_started(seconds=90), runner_started(seconds=30))

    assert only(OPEN_INTENTS, intent(), *later)["age_s"] == 90


def test_an_overfilled_intent_leaves_nothing() -> None:
    assert only(OPEN_INTENTS, *SENT, fill(101))["leaves_quantity"] == "0"


def test_a_closed_intent_is_not_open_and_a_late_fill_does_not_bring_it_back() -> None:
    assert rows_of(OPEN_INTENTS, *SENT, closed(), fill(40)) == []
