"""Alpaca's market as a feed: snapshots of all symbols each slot, its calendar and its clock.

shape   `slots` waits for each slot of the sessions and yields what was quoted before it; `news`
        tells, before the cycle is opened, what went down or up and which sessions are new
rules   Asked `lead_s` before the slot, so a quote is never of a later time than its cycle. One
        request a slot, never a retry in it: a slot without quotes is a slot without quotes, and
        its reason is in `news`. A slot that began more than `late_s` ago is not opened.
        "quotes" is down while the request fails or no symbol was quoted for `silent_s`;
        "quotes:KO" while KO is missing or cannot be read, which is no reason for the others;
        "calendar" while the sessions cannot be read. The feed's name says IEX or SIP.
        The calendar is asked for again just before each day's first slot: a close that was moved,
        or a day that was taken out, is news before anything of that day is opened. While that fails
        the sessions known stand, and each slot asks again.
        Volume is the last minute's, and 0 where that minute is long past
units   sizes and volume in shares (round lots before 2025-11-03)
source  market-data-api.openapi.json `StockSnapshots`; trading-api.openapi.json `LegacyCalendar`
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import NamedTuple
from zoneinfo import ZoneInfo

from core.canonical import content_id
from core.events import CalendarObserved, Observation, StreamWentDown, StreamWentUp
from core.events.lifecycle import Session
from core.events.market import Quote
from core.values import DecimalText, TimeText, later_by, micros, seconds_between, time_text
from live.brokers.alpaca.answer import Answer, NoAnswer
from live.brokers.alpaca.client import AlpacaClient
from live.brokers.alpaca.reading import Unreadable, moment, quantity, read_list, read_object, text
from live.feeds.base import MarketSlot
from live.feeds.errors import BadInputError
from live.rate.opening import START_WAIT_S

QUOTES = "quotes"
CALENDAR = "calendar"
DAYS_AHEAD = 14
CALENDAR_LEAD_S = Decimal(30)
"""How long before a day's first slot the calendar is asked for again."""
RETRY_S = Decimal(60)
_NEW_YORK = ZoneInfo("America/New_York")
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)
_HOUR = re.compile(r"(?:[01][0-9]|2[0-3]):[0-5][0-9]", re.ASCII)
_FULL_CLOSE = "16:00"
_ZERO = DecimalText("0")

Wait = Callable[[TimeText], bool]


class ClockReading(NamedTuple):
    """Alpaca's clock, and how much later it is than ours (seconds, negative: earlier)."""

    time: TimeText
    ahead_s: Decimal
    is_open: bool
    next_open: TimeText
    next_close: TimeText


