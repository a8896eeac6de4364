"""The simulated market: quotes that look like a market and depend on the seed alone.

shape   (seed, symbol, session, opening level) -> one `Quote` or None for each slot of the session
units   prices in whole cents, sizes and volume in round lots of 100 shares
model   a walk in hundredths of a cent with regimes of drift (so moving averages cross), clustered
        volatility, and a pull back to the day's opening level. Each symbol's feed is silent once a
        day for some slots (a stale quote); some quotes are locked, a few are crossed
why     each symbol and day has a generator of its own: another symbol, another day or another place
        to go on from changes no row
"""

from collections.abc import Iterator

from core.events.lifecycle import Session
from core.events.market import Quote
from core.rng import rng_from_parts
from core.sim.calendar import slots
from core.sim.chance import Bits, below, between
from core.values import DecimalText, TimeText, decimal_text

DEFAULT_SYMBOLS = ("AAPL", "MSFT", "NVDA", "SPY")
DEFAULT_FIRST_DAY = "2026-11-27"

_FINE = 100
"""Hundredths of a cent in a cent: the walk is finer than the tick."""
_GAP_BPS = 150
_LOCKED_ONE_IN = 120
_CROSSED_ONE_IN = 400
_LOT = 100
_LOWEST_CENTS = 500


def base_level(seed: int, symbol: str) -> int:
    """A symbol's price in cents on the market's first day, from 60 to 460 dollars."""
    return between(rng_from_parts(seed, "market", symbol, "base"), 6_000, 46_000)


def next_level(seed: int, symbol: str, level: int, date: str) -> int:
    """The opening level in cents of the session on `date`; the one before opened at `level`."""
    gap = between(rng_from_parts(seed, "market", symbol, date, "gap"), -_GAP_BPS, _GAP_BPS)
    return max(_LOWEST_CENTS, level + level * gap // 10_000)


def day_quotes(
    seed: int, symbol: str, session: Session, level: int, cycle_s: int = 60
) -> Iterator[Quote | None]:
    """A quote for each slot of `session`, None where the symbol's feed is silent."""
    bits = rng_from_parts(seed, "market", symbol, session.date)
    times = list(slots(session, cycle_s))
    silent_from = between(bits, 25, max(25, len(times) - 10))
    silent_until = silent_from + between(bits, 3, 6)
    walk = _Walk(bits, level * _FINE)
    for index, time in enumerate(times):
        walk.step()
        quote = walk.quote(time)
        yield None if silent_from <= index < silent_until else quote


class _Walk:
    """The price in hundredths of a cent, its regime and its volatility, all integers."""

    def __init__(self, bits: Bits, start: int) -> None:
        self.bits = bits
        self.fine = self.anchor = start
        self.usual = max(1, start // 2_500)
        self.volatility = self.usual
        self.drift = 0
        self.regime_left = 0

    def step(self) -> None:
        """One slot on."""
        bits = self.bits
        if self.regime_left == 0:
            self.regime_left = between(bits, 12, 40)
            self.drift = between(bits, -self.usual, self.usual) * 7 // 10
        self.regime_left -= 1
        # the sum of four uniform draws is nearly normal; its standard deviation is about 1155
        draw = sum(below(bits, 2_001) for _ in range(4)) - 4_000
        shock = draw * self.volatility // 1_155
        self.fine += self.drift + shock + (self.anchor - self.fine) // 300
        self.fine = max(self.fine, _LOWEST_CENTS * _FINE // 2)
        clustered = self.volatility * 84 + abs(shock) * 13 + self.usual * 6
        self.volatility = max(self.usual // 3, clustered // 100)

    def quote(self, time: TimeText) -> Quote:
        """The quote of this slot."""
        bits = self.bits
        spread = 1 + below(bits, 2 + self.volatility // (2 * self.usual // 3 + 1))
        bid = self.fine // _FINE - spread // 2
        last = bid + below(bits, spread + 1)
        oddity = below(bits, _LOCKED_ONE_IN * _CROSSED_ONE_IN)
        if oddity % _CROSSED_ONE_IN == 0:
            ask = bid - 1
        elif oddity % _LOCKED_ONE_IN == 0:
            ask = bid
        else:
            ask = bid + spread
        busy = 1 + self.volatility // self.usual
        return Quote(
            bid=cents_text(bid),
            ask=cents_text(ask),
            bid_size=decimal_text(_LOT * between(bits, 1, 12)),
            ask_size=decimal_text(_LOT * between(bits, 1, 12)),
            last=cents_text(last),
            volume=decimal_text(_LOT * between(bits, 20, 400) * busy),
            time=time,
        )


def cents_text(cents: int) -> DecimalText:
    """`cents` as a price in dollars: 12050 is "120.5"."""
    whole, part = divmod(cents, 100)
    if part == 0:
        return DecimalText(str(whole))
    return DecimalText(f"{whole}.{part // 10}" if part % 10 == 0 else f"{whole}.{part:02d}")
