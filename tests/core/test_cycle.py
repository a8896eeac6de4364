"""A cycle: one outcome a symbol, its counts, its ids, and what is in force when."""

import pytest
from msgspec.structs import replace

from core.canonical import content_id
from core.cycle import client_order_id
from core.events import (
    CycleClosed,
    IntentCreated,
    OrderSubmitSkipped,
)
from core.evolve import evolve
from tests.build import (
    attempted,
    closed,
    cycle_closed,
    cycle_opened,
    fill,
    intent,
    reported,
    runner_started,
    submit_failed,
    submit_unknown,
    submitted,
)
from tests.build_world import at
from tests.core.world import (
    asking,
    buying,
    commanded,
    configured,
    open_market,
    selling,
    timer,
)
from tests.spec import Outcome, given

OPEN = open_market()
TWO = {"symbols": ("IBM", "MSFT")}


def created_in(outcome: Outcome) -> IntentCreated:
    """The one intent that was created."""
    (created,) = [d for d in outcome.decisions if isinstance(d, IntentCreated)]
    return created


def counts_in(outcome: Outcome) -> list[tuple[int, ...]]:
    """Number, universe, intents, skipped, submitted, failed, unknown, dropped: of what closed."""
    return [
        (d.number, d.universe, d.intents, d.skipped, d.submitted, d.failed, d.unknown, d.dropped)
        for d in outcome.decisions
        if isinstance(d, CycleClosed)
    ]


# -- one outcome a symbol


def test_all_gates_passed_the_intent_its_attempt_and_its_timer_stand_together() -> None:
    outcome = given(OPEN).when(cycle_opened(1), buying(reason="because"))

    created = created_in(outcome)
    assert (created.symbol, created.side, created.quantity) == ("MSFT", "buy", "100")
    assert (created.limit_price, created.decision_price) == ("10.01", "10")
    assert (created.bid, created.ask, created.valid_until) == ("9.99", "10.01", at(60))
    assert (created.strategy, created.strategy_reason, created.closing) == (
        "test",
        "because",
        False,
    )
    order = created.client_order_id
    outcome.then(created, attempted(order), timer(f"cancel:{order}", 900))


def test_a_timer_for_the_close_comes_before_one_for_the_age() -> None:
    near = open_market({"risk.cancel_before_close_s": "21000"})
    outcome = given(near).when(cycle_opened(1), buying())

    assert outcome.state.timers == {f"cancel:{created_in(outcome).client_order_id}": at(600)}


def test_without_age_and_close_there_is_no_timer() -> None:
    never = open_market({"risk.order_max_age_s": "0"})

    assert given(never).when(cycle_opened(1), buying()).state.timers == {}


def test_every_symbol_configured_held_or_open_has_exactly_one_outcome_in_order() -> None:
    events = [
        *open_market(TWO),
        intent("held", symbol="ZZZ"),
        attempted("held"),
        fill(100, order="held", symbol="ZZZ"),
        closed("held", filled=100),
        intent("open", symbol="AAA"),
    ]
    outcome = given(events).when(cycle_opened(1), buying())

    told = [d for d in outcome.decisions if isinstance(d, IntentCreated | OrderSubmitSkipped)]
    assert [d.symbol for d in told] == ["AAA", "IBM", "MSFT", "ZZZ"]


def test_a_halted_cycle_skips_every_symbol_and_does_not_ask_the_strategy() -> None:
    class Never:
        def decide(self, _: object) -> None:
            raise AssertionError

    halted = given(open_market(TWO)).when(commanded("halt"))
    outcome = halted.when(cycle_opened(1), Never)

    codes = [d.reason.code for d in outcome.decisions if isinstance(d, OrderSubmitSkipped)]
    assert codes == ["halt.kill_switch"] * 2
    assert counts_in(outcome) == [(1, 2, 0, 2, 0, 0, 0, 0)]


def test_a_reversal_closes_now_and_opens_in_a_later_cycle() -> None:
    held = [intent("held"), attempted("held"), fill(100, order="held"), closed("held", filled=100)]

    outcome = given(OPEN, held).when(cycle_opened(1), selling(100))
    now = created_in(outcome)
    assert now.closing
    sold = outcome.when(fill(100, order=now.client_order_id, side="sell"))
    opened = sold.when(cycle_opened(2, seconds=1), selling(100))

    assert sold.state.position("MSFT") == 0
    assert not created_in(opened).closing


# -- counts


def test_a_cycle_without_intents_closes_at_once() -> None:
    assert counts_in(given(OPEN).when(cycle_opened(1), asking())) == [(1, 1, 0, 1, 0, 0, 0, 0)]


