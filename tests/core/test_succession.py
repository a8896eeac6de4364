"""An order that somebody replaced: the intent lives on under its successor (DESIGN §5)."""

from decimal import Decimal

import pytest
from msgspec.structs import replace

from core.events import AlertRaised, Event, ReplaceAnswered
from core.order import OpenStatus, TerminalStatus
from core.state import Intent, State
from tests.build import (
    ORDER,
    alert,
    at,
    attempted,
    cancel_attempted,
    closed,
    cycle_opened,
    fill,
    intent,
    reported,
    submit_failed,
    submit_unknown,
    submitted,
)
from tests.build_succession import replace_attempted, replaced, succeeded
from tests.core.world import cancel, commanded, configured, elapsed, timer
from tests.spec import Outcome, given

SECOND, THIRD = "order-2", "order-3"
WORKING: list[Event] = [
    configured({"risk.order_max_age_s": "0", "risk.cancel_before_close_s": "0"}),
    intent(),
    attempted(),
    submitted(),
]


def heard(*reports: Event, before: list[Event] = WORKING) -> Outcome:
    """What follows when these are heard, one after the other."""
    outcome = given(before)
    for report in reports:
        outcome = outcome.when(report)  # type: ignore[arg-type]  # only observations are given
    return outcome


def known(state: State, order: str) -> Intent:
    """The order as the state has it, open or closed."""
    found = state.intent(order)
    assert found is not None, order
    return found


def filled_of(state: State) -> list[Decimal]:
    """Shares filled of the first order, and of the second."""
    return [known(state, order).filled for order in (ORDER, SECOND)]


def told(detail: str, order: str = ORDER) -> AlertRaised:
    """A person is told of the successor."""
    return replace(alert(f"order.replaced:{order}", "order.replaced"), detail=detail)


def test_the_intent_lives_on_under_its_successor() -> None:
    state = heard(replaced(), succeeded(quantity=60, limit_price="10.05")).state
    old, new = known(state, ORDER), known(state, SECOND)

    assert list(state.intents) == [SECOND]
    assert (old.status, new.status) == (TerminalStatus.REPLACED, OpenStatus.SUBMITTED)
    assert (new.intent_id, new.cycle, new.since) == (old.intent_id, old.cycle, old.since)
    assert (new.quantity, new.limit_price) == (Decimal(60), Decimal("10.05"))
    assert new.venue_order_id == "venue-order-2"
    assert state.unfollowed == {}


@pytest.mark.parametrize("first", ["replaced", "successor"])
def test_either_word_may_come_first_and_come_again(first: str) -> None:
    words: list[Event] = [replaced(), succeeded()]
    if first == "successor":
        words.reverse()

    once, again = heard(*words).state, heard(*words, *words, *reversed(words)).state

    assert list(once.intents) == [SECOND]
    assert replace(again, decisions=0) == replace(once, decisions=0)


def test_a_successor_heard_first_leaves_the_order_open_until_the_brokers_own_word() -> None:
    before = heard(succeeded())

    assert sorted(before.state.intents) == [ORDER, SECOND]
    before.when(replaced()).then(closed(status="REPLACED"))


def test_a_successor_is_told_to_a_person_and_has_the_deadline_of_its_intent() -> None:
    aging = configured({"risk.order_max_age_s": "30", "risk.cancel_before_close_s": "0"})
    outcome = heard(replaced(), before=[*WORKING, aging])

    late = outcome.when(succeeded(quantity=60, limit_price="10.05", seconds=20))

    late.then(told("order-2: 60 at 10.05"), timer(f"cancel:{SECOND}", 30))
    late.when(elapsed(f"cancel:{SECOND}", seconds=31)).then(
        cancel("order.max_age", SECOND, limit="30", observed="31")
    )


def test_a_cancel_that_came_too_late_for_the_order_is_meant_for_its_successor() -> None:
    canceling = [*WORKING, cancel_attempted()]

    outcome = heard(replaced(), succeeded(), before=canceling)

    outcome.then(told("order-2: 100 at 10.01"), cancel("order.max_age", SECOND))


