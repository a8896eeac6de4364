"""What only a real broker brings: a stream that can be down, orders that vanish or come back.

source  DESIGN §4.4 and §4.6; FAULTS §4.3 (orphan watch)
"""

from collections.abc import Sequence
from functools import partial

import pytest
from msgspec.structs import replace

from core.events import Event
from core.order import OpenStatus
from tests.build import (
    ORDER,
    absent,
    account,
    attempted,
    busted,
    cancel_answered,
    cancel_attempted,
    closed,
    cycle_opened,
    fill,
    found,
    intent,
    reason,
    reported,
    runner_started,
    submit_unknown,
    submitted,
)
from tests.build_world import at
from tests.core.world import (
    Settings,
    alerted,
    all_up,
    buying,
    calendar,
    cancel,
    commanded,
    configured,
    down,
    elapsed,
    held,
    journal_created,
    look,
    mismatched,
    numbers,
    open_market,
    reasons_of,
    selling,
    timer,
    up,
)
from tests.spec import given

REAL: Settings = {"broker.kind": "alpaca", "broker.resend_unknown": False}
MARKET = open_market(REAL)
ALIVE: list[Event] = [intent(), attempted(), submitted()]
GIVEN_UP: list[Event] = [
    configured(REAL),
    intent(),
    attempted(),
    submit_unknown(),
    look(1),
    absent(),
    closed(status="FAILED", code="broker.absent"),
]
unreconciled = partial(reason, "account.unreconciled")
NEVER_UP = reason("stream.down", missing="trade_updates")
ORPHAN = reason("order.orphan", detail="FAILED here, at the broker new")


# -- the stream and the account


@pytest.mark.parametrize(
    ("events", "expected"),
    [
        ([], NEVER_UP),
        ([down()], reason("stream.down", detail="silent for 30 s")),
        ([*all_up(), account(), down()], reason("stream.down", detail="silent for 30 s")),
        ([*all_up(), account(), runner_started(2)], NEVER_UP),
        ([up(), account()], reason("account.blocked", missing="trading")),
        ([up(), up(stream="trading")], unreconciled(missing="account")),
        ([*all_up(), down(stream="account")], unreconciled(detail="silent for 30 s")),
        ([*all_up(), runner_started(), *all_up()], unreconciled(missing="account")),
        ([*all_up(), account(seconds=-181)], unreconciled(**numbers("180", "181"))),
    ],
)  # fmt: skip
def test_nothing_is_opened_unless_stream_account_and_comparison_are_up(
    events: Sequence[Event], expected: object
) -> None:
    outcome = given(MARKET, runner_started(), events).when(cycle_opened(1), buying())

    assert reasons_of(outcome, "MSFT") == [expected]


@pytest.mark.parametrize("age", [0, 180])
def test_with_all_up_it_is_opened(age: int) -> None:
    outcome = given(MARKET, all_up(), account(seconds=-age)).when(cycle_opened(1), buying())

    assert reasons_of(outcome) == []
    assert list(outcome.state.intents) != []


def test_a_closing_order_needs_neither() -> None:
    outcome = given(MARKET, *held(), down()).when(cycle_opened(1), selling())

    assert reasons_of(outcome) == []


def test_the_simulated_venue_is_asked_before_every_cycle_and_needs_no_stream() -> None:
    outcome = given(open_market()).when(cycle_opened(1), buying())

    assert reasons_of(outcome) == []


# -- an order the broker had and has no more


def test_an_acknowledged_order_that_is_gone_is_looked_for_then_given_up() -> None:
    settings = {**REAL, "broker.settle_s": "60", "broker.looks": 2}
    gone = mismatched("order-vanished")

    given(configured(settings), ALIVE).when(gone).then(
        alerted("reconcile:MSFT:order-vanished", "reconcile.mismatch", "7"), look(1)
    ).when(absent()).then(timer(f"look:{ORDER}", 30)).when(
        elapsed(f"look:{ORDER}", seconds=30)
    ).then(look(2)).when(absent(seconds=30)).then(timer(f"look:{ORDER}", 60)).when(
        elapsed(f"look:{ORDER}", seconds=60)
    ).then(look(3)).when(absent(seconds=60)).then(
        replace(closed(status="FAILED"), reason=reason("broker.absent", observed="3"))
    )


def test_an_outage_never_ends_an_order() -> None:
    outcome = given(configured(REAL), ALIVE, mismatched("order-vanished"), look(1))
    for minute in range(1, 100):
        outcome = outcome.when(absent(complete=False, seconds=60 * minute))

    intent_ = outcome.state.intents[ORDER]
    assert (intent_.status, intent_.absent_looks) == (OpenStatus.SUBMITTED, 0)


