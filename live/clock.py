"""The runner's clock: the only place of the shell that asks what time it is.

shape   `Clock`: `now()` in RFC 3339 text, never decreasing; `monotonic()` in seconds, for how old a
        commit is and how long a wait was
why     observed times may not go back when the machine's clock does (DESIGN §1), and a wait must
        not hang on it at all
"""

import time
from collections.abc import Callable
from decimal import Decimal
from threading import Lock
from typing import Protocol

from core.values import TimeText, seconds_between, time_text

_PER_MICROSECOND = 1000
_PER_SECOND = Decimal(10**9)


class Clock(Protocol):
    """What time it is for a runner."""

    def now(self) -> TimeText:
        """The time, never earlier than the last one given."""
        ...

    def monotonic(self) -> Decimal:
        """Seconds since some moment, whatever happens to the machine's clock."""
        ...


class WallClock:
    """The machine's clock, held where it would go back; safe to ask from several threads."""

    def __init__(self) -> None:
        self._last = 0
        self._lock = Lock()

    def now(self) -> TimeText:
        """UTC, to the microsecond."""
        with self._lock:
            self._last = max(self._last, time.time_ns() // _PER_MICROSECOND)
            return time_text(self._last)

    def monotonic(self) -> Decimal:
        """Seconds of CLOCK_MONOTONIC, to the nanosecond."""
        return Decimal(time.monotonic_ns()) / _PER_SECOND


class Waiting:
    """A wait until a time, which a runner takes over so that it can act on what comes meanwhile."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.until: Callable[[TimeText], bool] = self._sleep

    def __call__(self, time: TimeText) -> bool:
        """Wait until `time`; false where the runner is to stop."""
        return self.until(time)

    def _sleep(self, until: TimeText) -> bool:
        while (left := seconds_between(self.clock.now(), until)) > 0:
            time.sleep(float(min(left, Decimal(1))))
        return True