def test_what_was_to_go_once_it_was_known_goes_when_only_its_successor_is_known() -> None:
    """The answer to its POST was lost, an operator asked for cancel-all, somebody replaced it."""
    settings = WORKING[:1]
    lost = given(settings, intent(), attempted(), submit_unknown())

    lost.when(commanded("cancel-all")).when(succeeded()).then(
        told("order-2: 100 at 10.01"), cancel("operator.cancel", SECOND)
    )
    lost.when(succeeded()).then(told("order-2: 100 at 10.01"))


def test_a_successors_end_takes_no_lockouts_timer_with_it() -> None:
    """Its id is whatever somebody chose: a lockout whose timer is gone never ends."""
    own = f"lockout:{SECOND}"

    outcome = given(WORKING, timer(own, 60), timer(f"cancel:{SECOND}", 60), replaced(), succeeded())

    over = outcome.when(reported(SECOND, "canceled"))
    assert over.state.timers == {own: timer(own, 60).due}


def test_a_chain_of_several_is_followed_to_its_end() -> None:
    state = heard(
        replaced(),
        succeeded(),
        replaced(SECOND, THIRD),
        succeeded(THIRD, SECOND, quantity=70),
    ).state

    assert list(state.intents) == [THIRD]
    assert {known(state, order).intent_id for order in (ORDER, SECOND, THIRD)} == {
        known(state, ORDER).intent_id
    }
    assert known(state, THIRD).quantity == 70


def test_a_successor_that_is_over_when_it_is_heard_of_is_closed_at_once() -> None:
    outcome = heard(replaced(), succeeded(status="filled", filled=100, average="10"))

    outcome.then(told("order-2: 100 at 10.01"), closed(SECOND, "FILLED", filled=100))
    assert outcome.state.position("MSFT") == 100


# -- fills


def test_fills_of_both_count_once_each() -> None:
    """ALPACA.md A2: the sum over the chain; a successor may ask for the whole quantity again."""
    state = heard(
        fill(40, cumulative=40),
        replaced(filled=40, average="10"),
        succeeded(),
        fill(100, "11", order=SECOND, execution="execution-2", cumulative=100),
        fill(100, "11", order=SECOND, execution="execution-2", cumulative=100),
        reported(SECOND, "filled", filled=100, average="11"),
    ).state

    assert filled_of(state) == [40, 100]
    assert state.position("MSFT") == 140
    assert state.positions["MSFT"].cost == 40 * 10 + 100 * 11
    assert state.executions == 1, "one intent executed, whatever its orders"
    assert state.intents == {}


def test_a_fill_of_the_replaced_order_that_comes_late_is_its_own() -> None:
    late = fill(40, cumulative=40)
    early = fill(60, order=SECOND, execution="execution-2", cumulative=60)
    state = heard(replaced(), succeeded(), early, late, late).state

    assert filled_of(state) == [40, 60]
    assert state.position("MSFT") == 100
    assert state.executions == 1


def test_a_successor_that_filled_before_it_was_known_counts_from_its_report() -> None:
    unheard = fill(60, order=SECOND, execution="execution-2", cumulative=60)
    state = heard(
        unheard, replaced(), succeeded(status="partially_filled", filled=60, average="10"), unheard
    ).state

    assert known(state, SECOND).filled == 60
    assert state.position("MSFT") == 60
    assert f"order.foreign:{SECOND}" not in state.alerts


# -- replaces that come to nothing


def test_a_successor_that_is_rejected_leaves_the_order_as_it_was() -> None:
    """order_replace_rejected: the original lives on, and may be replaced again."""
    pending = reported(status="pending_replace")
    outcome = heard(pending, succeeded(status="pending_new"), succeeded(status="rejected"))
    back = outcome.when(reported(status="new"))
    again = back.when(succeeded(THIRD, ORDER)).when(replaced(by=THIRD))

    outcome.then(closed(SECOND, "REJECTED"))
    assert list(back.state.intents) == [ORDER]
    assert known(back.state, ORDER).status is OpenStatus.SUBMITTED
    assert list(again.state.intents) == [THIRD]
    assert again.state.unfollowed == {}


