"""The words of a venue, and reports of what is not ours, not open or does not agree."""

from itertools import permutations

import pytest
from msgspec.structs import replace

from core.events import Event, FillReported
from core.fills import filled
from core.order import BROKER_STATUS, WATCHED, OpenStatus, TerminalStatus
from core.state import Intent
from tests.build import (
    ORDER,
    attempted,
    closed,
    fill,
    intent,
    reported,
    submit_unknown,
    submitted,
)
from tests.build_world import at
from tests.core.world import (
    alerted,
    cancel,
    cleared,
    configured,
    elapsed,
    latched,
    mismatched,
    timer,
)
from tests.spec import Outcome, given

SENT: list[Event] = [intent(), attempted()]


WORKING: list[Event] = [*SENT, submitted()]


FOREIGN = "someone-else"


def order_of(outcome: Outcome) -> Intent:
    """The one order."""
    known = outcome.state.intent(ORDER)
    assert known is not None
    return known


def all_of(outcome: Outcome) -> tuple[object, ...]:
    """Status, shares filled, and the position."""
    order = order_of(outcome)
    return order.status, order.filled, outcome.state.position("MSFT")


# -- status words


@pytest.mark.parametrize(
    ("word", "status"),
    [
        ("filled", "FILLED"),
        ("canceled", "CANCELED"),
        ("cancelled", "CANCELED"),
        ("CANCELED", "CANCELED"),
        ("expired", "EXPIRED"),
        ("rejected", "REJECTED"),
        ("replaced", "REPLACED"),
        ("closed", "CLOSED"),
    ],
)
def test_a_terminal_word_closes_the_order(word: str, status: str) -> None:
    given(WORKING).when(reported(status=word)).then(closed(status=status))
    given(SENT).when(submitted(status=word)).then(closed(status=status))
    given(SENT, submit_unknown()).when(reported(status=word)).then(closed(status=status))


@pytest.mark.parametrize("word", ["new", "partially_filled", "pending_cancel", "held", "dreaming"])
def test_a_late_word_after_a_terminal_one_changes_nothing(word: str) -> None:
    outcome = given(WORKING).when(reported(status="canceled")).when(reported(status=word))

    outcome.then_nothing()
    assert all_of(outcome) == (TerminalStatus.CANCELED, 0, 0)
    assert outcome.when(reported(status="filled")).then_nothing().state.intents == {}


def test_a_word_nobody_knows_leaves_the_order_open_and_a_person_is_told_once() -> None:
    outcome = given(WORKING).when(reported(status="dreaming"))

    outcome.then(alerted(f"status.unknown:{ORDER}", "status.unknown", "dreaming"))
    assert order_of(outcome).status is OpenStatus.SUBMITTED
    outcome.when(reported(status="dreaming")).then_nothing()


@pytest.mark.parametrize(
    ("word", "status"),
    [
        ("held", "HELD"),
        ("stopped", "STOPPED"),
        ("suspended", "SUSPENDED"),
        ("done_for_day", "DONE_FOR_DAY"),
        ("calculated", "CALCULATED"),
        ("pending_replace", "PENDING_REPLACE"),
        ("pending_review", "HELD"),
    ],
)
def test_a_word_that_may_need_a_person_is_open_and_told(word: str, status: str) -> None:
    outcome = given(WORKING).when(reported(status=word))

    outcome.then(
        alerted(f"status.watched:{ORDER}", "status.watched", word), timer(f"stuck:{ORDER}", 60)
    )
    assert order_of(outcome).status == status
    assert OpenStatus(status) in WATCHED


ORDINARY = {"SUBMITTED", "PARTIALLY_FILLED"}
OURS = {"PENDING_SUBMIT", "SUBMITTING", "UNKNOWN"}
"""Before the broker has the order: an answer, a look or the intent's validity ends these."""


@pytest.mark.parametrize("status", sorted({*OpenStatus} - ORDINARY - OURS))
@pytest.mark.parametrize("max_age", ["900", "0"])
def test_every_open_status_that_is_not_ordinary_has_a_deadline_and_an_alert(
    status: str, max_age: str
) -> None:
    """DESIGN §5: DONE_FOR_DAY, CALCULATED, STOPPED, SUSPENDED, HELD, PENDING_*."""
    (word, *_) = [word for word, meant in BROKER_STATUS.items() if meant == status]
    limits = configured({"risk.order_max_age_s": max_age})
    outcome = given(limits, WORKING).when(reported(status=word, seconds=5))
    due = outcome.state.timers[f"stuck:{ORDER}"]
    late = outcome.when(reported(status=word, seconds=10)).when(
        elapsed(f"stuck:{ORDER}", seconds=120)
    )

    assert at(60) <= due <= at(120)
    late.then(alerted(f"status.stuck:{ORDER}", "status.stuck", word))
    late.when(reported(status=word, seconds=130)).then_nothing()
    over = outcome.when(reported(status="new", seconds=20))
    over.when(elapsed(f"stuck:{ORDER}", seconds=120)).then_nothing()
    assert outcome.when(reported(status="canceled", seconds=20)).state.timers == {}


