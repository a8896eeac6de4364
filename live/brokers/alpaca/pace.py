"""The pace Alpaca allows: its own rate headers, and a wait after 429.

shape   every answer is told to `heard`; `refusal` says why a call must not leave now, or None;
        `budget` is what is left of the minute
rules   After 429 nothing leaves until X-Ratelimit-Reset or Retry-After, both believed up to two
        minutes; without them 1, 2, 4 … 60 s. Refused keys are the barrier's (barrier.py)
units   microseconds of the runner's clock, which never runs backwards
source  ALPACA.md A3 (headers); FAULTS.md 3C
"""

import threading
from collections import deque
from collections.abc import Callable, Mapping
from datetime import UTC
from email.utils import parsedate_to_datetime

from core.values import TimeText, micros, time_text
from live.brokers.alpaca.answer import Answer

_SECOND = 1_000_000
_MINUTE = 60 * _SECOND
_HOLD_MAX = 120 * _SECOND
_BACKOFF_MAX = 60 * _SECOND


class Pace:
    """What may leave now, and how much of the minute is left."""

    def __init__(self, per_minute: int, clock: Callable[[], TimeText]) -> None:
        self._per_minute = per_minute
        self._clock = clock
        self._lock = threading.Lock()
        self._calls: deque[int] = deque(maxlen=per_minute)
        self._told: tuple[int, int, int] | None = None
        self._held_until = 0
        self._limited = 0

    def refusal(self) -> tuple[str, str] | None:
        """(kind, detail) of why nothing may leave now, else None, and the call is counted."""
        with self._lock:
            now = micros(self._clock())
            if now < self._held_until:
                return "rate_limited", f"429 before; next try {self._at(self._held_until)}"
            self._calls.append(now)
            return None

    def heard(self, answer: Answer) -> None:
        """An answer: its rate headers, and whether it limits."""
        with self._lock:
            now = micros(self._clock())
            self._read_headers(answer.headers, now)
            if answer.status == 429:
                self._limited += 1
                wait = asked_wait(answer.headers, now)
                if wait is None:
                    wait = min(_SECOND << min(self._limited - 1, 10), _BACKOFF_MAX)
                self._held_until = now + wait
                return
            self._limited = 0

    def held_until(self) -> TimeText | None:
        """Nothing may leave before this time, for a 429 said so; None where nothing holds us."""
        with self._lock:
            held = micros(self._clock()) < self._held_until
            return time_text(self._held_until) if held else None

    def budget(self) -> tuple[int, int, TimeText]:
        """(limit, calls left, when the window ends): the smaller of what we and Alpaca count."""
        with self._lock:
            now = micros(self._clock())
            spent = sum(1 for call in self._calls if call > now - _MINUTE)
            oldest = next((call for call in self._calls if call > now - _MINUTE), now)
            limit, left, ends = self._per_minute, self._per_minute - spent, oldest + _MINUTE
            if self._told is not None and self._told[2] > now:
                limit = min(limit, self._told[0])
                left, ends = min(left, self._told[1], limit), max(ends, self._told[2])
            if now < self._held_until:
                left, ends = 0, max(ends, self._held_until)
            return limit, max(0, left), time_text(ends)

    def _read_headers(self, headers: Mapping[str, str], now: int) -> None:
        limit, left, reset = (
            _count(headers.get(f"x-ratelimit-{name}")) for name in ("limit", "remaining", "reset")
        )
        if limit is not None and left is not None and reset is not None:
            ends = min(reset * _SECOND, now + _HOLD_MAX)
            self._told = (limit, left, ends)

    @staticmethod
    def _at(until: int) -> str:
        return time_text(until)[11:19] + "Z"


def _count(value: str | None) -> int | None:
    """A header that is a small whole number; epoch seconds are the largest."""
    if value is None or not value.strip().isascii() or not value.strip().isdigit():
        return None
    return int(value) if len(value.strip()) <= 11 else None


def asked_wait(headers: Mapping[str, str], now: int) -> int | None:
    """The longest wait the answer asks for, capped; None where it asks for none it can mean."""
    asked: list[int] = []
    reset = _count(headers.get("x-ratelimit-reset"))
    if reset is not None:
        asked.append(reset * _SECOND - now)
    after = headers.get("retry-after", "")
    seconds = _count(after)
    if seconds is not None:
        asked.append(seconds * _SECOND)
    elif after:
        try:
            moment = parsedate_to_datetime(after)
            asked.append(
                int(moment.replace(tzinfo=moment.tzinfo or UTC).timestamp()) * _SECOND - now
            )
        except (ValueError, OverflowError, TypeError):
            pass
    wait = max(asked, default=0)
    return min(wait, _HOLD_MAX) if wait > 0 else None
