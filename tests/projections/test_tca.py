"""The rows of TCA: which prices an order is measured against, and when they are known."""

from decimal import Decimal

from core.events import Event
from projections.tca import TCA
from tests.build import (
    attempted,
    busted,
    closed,
    fee,
    fill,
    found,
    intent,
    quotes,
    reported,
    submit_failed,
    submit_unknown,
    submitted,
)
from tests.projections.spec import cells, only, rows_of

DECIDED: tuple[Event, ...] = (quotes(MSFT=("9.99", "10.01")), intent(decision_price="10"))
SENT: tuple[Event, ...] = (*DECIDED, attempted(), quotes(MSFT=("10.01", "10.03")), submitted())
OVER: tuple[Event, ...] = (quotes(MSFT=("10.09", "10.11")), closed(status="CANCELED"))
PRICES = ("arrival_price", "end_price", "cost_known", "missing")


def test_a_partly_filled_order_worked_by_hand() -> None:
    """Decided at 10, arrived at 10.02, 60 of 100 filled at 10.05, given up at 10.10."""
    row = only(TCA, *SENT, fill(60, "10.05"), fee("0.30"), *OVER)

    assert cells(row, "ordered_quantity", "filled_quantity", "average_price", "status") == (
        "100",
        "60",
        "10.05",
        "CANCELED",
    )
    assert cells(row, "decision_price", *PRICES) == ("10", "10.02", "10.1", True, None)
    assert cells(row, "delay", "trading", "opportunity", "fees") == ("1.2", "1.8", "4", "0.3")
    assert cells(row, "total", "total_bps") == ("7.3", "73")


def test_an_intent_without_an_outcome_has_no_cost() -> None:
    assert rows_of(TCA, *DECIDED, attempted(), submit_unknown()) == []


def test_an_order_still_open_has_no_end_price_and_says_its_cost_is_partial() -> None:
    row = only(TCA, *SENT, fill(60, "10.05"))

    assert cells(row, "opportunity", *PRICES) == ("0", "10.02", None, False, "end_price")


def test_a_filled_order_needs_no_end_price() -> None:
    assert only(TCA, *SENT, fill(100, "10.05"))["cost_known"] is True


def test_an_order_whose_answer_was_lost_arrived_with_its_attempt() -> None:
    lost = (*DECIDED, attempted(), submit_unknown(), quotes(MSFT=("10.01", "10.03")))

    assert only(TCA, *lost, found(intent(decision_price="10")))["arrival_price"] == "10"
    assert only(TCA, *lost, fill(1))["arrival_price"] == "10"


def test_the_second_attempt_is_the_one_that_arrived() -> None:
    late = quotes(MSFT=("10.01", "10.03"))
    retried = (attempted(), submit_failed(error_class="rate_limited"), late, attempted(attempt=2))

    assert only(TCA, *DECIDED, *retried, fill(1))["arrival_price"] == "10.02"


def test_an_order_refused_costs_what_it_missed() -> None:
    failed = closed(status="FAILED", code="broker.refused")
    row = only(TCA, *DECIDED, attempted(), submit_failed(), quotes(MSFT=("10.09", "10.11")), failed)

    assert cells(row, "opportunity", "total", *PRICES) == ("10", "10", None, "10.1", True, None)


def test_a_quote_without_a_side_gives_no_price() -> None:
    row = only(TCA, *DECIDED, attempted(), quotes(MSFT=("0", "10.03")), submitted(), fill(60))

    assert cells(row, *PRICES) == (None, None, False, "arrival_price,end_price")


def test_a_late_fill_is_charged_and_the_end_price_stays() -> None:
    row = only(TCA, *SENT, *OVER, quotes(MSFT=("11", "12")), fill(60, "10.05"))

    assert cells(row, "filled_quantity", "end_price", "opportunity") == ("60", "10.1", "4")


def test_a_busted_fill_is_not_charged() -> None:
    assert cells(only(TCA, *SENT, fill(60, "10.05"), busted(), *OVER), "trading", "total") == (
        "0",
        "10",
    )


def test_a_cumulative_report_is_charged_where_it_knows_more_than_the_fills() -> None:
    row = only(TCA, *SENT, fill(20, "10.05"), reported(filled=60, average="10.04"))

    assert cells(row, "filled_quantity", "trading") == ("60", "1.2")


def test_a_fee_counts_once_also_after_the_close() -> None:
    assert only(TCA, *SENT, *OVER, fee("1"), fee("1"), fee("2", fee_id="b"))["fees"] == "3"


def test_the_parts_of_a_row_add_up_to_its_total_also_where_they_do_not_end() -> None:
    awkward = (fill(1, "10.000000000000001", execution="a"), fill(2, "10.1", execution="b"))
    row = only(TCA, *SENT, *awkward, *OVER)

    parts = [Decimal(str(row[name])) for name in ("delay", "trading", "opportunity", "fees")]
    assert sum(parts) == Decimal(str(row["total"]))
