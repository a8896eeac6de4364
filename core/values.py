"""Values that events carry: canonical decimal text and UTC time text, and their arithmetic.

shape   `DecimalText` "-12.5": no exponent, no trailing zeros, no "-0"; one way to write each value
        `TimeText`    "2013-10-07T13:31:00.000000Z": RFC 3339, UTC, always six digits of a second
units   prices and money in the account's currency, quantities in shares, time in microseconds
errors  `ValueError` with what was expected and found: NaN, infinity, floats, naive times
why     ids are hashes of bytes, so equal values must have equal bytes. A binary float (1.0 and 1)
        and `Decimal` ("1.0" and "1.00") both break that; text in one form does not. Text also
        costs nothing to decode until somebody needs the number.
"""

import re
from decimal import (
    ROUND_HALF_EVEN,
    Context,
    Decimal,
    DivisionByZero,
    InvalidOperation,
    Overflow,
)
from enum import StrEnum
from functools import lru_cache
from typing import NewType

DecimalText = NewType("DecimalText", str)
TimeText = NewType("TimeText", str)

CONTEXT = Context(
    prec=34, rounding=ROUND_HALF_EVEN, traps=[InvalidOperation, DivisionByZero, Overflow]
)
"""The core's own decimal context; the caller's context changes no decision."""

WIDE = Context(prec=80, traps=[InvalidOperation, DivisionByZero, Overflow])
"""Exact for a sum or product of two values of ours, each of 34 digits on either side."""

ZERO = Decimal(0)
ZERO_TEXT = DecimalText("0")
EPOCH = "1970-01-01T00:00:00.000000Z"
"""The earliest time there is here."""
MAX_INTEGER = 2**53 - 1
"""RFC 8785 integers are exact in every reader only below 2^53."""

DECIMAL_PATTERN = re.compile(r"(?!-0\Z)-?(?:0|[1-9][0-9]{0,33})(?:\.[0-9]{0,33}[1-9])?", re.ASCII)
TIME_PATTERN = re.compile(
    r"[0-9]{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12][0-9]|3[01])"
    r"T(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]\.[0-9]{6}Z",
    re.ASCII,
)


class Side(StrEnum):
    """FIX Side (54)."""

    BUY = "buy"
    SELL = "sell"

    @property
    def sign(self) -> int:
        """+1 for a buy, -1 for a sell: the change of position a share brings."""
        return 1 if self == "buy" else -1

    @property
    def opposite(self) -> "Side":
        """The other side."""
        return Side.SELL if self is Side.BUY else Side.BUY


class OrderType(StrEnum):
    """FIX OrdType (40), those refold sends."""

    MARKET = "market"
    LIMIT = "limit"


class TimeInForce(StrEnum):
    """FIX TimeInForce (59), those refold sends."""

    DAY = "day"
    GTC = "gtc"
    IOC = "ioc"
    FOK = "fok"


def decimal_text(value: Decimal | int | str) -> DecimalText:
    """`value` as canonical text; refuses NaN, infinity, floats and more than 34 digits a side."""
    if isinstance(value, bool | float):
        message = (
            f"expected a Decimal, an int or decimal text, found {type(value).__name__} {value!r}"
        )
        raise ValueError(message)
    try:
        number = value if isinstance(value, Decimal) else Decimal(value)
    except InvalidOperation:
        message = f"expected decimal text, found {value!r}"
        raise ValueError(message) from None
    if not number.is_finite() or not -34 <= number.adjusted() <= 34:
        message = f"expected a finite decimal of at most 34 digits, found {str(value)[:60]!r}"
        raise ValueError(message)
    text = format(number, "f")
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    if text in ("-0", ""):
        text = "0"
    if DECIMAL_PATTERN.fullmatch(text) is None:
        message = f"expected a finite decimal of at most 34 digits, found {str(value)[:60]!r}"
        raise ValueError(message)
    return DecimalText(text)


@lru_cache(maxsize=1 << 10)
def number(text: str) -> Decimal:
    """The number a `DecimalText` writes; kept, for a price is told by order, report and fill."""
    return Decimal(text)


def round_toward_zero(value: Decimal, unit: Decimal) -> Decimal:
    """`value` cut to a whole multiple of `unit`, toward zero (lots)."""
    return WIDE.multiply(WIDE.divide_int(value, unit), unit)