class AlpacaFeed:
    """The latest quotes of `symbols`, every `cycle_s` of Alpaca's sessions."""

    paced = True

    def __init__(
        self,
        client: AlpacaClient,
        symbols: Sequence[str],
        wait: Wait,
        *,
        feed: str = "iex",
        cycle_s: int = 60,
        lead_s: Decimal = Decimal(1),
        late_s: Decimal = Decimal(2),
        silent_s: Decimal = Decimal(120),
        sessions: tuple[Session, ...] = (),
    ) -> None:
        """`wait(time)` sleeps until `time` and is false where the runner is to stop.

        `sessions`: those known where Alpaca must not be asked for them.
        """
        if not symbols:
            message = "alpaca market: expected symbols, found none; name some in `symbols`"
            raise BadInputError(message)
        self.name = f"alpaca-{feed}"
        self.symbols = tuple(sorted(set(symbols)))
        self.data_hash = content_id({"feed": self.name, "symbols": list(self.symbols)})
        self._client = client
        self._feed = feed
        self._wait = wait
        self._cycle_s = cycle_s
        self._lead_s, self._late_s, self._silent_s = lead_s, late_s, silent_s
        self._down: dict[str, str] = {}
        self._news: list[Observation] = []
        self._sessions = sessions
        self._read_on: date | None = None

    def calendar(self) -> tuple[str, tuple[Session, ...]]:
        """The sessions of the next two weeks, half days included; no start without them."""
        if self._sessions:
            return "alpaca", self._sessions
        with self._client.patient(START_WAIT_S):
            found = self._read_calendar()
        if isinstance(found, Unreadable):
            message = (
                f"alpaca calendar: expected its sessions, found {found.why}; "
                "see broker.trading_url and the keys, then start again"
            )
            raise BadInputError(message)
        self._sessions = found
        return "alpaca", found

    def clock(self) -> ClockReading | Unreadable:
        """Alpaca's clock beside ours."""
        answer = self._client.get("/clock")
        now = self._client.clock()
        found = _body(answer)
        if isinstance(found, Unreadable):
            return found
        names = ("timestamp", "next_open", "next_close")
        time, next_open, next_close = (moment(found.get(name)) for name in names)
        is_open = found.get("is_open")
        if time is None or next_open is None or next_close is None or not isinstance(is_open, bool):
            return Unreadable("a clock without timestamp, is_open, next_open or next_close")
        return ClockReading(time, seconds_between(now, time), is_open, next_open, next_close)

    def slots(self, after: TimeText | None) -> Iterator[MarketSlot]:
        """The slots later than `after`, each at its time, until `wait` says stop.

        A slot of another day than the calendar was read on may be none any more once it is read.
        """
        last = after
        while True:
            slot = self._next_slot(last)
            if slot is None:
                if not self._refresh_calendar():
                    return
                continue
            if self._read_on != _new_york_day(slot):
                if not self._wait(later_by(slot, -CALENDAR_LEAD_S)):
                    return
                if self._has_changed():
                    continue
            if not self._wait(later_by(slot, -self._lead_s)):
                return
            quotes = self.quotes(slot)
            if not self._wait(slot):
                return
            last = slot
            yield MarketSlot(slot, quotes)

    def quotes(self, slot: TimeText) -> Mapping[str, Quote]:
        """What is quoted now, of the symbols that are; what is not is in `news`."""
        query = {"symbols": ",".join(self.symbols), "feed": self._feed}
        answer = self._client.data("/stocks/snapshots", query)
        found = _body(answer)
        if isinstance(found, Unreadable):
            raw = None if isinstance(answer, NoAnswer) else self._client.raw(answer.body) or None
            self._is_down(QUOTES, found.why, raw)
            return {}
        quotes: dict[str, Quote] = {}
        for symbol in self.symbols:
            quote = read_snapshot(found.get(symbol), slot)
            if isinstance(quote, Unreadable):
                self._is_down(f"{QUOTES}:{symbol}", quote.why)
            else:
                quotes[symbol] = quote
                self._is_up(f"{QUOTES}:{symbol}")
        newest = max((quote.time for quote in quotes.values()), default=None)
        if newest is None:
            self._is_down(QUOTES, "no symbol is quoted")
        elif seconds_between(newest, slot) > self._silent_s:
            self._is_down(QUOTES, f"silent since {newest}")
        else:
            self._is_up(QUOTES)
        return quotes

    def news(self) -> list[Observation]:
        """What went down or up and which sessions are new, since this was asked for last."""
        found, self._news = self._news, []
        return found

    def _next_slot(self, after: TimeText | None) -> TimeText | None:
        """The first slot that is not over yet; None where no session known has one."""
        earliest = micros(later_by(self._client.clock(), -self._late_s))
        if after is not None:
            earliest = max(earliest, micros(after) + 1)
        step = self._cycle_s * 1_000_000
        for session in self._sessions:
            opening = micros(session.open)
            passed = max(0, earliest - opening)
            slot = opening + -(-passed // step) * step
            if slot < micros(session.close):
                return time_text(slot)
        return None

    def _refresh_calendar(self) -> bool:
        """Ask for the sessions again, a minute after the last try; whether to go on."""
        return self._has_changed() or self._wait(later_by(self._client.clock(), RETRY_S))

    def _has_changed(self) -> bool:
        """Ask for the sessions again; whether they are others than those known."""
        found = self._read_calendar()
        now = self._client.clock()
        if isinstance(found, Unreadable):
            self._is_down(CALENDAR, found.why)
            return False
        self._is_up(CALENDAR)
        if found == self._sessions:
            return False
        self._sessions = found
        self._news.append(CalendarObserved(observed_at=now, source="alpaca", sessions=found))
        return True

    def _read_calendar(self) -> tuple[Session, ...] | Unreadable:
        today = _new_york_day(self._client.clock())
        until = today + timedelta(days=DAYS_AHEAD)
        query = {"start": today.isoformat(), "end": until.isoformat()}
        answer = self._client.get("/calendar", query)
        if isinstance(answer, NoAnswer):
            return Unreadable(answer.kind)
        if answer.status != 200:
            return Unreadable(f"HTTP {answer.status}")
        rows = read_list(answer.body)
        if isinstance(rows, Unreadable):
            return rows
        sessions: list[Session] = []
        for row in rows:
            session = read_session(row)
            if isinstance(session, Unreadable):
                return session
            sessions.append(session)
        in_order = tuple(sorted(sessions, key=lambda session: session.date))
        if not in_order:
            return Unreadable("no session in two weeks")
        self._read_on = today
        return in_order

    def _is_down(self, stream: str, why: str, raw: str | None = None) -> None:
        """Told once for each why."""
        if self._down.get(stream) != why:
            self._down[stream] = why
            at = self._client.clock()
            self._news.append(StreamWentDown(observed_at=at, stream=stream, why=why, raw=raw))

    def _is_up(self, stream: str) -> None:
        if self._down.pop(stream, None) is not None:
            self._news.append(StreamWentUp(observed_at=self._client.clock(), stream=stream))


def read_snapshot(found: object, slot: TimeText) -> Quote | Unreadable:
    """One symbol's quote, last trade and last minute's volume."""
    if found is None:
        return Unreadable("no quote")
    quote, trade = _part(found, "latestQuote"), _part(found, "latestTrade")
    names = ("bp", "ap", "bs", "as")
    bid, ask, bid_size, ask_size = (quantity(quote.get(name)) for name in names)
    last, time = quantity(trade.get("p")), moment(quote.get("t"))
    if time is None:
        return Unreadable("a quote without its time")
    for number in (bid, ask, bid_size, ask_size, last):
        if not isinstance(number, str):
            why = number.why if isinstance(number, Unreadable) else "a number that is missing"
            return Unreadable(f"a quote with {why}")
    assert isinstance(bid, str)
    assert isinstance(ask, str)
    assert isinstance(bid_size, str)
    assert isinstance(ask_size, str)
    assert isinstance(last, str)
    return Quote(
        bid=bid,
        ask=ask,
        bid_size=bid_size,
        ask_size=ask_size,
        last=last,
        volume=_volume(_part(found, "minuteBar"), slot),
        time=time,
    )


def read_session(found: object) -> Session | Unreadable:
    """One day of the calendar, its hours in New York's time."""
    if not isinstance(found, dict):
        return Unreadable("a calendar day that is no object")
    day, opening, closing = (text(found.get(name)) for name in ("date", "open", "close"))
    if day is None or _DAY.fullmatch(day) is None:
        return Unreadable("a calendar day without a date")
    if opening is None or closing is None:
        return Unreadable("a calendar day without its hours")
    if not _HOUR.fullmatch(opening) or not _HOUR.fullmatch(closing) or opening >= closing:
        return Unreadable("a calendar day without its hours")
    try:
        starts, ends = (_from_new_york(day, hour) for hour in (opening, closing))
    except ValueError:
        return Unreadable("a calendar day that does not exist")
    return Session(date=day, open=starts, close=ends, early_close=closing < _FULL_CLOSE)


def _body(answer: Answer | NoAnswer) -> dict[str, object] | Unreadable:
    """The object a 200 brought."""
    if isinstance(answer, NoAnswer):
        return Unreadable(answer.kind)
    return read_object(answer.body) if answer.status == 200 else Unreadable(f"HTTP {answer.status}")


def _part(found: object, name: str) -> dict[str, object]:
    part = found.get(name) if isinstance(found, dict) else None
    return part if isinstance(part, dict) else {}


def _volume(bar: dict[str, object], slot: TimeText) -> DecimalText:
    """The last minute's shares; 0, the careful answer, where there is no such minute."""
    volume, began = quantity(bar.get("v")), moment(bar.get("t"))
    if not isinstance(volume, str) or began is None or seconds_between(began, slot) > 180:
        return _ZERO
    return volume


def _from_new_york(day: str, hour: str) -> TimeText:
    local = datetime.fromisoformat(f"{day}T{hour}:00").replace(tzinfo=_NEW_YORK)
    return time_text(int(local.timestamp()) * 1_000_000)


def _new_york_day(time: TimeText) -> date:
    moment = datetime.fromtimestamp(micros(time) // 1_000_000, UTC)
    return moment.astimezone(_NEW_YORK).date()
