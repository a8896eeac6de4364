"""The simulated market as a feed: every row is a function of seed, symbol and day."""

from collections.abc import Iterator

from core.canonical import content_id
from core.events.lifecycle import Session
from core.sim import market
from core.sim.calendar import sessions, slots
from core.values import TimeText
from live.feeds.base import MarketSlot
from live.feeds.errors import BadInputError

_VERSION = 1
"""Raised when the generator's rows change, so that another market has another hash."""


class SimulatedFeed:
    """Quotes of a simulated exchange for `days` sessions from `first_day`."""

    name = "sim"
    paced = False

    def __init__(
        self,
        *,
        seed: int,
        symbols: tuple[str, ...] | None = None,
        first_day: str = market.DEFAULT_FIRST_DAY,
        days: int = 1,
        cycle_s: int = 60,
    ) -> None:
        symbols = market.DEFAULT_SYMBOLS if symbols is None else symbols
        if not symbols or days < 1:
            message = (
                "simulated market: expected at least one symbol and one day, "
                f"found {len(symbols)} and {days}; name some"
            )
            raise BadInputError(message)
        try:
            self._sessions = sessions(first_day, days)
        except ValueError as error:
            raise BadInputError(str(error)) from None
        self.symbols = tuple(sorted(set(symbols)))
        self._seed = seed
        self._cycle_s = cycle_s
        self.data_hash = content_id(
            {
                "feed": self.name,
                "version": _VERSION,
                "seed": seed,
                "symbols": list(self.symbols),
                "first_day": first_day,
                "days": days,
                "cycle_s": cycle_s,
            }
        )

    def calendar(self) -> tuple[str, tuple[Session, ...]]:
        """The simulated exchange's sessions."""
        return "sim", self._sessions

    def slots(self, after: TimeText | None) -> Iterator[MarketSlot]:
        """The slots later than `after`; a slot in which every symbol is silent has no rows."""
        levels = {symbol: market.base_level(self._seed, symbol) for symbol in self.symbols}
        for index, session in enumerate(self._sessions):
            if index:
                for symbol, level in levels.items():
                    levels[symbol] = market.next_level(self._seed, symbol, level, session.date)
            if after is None or session.close > after:
                yield from self._session_slots(session, levels, after)

    def _session_slots(
        self, session: Session, levels: dict[str, int], after: TimeText | None
    ) -> Iterator[MarketSlot]:
        rows = [
            (symbol, market.day_quotes(self._seed, symbol, session, levels[symbol], self._cycle_s))
            for symbol in self.symbols
        ]
        for time in slots(session, self._cycle_s):
            found = [(symbol, next(quotes)) for symbol, quotes in rows]
            if after is None or time > after:
                quotes = {symbol: quote for symbol, quote in found if quote is not None}
                yield MarketSlot(time, quotes)