def test_a_rejected_successor_does_not_pass_for_the_one_the_broker_names() -> None:
    state = heard(succeeded(status="rejected"), replaced(by=THIRD)).state
    followed = heard(succeeded(status="rejected"), replaced(by=THIRD), succeeded(THIRD, ORDER))

    assert state.unfollowed == {ORDER: "MSFT"}
    assert followed.state.unfollowed == {}
    assert known(followed.state, ORDER).successor is not None
    late = followed.when(succeeded(status="rejected")).state
    assert late.unfollowed == {}


# -- an order replaced nobody knows by what


def test_until_the_successor_is_known_it_counts_whole_and_blocks_its_symbol() -> None:
    outcome = heard(fill(40, cumulative=40), replaced(by=None, filled=40, average="10"))
    (worst,) = outcome.state.working()

    outcome.then(closed(status="REPLACED", filled=40))
    assert outcome.state.intents == {}
    assert outcome.state.unfollowed == {ORDER: "MSFT"}
    assert worst.leaves == 100
    assert list(outcome.state.awaited_successors()) == [(ORDER, None)]


def test_a_successor_of_another_symbol_or_side_is_not_the_intents() -> None:
    for other in (succeeded(symbol="IBM"), succeeded(side="sell")):
        state = heard(replaced(), other).state

        assert state.unfollowed == {ORDER: "MSFT"}
        assert state.intent(SECOND) is None


def test_an_operators_resume_accepts_that_there_is_no_successor() -> None:
    blocked = heard(replaced(by=None))
    freed = blocked.when(commanded("resume"))
    repeated = freed.when(replaced(by=None))

    assert freed.state.unfollowed == {}
    assert repeated.state.unfollowed == {}
    assert list(repeated.state.working()) == []


# -- orders whose outcome was unknown, or that were given up


def test_a_successor_is_evidence_of_the_order_it_replaces() -> None:
    sent = [*WORKING[:-1], submit_unknown()]
    state = heard(succeeded(), before=sent).state

    assert known(state, ORDER).status is OpenStatus.SUBMITTED
    assert known(state, ORDER).venue_order_id == "venue-order-1"
    assert known(state, ORDER).unknown_since is None


def test_the_successor_of_an_order_given_up_is_an_orphan_and_canceled() -> None:
    gone: list[Event] = [*WORKING[:-1], submit_failed(), closed(status="FAILED")]

    outcome = heard(succeeded(), before=gone)

    outcome.then(told("order-2: 100 at 10.01"), cancel("order.orphan", SECOND, detail=ORDER))
    assert list(outcome.state.intents) == [SECOND]


def test_an_intent_is_counted_once_in_its_cycle() -> None:
    opened: list[Event] = [cycle_opened(), *WORKING]
    state = heard(replaced(), succeeded(), before=opened).state

    assert state.cycle is not None
    assert (state.cycle.intents, state.cycle.submitted, state.cycle.universe) == (1, 1, 1)


# -- a replace of ours, which this core never asks for: it is folded as it would be


def answered(outcome: str) -> ReplaceAnswered:
    """The answer to our replace."""
    accepted = outcome == "accepted"
    return ReplaceAnswered(
        observed_at=at(),
        client_order_id=ORDER,
        attempt=1,
        outcome=outcome,
        successor_client_order_id=SECOND if accepted else None,
        successor_venue_order_id="venue-order-2" if accepted else None,
    )


def test_a_replace_of_ours_that_was_accepted_has_the_successor_it_asked_for() -> None:
    asked: list[Event] = [*WORKING, replace_attempted(quantity=60)]
    state = heard(answered("accepted"), replaced(), before=asked).state

    assert list(state.intents) == [SECOND]
    assert known(state, SECOND).quantity == 60
    assert str(known(state, SECOND).limit_price) == "10.02"
    assert state.unfollowed == {}


@pytest.mark.parametrize("outcome", ["refused", "unknown"])
def test_a_replace_of_ours_that_was_not_accepted_leaves_the_order(outcome: str) -> None:
    asked: list[Event] = [*WORKING, replace_attempted()]
    state = heard(answered(outcome), before=asked).state

    assert list(state.intents) == [ORDER]
    assert (known(state, ORDER).replacement is None) is (outcome == "refused")
