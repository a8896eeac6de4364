"""The order protocol: what follows from each answer, each silence, each look and each restart.

source  DESIGN §4; the table in core/outcomes.py. "bot 8" is a reproduced failure of the bot that
        this core is first built for: a test that names one shows that we do not have it
"""

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
    closed,
    fill,
    found,
    intent,
    reason,
    reported,
    runner_started,
    submit_failed,
    submit_unknown,
    submitted,
)
from tests.build_world import at
from tests.core.world import (
    Settings,
    alerted,
    configured,
    elapsed,
    latched,
    look,
    timer,
)
from tests.spec import given

SENT: list[Event] = [intent(), attempted()]
LOST: list[Event] = [*SENT, submit_unknown(), look(1)]
HELD: Settings = {"broker.resend_unknown": False, "broker.settle_s": "60", "broker.looks": 2}


def status_of(state: State) -> object:
    """The status of the one order."""
    known = state.intent(ORDER)
    assert known is not None
    return known.status


# -- certain answers


def test_an_accepted_order_stays_open() -> None:
    outcome = given(SENT).when(submitted()).then_nothing()

    assert status_of(outcome.state) is OpenStatus.SUBMITTED


def test_a_refused_order_is_closed_as_failed_with_the_brokers_code() -> None:
    refusal = replace(submit_failed(), status_code=403, error_code="40310000")

    given(SENT).when(refusal).then(
        replace(closed(status="FAILED"), reason=reason("broker.refused", detail="403 40310000"))
    )


def test_a_refusal_without_codes_has_no_detail() -> None:
    given(SENT).when(submit_failed()).then(closed(status="FAILED", code="broker.refused"))


def test_the_text_of_a_refusal_never_halts_trading() -> None:
    """Bot 18: the word "information" in an error's text halted it."""
    refusal = replace(submit_failed(), detail="see more information: unauthorized, forbidden")

    outcome = given(SENT).when(refusal).then(closed(status="FAILED", code="broker.refused"))

    assert not outcome.state.halted


@pytest.mark.parametrize("error_class", ["not_sent", "rate_limited"])
def test_what_was_not_taken_is_sent_again_under_the_same_id(error_class: str) -> None:
    given(SENT).when(submit_failed(error_class=error_class)).then(timer(f"retry:{ORDER}", 1)).when(
        elapsed(f"retry:{ORDER}", seconds=1)
    ).then(attempted(attempt=2))


def test_the_wait_before_another_attempt_is_a_setting() -> None:
    given(configured({"broker.retry_after_s": "2.5"}), SENT).when(
        submit_failed(error_class="rate_limited", seconds=4)
    ).then(timer(f"retry:{ORDER}", 7.5))


def test_after_429_the_attempts_are_spaced_ever_wider_until_the_intent_is_no_longer_valid() -> None:
    """Seven attempts in a minute of nothing but 429, not sixty; then it is given up."""
    outcome, dues = given(SENT), list[str]()
    while outcome.state.intents:
        attempt = outcome.state.intents[ORDER].attempt
        seconds = 0.0 if not dues else _seconds(dues[-1])
        outcome = outcome.when(
            submit_failed(error_class="rate_limited", attempt=attempt, seconds=seconds)
        )
        dues.append(outcome.state.timers[f"retry:{ORDER}"])
        outcome = outcome.when(elapsed(f"retry:{ORDER}", seconds=_seconds(dues[-1])))

    assert [_seconds(due) for due in dues] == [1, 3, 7, 15, 31, 61]
    expired = replace(closed(status="FAILED"), reason=reason("intent.expired", detail=at(60)))
    outcome.then(expired)


def _seconds(due: str) -> float:
    return next(s for s in range(1, 1_000) if at(s) == due)


@pytest.mark.parametrize(
    ("asked", "due"), [("30", 31), ("0.2", 2), ("7.5", 8), ("59", 60), ("60", 61), ("9999", 61)]
)
def test_after_429_nothing_is_sent_for_as_long_as_the_broker_asked(asked: str, due: int) -> None:
    limited = submit_failed(error_class="rate_limited", seconds=0.5)

    given(SENT).when(replace(limited, retry_after_s=asked)).then(timer(f"retry:{ORDER}", due))


def test_what_was_not_sent_is_tried_again_at_an_even_pace() -> None:
    """No broker asked us to be slow: the connection may be back the next second."""
    fourth = [*SENT, attempted(attempt=4)]

    given(fourth).when(submit_failed(error_class="not_sent", attempt=4, seconds=3)).then(
        timer(f"retry:{ORDER}", 4)
    )


