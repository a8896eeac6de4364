"""Alerts: raised once, and over when what they tell of is, or a person has seen it."""

import pytest

from core.events import Event
from tests.build import ORDER, attempted, busted, closed, fill, intent, reported, submitted
from tests.core.world import alerted, cleared, commanded, elapsed, mismatched
from tests.spec import given

WORKING: list[Event] = [intent(), attempted(), submitted()]
STRANGER = "someone-else"


@pytest.mark.parametrize("word", ["dreaming", "held"])
def test_what_an_orders_status_raised_ends_with_the_order(word: str) -> None:
    kind = "status.unknown" if word == "dreaming" else "status.watched"
    outcome = given(WORKING).when(reported(status=word))
    assert f"{kind}:{ORDER}" in outcome.state.alerts

    over = outcome.when(reported(status="canceled", seconds=5))

    over.then(closed(status="CANCELED"), cleared(f"{kind}:{ORDER}"))
    assert not over.state.alerts


def test_an_order_that_is_stuck_no_more_leaves_no_alert() -> None:
    outcome = given(WORKING).when(reported(status="pending_cancel"))
    outcome = outcome.when(elapsed(f"stuck:{ORDER}", seconds=120))
    assert outcome.state.alerts == {f"status.stuck:{ORDER}"}

    assert not outcome.when(reported(status="canceled", seconds=130)).state.alerts


def test_what_only_a_person_can_judge_stands_until_resume() -> None:
    foreign = f"order.foreign:{STRANGER}"
    outcome = given(WORKING, fill(30)).when(busted())
    amended = next(iter(outcome.state.alerts))
    outcome = outcome.when(reported(STRANGER))
    outcome.then(alerted(foreign, "order.foreign", "OrderReported of an order that is not ours"))
    outcome = outcome.when(reported(status="canceled", seconds=5))
    assert outcome.state.alerts == {amended, foreign}

    seen = outcome.when(commanded("resume"))

    seen.then(cleared(amended), cleared(foreign))
    assert not seen.state.alerts


def test_resume_clears_nothing_that_still_does_not_agree() -> None:
    outcome = given(WORKING).when(mismatched())
    standing = outcome.state.alerts
    assert standing

    outcome.when(commanded("resume")).then_nothing()
    assert outcome.when(commanded("resume")).state.alerts == standing
