"""Cycles: what each asked for, what became of it, and what stood in the way."""

from core.events import Event
from projections.cycle_summary import CYCLE_SUMMARY
from tests.build import (
    at,
    attempted,
    busted,
    closed,
    cycle_closed,
    cycle_opened,
    fill,
    found,
    intent,
    lockout,
    lockout_ended,
    rate_budget,
    reported,
    skipped,
    submit_unknown,
    submitted,
)
from tests.projections.spec import cells, only, rows_of

LOCKOUT = ("lockout", "lockout_reason", "lockout_until", "cooldown")


def counts(*events: Event) -> tuple[object, ...]:
    """intents, submitted, failed, unknown, dropped."""
    row = only(CYCLE_SUMMARY, cycle_opened(), *events)
    return cells(row, "intents", "submitted", "failed", "unknown", "dropped")


def test_a_cycle_counts_its_universe_and_every_reason() -> None:
    row = only(
        CYCLE_SUMMARY,
        rate_budget(180),
        cycle_opened(seconds=60),
        skipped("A"),
        skipped("B", "quote.stale"),
        skipped("C"),
        intent(),
        attempted(),
        submitted(),
        rate_budget(179),
        cycle_closed(),
    )

    assert row == {
        "cycle": 1,
        "time": at(60),
        "universe": 4,
        "intents": 1,
        "submitted": 1,
        "skipped": 3,
        "failed": 0,
        "unknown": 0,
        "dropped": 0,
        "fills": 0,
        "reasons": {"quote.stale": 1, "signal.none": 2},
        "lockout": False,
        "lockout_reason": None,
        "lockout_until": None,
        "cooldown": None,
        "rate_budget": 180,
        "closed": True,
    }


def test_every_intent_ends_in_one_count() -> None:
    assert counts(intent()) == (1, 0, 0, 0, 0)
    assert counts(intent(), attempted(), submitted()) == (1, 1, 0, 0, 0)
    assert counts(intent(), attempted(), closed(status="FAILED")) == (1, 0, 1, 0, 0)
    assert counts(intent(), attempted(), submit_unknown()) == (1, 0, 0, 1, 0)
    assert counts(intent(), closed(status="SKIPPED")) == (1, 0, 0, 0, 1)


def test_an_order_that_is_rejected_later_was_submitted() -> None:
    assert counts(intent(), attempted(), submitted(), closed(status="REJECTED")) == (1, 1, 0, 0, 0)


def test_an_unknown_that_is_found_is_submitted_in_its_own_cycle() -> None:
    made = intent()
    lost = (cycle_opened(), made, attempted(), submit_unknown(), cycle_closed(), cycle_opened(2))

    rows = rows_of(CYCLE_SUMMARY, *lost, found(made))

    assert [cells(row, "submitted", "unknown") for row in rows] == [(1, 0), (0, 0)]


def test_late_fills_count_for_the_cycle_of_their_intent() -> None:
    sent = (cycle_opened(), intent(), attempted(), submitted(), cycle_closed(), cycle_opened(2))
    late = (fill(1, execution="a"), closed(), fill(1, execution="b"), fill(1, execution="b"))

    assert [row["fills"] for row in rows_of(CYCLE_SUMMARY, *sent, *late)] == [2, 0]
    taken_back = rows_of(CYCLE_SUMMARY, *sent, *late, busted(execution="a"))
    assert [row["fills"] for row in taken_back] == [1, 0]


def test_a_report_that_knows_more_is_no_execution() -> None:
    row = only(CYCLE_SUMMARY, cycle_opened(), intent(), reported(filled=60, average="10"))

    assert row["fills"] == 0


def test_a_lockout_marks_the_cycle_it_starts_in_and_those_that_open_under_it() -> None:
    rows = rows_of(
        CYCLE_SUMMARY,
        cycle_opened(1),
        lockout("429", until=90),
        cycle_closed(1),
        cycle_opened(2, seconds=60),
        cycle_closed(2),
        lockout_ended(),
        cycle_opened(3, seconds=120),
    )

    assert [cells(row, *LOCKOUT) for row in rows] == [
        (True, "429", at(90), None),
        (True, "429", at(90), "30"),
        (False, None, None, None),
    ]


def test_a_lockout_between_two_cycles_marks_the_later_one_alone() -> None:
    between = (cycle_opened(1), cycle_closed(1), lockout(), cycle_opened(2))

    assert [row["lockout"] for row in rows_of(CYCLE_SUMMARY, *between)] == [False, True]


def test_of_two_lockouts_the_later_one_is_shown_until_it_ends() -> None:
    two = (lockout("429", scope="orders"), lockout("maintenance", scope="broker"))

    assert rows_of(CYCLE_SUMMARY, *two, cycle_opened())[0]["lockout_reason"] == "maintenance"
    ended = (*two, lockout_ended(scope="broker"), cycle_opened())
    assert rows_of(CYCLE_SUMMARY, *ended)[0]["lockout_reason"] == "429"


def test_cycles_stand_in_the_order_of_their_numbers() -> None:
    rows = rows_of(CYCLE_SUMMARY, *(cycle_opened(number) for number in (9, 10, 11, 100)))

    assert [row["cycle"] for row in rows] == [9, 10, 11, 100]