@pytest.mark.parametrize("milliseconds", [1, 60, 499])
def test_a_wait_ends_at_the_same_time_for_a_runner_that_asks_a_little_later(
    milliseconds: int,
) -> None:
    """A killed runner looks up first, so it is some milliseconds behind one never killed."""
    given(SENT).when(
        submit_failed(error_class="rate_limited", seconds=0.5 + milliseconds / 1000)
    ).then(timer(f"retry:{ORDER}", 2))


def test_an_attempt_is_not_repeated_after_the_intents_validity() -> None:
    expired = replace(closed(status="FAILED"), reason=reason("intent.expired", detail=at(60)))

    given(SENT, submit_failed(error_class="not_sent"), timer(f"retry:{ORDER}", 61)).when(
        elapsed(f"retry:{ORDER}", seconds=61)
    ).then(expired)
    given(SENT).when(submit_failed(error_class="rate_limited", seconds=61)).then(expired)


def test_at_the_end_of_its_validity_an_intent_may_still_be_sent() -> None:
    given(SENT, submit_failed(error_class="not_sent")).when(
        elapsed(f"retry:{ORDER}", seconds=60)
    ).then(attempted(attempt=2))


def test_an_unsent_intent_is_dropped_when_trading_is_halted() -> None:
    dropped = closed(status="SKIPPED", code="halt.kill_switch")

    given(SENT, latched("operator.halt")).when(submit_failed(error_class="not_sent")).then(dropped)
    given(SENT, submit_failed(error_class="not_sent"), latched("operator.halt")).when(
        elapsed(f"retry:{ORDER}", seconds=1)
    ).then(dropped)


def test_a_failure_of_an_earlier_attempt_heard_again_sends_nothing() -> None:
    given(SENT, submit_failed(error_class="not_sent"), attempted(attempt=2)).when(
        submit_failed(error_class="not_sent", attempt=1)
    ).then_nothing()


def test_a_retry_that_comes_after_the_order_was_accepted_sends_nothing() -> None:
    given(SENT, submit_failed(error_class="not_sent"), reported(status="new")).when(
        elapsed(f"retry:{ORDER}", seconds=1)
    ).then_nothing()


@pytest.mark.parametrize("word", ["submitting", "pending_submit", "pending"])
def test_whatever_word_a_broker_has_for_it_an_order_it_reports_is_not_sent_again(word: str) -> None:
    outcome = given(SENT, submit_failed(error_class="not_sent"), reported(status=word)).when(
        elapsed(f"retry:{ORDER}", seconds=1)
    )

    outcome.then_nothing()
    assert status_of(outcome.state) is OpenStatus.SUBMITTED


@pytest.mark.parametrize("error_class", ["refused", "not_sent", "rate_limited"])
def test_an_error_after_the_order_filled_changes_nothing(error_class: str) -> None:
    """Bot 3 and 4: FILLED became PENDING_SUBMIT, and could be claimed again; or FAILED."""
    outcome = given(SENT, fill(100), closed(filled=100)).when(
        submit_failed(error_class=error_class)
    )

    outcome.then_nothing()
    assert status_of(outcome.state) == "FILLED"


@pytest.mark.parametrize("error_class", ["refused", "not_sent", "rate_limited"])
def test_an_error_after_a_partial_fill_changes_nothing(error_class: str) -> None:
    given(SENT, fill(10)).when(submit_failed(error_class=error_class)).then_nothing()


# -- unknown outcomes


def test_an_unknown_outcome_is_looked_up_at_once_and_sticks() -> None:
    outcome = given(SENT).when(submit_unknown()).then(look(1))

    assert status_of(outcome.state) is OpenStatus.UNKNOWN
    assert status_of(outcome.when(submit_unknown()).state) is OpenStatus.UNKNOWN


def test_found_by_a_look_it_is_adopted() -> None:
    outcome = given(LOST).when(found(intent())).then_nothing()

    assert status_of(outcome.state) is OpenStatus.SUBMITTED
    known = outcome.state.intent(ORDER)
    assert known is not None
    assert (known.outcome, known.venue_order_id) == ("submitted", f"venue-{ORDER}")


def test_found_filled_it_is_closed_with_its_fills() -> None:
    """Bot 8: a crash after the fill left FAILED, no fill, and the broker was never asked."""
    outcome = given(SENT).when(runner_started(2)).then(look(1))

    outcome = outcome.when(found(intent(), status="filled", filled=100, average="10.005"))

    outcome.then(closed(filled=100))
    assert outcome.state.position("MSFT") == 100


def test_found_with_all_its_shares_filled_it_is_closed_whatever_the_word() -> None:
    given(LOST).when(found(intent(), status="new", filled=100, average="10")).then(
        closed(filled=100)
    )


def test_found_with_a_word_nobody_knows_it_stays_open_and_a_person_is_told() -> None:
    outcome = given(LOST).when(found(intent(), status="dreaming"))

    outcome.then(alerted(f"status.unknown:{ORDER}", "status.unknown", "dreaming"))
    assert status_of(outcome.state) is OpenStatus.SUBMITTED


