"""Alpaca's market: slots at their time, half days, and every silence with its reason."""

from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from core.events import CalendarObserved, StreamWentDown, StreamWentUp
from core.values import TimeText, later_by, micros, time_text
from live.brokers.alpaca.client import AlpacaClient
from live.brokers.alpaca.reading import Unreadable
from live.feeds.alpaca import AlpacaFeed
from live.feeds.base import Feed
from live.feeds.errors import BadInputError
from tests.alpaca.conftest import Serving
from tests.alpaca.server import Reply, Request, http
from tests.alpaca.world import SECRETS, settings

DAYS = [
    {"date": "2026-11-25", "open": "09:30", "close": "16:00", "session_open": "0400"},
    {"date": "2026-11-27", "open": "09:30", "close": "13:00", "session_open": "0400"},
    {"date": "2027-07-06", "open": "09:30", "close": "16:00"},
]


def snapshot(time: str, **changes: Any) -> dict[str, Any]:
    """One symbol's snapshot, quoted at `time`; numbers on the wire are floats, as Alpaca's."""
    return {
        "latestQuote": {"bp": 86.87, "ap": 86.89, "bs": 300, "as": 200, "t": time, **changes},
        "latestTrade": {"p": 86.88, "s": 100, "t": time},
        "minuteBar": {"v": 1234, "t": time, "o": 1, "h": 1, "l": 1, "c": 1},
        "dailyBar": {"v": 99_999, "t": time},
    }


class Market:
    """A market whose time is the test's: waiting moves it."""

    def __init__(self, start: str) -> None:
        self.now = TimeText(start)
        self.snapshots: dict[str, Any] = {}
        self.days: Any = DAYS
        self.failing: dict[str, Reply] = {}
        self.asked: list[str] = []
        self.waits = 0
        self.lag_s = 0.5

    def clock(self) -> TimeText:
        """The runner's time."""
        return self.now

    def wait(self, until: TimeText) -> bool:
        """Sleep, up to a thousand times."""
        self.now = max(self.now, until)
        self.waits += 1
        return self.waits < 1000

    def reply(self, request: Request) -> Reply:
        """The endpoints a feed asks."""
        self.asked.append(request.target)
        path = urlsplit(request.target).path.removeprefix("/v2")
        if path in self.failing:
            return self.failing[path]
        if path == "/calendar":
            return http(200, self.days)
        if path == "/clock":
            clock = {
                "timestamp": "2026-11-27T09:30:01.5-05:00",
                "is_open": True,
                "next_open": "2026-11-30T09:30:00-05:00",
                "next_close": "2026-11-27T13:00:00-05:00",
            }
            return http(200, clock)
        query = parse_qs(urlsplit(request.target).query)
        assert query["feed"] == ["iex"]
        wanted = query["symbols"][0].split(",")
        quoted = time_text(micros(self.now) - int(self.lag_s * 1e6))
        rows = {symbol: self.snapshots.get(symbol, snapshot(quoted)) for symbol in wanted}
        return http(200, {symbol: row for symbol, row in rows.items() if row is not None})


def feed_of(market: Market, serve: Serving, *symbols: str, **changes: Any) -> AlpacaFeed:
    """The feed of a market."""
    url = serve(market.reply).url
    client = AlpacaClient(settings(url, requests_per_minute=9999), SECRETS, market.clock)
    return AlpacaFeed(client, symbols or ("KO", "PEP"), market.wait, **changes)


def test_sessions_are_in_utc_with_half_days_and_daylight_saving(serve: Serving) -> None:
    feed: Feed = feed_of(Market("2026-11-25T12:00:00.000000Z"), serve)

    source, sessions = feed.calendar()

    assert source == "alpaca"
    assert [(s.date, s.open[11:16], s.close[11:16], s.early_close) for s in sessions] == [
        ("2026-11-25", "14:30", "21:00", False),
        ("2026-11-27", "14:30", "18:00", True),
        ("2027-07-06", "13:30", "20:00", False),
    ]


def test_each_slot_of_a_half_day_comes_once_at_its_time(serve: Serving) -> None:
    market = Market("2026-11-27T14:29:00.000000Z")
    feed = feed_of(market, serve)
    feed.calendar()
    found = []
    for slot in feed.slots(None):
        found.append((slot.time, market.now))
        if len(found) == 210:
            break

    assert found[0][0] == "2026-11-27T14:30:00.000000Z"
    assert found[-1][0] == "2026-11-27T17:59:00.000000Z"
    assert all(time == now for time, now in found)
    assert len({time for time, _ in found}) == 210


def test_a_quote_is_asked_for_before_its_slot_and_is_never_of_a_later_time(serve: Serving) -> None:
    market = Market("2026-11-27T14:29:00.000000Z")
    feed = feed_of(market, serve)
    feed.calendar()

    slot = next(feed.slots(None))

    quote = slot.quotes["KO"]
    assert (quote.bid, quote.ask, quote.bid_size, quote.last) == ("86.87", "86.89", "300", "86.88")
    assert quote.volume == "1234"
    assert quote.time == "2026-11-27T14:29:58.500000Z"


