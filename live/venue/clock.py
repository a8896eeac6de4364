"""The venue's clock and calendar: nanoseconds, New York days, half days.

units   nanoseconds since 1970 in UTC; a day's hours are New York wall time, "09:30" to "16:00"
why     the clock can be set, held and moved on, so that a test need not wait for a close. It never
        says the same time twice and never runs backwards
source  timestamps as recorded (ALPACA.md A1): RFC 3339 with up to nine digits, trailing zeros cut
"""

import time
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

from core.sim.calendar import EARLY_CLOSES, HOLIDAYS

NEW_YORK = ZoneInfo("America/New_York")
SECOND = 1_000_000_000
MILLISECOND = 1_000_000
_HORIZON_DAYS = 30


def ns_text(at: int, digits: int = 9) -> str:
    """`at` as Alpaca writes a time: UTC, `digits` of a second at most, trailing zeros cut."""
    seconds, fraction = divmod(at, SECOND)
    whole = datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S")
    part = f"{fraction:09d}"[:digits].rstrip("0")
    return f"{whole}.{part}Z" if part else f"{whole}Z"


def ns_of(text: str) -> int:
    """The nanoseconds of an RFC 3339 time with zone, or of a date (midnight in UTC).

    errors  `ValueError` for anything else
    """
    head, _, rest = text.partition(".")
    digits = rest[: len(rest) - len(rest.lstrip("0123456789"))]
    moment = datetime.fromisoformat(head + rest[len(digits) :])
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return int(moment.timestamp()) * SECOND + int(digits[:9].ljust(9, "0"))


def new_york(at: int) -> datetime:
    """The wall time in New York, to the microsecond."""
    return datetime.fromtimestamp(at // SECOND, NEW_YORK).replace(microsecond=at % SECOND // 1000)


class Day(NamedTuple):
    """A trading day: its date and its hours in New York."""

    date: str
    open: str
    close: str

    def bounds(self) -> tuple[int, int]:
        """Open and close in nanoseconds."""
        opened, closed = (
            datetime.fromisoformat(f"{self.date}T{hour}").replace(tzinfo=NEW_YORK)
            for hour in (self.open, self.close)
        )
        return int(opened.timestamp()) * SECOND, int(closed.timestamp()) * SECOND


class Calendar:
    """The venue's trading days: weekdays with US holidays and half days, or every day.

    `changed`: {date: (open, close)}, or None for a day without trading; wins over the rule.
    """

    def __init__(self, *, always_open: bool = False) -> None:
        self.always_open = always_open
        self.changed: dict[str, tuple[str, str] | None] = {}

    def change(self, days: Mapping[str, tuple[str, str] | None]) -> None:
        """Days set by hand."""
        self.changed.update(days)

    def day(self, on: date) -> Day | None:
        """The trading day of this date, None when there is none."""
        text = on.isoformat()
        if text in self.changed:
            hours = self.changed[text]
            return None if hours is None else Day(text, *hours)
        if self.always_open:
            return Day(text, "00:00", "23:59")
        if on.weekday() >= 5 or text in HOLIDAYS:
            return None
        return Day(text, "09:30", "13:00" if text in EARLY_CLOSES else "16:00")

    def days(self, first: date, last: date) -> list[Day]:
        """The trading days from `first` to `last`, both included."""
        count = (last - first).days + 1
        found = (self.day(first + timedelta(days=n)) for n in range(max(0, count)))
        return [day for day in found if day is not None]

    def is_open(self, at: int) -> bool:
        """Whether the venue trades: open <= at < close."""
        day = self.day(new_york(at).date())
        return day is not None and day.bounds()[0] <= at < day.bounds()[1]

    def next_open(self, at: int) -> int:
        """The first open later than `at`."""
        return min(opened for opened, _ in self._coming(at) if opened > at)

    def next_close(self, at: int) -> int:
        """The first close later than `at`."""
        return min(closed for _, closed in self._coming(at) if closed > at)

    def _coming(self, at: int) -> list[tuple[int, int]]:
        today = new_york(at).date()
        return [day.bounds() for day in self.days(today, today + timedelta(days=_HORIZON_DAYS))]


class VenueClock:
    """The venue's time: the machine's, or one that was set; running, or held."""

    def __init__(self, start: int | None = None) -> None:
        self._offset = 0
        self._held: int | None = None
        self._last = 0
        if start is not None:
            self.set(start)

    def now(self) -> int:
        """Nanoseconds, later than any time said before."""
        at = self._held if self._held is not None else time.time_ns() + self._offset
        self._last = max(at, self._last + 1)
        return self._last

    def set(self, at: int, *, hold: bool = False) -> None:
        """It is `at` now; with `hold` it stays so until it is moved on."""
        self._offset = at - time.time_ns()
        self._held = at if hold else None
        self._last = min(self._last, at)

    def advance(self, by: int) -> None:
        """`by` nanoseconds later at once."""
        self._offset += by
        if self._held is not None:
            self._held += by

    def setting(self) -> tuple[int, int | None]:
        """What makes a clock of another process go on from here."""
        return self._offset, self._held

    def take(self, setting: tuple[int, int | None]) -> None:
        """Go on from the setting of an earlier process."""
        self._offset, self._held = setting
