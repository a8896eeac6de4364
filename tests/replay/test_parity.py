"""Parity: every decision derived again; what is altered, missing or too much is named."""

from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from core.canonical import content_id
from core.contract import Risk
from core.decide import advance
from core.events import (
    ConfigSnapshot,
    CycleOpened,
    Event,
    IntentCreated,
    OrderSubmitAttempted,
    OrderSubmitSkipped,
    StrategyLoaded,
    tag_of,
)
from core.events.base import DecisionEvent
from core.evolve import evolve
from core.rules import REDERIVED, RULES
from core.state import INITIAL
from core.values import DecimalText
from journal import open_journal
from replay.parity import Report, parity, stored_strategy
from tests import build
from tests.core import world
from tests.core.world import asking
from tests.sessions import events_of, forge, refold, run_session


def replayed(path: Path, events: Iterable[Event]) -> Report:
    """What replay finds in a journal of these events."""
    with open_journal(forge(path / "forged.db", events), read_only=True) as journal:
        return parity(journal.read())


def place_of(events: list[Event], kind: type[Event]) -> int:
    """Where the third event of this kind stands: its sequence less one."""
    return [place for place, event in enumerate(events) if isinstance(event, kind)][2]


def test_a_session_without_fault_has_parity(session_url: str, session: list[Event]) -> None:
    decisions = sum(isinstance(event, DecisionEvent) for event in session)
    kinds = Counter(type(event).__name__ for event in session)
    assert min(kinds["IntentCreated"], kinds["FillReported"], kinds["OrderSubmitUnknown"]) > 0

    said = refold("replay", session_url)

    assert said.status == 0, said.errors
    assert said.document["parity"] is True
    assert said.document["divergence"] is None
    counts = [said.document[name] for name in ("events", "decisions", "observations")]
    assert counts == [len(session), decisions, len(session) - decisions]
    assert said.document["not_rederived"] == 0


HINTED = """
from core.strategy import OrderRequest

class Hinted:
    def decide(self, view):
        for place, symbol in enumerate(view.symbols):
            if (view.cycle + place) % 7 == 0:
                continue
            held = view.positions.get(symbol, 0)
            side = "sell" if held > 0 or (not held and place) else "buy"
            edge = 40 if (view.cycle + place) % 5 else None
            yield OrderRequest(symbol, side, abs(held) or 20, expected_edge_bps=edge)
"""
EVERY_GATE = Risk(
    blackout_after_open_minutes=DecimalText("2"),
    blackout_before_close_minutes=DecimalText("5"),
    restricted=("ORCL",),
    spread_max_bps=DecimalText("200"),
    order_min_notional=DecimalText("10"),
    not_shortable=("AAPL",),
    symbol_exposure_max=DecimalText("40000"),
    net_exposure_max=DecimalText("40000"),
    groups="AAPL=technology,MSFT=technology",
    group_exposure_max=DecimalText("60000"),
    buying_power_reserve=DecimalText("1000"),
    daily_loss_max=DecimalText("500"),
    drawdown_max=DecimalText("400"),
    participation_max_bps=DecimalText("5000"),
    displayed_size_min=DecimalText("1"),
    slot_volume_min=DecimalText("1"),
    signal_max_age_s=DecimalText("300"),
    edge_required=True,
    open_orders_max=5,
    open_orders_symbol_max=2,
    loss_cooldown_s=DecimalText("120"),
    reentry_cooldown_s=DecimalText("60"),
    orders_per_minute_max=10,
    messages_per_minute_max=30,
    executions_max=9,
)


def test_a_session_with_every_gate_on_has_parity(tmp_path: Path) -> None:
    model = "".join(
        f"2026-11-27T14:{minute}:00Z,{name},1,model,1\n"
        for minute in (30, 40, 45, 50)
        for name in ("AAPL", "MSFT")
    )
    file = tmp_path / "signals.csv"
    file.write_text(f"time,symbol,value,model,model_version\n{model}", encoding="utf-8")
    url = run_session(
        tmp_path,
        cycles=60,
        source=HINTED,
        name="Hinted",
        risk=EVERY_GATE,
        signals=f"csv:{file}",
    )
    events = events_of(url)
    told = Counter(str(e.reason.code) for e in events if isinstance(e, OrderSubmitSkipped))
    kinds = Counter(tag_of(event) for event in events)

    said = refold("replay", url)

    assert said.document["parity"] is True, said.errors
    assert kinds["lockout-started.v1"] == 1, told
    assert {"session.after_open", "cost.edge", "signal.stale", "throttle.executions"} <= set(
        told
    ), told
    assert told.keys() & {"cooldown.loss", "cooldown.reentry"}, told


