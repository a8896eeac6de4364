"""What stands between a commit and the call it allows."""

import itertools
from decimal import Decimal
from pathlib import Path

import pytest

from core.events import Event, OrderSubmitAttempted, OrderSubmitFailed
from journal import open_journal
from live import runner
from tests.sessions import run_session

ORDERS_IN_EVERY_CYCLE = """
from core.strategy import OrderRequest

class Trades:
    def decide(self, view):
        for symbol in view.symbols:
            held = view.positions.get(symbol, 0)
            yield OrderRequest(symbol, "sell" if held else "buy", abs(held) or 10)
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