@pytest.mark.parametrize(
    ("kind", "counted"),
    [
        ("submitted", (1, 1, 1, 0, 1, 0, 0, 0)),
        ("filled", (1, 1, 1, 0, 1, 0, 0, 0)),
        ("failed", (1, 1, 1, 0, 0, 1, 0, 0)),
        ("dropped", (1, 1, 1, 0, 0, 0, 0, 1)),
    ],
)
def test_a_cycle_closes_behind_its_last_outcome(kind: str, counted: tuple[int, ...]) -> None:
    opened = given(OPEN).when(cycle_opened(1), buying())
    assert counts_in(opened) == []
    order = created_in(opened).client_order_id

    if kind == "dropped":
        opened = opened.when(submit_failed(order, "not_sent"))
        assert counts_in(opened) == []
    answer = {
        "submitted": submitted(order),
        "filled": fill(100, order=order),
        "failed": submit_failed(order),
        "dropped": commanded("cancel-all"),
    }[kind]
    outcome = opened.when(answer)

    assert counts_in(outcome) == [counted]
    assert isinstance(outcome.decisions[-1], CycleClosed)


def test_what_is_unknown_when_the_next_cycle_opens_is_counted_as_unknown() -> None:
    opened = given(OPEN).when(cycle_opened(1), buying())
    order = created_in(opened).client_order_id
    lost = opened.when(submit_unknown(order))
    assert counts_in(lost) == []

    following = lost.when(cycle_opened(2, seconds=1), asking())

    assert counts_in(following) == [(1, 1, 1, 0, 0, 0, 1, 0), (2, 1, 0, 1, 0, 0, 0, 0)]
    assert counts_in(following.when(reported(order, "new"))) == []


def test_the_core_folds_what_it_recorded_of_an_unsettled_cycle() -> None:
    state = given(cycle_opened(1), intent(), attempted(), cycle_opened(2), cycle_closed(1)).state

    assert state.unsettled is None
    assert evolve(state, cycle_closed(7)).cycle == state.cycle
    done = evolve(state, cycle_closed(2)).cycle
    assert done is not None
    assert done.closed


# -- identity


def test_the_id_of_an_order_is_made_of_journal_strategy_slot_symbol_and_leg_alone() -> None:
    """Bot 7: of two managers that decide one slot, the broker takes one order."""
    first = given(OPEN).when(cycle_opened(1), buying())
    other_runner = given(open_market({"risk.quote_max_age_s": "31"}), runner_started(7)).when(
        cycle_opened(1), buying(99)
    )
    order = created_in(first).client_order_id

    assert created_in(other_runner).client_order_id == order
    assert order == "rf-01234567-qmycc6n454kql7vxylaenjgevwtc5ny2"  # pragma: allowlist secret
    state = first.state
    others = {
        client_order_id(state, at(), "MSFT", 1),
        client_order_id(state, at(1), "MSFT", 0),
        client_order_id(state, at(), "IBM", 0),
        client_order_id(replace(state, journal_id="f" * 32), at(), "MSFT", 0),
        client_order_id(replace(state, strategy=None), at(), "MSFT", 0),
    }
    assert len({order, *others}) == 6
    assert all(
        len(one) <= 48
        and set(one) <= set("abcdefghijklmnopqrstuvwxyz0123456789-")  # pragma: allowlist secret
        for one in others
    )


def test_a_slot_that_is_opened_again_sends_nothing_again() -> None:
    first = given(OPEN).when(cycle_opened(1), buying())
    order = created_in(first).client_order_id
    filled = first.when(fill(100, order=order))

    again = filled.when(cycle_opened(1), buying())

    (told,) = [d for d in again.decisions if isinstance(d, OrderSubmitSkipped)]
    assert (told.reason.code, told.reason.detail) == ("duplicate.intent", order)


def test_decisions_name_their_cause_their_config_and_their_cycle() -> None:
    config, heard = configured(), cycle_opened(3)
    outcome = given(OPEN, config).when(heard, buying())

    for ordinal, decision in enumerate(outcome.decisions):
        assert decision.cause == content_id(heard)
        assert decision.config == content_id(config)
        assert (decision.cycle, decision.ordinal, decision.decided_at) == (3, ordinal, at())


def test_three_times_the_same_skip_are_three_events() -> None:
    """Bot 6: three identical rejects left one event."""
    outcome, ids = given(OPEN), set()
    for number in (1, 2, 3):
        outcome = outcome.when(cycle_opened(number), asking())
        ids |= {content_id(decision) for decision in outcome.decisions}

    assert len(ids) == 6


def test_a_config_takes_effect_at_the_next_cycle_and_is_named_from_then_on() -> None:
    small = configured({"risk.order_max_quantity": "99"}, seconds=1)
    opened = given(OPEN).when(cycle_opened(1), asking())
    told = opened.when(small)

    assert told.state.config == opened.state.config
    assert told.when(commanded("halt")).decisions[0].config == opened.state.config_id
    following = told.when(cycle_opened(2, seconds=2), buying())
    assert following.decisions[0].config == content_id(small)
    assert isinstance(following.decisions[0], OrderSubmitSkipped)
    assert following.state.next_config is None


def test_a_restart_does_not_change_the_config_that_is_named() -> None:
    opened = given(OPEN).when(cycle_opened(1), asking())

    assert opened.when(runner_started(2)).state.config_id == opened.state.config_id