def test_a_vanished_order_that_is_found_goes_on_and_is_never_sent_again() -> None:
    outcome = (
        given(ALIVE, mismatched("order-vanished"), look(1)).when(found(intent())).then_nothing()
    )
    assert outcome.state.intents[ORDER].unknown_since is None

    given(configured(), ALIVE, mismatched("order-vanished"), look(1)).when(absent()).then(
        replace(closed(status="FAILED"), reason=reason("broker.absent", observed="1"))
    )


def test_a_foreign_order_that_vanished_is_only_named() -> None:
    given().when(mismatched("order-vanished", order="other")).then(
        alerted("reconcile:MSFT:order-vanished", "reconcile.mismatch", "7")
    )


# -- an order given up that is alive


def test_an_orphan_is_named_canceled_and_blocks_its_symbol() -> None:
    outcome = (
        given(MARKET, all_up(), account(), GIVEN_UP[1:])
        .when(reported(status="new"))
        .then(
            alerted(f"order.orphan:{ORDER}", "order.orphan", str(ORPHAN.detail)),
            replace(cancel_attempted(), reason=ORPHAN),
        )
    )

    assert reasons_of(outcome.when(cycle_opened(1), buying()), "MSFT") == [
        reason("order.orphan", detail=ORDER)
    ]


def test_cancel_all_asks_an_orphan_to_go_whose_cancel_came_to_nothing() -> None:
    tried = [*GIVEN_UP, reported(status="new"), cancel_attempted()]
    asked = cancel("operator.cancel", attempt=2, detail="asked")

    given(tried, cancel_answered(outcome="refused")).when(commanded("cancel-all")).then(asked)
    given(tried).when(commanded("cancel-all")).then_nothing()


def test_an_orphan_counts_as_exposure() -> None:
    state = given(GIVEN_UP, reported(status="new")).state

    assert [order.client_order_id for order in state.working()] == [ORDER]


@pytest.mark.parametrize(
    "end", [reported(status="canceled"), reported(status="filled", filled=100), fill(100)]
)
def test_at_its_end_an_orphan_is_one_no_more(end: Event) -> None:
    state = given(GIVEN_UP, reported(status="new"), end).state

    assert (state.orphans, list(state.working())) == ({}, [])


def test_an_orphans_bust_makes_it_one_again() -> None:
    state = given(GIVEN_UP, reported(status="new"), fill(100), busted()).state

    assert state.orphans == {ORDER: "MSFT"}


def test_a_report_heard_twice_cancels_an_orphan_once() -> None:
    given(GIVEN_UP).when(reported(status="new")).when(reported(status="new")).then_nothing()


def test_an_orphans_cancel_without_an_answer_is_sent_again() -> None:
    given(GIVEN_UP, reported(status="new"), cancel_attempted()).when(
        cancel_answered(outcome="unknown")
    ).then(timer(f"cancel:{ORDER}", 1)).when(elapsed(f"cancel:{ORDER}", seconds=1)).then(
        replace(cancel_attempted(attempt=2), reason=reason("order.max_age"))
    )


def test_a_restart_cancels_what_orphans_there_are() -> None:
    given(GIVEN_UP, reported(status="new"), cancel_attempted()).when(runner_started(2)).then(
        replace(cancel_attempted(attempt=2), reason=reason("order.orphan"))
    )


def test_an_order_given_up_unseen_is_remembered_for_ever() -> None:
    days = [calendar(*range(10))]
    refused = [intent("refused"), attempted("refused"), closed("refused", status="FAILED")]
    cycles = [cycle_opened(n, seconds=n * 86_400) for n in range(1, 9)]

    state = given(days, GIVEN_UP, refused, cycles).state

    assert state.knows_order(ORDER)
    assert not state.knows_order("refused")


# -- time


def test_a_recorded_slot_does_not_age_an_order_of_today() -> None:
    """The slot is of 2013; the runner, the broker and the timers are of now."""
    hour = 3600
    real = [replace(journal_created(), mode="paper"), *open_market({**REAL, "mode": "paper"})[1:]]
    opened = replace(cycle_opened(1), observed_at=at(hour))
    stream = [*all_up(seconds=hour), account(seconds=hour)]

    outcome = given(real, stream).when(opened, buying())

    (order,) = outcome.state.intents.values()
    assert (order.slot, order.since, order.valid_until) == (at(0), at(hour), at(hour + 60))


def test_an_order_given_up_that_comes_back_with_the_word_it_went_with_is_news() -> None:
    gone = given(configured(), ALIVE, mismatched("order-vanished"), look(1)).when(absent())

    assert gone.state.intent(ORDER) is not None
    assert gone.state.reported_status(ORDER) is None
    back = gone.when(reported(status="new"))
    assert [type(decision).__name__ for decision in back.decisions][-1] == "CancelAttempted"
    assert back.state.reported_status(ORDER) == "new"
    over = back.when(reported(status="canceled"))
    assert over.state.reported_status(ORDER) == "canceled"
