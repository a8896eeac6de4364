"""Restarts, cancels and the operator: what follows for orders that are open."""

import pytest
from msgspec.structs import replace

from core.events import Event
from core.order import OpenStatus
from core.state import State
from tests.build import (
    ORDER,
    absent,
    attempted,
    cancel_answered,
    cancel_attempted,
    closed,
    found,
    intent,
    reason,
    runner_started,
    submit_failed,
    submit_unknown,
    submitted,
)
from tests.core.world import (
    CLOSE_S,
    calendar,
    cancel,
    commanded,
    configured,
    elapsed,
    latched,
    look,
    released,
    timer,
)
from tests.spec import given

SENT: list[Event] = [intent(), attempted()]


LOST: list[Event] = [*SENT, submit_unknown(), look(1)]


def status_of(state: State) -> object:
    """The status of the one order."""
    known = state.intent(ORDER)
    assert known is not None
    return known.status


# -- restarts


def test_a_restart_makes_an_unanswered_attempt_unknown_and_looks_it_up() -> None:
    outcome = given(SENT).when(runner_started(2)).then(look(1))

    assert status_of(outcome.state) is OpenStatus.UNKNOWN


def test_a_restart_looks_again_for_what_was_unknown_before() -> None:
    given(LOST).when(runner_started(2)).then(look(2))


def test_a_restart_sends_an_unanswered_cancel_again_for_the_reason_it_had() -> None:
    canceling = [*SENT, submitted(), cancel("operator.cancel", detail="asked")]

    given(canceling).when(runner_started(2)).then(
        cancel("operator.cancel", attempt=2, detail="asked")
    )


def test_a_restart_leaves_what_has_its_answers_alone() -> None:
    given(SENT, submitted()).when(runner_started(2)).then_nothing()
    given(SENT, submit_failed(error_class="not_sent")).when(runner_started(2)).then_nothing()
    given(SENT, submitted(), cancel_attempted(), cancel_answered(outcome="refused")).when(
        runner_started(2)
    ).then_nothing()


# -- cancels


def test_an_order_is_canceled_at_its_greatest_age() -> None:
    given(SENT, submitted()).when(elapsed(f"cancel:{ORDER}", seconds=900)).then(
        cancel("order.max_age", limit="900", observed="900")
    )


def test_an_order_is_canceled_before_the_close() -> None:
    settings = {"risk.cancel_before_close_s": "300"}

    given(
        configured(settings), calendar(), intent(seconds=CLOSE_S - 600), attempted(), submitted()
    ).when(elapsed(f"cancel:{ORDER}", seconds=CLOSE_S - 300)).then(
        cancel("order.before_close", limit="300", observed="300")
    )


def test_without_a_greatest_age_only_the_close_cancels() -> None:
    settings = {"risk.cancel_before_close_s": "300", "risk.order_max_age_s": "0"}

    given(configured(settings), SENT, submitted()).when(
        elapsed(f"cancel:{ORDER}", seconds=CLOSE_S - 300)
    ).then(cancel("order.before_close", limit="300", observed="0"))


def test_a_cancel_is_asked_for_once() -> None:
    given(SENT, submitted(), cancel_attempted()).when(
        elapsed(f"cancel:{ORDER}", seconds=900)
    ).then_nothing()


def test_a_cancel_waits_until_the_order_is_known_to_be_there() -> None:
    given(LOST).when(elapsed(f"cancel:{ORDER}", seconds=900)).then(timer(f"cancel:{ORDER}", 930))


def test_an_unknown_cancel_is_sent_again_for_the_same_reason() -> None:
    canceling = [*SENT, submitted(), cancel("operator.cancel", detail="asked")]

    given(canceling).when(cancel_answered(outcome="unknown")).then(
        timer(f"cancel:{ORDER}", 1)
    ).when(elapsed(f"cancel:{ORDER}", seconds=1)).then(
        cancel("operator.cancel", attempt=2, detail="asked")
    )


def test_an_accepted_cancel_asks_for_nothing_more() -> None:
    given(SENT, submitted(), cancel_attempted()).when(cancel_answered()).then_nothing()


