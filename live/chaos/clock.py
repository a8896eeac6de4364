"""The drill's clock: the machine's, and leaps over the time in which nothing happens.

why     the venue's clock leaps with it, so a drill lives through the market's hours and the core's
        timers in seconds, and what is decided hangs on neither
"""

import time
from decimal import Decimal

from core.values import TimeText, micros, time_text
from live.clock import WallClock

_SECOND = 1_000_000


class LeapClock(WallClock):
    """The wall clock, so much ahead."""

    def __init__(self, at: TimeText) -> None:
        """It is `at` now."""
        super().__init__()
        self._ahead = micros(at) - time.time_ns() // 1000

    def now(self) -> TimeText:
        """The drill's time, never earlier than the last one given."""
        with self._lock:
            self._last = max(self._last, time.time_ns() // 1000 + self._ahead)
            return time_text(self._last)

    def monotonic(self) -> Decimal:
        """Seconds since some moment; leaps count."""
        return super().monotonic() + Decimal(self._ahead) / _SECOND

    def leap(self, by_us: int) -> None:
        """It is so many microseconds later at once."""
        with self._lock:
            self._ahead += by_us
