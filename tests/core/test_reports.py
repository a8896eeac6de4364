"""Reports of the venue: in every order, heard twice, by stream and REST; none is refused.

source  the rules in core/order.py and core/fills.py; VOCABULARY.md 6 for the numbers of the bot
"""

from decimal import Decimal

import pytest
from msgspec.structs import replace

from core.events import Event, FillReported, Observation
from core.fills import average_price
from core.order import OpenStatus, TerminalStatus
from core.state import Intent
from tests.build import (
    ORDER,
    attempted,
    busted,
    cancel_answered,
    cancel_attempted,
    closed,
    corrected,
    fill,
    intent,
    reported,
    submit_unknown,
    submitted,
)
from tests.core.world import alerted
from tests.spec import Outcome, given

SENT: list[Event] = [intent(), attempted()]
WORKING: list[Event] = [*SENT, submitted()]
FOREIGN = "someone-else"
AMENDED = f"fill.amended:{ORDER}:execution-1"


def order_of(outcome: Outcome) -> Intent:
    """The one order."""
    known = outcome.state.intent(ORDER)
    assert known is not None
    return known


def all_of(outcome: Outcome) -> tuple[object, ...]:
    """Status, shares filled, and the position."""
    order = order_of(outcome)
    return order.status, order.filled, outcome.state.position("MSFT")


def paid(outcome: Outcome) -> Decimal:
    """Money paid for MSFT in all: a bust or correction may realize some of it meanwhile."""
    position = outcome.state.positions["MSFT"]
    return position.cost - position.realized


# -- fills


def test_a_fill_moves_the_position_and_leaves_the_rest_open() -> None:
    outcome = given(WORKING).when(fill(40)).then_nothing()

    assert all_of(outcome) == (OpenStatus.PARTIALLY_FILLED, 40, 40)
    assert order_of(outcome).leaves == 60


def test_the_last_share_closes_the_order() -> None:
    given(WORKING, fill(40)).when(fill(60, execution="execution-2")).then(closed(filled=100))


def test_a_sell_moves_the_position_down() -> None:
    selling = [intent(side="sell"), attempted(), submitted()]

    assert given(selling).when(fill(40, side="sell")).state.position("MSFT") == -40


def test_a_fill_before_the_answer_counts_and_the_answer_changes_nothing() -> None:
    outcome = given(SENT).when(fill(100)).then(closed(filled=100))

    late = outcome.when(submitted()).then_nothing()
    assert all_of(late) == (TerminalStatus.FILLED, 100, 100)
    assert all_of(outcome.when(submit_unknown())) == (TerminalStatus.FILLED, 100, 100)


def test_an_answer_after_the_order_filled_does_not_reopen_it() -> None:
    """Bot 2: FILLED became SUBMITTED."""
    outcome = given(WORKING, fill(100), closed(filled=100)).when(submitted()).then_nothing()

    assert all_of(outcome) == (TerminalStatus.FILLED, 100, 100)
    assert outcome.state.intents == {}


@pytest.mark.parametrize("status", sorted(TerminalStatus))
def test_a_late_fill_amends_a_closed_order_and_reopens_nothing(status: TerminalStatus) -> None:
    """Bot 1: a late fill made CANCELED, REJECTED, … open again."""
    outcome = given(WORKING, closed(status=status)).when(fill(30))

    assert all_of(outcome) == (status, 30, 30)
    assert outcome.state.intents == {}


def test_a_fill_after_the_cancel_was_accepted_counts() -> None:
    outcome = given(WORKING, cancel_attempted(), cancel_answered()).when(fill(30)).then_nothing()

    outcome.when(reported(status="canceled", filled=30, average="10")).then(
        closed(status="CANCELED", filled=30)
    )


def test_an_overfill_is_recorded_because_it_happened() -> None:
    outcome = given(WORKING, fill(60)).when(fill(60, execution="execution-2"))

    outcome.then(closed(filled=120))
    assert outcome.state.position("MSFT") == 120
    assert order_of(outcome).leaves == 0


@pytest.mark.parametrize(
    "again",
    [
        fill(40),
        fill(40, cumulative=40),
        replace(fill(40, execution=None, cumulative=40), source="rest"),
    ],
)
@pytest.mark.parametrize("first", [fill(40, cumulative=40)])
def test_a_fill_heard_twice_counts_once_by_stream_or_by_rest(
    first: FillReported, again: FillReported
) -> None:
    """Bot 5: 20 of 10 shares."""
    outcome = given(WORKING, first).when(again).then_nothing()

    assert all_of(outcome) == (OpenStatus.PARTIALLY_FILLED, 40, 40)


def test_a_fill_heard_by_rest_first_is_known_by_its_execution_id_then() -> None:
    rest = fill(40, execution=None, cumulative=40)
    outcome = given(WORKING, rest).when(fill(40, cumulative=40)).then_nothing()

    assert all_of(outcome) == (OpenStatus.PARTIALLY_FILLED, 40, 40)
    assert outcome.state.has_execution(ORDER, "execution-1")
    assert outcome.when(busted()).state.position("MSFT") == 0


def test_two_fills_by_rest_alone_are_told_apart_by_the_cumulative_quantity() -> None:
    rest = [fill(40, execution=None, cumulative=40), fill(40, execution=None, cumulative=80)]

    assert all_of(given(WORKING, rest, rest).when(rest[0]))[1] == 80


