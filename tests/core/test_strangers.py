"""Somebody else's order under an id of ours: found once, it is never adopted, whatever is heard.

source  FAULTS §4.2 (adopting a found order requires equal parameters), §4.3 (else halt)
"""

from collections.abc import Sequence

import pytest
from msgspec.structs import replace

from core.events import Event, Observation
from core.order import OpenStatus
from core.state import State
from projections.orders import ORDERS
from projections.positions import POSITIONS
from projections.projection import fold_all
from tests.build import (
    ORDER,
    attempted,
    busted,
    closed,
    corrected,
    fill,
    found,
    intent,
    numbered,
    reported,
    runner_started,
    submit_failed,
    submit_unknown,
    submitted,
)
from tests.core.world import alerted, commanded, configured, elapsed, latched, look
from tests.spec import given

ANOTHER = replace(found(intent(), status="filled", filled=40, average="10"), quantity="40")
FOUND: list[Event] = [intent(), attempted(), submit_unknown(), look(1), ANOTHER]
LATER: list[Observation] = [
    reported(status="new"),
    reported(status="filled", filled=40, average="10"),
    fill(40),
    busted(),
    corrected(40, "9"),
    submitted(),
    found(intent()),
    ANOTHER,
]


def nothing_of_it(state: State) -> None:
    """The intent is as it was: without an outcome, without a share."""
    known = state.intent(ORDER)
    assert known is not None
    assert known.status is OpenStatus.UNKNOWN
    assert known.filled == 0
    assert (known.reported_status, known.venue_order_id) == (None, None)
    assert state.is_stranger(ORDER)
    assert state.position("MSFT") == 0


@pytest.mark.parametrize("later", LATER, ids=range(len(LATER)))
def test_nothing_that_is_heard_of_a_stranger_is_taken_for_our_order(later: Observation) -> None:
    outcome = given(FOUND).when(later)

    nothing_of_it(outcome.state)
    nothing_of_it(given(FOUND, runner_started(2)).when(later).state)
    assert not [one for one in outcome.decisions if type(one).__name__ == "IntentClosed"]


def test_a_report_of_a_stranger_is_named_as_foreign_once() -> None:
    detail = "OrderReported of an order that is not ours"
    foreign = alerted(f"order.foreign:{ORDER}", "order.foreign", detail)

    given(FOUND).when(reported(status="new")).then(foreign).when(fill(40)).then_nothing()


def test_a_restart_does_not_ask_for_a_stranger_and_no_timer_cancels_it() -> None:
    resumed = [*FOUND, commanded("resume")]

    given(resumed).when(runner_started(2)).then_nothing()
    given(resumed).when(elapsed(f"cancel:{ORDER}", seconds=900)).then_nothing()
    given(resumed).when(elapsed(f"look:{ORDER}", seconds=900)).then_nothing()


def test_an_order_that_waits_for_its_next_attempt_is_given_up_for_a_stranger() -> None:
    waiting = [intent(), attempted(), submit_failed(error_class="rate_limited")]
    outcome = given(waiting).when(ANOTHER)
    detail = "buy 40 MSFT at 10.01"

    outcome.then(
        alerted(f"identity:{ORDER}", "identity.collision", detail),
        latched("identity.collision", detail=detail),
    )
    given(waiting, ANOTHER).when(elapsed(f"retry:{ORDER}", seconds=1)).then(
        closed(status="FAILED", code="identity.collision")
    )


def test_an_order_that_was_acknowledged_and_changes_is_ours_and_halts_all_the_same() -> None:
    outcome = given(intent(), attempted(), submitted()).when(ANOTHER)

    assert outcome.state.halted
    assert not outcome.state.is_stranger(ORDER)


def test_an_order_given_up_that_a_list_finds_is_an_orphan_and_is_canceled() -> None:
    gone = [intent(), attempted(), submit_unknown(), look(1), closed(status="FAILED")]
    outcome = given(configured(), gone).when(found(intent()))

    assert [type(one).__name__ for one in outcome.decisions] == ["AlertRaised", "CancelAttempted"]
    assert outcome.state.orphans == {ORDER: "MSFT"}


def test_projections_leave_a_stranger_out_of_our_orders_and_count_it_in_the_account() -> None:
    told: Sequence[Event] = [*FOUND, fill(40), reported(status="filled", filled=40, average="10")]
    (order,) = ORDERS.rows(fold_all(ORDERS, numbered(told)))
    (held,) = POSITIONS.rows(fold_all(POSITIONS, numbered(told)))

    assert (order["status"], order["filled_quantity"]) == ("UNKNOWN", "0")
    assert (held["symbol"], held["quantity"]) == ("MSFT", "40")
