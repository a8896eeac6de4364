"""Cycles: what each asked for, what became of it, and what stood in the way."""

import pytest
from msgspec.structs import replace

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
    reason,
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
        "lockouts": {},
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


@pytest.mark.parametrize("other", ["account", "strategy", "rate", "rejects", "symbol:MSFT"])
def test_of_two_lockouts_the_gravest_is_shown_until_it_ends_and_both_are_named(other: str) -> None:
    two = (lockout("grave", until=60), lockout("other", scope=other, until=90))

    (row,) = rows_of(CYCLE_SUMMARY, *two, cycle_opened())
    assert cells(row, *LOCKOUT) == (True, "grave", at(60), "60")
    assert row["lockouts"] == {"broker": "grave", other: "other"}
    (row,) = rows_of(CYCLE_SUMMARY, *two, lockout_ended(), cycle_opened())
    assert cells(row, *LOCKOUT) == (True, "other", at(90), "90")


def test_a_lockout_that_is_prolonged_shows_its_new_end() -> None:
    prolonged = (lockout("429", until=60), lockout("429", until=120), cycle_opened(seconds=61))

    (row,) = rows_of(CYCLE_SUMMARY, *prolonged)
    assert cells(row, *LOCKOUT) == (True, "429", at(120), "59")


def test_what_is_left_of_a_lockout_counts_by_the_runners_clock() -> None:
    """A recorded slot of long ago is opened today."""
    today = replace(cycle_opened(seconds=-86_400), observed_at=at(30))

    assert rows_of(CYCLE_SUMMARY, lockout(until=90), today)[0]["cooldown"] == "60"


def test_a_cooldown_that_keeps_a_symbol_out_shows_the_longest_wait_that_is_left() -> None:
    losses = [
        replace(skipped(symbol), reason=reason("cooldown.loss", limit="60", observed=passed))
        for symbol, passed in (("AAPL", "50"), ("MSFT", "20.5"), ("IBM", "30"))
    ]

    assert rows_of(CYCLE_SUMMARY, cycle_opened(), *losses)[0]["cooldown"] == "39.5"


def test_cycles_stand_in_the_order_of_their_numbers() -> None:
    rows = rows_of(CYCLE_SUMMARY, *(cycle_opened(number) for number in (9, 10, 11, 100)))

    assert [row["cycle"] for row in rows] == [9, 10, 11, 100]