def test_an_answer_that_comes_late_clears_the_unknown() -> None:
    outcome = given(LOST).when(submitted(seconds=9)).then_nothing()

    assert status_of(outcome.state) is OpenStatus.SUBMITTED
    outcome.when(absent(seconds=10)).then_nothing()


def test_a_fill_is_evidence_too() -> None:
    outcome = given(LOST).when(fill(10)).then_nothing()

    assert status_of(outcome.state) is OpenStatus.PARTIALLY_FILLED


@pytest.mark.parametrize(
    "other",
    [
        {"symbol": "IBM"},
        {"side": "sell"},
        {"quantity": "101"},
        {"quantity": None},
        {"order_type": "market"},
        {"limit_price": "10.02"},
        {"limit_price": None},
        {"time_in_force": "gtc"},
    ],
)
def test_our_id_with_other_parameters_halts_everything(other: dict[str, str | None]) -> None:
    collision = replace(found(intent()), **other)
    detail = f"{collision.side} {collision.quantity} {collision.symbol} at {collision.limit_price}"

    outcome = given(LOST).when(collision)

    outcome.then(
        alerted(f"identity:{ORDER}", "identity.collision", detail),
        latched("identity.collision", detail=detail),
    )
    assert status_of(outcome.state) is OpenStatus.UNKNOWN
    outcome.when(collision).then_nothing()


def test_absent_at_a_broker_that_settles_at_once_it_is_sent_again_under_the_same_id() -> None:
    given(LOST).when(absent(seconds=1)).then(attempted(attempt=2))


def test_absent_after_the_intents_validity_it_has_failed() -> None:
    given(LOST).when(absent(seconds=61)).then(
        replace(closed(status="FAILED"), reason=reason("intent.expired", detail=at(60)))
    )


def test_absent_while_halted_it_is_dropped() -> None:
    given(LOST, latched("operator.halt")).when(absent(seconds=1)).then(
        closed(status="SKIPPED", code="halt.kill_switch")
    )


def test_where_the_policy_is_hold_it_fails_only_after_the_settling_time_and_all_looks() -> None:
    outcome = given(configured(HELD), LOST).when(absent(seconds=1))
    outcome.then(timer(f"look:{ORDER}", 60))
    outcome = outcome.when(elapsed(f"look:{ORDER}", seconds=60)).then(look(2))

    outcome.when(absent(seconds=61)).then(
        replace(closed(status="FAILED"), reason=reason("broker.absent", observed="2"))
    )


def test_before_the_settling_time_no_number_of_looks_proves_anything() -> None:
    looks = [absent(seconds=1), absent(seconds=31), absent(seconds=45)]

    given(configured(HELD), LOST, looks).when(absent(seconds=59)).then(timer(f"look:{ORDER}", 90))


def test_before_the_number_of_looks_the_settling_time_proves_nothing() -> None:
    given(configured(HELD), LOST).when(absent(seconds=100)).then(timer(f"look:{ORDER}", 150))


def test_a_look_that_failed_proves_nothing_ever() -> None:
    """Bot 9: a broker's outage while it was asked made the order FAILED."""
    given(LOST).when(absent(complete=False, seconds=1)).then(timer(f"look:{ORDER}", 60))
    given(configured(HELD), LOST, absent(seconds=1), absent(seconds=31)).when(
        absent(complete=False, seconds=90)
    ).then(timer(f"look:{ORDER}", 120))


def test_a_look_that_failed_does_not_count_as_one() -> None:
    given(configured(HELD), LOST, absent(complete=False), absent(complete=False)).when(
        absent(seconds=90)
    ).then(timer(f"look:{ORDER}", 120))


def test_a_second_unknown_starts_the_looks_anew() -> None:
    once = [*LOST, absent(seconds=1), attempted(attempt=2)]

    outcome = given(configured(HELD), once).when(submit_unknown(attempt=2, seconds=2))

    outcome.then(look(2)).when(absent(seconds=63)).then(timer(f"look:{ORDER}", 120))


def test_looks_and_answers_of_what_is_closed_or_not_ours_ask_for_nothing() -> None:
    given(SENT, fill(100), closed(filled=100)).when(found(intent())).then_nothing()
    given(SENT, fill(100), closed(filled=100)).when(elapsed(f"look:{ORDER}")).then_nothing()
    given().when(absent()).then_nothing()
    given().when(submit_failed()).then_nothing()
    given().when(submit_unknown()).then_nothing()
    given().when(cancel_answered()).then_nothing()


def test_a_timer_of_no_known_kind_does_nothing() -> None:
    given(SENT).when(elapsed(f"else:{ORDER}")).then_nothing()
