"""What the state keeps, what it lets go, and what it tells a broker."""

import pytest
from msgspec.structs import replace

from core.decide import decide
from core.events import (
    Event,
    ReplaceAnswered,
    RollbackAccepted,
    RunnerStopped,
    SignalObserved,
)
from core.events.base import DecisionEvent, ObservationEvent
from core.evolve import evolve
from core.order_facts import ImpossibleDecisionError
from core.state import INITIAL, Lockout
from core.strategy import OrderRequest
from core.values import TimeText, decimal_text
from tests.build import (
    ORDER,
    alert,
    alert_cleared,
    attempted,
    cancel_attempted,
    closed,
    cost_model,
    cycle_opened,
    fee,
    fill,
    intent,
    lockout,
    lockout_ended,
    quotes,
    rate_budget,
    reported,
    skipped,
)
from tests.build_succession import replace_attempted
from tests.build_world import at, decided
from tests.core.world import (
    CLOSE_S,
    HOUR_S,
    calendar,
    commanded,
    elapsed,
    look,
    open_market,
    timer,
)
from tests.spec import given

OPEN = open_market()


# -- what is kept


def test_a_closed_order_is_kept_for_two_sessions_and_then_let_go() -> None:
    days = calendar(0, 1, 2, 3)
    events = [days, cycle_opened(1), intent(), attempted(), fill(100), closed(filled=100)]
    state = given(events).state
    kept = []
    for number, day in enumerate((1, 2, 3), start=2):
        state = evolve(state, cycle_opened(number, seconds=day * 24 * HOUR_S))
        kept.append(state.knows_order(ORDER))

    assert kept == [True, False, False]


def test_nothing_is_let_go_within_a_session() -> None:
    events = [calendar(), cycle_opened(1), intent(), attempted(), closed(status="CANCELED")]

    later = given(events, cycle_opened(2, seconds=CLOSE_S - 1)).state
    assert later.knows_order(ORDER)


def test_a_window_holds_the_last_quotes_of_a_symbol() -> None:
    outcome = given(OPEN)
    assert outcome.state.strategy is not None
    three = replace(outcome.state, strategy=replace(outcome.state.strategy, window=3))
    for number in range(5):
        three = evolve(three, quotes(MSFT=(number, 10)))

    assert [quote.bid for quote in three.windows["MSFT"]] == ["2", "3", "4"]
    assert three.quotes["MSFT"].bid == "4"


def test_without_a_strategy_a_window_holds_one_quote() -> None:
    assert len(given(quotes(), quotes()).state.windows["MSFT"]) == 1


def test_time_never_decreases() -> None:
    state = given(rate_budget(seconds=5), rate_budget(seconds=4)).state

    assert state.now == at(5)


def test_a_calendar_replaces_the_days_it_names() -> None:
    early = calendar(1)
    day = replace(early.sessions[0], close=at(30 * HOUR_S - 1), early_close=True)

    state = given(calendar(0, 1), replace(early, sessions=(day,))).state

    assert [session.early_close for session in state.sessions] == [False, True]


def test_a_session_is_found_from_its_open_to_before_its_close() -> None:
    state = given(calendar(0, 2, 1)).state
    found = {
        seconds: session if session is None else session.date
        for seconds in (-1, 0, CLOSE_S - 1, CLOSE_S, 24 * HOUR_S, 48 * HOUR_S, 72 * HOUR_S)
        for session in (state.session_at(at(seconds)),)
    }
    first, second, third = (session.date for session in state.sessions)

    assert list(found.values()) == [None, first, first, None, second, third, None]


def test_a_session_is_found_without_looking_at_all_that_were() -> None:
    class Asking(str):
        __slots__ = ()
        asked = 0

        def __lt__(self, other: str) -> bool:
            Asking.asked += 1
            return str.__lt__(self, other)

        __gt__ = __le__ = __ge__ = __lt__

    state = given(calendar(*range(1000))).state
    state.session_at(Asking(state.sessions[-1].open))

    assert 0 < Asking.asked < 20