def test_two_executions_that_left_the_same_cumulative_quantity_are_two() -> None:
    """A bust brings the broker's cumulative quantity back: it can be reached again."""
    once_more = fill(40, execution="execution-2", cumulative=40)

    outcome = given(WORKING, fill(40, cumulative=40), busted()).when(once_more)

    assert outcome.state.position("MSFT") == 40


# -- cumulative reports


def test_a_cumulative_report_alone_counts_its_shares() -> None:
    outcome = given(WORKING).when(reported(filled=40, average="10")).then_nothing()

    assert all_of(outcome) == (OpenStatus.PARTIALLY_FILLED, 40, 40)


def test_the_average_of_cumulative_reports_is_the_brokers() -> None:
    """Bot 10: 10 at 10, then 20 at 11 on average, was booked as 10.6."""
    outcome = given(WORKING, reported(filled=10, average="10")).when(
        reported(filled=20, average="11")
    )

    assert average_price(order_of(outcome).fills) == 11
    assert outcome.state.positions["MSFT"].cost == 220


def test_a_report_that_knows_less_changes_nothing() -> None:
    outcome = given(WORKING, fill(40)).when(reported(filled=30, average="9")).then_nothing()

    assert all_of(outcome)[1:] == (40, 40)
    assert outcome.when(reported(filled=0)).state == outcome.state


def test_executions_that_come_after_their_report_count_once() -> None:
    outcome = given(WORKING, reported(filled=100, average="10.4"), closed(filled=100))
    for event in (fill(60, "10", cumulative=60), fill(40, "11", execution="2", cumulative=100)):
        outcome = outcome.when(event).then_nothing()
        assert all_of(outcome)[1:] == (100, 100)

    assert average_price(order_of(outcome).fills) == Decimal("10.4")


def test_a_report_without_an_average_says_nothing_of_fills() -> None:
    assert all_of(given(WORKING).when(reported(filled=40)))[1] == 0


# -- busts and corrections


def test_a_bust_takes_the_shares_back_and_a_person_is_told() -> None:
    outcome = given(WORKING, fill(40)).when(busted())

    outcome.then(alerted(AMENDED, "fill.amended", "FillBusted"))
    assert all_of(outcome)[1:] == (0, 0)
    outcome.when(busted()).then_nothing()


def test_a_bust_before_its_fill_takes_back_what_comes() -> None:
    outcome = given(WORKING, busted()).when(fill(40)).then_nothing()

    assert all_of(outcome)[1:] == (0, 0)


def test_a_bust_after_the_close_amends_and_the_status_stays() -> None:
    outcome = given(WORKING, fill(100), closed(filled=100)).when(busted())

    assert all_of(outcome) == (TerminalStatus.FILLED, 0, 0)


def test_a_busted_fill_heard_again_stays_busted() -> None:
    again = fill(40, execution=None, cumulative=40)

    outcome = given(WORKING, fill(40, cumulative=40), busted())
    assert all_of(outcome.when(fill(40, cumulative=40)))[1] == 0
    assert all_of(outcome.when(again))[1] == 0


def test_a_correction_restates_quantity_and_price() -> None:
    outcome = given(WORKING, fill(40, "10")).when(corrected(30, "9.5"))

    outcome.then(alerted(AMENDED, "fill.amended", "FillCorrected"))
    assert all_of(outcome)[1:] == (30, 30)
    assert paid(outcome) == 285


def test_a_corrected_price_alone_moves_the_cost_alone() -> None:
    outcome = given(WORKING, fill(40, "10")).when(corrected(40, "9"))

    assert outcome.state.positions["MSFT"].quantity == 40
    assert outcome.state.positions["MSFT"].cost == 360


def test_a_corrected_fill_heard_again_stays_corrected() -> None:
    outcome = given(WORKING, fill(40, "10", cumulative=40), corrected(40, "9"))
    for again in (fill(40, "10", cumulative=40), fill(40, "10", execution=None, cumulative=40)):
        assert all_of(outcome.when(again))[1:] == (40, 40)
        assert outcome.when(again).state.positions["MSFT"].cost == 360


def test_a_correction_before_its_fill_stands() -> None:
    outcome = given(WORKING, corrected(30, "9")).when(fill(40, "10"))

    assert all_of(outcome)[1:] == (30, 30)


def test_a_correction_that_fills_the_rest_closes_the_order() -> None:
    outcome = given(WORKING, fill(90)).when(corrected(100, "10"))

    outcome.then(alerted(AMENDED, "fill.amended", "FillCorrected"), closed(filled=100))


@pytest.mark.parametrize("amendment", [busted(), corrected(30, "10")], ids=["bust", "correction"])
def test_a_venue_that_amends_an_execution_has_the_order(amendment: Observation) -> None:
    outcome = given(SENT, submit_unknown()).when(amendment)

    assert order_of(outcome).at_venue
    assert order_of(outcome).outcome == "submitted"


def test_a_bust_lowers_a_report_that_knew_of_more() -> None:
    outcome = given(WORKING, reported(filled=60, average="10"), fill(40, "10")).when(busted())

    assert all_of(outcome)[1:] == (20, 20)
    assert outcome.state.positions["MSFT"].cost == 200


def test_a_bust_of_an_order_that_is_not_ours_is_shown_and_moves_nothing() -> None:
    outcome = given(WORKING).when(busted(FOREIGN))

    outcome.then(alerted(f"fill.amended:{FOREIGN}:execution-1", "fill.amended", "FillBusted"))
    assert outcome.state.positions == {}
