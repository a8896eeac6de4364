"""The runner's clock and the venue's: a session's end, the next morning, and two that disagree."""

import json
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from decimal import Decimal
from pathlib import Path

import pytest

from core.events import (
    CalendarObserved,
    CycleOpened,
    Event,
    IntentClosed,
    OrderSubmitSkipped,
    QuotesObserved,
)
from core.order import TerminalStatus
from core.values import TimeText, seconds_between, time_text
from live.brokers import real
from live.clock import WallClock
from tests.real.world import QUOTE, SYMBOLS, Drill, drill
from tests.venue.process import eventually

AFTERNOON, LAST_SECONDS = "2026-11-23T20:00:00Z", "2026-11-23T20:59:58Z"
NEXT_MORNING = "2026-11-24T14:29:57Z"
RESTS = json.dumps({str(cycle): [("AAPL", "buy", 10, "90.00")] for cycle in range(1, 7)})


class SetClock(WallClock):
    """The machine's clock, moved on by as much as it was told."""

    def __init__(self) -> None:
        super().__init__()
        self.ahead_us = 0

    def set(self, at: str) -> None:
        """It is `at` now."""
        now = datetime.fromisoformat(at).timestamp()
        self.ahead_us = int((now - time.time()) * 1_000_000)

    def now(self) -> TimeText:
        """The time it was set to, and what has passed since."""
        with self._lock:
            self._last = max(self._last, time.time_ns() // 1_000 + self.ahead_us)
            return time_text(self._last)

    def monotonic(self) -> Decimal:
        """Seconds, those that were passed over too: no wait outlasts the night."""
        return super().monotonic() + Decimal(self.ahead_us) / 1_000_000


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> SetClock:
    """The clock of the runner."""
    made = SetClock()
    monkeypatch.setattr(real, "WallClock", lambda: made)
    return made


@contextmanager
def quoting(here: Drill) -> Iterator[None]:
    """Quotes as fresh as the venue's clock."""
    over = threading.Event()

    def quote() -> None:
        while not over.wait(0.3):
            here.venue.post("quotes", {symbol: dict(QUOTE) for symbol in SYMBOLS})

    thread = threading.Thread(target=quote, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join(10)


def slots(events: Sequence[Event]) -> list[TimeText]:
    """The times of the cycles that were opened."""
    return [one.slot for one in events if isinstance(one, CycleOpened)]


def test_a_session_ends_and_the_next_morning_goes_on_by_the_calendar_of_that_morning(
    tmp_path: Path, clock: SetClock
) -> None:
    """One run: the close, the order of the day that expires with it, a close moved overnight."""
    with drill(tmp_path / "run", "--clock", AFTERNOON) as here:
        days = ("2026-11-23", "2026-11-24")
        here.venue.post("calendar", {day: ["09:30", "16:00"] for day in days})
        target = {"target": f"{here.folder}/plan.py:Plan", "parameters": {"plan": RESTS}}
        here.configure(market="alpaca", strategy=target, risk={"order_max_age_s": "0"})
        opened: list[TimeText] = []

        def it_is(time: str) -> None:
            here.venue.post("clock", {"time": time})
            clock.set(time)

        def pass_the_time() -> None:
            eventually(here.orders, 120)
            it_is(LAST_SECONDS)
            eventually(lambda: not here.venue.get("state")["is_open"], 120)
            here.venue.post("calendar", {"2026-11-24": ["09:30", "13:00"]})
            it_is(NEXT_MORNING)

        it_is(AFTERNOON)
        threading.Thread(target=pass_the_time, daemon=True).start()
        with quoting(here):
            state = here.session(
                None,
                lambda events: opened.extend(slots(events)),
                lambda: bool(opened) and opened[-1] > NEXT_MORNING,
            )

        evening = [one for one in opened if one.startswith("2026-11-23")]
        assert {one[:10] for one in opened} == set(days)
        assert all(one < "2026-11-23T21:00:00" for one in evening)
        assert opened[len(evening)] >= "2026-11-24T14:30:00"
        ended = next(one for one in here.events if isinstance(one, IntentClosed))
        assert ended.status is TerminalStatus.EXPIRED
        told = [one for one in here.events if isinstance(one, CalendarObserved)][-1]
        closes = {one.date: one.close for one in told.sessions}
        assert closes["2026-11-24"] == "2026-11-24T18:00:00.000000Z"
        known = {session.date: session.close for session in state.sessions}
        assert known["2026-11-24"] == closes["2026-11-24"]
        here.assert_agrees(state)
        here.assert_sound()


@pytest.mark.parametrize("ahead_s", [-600, 600])
def test_recorded_minutes_have_the_age_of_the_market_whatever_either_clock_says(
    tmp_path: Path, clock: SetClock, ahead_s: int
) -> None:
    """Quotes of 2024 in cycles of 2024: what the runner's clock says is no age and no session."""
    clock.ahead_us = ahead_s * 1_000_000
    with drill(tmp_path / "run") as here:
        here.plan({1: [("AAPL", "buy", 1, "100.02")]})
        state = here.session()

        (observed,) = [one for one in here.events if isinstance(one, QuotesObserved)]
        assert {quote.time for quote in observed.quotes.values()} == {observed.slot}
        assert abs(seconds_between(time_text(time.time_ns() // 1000), observed.observed_at)) > 500
        assert [order["status"] for order in here.orders()] == ["filled"]
        here.assert_agrees(state)
        here.assert_sound()


@pytest.mark.parametrize("ahead_s", [-600, 600])
def test_a_clock_that_differs_from_the_venues_opens_nothing_and_says_why(
    tmp_path: Path, clock: SetClock, ahead_s: int
) -> None:
    """Ten minutes ahead every quote is ten minutes old; behind, it is of a later time."""
    clock.ahead_us = ahead_s * 1_000_000
    with drill(tmp_path / "run") as here:
        here.configure(
            market="alpaca",
            strategy={"target": f"{here.folder}/flip.py:Flip"},
            risk={"quote_max_age_s": "60"},
        )
        with quoting(here):
            state = here.session(2)

        skips = [one.reason for one in here.events if isinstance(one, OrderSubmitSkipped)]
        assert {str(reason.code) for reason in skips} == {"quote.stale"}
        assert all(ahead_s * Decimal(str(reason.observed)) > 0 for reason in skips)
        assert all(abs(Decimal(str(reason.observed))) > 500 for reason in skips)
        assert here.posts() == {}
        here.assert_agrees(state)
        here.assert_sound()