def test_an_order_whose_cancel_was_refused_is_looked_up_at_once() -> None:
    """It filled a moment before, usually: the broker is asked, not told again."""
    outcome = given(SENT, submitted(), cancel_attempted()).when(cancel_answered(outcome="refused"))

    outcome.then(look(1)).when(found(intent(), status="filled", filled=100, average="10")).then(
        closed(filled=100)
    )
    given(SENT, submitted(), cancel_attempted(), closed()).when(
        cancel_answered(outcome="refused")
    ).then_nothing()


# -- the operator


def test_halt_latches_and_resume_releases() -> None:
    halted = given().when(commanded("halt")).then(latched("operator.halt", detail="asked"))

    assert halted.state.halted
    halted.when(commanded("halt")).then_nothing()
    resumed = halted.when(commanded("resume")).then(released())
    assert not resumed.state.halted
    resumed.when(commanded("resume")).then_nothing()


def test_a_command_nobody_knows_does_nothing() -> None:
    given(SENT).when(commanded("dance")).then_nothing()


def test_cancel_all_cancels_what_is_at_the_broker_once() -> None:
    two = [intent("a"), attempted("a"), submitted("a"), intent("b"), attempted("b"), submitted("b")]

    given(two).when(commanded("cancel-all")).then(
        cancel("operator.cancel", "a", detail="asked"),
        cancel("operator.cancel", "b", detail="asked"),
    ).when(commanded("cancel-all")).then_nothing()


def test_cancel_all_drops_what_was_not_sent() -> None:
    given(SENT, submit_failed(error_class="not_sent")).when(commanded("cancel-all")).then(
        replace(closed(status="SKIPPED"), reason=reason("operator.cancel", detail="asked"))
    ).when(elapsed(f"retry:{ORDER}", seconds=1)).then_nothing()


def test_cancel_all_cancels_what_nobody_knows_of_once_it_is_found() -> None:
    outcome = given(LOST).when(commanded("cancel-all"))
    outcome = outcome.then(timer(f"cancel-all:{ORDER}", 30))
    again = outcome.when(elapsed(f"cancel-all:{ORDER}", seconds=30))
    again.then(timer(f"cancel-all:{ORDER}", 60))

    there = again.when(found(intent(), seconds=40)).then(cancel("operator.cancel"))
    there.when(elapsed(f"cancel-all:{ORDER}", seconds=60)).then_nothing()


def test_an_order_whose_answer_comes_after_cancel_all_is_canceled_at_once() -> None:
    """A runner that was stopped within its send lets it out when it goes on."""
    given(SENT).when(commanded("halt")).then(latched("operator.halt", detail="asked")).when(
        commanded("cancel-all")
    ).then(timer(f"cancel-all:{ORDER}", 30)).when(submitted(seconds=5)).then(
        cancel("operator.cancel")
    )


@pytest.mark.parametrize("error_class", ["not_sent", "rate_limited"])
def test_an_order_that_was_on_its_way_at_cancel_all_and_did_not_get_there_is_not_sent_again(
    error_class: str,
) -> None:
    given(SENT).when(commanded("cancel-all")).then(timer(f"cancel-all:{ORDER}", 30)).when(
        submit_failed(error_class=error_class, seconds=5)
    ).then(replace(closed(status="SKIPPED"), reason=reason("operator.cancel"))).when(
        elapsed(f"retry:{ORDER}", seconds=6)
    ).then_nothing()


def test_an_unknown_order_that_proves_absent_after_cancel_all_is_not_sent_again() -> None:
    settings = configured({"broker.settle_s": "0", "broker.looks": 1})

    given(settings, LOST).when(commanded("cancel-all")).then(timer(f"cancel-all:{ORDER}", 30)).when(
        absent(seconds=5)
    ).then(replace(closed(status="SKIPPED"), reason=reason("operator.cancel")))
    given(settings, LOST).when(absent(seconds=5)).then(attempted(attempt=2))


@pytest.mark.parametrize(("attempt", "wait"), [(1, 1), (2, 2), (3, 4), (7, 64), (20, 64)])
def test_each_unknown_cancel_waits_twice_as_long(attempt: int, wait: int) -> None:
    tried = [cancel_attempted(attempt=number) for number in range(1, attempt + 1)]

    given(intent(), attempted(), submitted(), tried).when(
        cancel_answered(outcome="unknown", attempt=attempt)
    ).then(timer(f"cancel:{ORDER}", wait))
