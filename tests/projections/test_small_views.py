"""Skips, alerts and cost models: one row an event, in the journal's order."""

import pytest

from projections.alerts import ALERTS
from projections.cost_model import COST_MODEL
from projections.registry import PROJECTIONS, named
from projections.skips import SKIPS
from tests.build import alert, alert_cleared, at, cost_model, cycle_opened, skipped
from tests.projections.spec import cells, only, rows_of


def test_a_skip_tells_its_cycle_symbol_and_reason() -> None:
    rows = rows_of(SKIPS, cycle_opened(seconds=60), skipped("B", "quote.stale"), skipped("A"))

    assert rows[0] == {
        "cycle": 1,
        "time": at(60),
        "symbol": "B",
        "side": None,
        "quantity": None,
        "reason": "quote.stale",
        "limit": None,
        "observed": None,
        "missing": None,
        "detail": None,
    }
    assert [row["symbol"] for row in rows] == ["B", "A"]


def test_an_alert_stands_until_it_is_cleared() -> None:
    raised = alert("order:1", seconds=1)

    assert only(ALERTS, raised) == {
        "key": "order:1",
        "code": "order.held",
        "detail": "look",
        "raised_at": at(1),
        "cleared_at": None,
        "raised_sequence": 1,
    }
    assert only(ALERTS, raised, alert_cleared(seconds=5))["cleared_at"] == at(5)


def test_an_alert_raised_while_it_stands_is_the_same_and_after_its_end_another() -> None:
    assert len(rows_of(ALERTS, alert(seconds=1), alert(seconds=2))) == 1
    rows = rows_of(ALERTS, alert(seconds=1), alert_cleared(seconds=2), alert(seconds=3))
    assert [cells(row, "raised_sequence", "cleared_at") for row in rows] == [(1, at(2)), (3, None)]


def test_clearing_what_does_not_stand_changes_nothing() -> None:
    assert rows_of(ALERTS, alert_cleared()) == []


def test_a_cost_model_tells_its_coefficients() -> None:
    rows = rows_of(COST_MODEL, cost_model("1", half_spread="0.8"), cost_model("2", delay="1"))

    assert [cells(row, "sequence", "model_version", "coefficients") for row in rows] == [
        (1, "1", {"half_spread": "0.8"}),
        (2, "2", {"delay": "1"}),
    ]


def test_a_projection_is_found_by_its_name_and_by_what_it_is_shown_as() -> None:
    assert named("cycles") is named("cycle_summary")
    assert {named(projection.name) for projection in PROJECTIONS} == set(PROJECTIONS)
    with pytest.raises(KeyError, match="expected one of alerts"):
        named("nothing")