def test_slots_missed_are_not_opened(serve: Serving) -> None:
    market = Market("2026-11-27T15:00:07.000000Z")
    feed = feed_of(market, serve)
    feed.calendar()

    assert next(feed.slots(None)).time == "2026-11-27T15:01:00.000000Z"
    assert next(feed.slots(TimeText("2026-11-27T15:01:00.000000Z"))).time[11:16] == "15:02"


def test_a_slot_that_began_just_now_is_opened_unless_it_was(serve: Serving) -> None:
    slot = TimeText("2026-11-27T15:00:00.000000Z")
    market = Market("2026-11-27T15:00:01.000000Z")
    feed = feed_of(market, serve)
    feed.calendar()

    assert next(feed.slots(None)).time == slot
    assert next(feed.slots(slot)).time == "2026-11-27T15:01:00.000000Z"


def test_after_the_last_session_the_calendar_is_asked_for_again_and_told(serve: Serving) -> None:
    market = Market("2026-11-27T18:30:00.000000Z")
    market.days = DAYS[:2]
    feed = feed_of(market, serve)
    feed.calendar()
    market.days = [*DAYS[1:2], {"date": "2026-11-30", "open": "09:30", "close": "16:00"}]

    slot = next(feed.slots(None))

    assert slot.time == "2026-11-30T14:30:00.000000Z"
    (told,) = [event for event in feed.news() if isinstance(event, CalendarObserved)]
    assert [session.date for session in told.sessions] == ["2026-11-27", "2026-11-30"]


WEEK = [{"date": f"2026-11-{day}", "open": "09:30", "close": "16:00"} for day in (23, 24, 25)]


def test_the_calendar_is_asked_for_again_before_each_day_and_its_change_is_told(
    serve: Serving,
) -> None:
    """A close that was moved overnight ends the day then; the news comes before its first slot."""
    market = Market("2026-11-23T20:57:30.000000Z")
    market.days = WEEK
    feed = feed_of(market, serve)
    feed.calendar()
    slots, found = feed.slots(None), list[str]()
    told: dict[str, CalendarObserved] = {}
    for _ in range(3 + 210 + 1):
        found.append(next(slots).time)
        for one in feed.news():
            if isinstance(one, CalendarObserved):
                told[found[-1]] = one
        if found[-1] == "2026-11-23T20:59:00.000000Z":
            market.days = [WEEK[0], {**WEEK[1], "close": "13:00"}, WEEK[2]]

    assert found[1:4] == [f"2026-11-{at}:00.000000Z" for at in ("23T20:59", "24T14:30", "24T14:31")]
    assert found[-3:-1] == [f"2026-11-{at}:00.000000Z" for at in ("24T17:59", "25T14:30")]
    assert list(told) == ["2026-11-24T14:30:00.000000Z"]
    assert [one.close[11:16] for one in told[found[2]].sessions] == ["21:00", "18:00", "21:00"]
    assert len([target for target in market.asked if "/calendar" in target]) == 3


def test_a_day_that_was_taken_out_overnight_is_not_opened(serve: Serving) -> None:
    market = Market("2026-11-23T20:58:30.000000Z")
    market.days = WEEK
    feed = feed_of(market, serve)
    feed.calendar()
    slots = feed.slots(None)
    next(slots)
    market.days = [WEEK[0], WEEK[2]]

    assert next(slots).time == "2026-11-25T14:30:00.000000Z"


def test_a_calendar_that_cannot_be_read_in_the_morning_stands_as_it_was(serve: Serving) -> None:
    """The day is opened by what is known; each slot asks again, once, and says when it is up."""
    market = Market("2026-11-23T20:58:30.000000Z")
    market.days = WEEK
    feed = feed_of(market, serve)
    feed.calendar()
    slots = feed.slots(None)
    next(slots)
    market.failing["/calendar"] = http(503, b"<html>")
    morning, later = next(slots), next(slots)
    down = [one.stream for one in feed.news() if isinstance(one, StreamWentDown)]
    market.failing.clear()
    next(slots)
    up = [one.stream for one in feed.news() if isinstance(one, StreamWentUp)]
    next(slots)

    assert (morning.time[8:16], later.time[8:16]) == ("24T14:30", "24T14:31")
    assert (down, up) == (["calendar"], ["calendar"])
    assert len([target for target in market.asked if "/calendar" in target]) == 4


@pytest.mark.parametrize(
    "failure",
    [http(503, b"<html>"), http(200, b""), http(200, []), http(200, [{"date": "x"}]), Reply(cut=0)],
    ids=["503", "empty", "no days", "a day of nothing", "reset"],
)
def test_no_start_without_a_calendar(serve: Serving, failure: Reply) -> None:
    market = Market("2026-11-27T12:00:00.000000Z")
    market.failing["/calendar"] = failure

    with pytest.raises(BadInputError, match="alpaca calendar: expected its sessions, found"):
        feed_of(market, serve).calendar()


