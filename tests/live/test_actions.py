"""What stands between a commit and the call it allows."""

import itertools
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from core.events import Event, OrderSubmitAttempted, OrderSubmitFailed
from journal import Journal, open_journal
from journal.anchor import UNSYNCED_SLOT, anchor_path, read_slots
from live import runner
from live.brokers.simulated import SimulatedBroker
from live.operator import command
from tests.sessions import run_session

ORDERS_IN_EVERY_CYCLE = """
from core.strategy import OrderRequest

class Trades:
    def decide(self, view):
        for symbol in view.symbols:
            held = view.positions.get(symbol, 0)
            yield OrderRequest(symbol, "sell" if held else "buy", abs(held) or 10)
"""

RESTS_OR_TRADES = """
from core.strategy import OrderRequest

class Trades:
    def decide(self, view):
        for symbol in view.symbols:
            held = view.positions.get(symbol, 0)
            far = None if view.cycle % 2 or held else view.quotes[symbol].bid * 99 / 100
            yield OrderRequest(symbol, "sell" if held else "buy", abs(held) or 10, limit_price=far)
"""


def events_of(url: str) -> list[Event]:
    """All events of a journal."""
    with open_journal(url, read_only=True) as journal:
        return [record.event for record in journal.read()]


def test_an_attempt_whose_commit_is_too_old_is_not_sent_and_is_made_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each call takes a second and a half, so the second one of a commit comes too late."""
    seconds = itertools.count(Decimal(0), Decimal("1.5"))
    monkeypatch.setattr(runner, "stopped_clock", lambda: next(seconds))

    events = events_of(run_session(tmp_path, cycles=2, source=ORDERS_IN_EVERY_CYCLE))

    unsent = [event for event in events if isinstance(event, OrderSubmitFailed)]
    first = [event for event in unsent if event.error_class == "not_sent"]
    assert len(first) >= 1
    again = {
        event.client_order_id
        for event in events
        if isinstance(event, OrderSubmitAttempted) and event.attempt > 1
    }
    assert {event.client_order_id for event in first} <= again


@pytest.mark.parametrize("call", ["submit", "look_up", "cancel"])
def test_what_allows_a_call_is_anchored_with_a_sync_before_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    path = tmp_path / "main.db"
    real, behind = getattr(SimulatedBroker, call), []

    def seen(broker: SimulatedBroker, *words: Any) -> Any:
        with open_journal(path, read_only=True) as journal:
            slots = [slot for slot in read_slots(anchor_path(path)) if slot.place != UNSYNCED_SLOT]
            behind.append(journal.head.sequence - slots[0].head.sequence)
        return real(broker, *words)

    monkeypatch.setattr(SimulatedBroker, call, seen)
    run_session(tmp_path, cycles=70, source=RESTS_OR_TRADES)

    assert behind
    assert set(behind) == {0}


@pytest.mark.parametrize("word", ["halt", "pause"])
def test_a_halt_between_the_commit_and_the_call_is_obeyed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, word: str
) -> None:
    url = f"sqlite:///{tmp_path}/main.db"
    real_anchor, real_submit = Journal.anchor, SimulatedBroker.submit
    halted: list[bool] = []
    posted: list[tuple[Any, ...]] = []

    def anchor(journal: Journal) -> None:
        real_anchor(journal)
        attempts = (event for event in events_of(url) if isinstance(event, OrderSubmitAttempted))
        if not halted and any(attempts):
            halted.append(True)
            with open_journal(url) as other:
                command(other, word, who="me", where="here", why="a test", now=None)

    def submit(broker: SimulatedBroker, *words: Any) -> Any:
        posted.append(words)
        return real_submit(broker, *words)

    monkeypatch.setattr(Journal, "anchor", anchor)
    monkeypatch.setattr(SimulatedBroker, "submit", submit)
    run_session(tmp_path, cycles=2, source=ORDERS_IN_EVERY_CYCLE)

    assert halted
    assert posted == []
