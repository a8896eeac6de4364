"""The market data API: latest quotes, trades and bars, snapshots, and the bars of this session.

shape   numbers are JSON numbers here, as Alpaca's data API has them; sizes of quotes in shares
source  the market data OpenAPI. Feed, currency and adjustment are accepted and change nothing
"""

import re
from collections import deque
from collections.abc import Iterable, Mapping
from decimal import Decimal

from live.venue.answers import Answer, error
from live.venue.book import Quote
from live.venue.clock import SECOND, ns_of, ns_text

_KEPT = 20_000
_UNITS = {"Min": 60, "T": 60, "Hour": 3_600, "H": 3_600, "Day": 86_400, "D": 86_400}
_TIMEFRAME = re.compile(r"([1-9][0-9]?)(Min|T|Hour|H|Day|D)")

Json = dict[str, object]


class DataApi:
    """`/v2/stocks/...` of the data host."""

    def __init__(self) -> None:
        self.history: dict[str, deque[Quote]] = {}

    def heard(self, symbol: str, quote: Quote) -> None:
        """A quote the market showed."""
        self.history.setdefault(symbol, deque(maxlen=_KEPT)).append(quote)

    def answer(self, method: str, path: str, query: Mapping[str, str]) -> Answer:
        """What the call is answered; a symbol without a quote is left out, as at Alpaca."""
        what = path.removeprefix("/v2/stocks/")
        known = ("quotes/latest", "trades/latest", "bars/latest", "snapshots", "bars")
        if method != "GET" or what not in known:
            return error(404, None, "endpoint not found")
        asked = [s for s in query.get("symbols", "").split(",") if s]
        if not asked:
            return error(400, None, "symbols is required")
        found = {s: self.history[s] for s in asked if self.history.get(s)}
        if what == "quotes/latest":
            return Answer(200, {"quotes": {s: quote_json(q[-1]) for s, q in found.items()}})
        if what == "trades/latest":
            return Answer(200, {"trades": {s: trade_json(q[-1]) for s, q in found.items()}})
        if what == "bars/latest":
            return Answer(200, {"bars": {s: bars(q, 60)[-1] for s, q in found.items()}})
        if what == "snapshots":
            return Answer(200, {s: snapshot_json(q) for s, q in found.items()})
        return self._bars(found, query)

    def _bars(self, found: Mapping[str, Iterable[Quote]], query: Mapping[str, str]) -> Answer:
        """`GET /v2/stocks/bars`, all on one page."""
        match = _TIMEFRAME.fullmatch(query.get("timeframe", ""))
        if match is None:
            return error(400, None, "invalid timeframe")
        try:
            low = ns_of(query["start"]) if query.get("start") else 0
            high = ns_of(query["end"]) if query.get("end") else 1 << 62
        except ValueError:
            return error(400, None, "invalid start or end")
        seconds = int(match[1]) * _UNITS[match[2]]
        made = {
            symbol: bars([q for q in quotes if low <= q.at <= high], seconds)
            for symbol, quotes in found.items()
        }
        shown = {symbol: rows for symbol, rows in made.items() if rows}
        return Answer(200, {"bars": shown, "next_page_token": None})


def quote_json(quote: Quote) -> Json:
    """A quote; a side without size is zero, as the data API shows an empty one."""
    return {
        "t": ns_text(quote.at),
        "ax": "V",
        "ap": quote.ask,
        "as": int(quote.ask_size),
        "bx": "V",
        "bp": quote.bid,
        "bs": int(quote.bid_size),
        "c": ["R"],
        "z": "C",
    }


def trade_json(quote: Quote) -> Json:
    """The last trade."""
    return {
        "t": ns_text(quote.at),
        "x": "V",
        "p": quote.last,
        "s": 100,
        "c": ["@"],
        "i": quote.version,
        "z": "C",
    }


def bars(quotes: Iterable[Quote], seconds: int) -> list[Json]:
    """The bars of the last trades, `seconds` long, oldest first; never an empty one."""
    made: list[Json] = []
    groups: dict[int, list[Quote]] = {}
    for quote in quotes:
        groups.setdefault(quote.at // (seconds * SECOND), []).append(quote)
    for number, group in groups.items():
        prices = [quote.last for quote in group]
        volume = sum((quote.volume for quote in group), Decimal(0))
        made.append(
            {
                "t": ns_text(number * seconds * SECOND),
                "o": prices[0],
                "h": max(prices),
                "l": min(prices),
                "c": prices[-1],
                "v": int(volume),
                "n": len(group),
                "vw": round(sum(prices, Decimal(0)) / len(prices), 6),
            }
        )
    return made


def snapshot_json(quotes: deque[Quote]) -> Json:
    """Latest quote and trade, the minute's bar and the day's."""
    day = bars(quotes, 86_400)
    return {
        "latestQuote": quote_json(quotes[-1]),
        "latestTrade": trade_json(quotes[-1]),
        "minuteBar": bars(quotes, 60)[-1],
        "dailyBar": day[-1],
        "prevDailyBar": day[-2] if len(day) > 1 else day[-1],
    }