def test_a_filled_order_is_not_made_unfilled_by_an_older_word() -> None:
    outcome = given(WORKING, fill(40)).when(reported(status="new")).then_nothing()

    assert order_of(outcome).status is OpenStatus.PARTIALLY_FILLED


# -- what is not ours


@pytest.mark.parametrize(
    ("report", "name"),
    [
        (fill(40, order=FOREIGN), "FillReported"),
        (submitted(FOREIGN), "OrderSubmitted"),
        (reported(FOREIGN, filled=40, average="10"), "OrderReported"),
    ],
)
def test_a_report_of_an_order_that_is_not_ours_is_told_and_moves_nothing(
    report: FillReported, name: str
) -> None:
    outcome = given(WORKING).when(report)

    detail = f"{name} of an order that is not ours"
    outcome.then(alerted(f"order.foreign:{FOREIGN}", "order.foreign", detail))
    assert outcome.state.positions == {}
    outcome.when(report).then_nothing()


@pytest.mark.parametrize("status", ["FAILED", "SKIPPED"])
def test_an_order_that_was_given_up_and_turns_up_is_an_orphan(status: str) -> None:
    outcome = given(SENT, submit_unknown(), closed(status=status)).when(reported(status="new"))

    told = f"{status} here, at the broker new"
    outcome.then(
        alerted(f"order.orphan:{ORDER}", "order.orphan", told), cancel("order.orphan", detail=told)
    )
    late = given(SENT, closed(status=status)).when(fill(10))
    told = f"{status} here, at the broker filled"
    late.then(
        alerted(f"order.orphan:{ORDER}", "order.orphan", told), cancel("order.orphan", detail=told)
    )
    assert late.state.position("MSFT") == 10


def test_what_does_not_agree_is_told_until_it_does() -> None:
    outcome = given(WORKING).when(mismatched())
    outcome.then(alerted("reconcile:MSFT:position", "reconcile.mismatch", "7"))
    assert outcome.state.mismatched == {"MSFT": "position"}

    agreed = outcome.when(mismatched(resolved=True)).then(cleared("reconcile:MSFT:position"))
    assert agreed.state.mismatched == {}
    agreed.when(mismatched()).then(alerted("reconcile:MSFT:position", "reconcile.mismatch", "7"))


def test_an_agreement_in_one_symbol_leaves_the_others() -> None:
    outcome = given(WORKING).when(mismatched()).when(mismatched(symbol="IBM"))

    agreed = outcome.when(mismatched(symbol="IBM", resolved=True))

    agreed.then(cleared("reconcile:IBM:position"))
    assert agreed.state.mismatched == {"MSFT": "position"}


def test_a_foreign_order_is_told_and_does_not_halt() -> None:
    outcome = given(WORKING).when(mismatched("foreign-order", order=FOREIGN))

    outcome.then(alerted("reconcile:MSFT:foreign-order", "reconcile.mismatch", "7"))


def test_a_foreign_order_with_our_tag_halts_everything() -> None:
    foreign = mismatched("foreign-order-with-our-tag", order=FOREIGN)
    outcome = given(WORKING).when(foreign)

    outcome.then(
        alerted("reconcile:MSFT:foreign-order-with-our-tag", "reconcile.mismatch", "7"),
        latched("identity.collision", detail=FOREIGN),
    ).when(foreign).then_nothing()
    halted = outcome.when(replace(foreign, resolved=True))
    halted.then(cleared("reconcile:MSFT:foreign-order-with-our-tag"))
    assert halted.state.halted


def test_every_order_of_a_fill_an_answer_a_report_and_a_duplicate_ends_alike() -> None:
    reports = [
        submitted(),
        fill(60, "10", cumulative=60),
        fill(60, "10", execution=None, cumulative=60),
        reported(status="filled", filled=100, average="10.4"),
        fill(40, "11", execution="execution-2", cumulative=100),
    ]
    for order in permutations(reports):
        outcome = given(SENT)
        for report in order:
            outcome = outcome.when(report)
        assert all_of(outcome) == (TerminalStatus.FILLED, 100, 100), order
        assert filled(order_of(outcome).fills) == 100
        assert outcome.state.positions["MSFT"].cost == 1040, order


def test_a_timer_of_a_closed_order_does_nothing() -> None:
    given(WORKING, fill(100), closed(filled=100)).when(elapsed(f"cancel:{ORDER}")).then_nothing()