def round_to_tick(price: Decimal, tick: Decimal, side: Side) -> Decimal:
    """`price`, above 0, moved to the passive tick: down for a buy, up for a sell."""
    below = WIDE.multiply(WIDE.divide_int(price, tick), tick)
    return below if side is Side.BUY or below == price else WIDE.add(below, tick)


def time_text(micros: int) -> TimeText:
    """The RFC 3339 text of `micros` since 1970-01-01T00:00:00Z; years 1970 to 9999."""
    seconds, fraction = divmod(micros, 1_000_000)
    days, second = divmod(seconds, 86_400)
    year, month, day = _civil_from_days(days)
    if not 1970 <= year <= 9999:
        message = f"expected a time in the years 1970 to 9999, found {micros} µs"
        raise ValueError(message)
    hour, second = divmod(second, 3600)
    minute, second = divmod(second, 60)
    return TimeText(
        f"{year:04d}-{month:02d}-{day:02d}T{hour:02d}:{minute:02d}:{second:02d}.{fraction:06d}Z"
    )


def micros(text: str) -> int:
    """Microseconds since 1970-01-01T00:00:00Z of a `TimeText`."""
    return whole_seconds(text[:19]) * 1_000_000 + int(text[20:26])


@lru_cache(maxsize=1 << 12)
def whole_seconds(text: str) -> int:
    """Seconds since 1970-01-01T00:00:00Z of a `TimeText` or its first 19 characters.

    Kept because the events of a cycle share a second or two.
    """
    days = _days_from_civil(int(text[0:4]), int(text[5:7]), int(text[8:10]))
    return days * 86_400 + int(text[11:13]) * 3600 + int(text[14:16]) * 60 + int(text[17:19])


def seconds_between(earlier: str, later: str) -> Decimal:
    """Seconds from `earlier` to `later`, exact to the microsecond, negative if they are swapped."""
    return Decimal(micros(later) - micros(earlier)).scaleb(-6)


def later_by(text: str, seconds: Decimal) -> TimeText:
    """`text` moved `seconds` later."""
    return time_text(micros(text) + int(seconds.scaleb(6)))


def is_decimal_text(value: object) -> bool:
    """Whether `value` is canonical decimal text."""
    return isinstance(value, str) and matches_decimal(value)


@lru_cache(maxsize=1 << 16)
def matches_decimal(text: str) -> bool:
    """Whether `text` is canonical; kept, for the same prices and sizes come again in a fold."""
    return DECIMAL_PATTERN.fullmatch(text) is not None


def is_time_text(value: object) -> bool:
    """Whether `value` is canonical time text that names a real date."""
    return isinstance(value, str) and matches_time(value)


@lru_cache(maxsize=1 << 8)
def matches_time(text: str) -> bool:
    """Whether `text` is canonical; kept, for the events of a cycle share their times."""
    return TIME_PATTERN.fullmatch(text) is not None and _is_date(text[:10])


@lru_cache(maxsize=1 << 8)
def _is_date(text: str) -> bool:
    """Whether 2013-10-07, well formed, is in the calendar; kept, for it takes 2 µs to find out."""
    midnight = f"{text}T00:00:00.000000Z"
    return midnight >= EPOCH and time_text(micros(midnight)) == midnight


def _days_from_civil(year: int, month: int, day: int) -> int:
    """Days since 1970-01-01 in the proleptic Gregorian calendar (Hinnant, days_from_civil)."""
    shifted = year - (month <= 2)
    era = shifted // 400
    year_of_era = shifted - era * 400
    day_of_year = (153 * (month + (-3 if month > 2 else 9)) + 2) // 5 + day - 1
    day_of_era = year_of_era * 365 + year_of_era // 4 - year_of_era // 100 + day_of_year
    return era * 146_097 + day_of_era - 719_468


def _civil_from_days(days: int) -> tuple[int, int, int]:
    """(year, month, day) of a day number (Hinnant, civil_from_days)."""
    shifted = days + 719_468
    era = shifted // 146_097
    day_of_era = shifted - era * 146_097
    year_of_era = (
        day_of_era - day_of_era // 1460 + day_of_era // 36_524 - day_of_era // 146_096
    ) // 365
    day_of_year = day_of_era - (365 * year_of_era + year_of_era // 4 - year_of_era // 100)
    shifted_month = (5 * day_of_year + 2) // 153
    day = day_of_year - (153 * shifted_month + 2) // 5 + 1
    month = shifted_month + (3 if shifted_month < 10 else -9)
    return year_of_era + era * 400 + (month <= 2), month, day