@pytest.mark.parametrize(
    ("failure", "why"),
    [
        (http(503, b"<html>"), "HTTP 503"),
        (http(200, b"<html>"), "not JSON"),
        (http(200, b'{"KO":{"latestQuote":{"bp":NaN}}}'), "NaN is not a number"),
        (Reply(cut=0, reset=True), "no_answer"),
    ],
    ids=["503", "HTML", "NaN", "reset"],
)
def test_a_slot_whose_request_failed_has_no_quotes_and_the_reason_is_told_once(
    serve: Serving, failure: Reply, why: str
) -> None:
    market = Market("2026-11-27T14:29:00.000000Z")
    market.failing["/stocks/snapshots"] = failure
    feed = feed_of(market, serve)
    feed.calendar()
    slots = feed.slots(None)

    first, second = next(slots), next(slots)
    told = feed.news()
    market.failing.clear()
    third = next(slots)

    assert (first.quotes, second.quotes) == ({}, {})
    assert [(type(e), e.stream, e.why) for e in told if isinstance(e, StreamWentDown)] == [
        (StreamWentDown, "quotes", why)
    ]
    assert len(third.quotes) == 2
    assert [type(event) for event in feed.news()] == [StreamWentUp]
    assert len([target for target in market.asked if "snapshots" in target]) == 3


def test_after_429_no_quotes_are_asked_for_until_they_may_be(serve: Serving) -> None:
    market = Market("2026-11-27T14:29:00.000000Z")
    market.failing["/stocks/snapshots"] = http(429, b"", {"Retry-After": "60"})
    feed = feed_of(market, serve)
    feed.calendar()
    slots = feed.slots(None)

    first, second = next(slots), next(slots)

    assert (first.quotes, second.quotes) == ({}, {})
    whys = [event.why for event in feed.news() if isinstance(event, StreamWentDown)]
    assert whys == ["HTTP 429", "rate_limited"]
    assert len([target for target in market.asked if "snapshots" in target]) == 1


@pytest.mark.parametrize(
    ("spoiled", "why"),
    [
        (None, "no quote"),
        ({}, "a quote without its time"),
        ({"latestQuote": None}, "a quote without its time"),
        (snapshot("2026-11-27T14:29:50Z", bp=None), "a quote with a number that is missing"),
        (snapshot("2026-11-27T14:29:50Z", bp=-1), "a quote with a number below zero"),
        (snapshot("2026-11-27T14:29:50Z", ap="abc"), "a quote with not a number"),
        (snapshot("yesterday"), "a quote without its time"),
    ],
)
def test_a_missing_symbol_is_named_and_no_reason_for_the_others(
    serve: Serving, spoiled: Any, why: str
) -> None:
    market = Market("2026-11-27T14:29:00.000000Z")
    market.snapshots["KO"] = spoiled
    feed = feed_of(market, serve)
    feed.calendar()

    slot = next(feed.slots(None))

    assert set(slot.quotes) == {"PEP"}
    (told,) = feed.news()
    assert isinstance(told, StreamWentDown)
    assert (told.stream, told.why) == ("quotes:KO", why)


def test_a_market_that_quotes_nothing_new_is_silent(serve: Serving) -> None:
    market = Market("2026-11-27T14:29:00.000000Z")
    market.lag_s = 300
    feed = feed_of(market, serve)
    feed.calendar()

    slot = next(feed.slots(None))

    (told,) = feed.news()
    assert isinstance(told, StreamWentDown)
    assert (told.stream, told.why[:12]) == ("quotes", "silent since")
    assert len(slot.quotes) == 2
    assert slot.quotes["KO"].volume == "0"


def test_the_clock_is_read_beside_ours(serve: Serving) -> None:
    market = Market("2026-11-27T14:30:00.000000Z")
    feed = feed_of(market, serve)

    found = feed.clock()
    market.failing["/clock"] = http(200, {"timestamp": "now"})

    assert not isinstance(found, Unreadable)
    assert (str(found.ahead_s), found.is_open) == ("1.500000", True)
    assert isinstance(feed.clock(), Unreadable)


def test_waiting_can_be_ended(serve: Serving) -> None:
    market = Market("2026-11-27T14:29:00.000000Z")
    market.waits = 1000
    feed = feed_of(market, serve)
    feed.calendar()

    assert list(feed.slots(None)) == []


def test_a_feed_says_iex_or_sip_and_what_it_quotes(serve: Serving) -> None:
    market = Market("2026-11-27T14:29:00.000000Z")
    feed, other = feed_of(market, serve), feed_of(market, serve, feed="sip")

    assert (feed.name, other.name, feed.symbols) == ("alpaca-iex", "alpaca-sip", ("KO", "PEP"))
    assert feed.data_hash != other.data_hash
    assert later_by(market.now, -feed._lead_s) < market.now