def test_a_decision_that_was_altered_is_named_with_its_fields(
    tmp_path: Path, session: list[Event]
) -> None:
    place = place_of(session, IntentCreated)
    original = session[place]
    assert isinstance(original, IntentCreated)
    altered = replace(original, quantity=DecimalText("7777"))
    url = forge(tmp_path / "forged.db", [*session[:place], altered, *session[place + 1 :]])

    said = refold("replay", url)

    assert (said.status, said.document["parity"]) == (1, False)
    found = said.document["divergence"]
    assert isinstance(found, dict)
    assert (found["sequence"], found["type"]) == (place + 1, "intent-created.v1")
    assert found["expected"]["id"] == content_id(altered)
    assert found["actual"]["id"] == content_id(original)
    assert found["diff"] == [{"field": "quantity", "expected": "7777", "actual": original.quantity}]
    line = said.errors.strip().splitlines()[-1]
    assert f"sequence {place + 1}: decision intent-created.v1" in line
    assert "quantity recorded '7777'" in line
    assert original.client_order_id in line


def test_a_decision_that_is_missing_is_named(tmp_path: Path, session: list[Event]) -> None:
    """The last decision behind an observation: in its place stands the next observation."""
    place = next(
        place
        for place, event in enumerate(session)
        if isinstance(event, DecisionEvent) and not isinstance(session[place + 1], DecisionEvent)
    )

    report = replayed(tmp_path, [*session[:place], *session[place + 1 :]])

    assert report.parity is False
    assert report.divergence is not None
    assert (report.divergence.sequence, report.divergence.type) == (
        place + 1,
        tag_of(session[place]),
    )
    assert report.divergence.expected is None
    assert report.divergence.actual is not None
    assert report.divergence.actual["id"] == content_id(session[place])
    assert report.divergence.diff == []


def test_a_decision_that_is_missing_at_the_end_is_named(
    tmp_path: Path, session: list[Event]
) -> None:
    place = max(p for p, event in enumerate(session) if isinstance(event, DecisionEvent))

    report = replayed(tmp_path, session[:place])

    assert report.divergence is not None
    assert report.divergence.sequence == place + 1
    assert report.divergence.expected is None


def test_a_decision_too_many_is_named(tmp_path: Path, session: list[Event]) -> None:
    place = place_of(session, IntentCreated)
    last = next(p for p in range(place, len(session)) if not isinstance(session[p], DecisionEvent))

    report = replayed(tmp_path, [*session[:last], session[place], *session[last:]])

    assert report.divergence is not None
    assert (report.divergence.sequence, report.divergence.actual) == (last + 1, None)
    assert report.divergence.expected is not None
    assert report.divergence.expected["id"] == content_id(session[place])


def test_two_decisions_that_changed_places_are_named(tmp_path: Path, session: list[Event]) -> None:
    place = place_of(session, IntentCreated)
    assert isinstance(session[place + 1], OrderSubmitAttempted)
    swapped = [session[place + 1], session[place]]

    report = replayed(tmp_path, [*session[:place], *swapped, *session[place + 2 :]])

    assert report.divergence is not None
    assert report.divergence.sequence == place + 1


def test_an_observation_that_was_altered_is_found_by_the_cause_of_its_decisions(
    tmp_path: Path, session: list[Event]
) -> None:
    place = place_of(session, CycleOpened)
    opened = session[place]
    assert isinstance(opened, CycleOpened)
    altered = replace(opened, source_time=opened.observed_at)

    report = replayed(tmp_path, [*session[:place], altered, *session[place + 1 :]])

    assert report.divergence is not None
    assert report.divergence.sequence == place + 2
    assert [found["field"] for found in report.divergence.diff] == ["cause"]


def test_what_other_rules_decided_is_folded_and_not_called_parity(
    tmp_path: Path, session: list[Event]
) -> None:
    older = [
        replace(event, rules=RULES + 1) if isinstance(event, ConfigSnapshot) else event
        for event in session
    ]
    decisions = sum(isinstance(event, DecisionEvent) for event in session)
    url = forge(tmp_path / "forged.db", older)

    said = refold("replay", url)

    assert said.status == 0, said.errors
    assert said.document["parity"] is None
    assert (said.document["decisions"], said.document["not_rederived"]) == (decisions, decisions)


