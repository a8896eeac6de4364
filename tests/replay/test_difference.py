"""The first difference of two journals, and the matrix of seeds."""

from pathlib import Path

import pytest
from msgspec.structs import replace

from core.events import Event, IntentCreated
from core.values import DecimalText
from replay.difference import first_difference
from tests.replay.test_parity import place_of, records
from tests.sessions import forge, refold


def test_equal_journals_have_no_difference(session_url: str) -> None:
    said = refold("diff", session_url, session_url)

    assert (said.status, said.document) == (0, {"equal": True, "first": None})


def test_the_first_difference_is_named_with_its_fields(
    tmp_path: Path, session_url: str, session: list[Event]
) -> None:
    place = place_of(session, IntentCreated)
    original = session[place]
    assert isinstance(original, IntentCreated)
    altered = replace(original, quantity=DecimalText("7777"), leg=1)
    other = forge(tmp_path / "other.db", [*session[:place], altered, *session[place + 1 :]])

    said = refold("diff", session_url, other)

    first = said.document["first"]
    assert isinstance(first, dict)
    assert (said.status, said.document["equal"], first["sequence"]) == (1, False, place + 1)
    assert [found["field"] for found in first["diff"]] == ["leg", "quantity"]
    assert (first["left"]["quantity"], first["right"]["quantity"]) == (original.quantity, "7777")


def test_a_journal_that_ends_earlier_differs_there(session: list[Event]) -> None:
    shorter = first_difference(records(session), records(session[:-1]))
    longer = first_difference(records(session[:-1]), records(session))

    assert shorter is not None
    assert longer is not None
    assert shorter["sequence"] == longer["sequence"] == len(session)
    assert (shorter["right"], longer["left"], shorter["diff"]) == (None, None, [])
    assert first_difference([], []) is None


def test_the_matrix_of_seeds_has_one_head_each_and_parity() -> None:
    said = refold("matrix", "--seeds", "1,42", "--symbols", "MSFT,AAPL", "--cycles", "8")

    assert said.status == 0, said.errors
    assert said.document["ok"] is True
    rows = said.document["rows"]
    assert isinstance(rows, list)
    assert [(row["seed"], row["symbols"]) for row in rows] == [
        (1, ["AAPL", "MSFT"]),
        (42, ["AAPL", "MSFT"]),
    ]
    assert all(row["head"] == row["repeat_head"] and row["parity"] is True for row in rows)
    assert rows[0]["head"] != rows[1]["head"]


def test_the_matrix_refuses_to_compare_heads_of_encrypted_journals(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("REFOLD_ENCRYPTION__ENABLED", "true")

    said = refold("matrix", "--seeds", "1", "--symbols", "MSFT", "--cycles", "2")

    assert said.status == 2
    assert "expected plain journals" in said.errors
