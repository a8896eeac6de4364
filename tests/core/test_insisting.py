"""A cancel that came to nothing: asked for again on evidence, ever more slowly, and told of."""

import pytest
from msgspec.structs import replace

from core.events import CancelAttempted, Event, OrderLookedUp
from tests.build import (
    ORDER,
    absent,
    at,
    attempted,
    cancel_answered,
    found,
    intent,
    reported,
    runner_started,
    submit_unknown,
    submitted,
)
from tests.core.world import (
    alerted,
    cancel,
    configured,
    elapsed,
    look,
    mismatched,
    timer,
)
from tests.spec import Outcome, given

ASLEEP = f"uncanceled:{ORDER}"
CANCELED: list[Event] = [
    configured(), intent(), attempted(), submitted(), cancel("operator.cancel", detail="asked"),
]  # fmt: skip


def there(seconds: float, status: str = "new") -> OrderLookedUp:
    """The broker has it, in this status."""
    return found(intent(), status=status, seconds=seconds)


def again(attempt: int) -> CancelAttempted:
    """The same cancel once more."""
    return cancel("operator.cancel", attempt=attempt, detail="asked")


def looked_for(outcome: Outcome, seconds: float, number: int) -> Outcome:
    """Its time has come."""
    return outcome.when(elapsed(ASLEEP, seconds=seconds)).then(look(number))


@pytest.mark.parametrize("outcome", ["accepted", "refused"])
def test_an_order_that_is_open_a_while_after_its_cancel_was_answered_is_canceled_again(
    outcome: str,
) -> None:
    answered = given(CANCELED).when(cancel_answered(outcome=outcome))
    looks = [look(1)] if outcome == "refused" else []
    answered.then(*looks, timer(ASLEEP, 30))
    if looks:
        answered = answered.when(there(1)).then_nothing()

    looked_for(answered, 30, 1 + len(looks)).when(there(30)).then(again(2))


def test_it_is_only_the_brokers_word_that_has_it_canceled_again() -> None:
    """On its way, not found, or not asked: it is looked for later, twice as late each time."""
    outcome = looked_for(given(CANCELED).when(cancel_answered()), 30, 1)

    for number, heard, due in (
        (2, replace(absent(seconds=30), complete=False), 90),
        (3, absent(seconds=90), 210),
        (4, there(210, "pending_cancel"), 450),
    ):
        outcome = outcome.when(heard)
        assert outcome.state.timers[ASLEEP] == at(due)
        outcome = looked_for(outcome, due, number)
    outcome.when(there(450)).then(again(2))


def test_what_is_heard_before_its_time_has_nothing_canceled_again() -> None:
    given(CANCELED).when(cancel_answered()).when(there(5)).then_nothing()


def test_an_order_that_is_over_is_neither_looked_for_nor_canceled_again() -> None:
    answered = given(CANCELED).when(cancel_answered())
    over = answered.when(reported(ORDER, "canceled"))

    assert over.state.timers == {}
    over.when(elapsed(ASLEEP, seconds=30)).then_nothing()
    late = looked_for(answered, 30, 1).when(there(30, "canceled"))
    assert late.state.intents == {}


def test_each_attempt_waits_twice_as_long_and_the_third_is_told_to_a_person_once() -> None:
    outcome = given(CANCELED).when(cancel_answered())
    alert = alerted(
        f"status.{ASLEEP}", "status.uncanceled", "2 cancels, and the broker has it as new"
    )
    wait, now = 30, 0
    for attempt in range(2, 12):
        now += wait
        looked = looked_for(outcome, now, attempt - 1).when(there(now))
        looked.then(again(attempt), *([alert] if attempt == 3 else []))
        wait = min(wait * 2, 30 * 64)
        due = -(-(now + wait) // 30) * 30
        outcome = looked.when(cancel_answered(attempt=attempt, seconds=now))
        outcome.then(timer(ASLEEP, due))

    assert wait == 30 * 64
    over = outcome.when(reported(ORDER, "canceled"))
    assert over.state.alerts == frozenset()


@pytest.mark.parametrize(("outcome", "looks"), [("accepted", 1), ("refused", 2)])
def test_a_runner_that_died_between_the_timer_and_the_looks_answer_leaves_no_order_alone(
    outcome: str, looks: int
) -> None:
    died = looked_for(given(CANCELED).when(cancel_answered(outcome=outcome)), 30, looks)

    started = died.when(runner_started(2, seconds=31))

    if outcome == "refused":
        started = started.then(look(looks + 1)).when(there(31))
    started.then(again(2)).when(cancel_answered(attempt=2, seconds=32)).then(timer(ASLEEP, 120))


def test_one_that_vanished_is_proven_gone_by_looks_of_as_many_moments_as_without_a_cancel() -> None:
    proof = configured({"broker.settle_s": "0", "broker.looks": 3})
    outcome = given(proof, CANCELED[1:]).when(cancel_answered())
    outcome = outcome.when(mismatched("order-vanished")).when(absent())
    looked = f"look:{ORDER}"

    outcome = outcome.when(elapsed(looked, seconds=30)).then(look(2)).when(absent(seconds=30))
    outcome = outcome.when(elapsed(ASLEEP, seconds=30)).then(timer(ASLEEP, 150))

    gone = outcome.when(elapsed(looked, seconds=60)).then(look(3)).when(absent(seconds=60))
    assert gone.state.intents == {}


def test_a_restart_asks_for_nothing_whose_time_is_set() -> None:
    refused = given(CANCELED).when(cancel_answered(outcome="refused"))

    refused.when(runner_started(2, seconds=1)).then_nothing()


def test_an_order_that_was_given_up_and_is_alive_is_canceled_until_it_is_over() -> None:
    given_up = [
        configured({"broker.settle_s": "0", "broker.looks": 1, "broker.resend_unknown": False}),
        intent(), attempted(), submit_unknown(), look(1),
    ]  # fmt: skip
    orphan = given(given_up).when(absent(seconds=5)).when(reported(ORDER, "new", seconds=6))
    assert orphan.state.orphans == {ORDER: "MSFT"}

    answered = orphan.when(cancel_answered(seconds=7)).then(timer(ASLEEP, 60))
    looked_for(answered, 60, 2).when(there(60)).then(cancel_again_of_orphan())


def cancel_again_of_orphan() -> CancelAttempted:
    """Its second cancel, for the reason of the first."""
    return cancel("order.orphan", attempt=2, detail="FAILED here, at the broker new")


def test_rules_before_the_third_believed_the_first_answer() -> None:
    older = [replace(one, rules=2) if one == configured() else one for one in CANCELED]

    given(older).when(cancel_answered()).then_nothing()
    given(older).when(cancel_answered(outcome="refused")).then(look(1)).when(
        there(1)
    ).then_nothing()