def test_stretches_of_two_rules_are_told_apart(session: list[Event]) -> None:
    """The same journal goes on under this release's rules: those decisions are derived again."""
    opened = [p for p, event in enumerate(session) if isinstance(event, CycleOpened)]
    (config,) = [event for event in session if isinstance(event, ConfigSnapshot)]
    older: list[Event] = [
        replace(event, rules=RULES + 1) if isinstance(event, ConfigSnapshot) else event
        for event in session[: opened[-1]]
    ]
    before = sum(isinstance(event, DecisionEvent) for event in older)
    last = session[opened[-1]]
    assert isinstance(last, CycleOpened)
    events = [*older, replace(config, observed_at=last.observed_at)]

    report = parity(records(events))

    assert (report.parity, report.not_rederived) == (None, before)
    state, strategy = INITIAL, None
    for event in events:
        state = evolve(state, event)
        strategy = stored_strategy(event) if isinstance(event, StrategyLoaded) else strategy
    _, decided = advance(state, last, strategy)
    report = parity(records([*events, last, *decided]))
    assert (report.parity, report.not_rederived) == (True, before)
    assert report.decisions == before + len(decided)


@pytest.mark.parametrize("rules", sorted(REDERIVED))
def test_what_older_rules_decided_is_derived_again_where_this_core_keeps_them(rules: int) -> None:
    """A cancel that was accepted: of it the rules from 3 on make a timer, those before nothing."""
    text = (
        "from core.strategy import OrderRequest\nclass Asking:\n"
        "    def decide(self, view):\n        return [OrderRequest('MSFT', 'buy', 10)]\n"
    )
    loaded = replace(world.strategy_loaded(), sources={"test": text})
    events: list[Event] = []
    state, strategy = INITIAL, stored_strategy(loaded)

    def hear(observation: Any) -> None:
        nonlocal state
        if isinstance(observation, ConfigSnapshot):
            observation = replace(observation, rules=rules)
        state, decided = advance(state, observation, strategy)
        events.extend([observation, *decided])

    heard = [e for e in world.open_market() if not isinstance(e, StrategyLoaded)]
    for observation in [*heard, loaded, build.cycle_opened(1)]:
        hear(observation)
    (order,) = state.intents
    hear(build.submitted(order))
    hear(world.commanded("cancel-all"))
    hear(build.cancel_answered(order))

    report = parity(records(events))
    assert (report.parity, report.not_rederived) == (True, 0)
    assert (f"uncanceled:{order}" in state.timers) is (rules >= 3)


def test_in_a_disturbed_pass_a_memory_of_the_strategys_own_is_found() -> None:
    """Undisturbed, the memory is built up again as it was."""
    text = (
        "from core.strategy import OrderRequest\nSEEN = []\nclass Asking:\n"
        "    def decide(self, view):\n        SEEN.append(1)\n"
        "        return [OrderRequest('MSFT', 'buy' if len(SEEN) % 2 else 'sell', len(SEEN))]\n"
    )
    loaded = replace(world.strategy_loaded(), sources={"test": text})
    events: list[Event] = []
    state, strategy = INITIAL, stored_strategy(loaded)
    heard = [e for e in world.open_market() if not isinstance(e, StrategyLoaded)]
    for observation in [*heard, loaded, build.cycle_opened(1), build.cycle_opened(2, seconds=1)]:
        state, decided = advance(state, observation, strategy)  # type: ignore[arg-type]
        events += [observation, *decided]

    assert parity(records(events)).parity is True
    found = parity(records(events), disturb=lambda: None).divergence
    assert found is not None
    assert found.type == "intent-created.v1"


def test_a_journal_without_decisions_has_nothing_that_differs(session: list[Event]) -> None:
    report = parity(records(session[:1]))

    assert (report.parity, report.events, report.decisions) == (True, 1, 0)


def test_another_strategy_is_found_where_it_decides_otherwise(session: list[Event]) -> None:
    report = parity(records(session), lambda _: asking())

    first = next(p for p, event in enumerate(session) if isinstance(event, CycleOpened))
    assert report.divergence is not None
    assert report.divergence.sequence == first + 2


def test_progress_hears_every_sequence(session: list[Event]) -> None:
    heard: list[int] = []

    parity(records(session), progress=heard.append)

    assert heard == list(range(1, len(session) + 1))


class Kept:
    """A recorded event without a journal."""

    def __init__(self, sequence: int, event: Event) -> None:
        self.sequence = sequence
        self.event = event
        self.event_id = content_id(event)


def records(events: Iterable[Event]) -> list[Kept]:
    """The events as replay reads them."""
    return [Kept(sequence, event) for sequence, event in enumerate(events, start=1)]


@pytest.mark.parametrize("words", [["replay"], ["verify"]])
def test_a_journal_that_is_not_there_cannot_be_replayed(tmp_path: Path, words: list[str]) -> None:
    said = refold(*words, f"sqlite:///{tmp_path}/none.db")

    assert said.status == 2
    assert said.errors.count("\n") == 1
