"""The event log against the journal: each attempt, each outcome once, nothing coalesced."""

import contextlib
import io
import json
from collections import Counter
from typing import Any

import pytest

from core.events import Event
from core.events.base import DecisionEvent
from core.evolve import evolve
from core.state import INITIAL
from journal import open_journal
from live.logs import EventLog
from tests.cli.command import events, refold
from tests.cli.conftest import LOSSY, Session
from tests.cli.world import JOURNAL, prepared, run_words

OUTCOMES = ("ORDER_SUBMITTED", "ORDER_SUBMIT_SKIPPED", "ORDER_SUBMIT_FAILED")


@pytest.fixture(scope="module")
def journaled(session: Session) -> list[dict[str, Any]]:
    """The session's events."""
    return events(session.folder, JOURNAL)


def of(journaled: list[dict[str, Any]], tag: str) -> list[dict[str, Any]]:
    return [event["event"] for event in journaled if event["type"] == f"{tag}.v1"]


def said(session: Session, name: str) -> list[dict[str, Any]]:
    return [line for line in session.ran.log if line["event"] == name]


def test_every_attempt_is_said_with_its_ids_and_its_pacing(
    session: Session, journaled: list[dict[str, Any]]
) -> None:
    lines = said(session, "ORDER_SUBMIT_ATTEMPT")
    attempts = [
        (a["client_order_id"], a["attempt"]) for a in of(journaled, "order-submit-attempted")
    ]
    ids = {
        event["event"]["client_order_id"]: event["id"]
        for event in journaled
        if event["type"] == "intent-created.v1"
    }
    assert [(line["client_order_id"], line["attempt"]) for line in lines] == attempts
    for line in lines:
        assert line["intent"] == ids[line["client_order_id"]]
        assert line["permits_used"] >= 1
        assert line["permits_remaining"] <= line["rate_limit"]


def test_permits_are_counted_one_by_one(session: Session) -> None:
    by_time: dict[str, list[int]] = {}
    for line in said(session, "ORDER_SUBMIT_ATTEMPT"):
        if line["attempt"] == 1:
            by_time.setdefault(line["at"], []).append(line["permits_used"])
    assert any(used == [1, 2] for used in by_time.values())
    assert all(used == sorted(set(used)) for used in by_time.values())


def test_every_intent_has_exactly_one_outcome(
    session: Session, journaled: list[dict[str, Any]]
) -> None:
    found: Counter[str] = Counter()
    for name in OUTCOMES:
        found.update(x["client_order_id"] for x in said(session, name) if "client_order_id" in x)
    intents = {intent["client_order_id"] for intent in of(journaled, "intent-created")}
    assert set(found) == intents
    assert set(found.values()) == {1}


def test_the_outcomes_said_are_those_the_journal_counts(session: Session) -> None:
    counted = session.ran.json
    failed = said(session, "ORDER_SUBMIT_FAILED")
    assert len(said(session, "ORDER_SUBMITTED")) == counted["submitted"]
    assert len(failed) == counted["failed"]
    assert all(line["venue_order_id"] for line in said(session, "ORDER_SUBMITTED"))
    assert all({"status_code", "error_code", "symbol", "quantity"} <= set(line) for line in failed)
    assert any(line["status_code"] for line in failed)


def test_every_skip_is_said_with_its_reason(
    session: Session, journaled: list[dict[str, Any]]
) -> None:
    names = ("symbol", "side", "quantity")
    lines = [x for x in said(session, "ORDER_SUBMIT_SKIPPED") if "client_order_id" not in x]
    skips = [
        (*(skip.get(name) for name in names), skip["reason"]["code"])
        for skip in of(journaled, "order-submit-skipped")
    ]
    assert [(*(line[name] for name in names), line["reason"]) for line in lines] == skips
    assert len(skips) == sum(session.ran.json["skipped"].values())


@pytest.mark.parametrize(
    ("name", "tag"),
    [
        ("ORDER_FILL", "fill-reported"),
        ("ORDER_SUBMIT_UNKNOWN", "order-submit-unknown"),
        ("INTENT_CLOSED", "intent-closed"),
        ("CYCLE_CLOSED", "cycle-closed"),
        ("RUNNER_STARTED", "runner-started"),
        ("RUNNER_STOPPED", "runner-stopped"),
    ],
)
def test_each_event_of_a_kind_is_a_line(
    session: Session, journaled: list[dict[str, Any]], name: str, tag: str
) -> None:
    lines = said(session, name)
    assert len(lines) == len(of(journaled, tag)) > 0
    for line, event in zip(lines, of(journaled, tag), strict=True):
        shared = set(line) & set(event) - {"config", "reason", "event"}
        assert {key: line[key] for key in shared} == {key: event[key] for key in shared}


def test_the_summary_of_the_config_carries_its_hash(session: Session) -> None:
    (line,) = said(session, "CONFIG_EFFECTIVE_SUMMARY")
    assert line["config_hash"] == session.ran.json["config_hash"]
    assert line["broker.reject_rate"] == LOSSY["REFOLD_BROKER__REJECT_RATE"]


def test_the_log_is_a_function_of_the_journal_and_keeps_only_what_is_open(
    session: Session,
) -> None:
    state = INITIAL
    stream = io.StringIO()
    log = EventLog(stream, lambda: state)
    batch: list[Event] = []
    with contextlib.closing(open_journal(session.folder / "j.db", read_only=True)) as journal:
        for recorded in journal.read():
            if batch and not isinstance(recorded.event, DecisionEvent):
                log(batch)
                batch = []
            batch.append(recorded.event)
            state = evolve(state, recorded.event)
    log(batch)
    of_events = [line for line in session.ran.log if line["event"] != "CONFIG_EFFECTIVE_SUMMARY"]
    assert [json.loads(line) for line in stream.getvalue().splitlines()] == of_events
    assert log.said <= set(state.intents)
    assert set(log.failures) <= set(state.intents)


def test_an_outcome_is_said_once_although_the_run_was_in_parts(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    folder = prepared(tmp_path_factory.mktemp("parts"))
    found: Counter[str] = Counter()
    parts = [refold(*run_words("--cycles", n), cwd=folder, env=LOSSY) for n in (7, 1, 2, 9)]
    for ran in parts:
        found.update(
            line["client_order_id"]
            for line in ran.log
            if line["event"] in OUTCOMES and "client_order_id" in line
        )
    assert sum(found.values()) == parts[-1].json["intents"] - parts[-1].json["unknown"]
    for ran in parts:
        assert [line["event"] for line in ran.log].count("CONFIG_EFFECTIVE_SUMMARY") == 1
    assert set(found.values()) == {1}