def test_a_signal_is_kept_by_symbol_and_shown_to_the_strategy() -> None:
    signal = SignalObserved(
        observed_at=at(),
        symbol="MSFT",
        value=decimal_text("0.7"),
        model="ridge",
        model_version="3",
        model_hash="0" * 64,
    )
    seen: list[object] = []

    class Looks:
        def decide(self, view: object) -> list[OrderRequest]:
            seen.append(view.signals["MSFT"].value)  # type: ignore[attr-defined]  # a View
            return []

    given(OPEN, signal).when(cycle_opened(1), Looks)

    assert seen == ["0.7"]


def test_what_the_core_does_not_need_leaves_the_state_as_it_was() -> None:
    before = given(OPEN).state
    idle: list[Event] = [
        RunnerStopped(observed_at=at(), epoch=1, reason="completed"),
        fee(),
        cost_model(),
        ReplaceAnswered(observed_at=at(), client_order_id=ORDER, attempt=1, outcome="refused"),
        RollbackAccepted(
            observed_at=at(),
            journal_sequence=1,
            journal_chain="0" * 64,
            anchor_sequence=2,
            anchor_chain="1" * 64,
            who="ann",
            why="restored",
        ),
    ]
    for event in idle:
        assert evolve(before, event) == before


def test_decisions_of_later_releases_are_counted_and_change_nothing_else() -> None:
    for decision in (lockout_ended(), alert_cleared("none"), skipped()):
        assert evolve(INITIAL, decision) == replace(INITIAL, decisions=1)
    assert evolve(evolve(INITIAL, alert("a")), alert_cleared("a")).alerts == frozenset()


def test_a_lockout_stands_until_it_ends_and_no_other_ends_it() -> None:
    locked = evolve(INITIAL, lockout("429"))

    assert locked.lockouts == {"broker": Lockout("429")}
    assert evolve(locked, lockout_ended(scope="orders")).lockouts == locked.lockouts
    assert evolve(locked, lockout_ended()).lockouts == {}


@pytest.mark.parametrize(
    "impossible",
    [attempted(), cancel_attempted(), replace_attempted(), look(), closed()],
    ids=lambda e: type(e).__name__,
)
def test_a_decision_about_an_intent_nobody_made_is_another_cores(impossible: Event) -> None:
    with pytest.raises(ImpossibleDecisionError, match=f"{ORDER}: expected an open intent"):
        evolve(INITIAL, impossible)


def test_a_second_intent_of_one_id_is_another_cores() -> None:
    with pytest.raises(ImpossibleDecisionError, match="expected a new id"):
        given(intent(), intent())
    with pytest.raises(ImpossibleDecisionError, match="expected a new id"):
        given(intent(), attempted(), closed(), intent())


class Unheard(ObservationEvent, frozen=True, kw_only=True, tag="unheard.v1"):
    """An observation of no release."""


class Undecided(DecisionEvent, frozen=True, kw_only=True, tag="undecided.v1"):
    """A decision of no release."""


UNDECIDED = Undecided(**decided(0, 1))  # type: ignore[arg-type]


@pytest.mark.parametrize("event", [Unheard(observed_at=at()), UNDECIDED], ids=["heard", "decided"])
def test_an_event_that_no_release_has_is_not_folded(event: Event) -> None:
    with pytest.raises(AssertionError):
        evolve(INITIAL, event)


def test_decide_gives_the_decisions_alone() -> None:
    assert decide(INITIAL, commanded("halt")) == given().when(commanded("halt")).decisions


# -- what a broker asks of the state


def test_a_broker_is_told_what_the_journal_knows() -> None:
    state = given(
        intent("b"), intent("a"), attempted("a"), reported("a", "held"), fill(1, order="a")
    ).state

    assert list(state.open_client_order_ids()) == ["b", "a"], "in the order they were decided"
    assert (state.reported_status("a"), state.reported_status("b")) == ("held", None)
    assert state.reported_status("nobody") is None
    assert state.has_execution("a", "execution-1")
    assert not state.has_execution("a", "execution-2")
    assert not state.has_execution("nobody", "execution-1")
    assert state.needs_reconcile_since() is None
    began: TimeText | None = evolve(state, cycle_opened(1)).needs_reconcile_since()
    assert began == at(-24 * HOUR_S)


def test_a_timer_that_elapsed_is_gone_and_one_set_again_is_moved() -> None:
    state = given(timer("a", 1), timer("b", 1), timer("a", 2), elapsed("b", seconds=1)).state

    assert state.timers == {"a": at(2)}
