"""The simulated exchange's calendar: weekdays 14:30Z to 21:00Z, with holidays and early closes.

shape   first day and a number of sessions -> `Session`s in order; a session -> its slots
units   slots are `cycle_s` seconds apart (one minute by default), from the open to before the close
source  the holidays US exchanges keep, from 2026-11 to 2027-12. The simulated exchange has no
        daylight saving time: its hours are the same in UTC all year
errors  `ValueError` for a first day that is no session, and past the table's end
"""

from collections.abc import Iterator

from core.events.lifecycle import Session
from core.values import TimeText, is_time_text, micros, time_text

HOLIDAYS = frozenset(
    {
        "2026-11-26", "2026-12-25", "2027-01-01", "2027-01-18", "2027-02-15", "2027-03-26",
        "2027-05-31", "2027-06-18", "2027-07-05", "2027-09-06", "2027-11-25", "2027-12-24",
    }
)  # fmt: skip
EARLY_CLOSES = frozenset({"2026-11-27", "2026-12-24", "2027-11-26"})
FIRST_DAY = "2026-11-02"
LAST_DAY = "2027-12-31"

OPEN = "14:30:00.000000Z"
CLOSE = "21:00:00.000000Z"
EARLY_CLOSE = "18:00:00.000000Z"

_DAY = 86_400_000_000


def sessions(first_day: str, days: int) -> tuple[Session, ...]:
    """The `days` sessions from `first_day` on, holidays and weekends left out."""
    if not is_session(first_day):
        message = (
            f"first day of the simulated market: expected a trading day from {FIRST_DAY} to "
            f"{LAST_DAY}, found {first_day!r}; choose another day"
        )
        raise ValueError(message)
    found: list[Session] = []
    day = first_day
    while len(found) < days:
        if day > LAST_DAY:
            message = (
                f"days of the simulated market: expected at most {len(found)} from {first_day}, "
                f"found {days}; the calendar ends on {LAST_DAY}"
            )
            raise ValueError(message)
        if is_session(day):
            found.append(_session(day))
        day = _next_day(day)
    return tuple(found)


def is_session(day: str) -> bool:
    """Whether the exchange trades on `day` ("2026-11-27")."""
    if not FIRST_DAY <= day <= LAST_DAY or not is_time_text(f"{day}T00:00:00.000000Z"):
        return False
    weekday = (_midnight(day) // _DAY + 3) % 7
    return weekday < 5 and day not in HOLIDAYS


def slots(session: Session, cycle_s: int = 60) -> Iterator[TimeText]:
    """The session's slots, `cycle_s` seconds apart: open <= slot < close."""
    for at in range(micros(session.open), micros(session.close), cycle_s * 1_000_000):
        yield time_text(at)


def _session(day: str) -> Session:
    early = day in EARLY_CLOSES
    return Session(
        date=day,
        open=TimeText(f"{day}T{OPEN}"),
        close=TimeText(f"{day}T{EARLY_CLOSE if early else CLOSE}"),
        early_close=early,
    )


def _midnight(day: str) -> int:
    return micros(f"{day}T00:00:00.000000Z")


def _next_day(day: str) -> str:
    return time_text(_midnight(day) + _DAY)[:10]
