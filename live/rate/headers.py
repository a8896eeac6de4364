"""What an answer says of rates: X-RateLimit-*, Retry-After in seconds or as a date, or nothing.

shape   `told(status, headers, now)` -> `Told`; header names in lower case
units   seconds; `reset_s` and `retry_s` are how long from the answer on
rules   A moment the broker names is measured by the broker's own clock, the answer's Date, where it
        has one: ours may be wrong. A value that is no small whole number, lies in the past or is no
        date says nothing. What is absurdly long is capped where it is used (window.py)
source  RFC 9110 10.2.3; ALPACA.md A3: X-Ratelimit-Reset is in epoch seconds
"""

from collections.abc import Mapping
from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import NamedTuple

TOO_MANY = 429


class Told(NamedTuple):
    """One answer's word: None where it says nothing.

    `window` names the broker's window, so that two answers about the same one are known as such.
    """

    limited: bool
    limit: int | None = None
    remaining: int | None = None
    window: int | None = None
    reset_s: float | None = None
    retry_s: float | None = None


def told(status: int, headers: Mapping[str, str], now_s: float) -> Told:
    """What an answer that came at `now_s`, our wall clock's epoch seconds, says."""
    theirs = _date(headers.get("date", ""))
    clock_s = now_s if theirs is None else theirs
    reset = _count(headers.get("x-ratelimit-reset"))
    reset_s = None if reset is None else _ahead(reset - clock_s)
    return Told(
        limited=status == TOO_MANY,
        limit=_count(headers.get("x-ratelimit-limit")) or None,
        remaining=_count(headers.get("x-ratelimit-remaining")),
        window=None if reset_s is None else reset,
        reset_s=reset_s,
        retry_s=_retry_s(headers.get("retry-after", "").strip(), clock_s),
    )


def _retry_s(text: str, clock_s: float) -> float | None:
    seconds = _count(text)
    if seconds is not None:
        return float(seconds) if seconds else None
    moment = _date(text)
    return None if moment is None else _ahead(moment - clock_s)


def _ahead(seconds: float) -> float | None:
    return seconds if seconds > 0 else None


def _date(text: str) -> float | None:
    """The epoch seconds of an HTTP date."""
    if not text:
        return None
    try:
        moment = parsedate_to_datetime(text)
        return moment.replace(tzinfo=moment.tzinfo or UTC).timestamp()
    except (ValueError, OverflowError, TypeError, IndexError):
        return None


def _count(text: str | None) -> int | None:
    """A small whole number; epoch seconds are the largest."""
    digits = (text or "").strip()
    return int(digits) if digits.isascii() and digits.isdigit() and len(digits) <= 11 else None
