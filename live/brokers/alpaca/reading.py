"""JSON nobody can trust, read without trusting it: a value, or `Unreadable` and why.

shape   bytes -> dict, list, str, `Figure` (a number as it was written), bool, None | `Unreadable`
        then, field by field, text, decimals, times and words of ours, or `Unreadable`
rules   UTF-8, one value for each key, at most 32 levels, no number longer than 64 characters, no
        NaN and no Infinity: Python's reader takes all of these, or dies of them. A number is never
        a float, so 1e999 is not infinity and 0.1 is 0.1.
errors  none: whatever the bytes are, the answer is one of these types
"""

import json
import re
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import NamedTuple

from core.values import DecimalText, TimeText, decimal_text, time_text

DEPTH_MAX = 32
FIGURE_LENGTH_MAX = 64
TEXT_LENGTH_MAX = 512
RAW_LENGTH_MAX = 2_000

_STRING = re.compile(rb'"(?:[^"\\]|\\.)*+(?:"|\Z)', re.DOTALL)
_BRACKET = re.compile(rb"[\[\]{}]")
_LONG = re.compile(rb"[-+.0-9eE]{%d,}" % (FIGURE_LENGTH_MAX + 1))
_FIGURE = re.compile(r"-?[0-9]+(?:\.[0-9]+)?(?:[eE][-+]?[0-9]{1,3})?", re.ASCII)
_MOMENT = re.compile(
    r"([0-9]{4}-[0-9]{2}-[0-9]{2})[T ]([0-9]{2}:[0-9]{2}:[0-9]{2})(?:\.([0-9]{1,12}))?"
    r"(Z|[+-][0-9]{2}:[0-9]{2})",
    re.ASCII,
)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Unreadable(NamedTuple):
    """What could not be read, and why, in a few words without the bytes themselves."""

    why: str


class Figure(str):
    """A number as the sender wrote it."""

    __slots__ = ()


Json = dict[str, object] | list[object] | str | Figure | bool | None


def read_json(body: bytes) -> Json | Unreadable:
    """The one JSON value of `body`."""
    if not body.strip():
        return Unreadable("empty")
    bare = _STRING.sub(b"", body)
    depth = deepest = 0
    for bracket in _BRACKET.finditer(bare):
        depth += 1 if bracket[0] in b"[{" else -1
        deepest = max(deepest, depth)
    if deepest > DEPTH_MAX:
        return Unreadable(f"nested deeper than {DEPTH_MAX} levels")
    if _LONG.search(bare):
        return Unreadable(f"a number longer than {FIGURE_LENGTH_MAX} characters")
    try:
        return _decode(body.decode("utf-8"))
    except UnicodeDecodeError:
        return Unreadable("not UTF-8")
    except _RefusedError as error:
        return Unreadable(str(error))
    except (ValueError, RecursionError):
        return Unreadable("not JSON")


def read_object(body: bytes) -> dict[str, object] | Unreadable:
    """The one JSON object of `body`."""
    found = read_json(body)
    if isinstance(found, dict | Unreadable):
        return found
    return Unreadable(f"expected an object, found {type(found).__name__}")


def read_list(body: bytes) -> list[object] | Unreadable:
    """The one JSON list of `body`."""
    found = read_json(body)
    if isinstance(found, list | Unreadable):
        return found
    return Unreadable(f"expected a list, found {type(found).__name__}")


def text(value: object) -> str | None:
    """Text that an event can carry: not empty, printable, not long; else None."""
    if not isinstance(value, str) or isinstance(value, Figure):
        return None
    return value if 0 < len(value) <= TEXT_LENGTH_MAX and value.isprintable() else None


def decimal(value: object) -> DecimalText | Unreadable | None:
    """Null and "" as None; a finite number, written as text or as a number, in canonical form."""
    if value is None or value == "":
        return None
    if not isinstance(value, str) or len(value) > FIGURE_LENGTH_MAX or not _FIGURE.fullmatch(value):
        return Unreadable("not a number")
    try:
        return decimal_text(Decimal(str(value)))
    except (ValueError, InvalidOperation):
        return Unreadable("a number outside what can be money or shares")


def quantity(value: object) -> DecimalText | Unreadable | None:
    """A decimal that is not below zero."""
    found = decimal(value)
    if isinstance(found, str) and found.startswith("-"):
        return Unreadable("a number below zero")
    return found


def moment(value: object) -> TimeText | None:
    """An RFC 3339 time of 0 to 12 fractional digits, cut to microseconds; else None."""
    found = _MOMENT.fullmatch(value) if isinstance(value, str) else None
    if found is None:
        return None
    day, clock, fraction, zone = found.groups()
    try:
        whole = datetime.fromisoformat(f"{day}T{clock}{zone}")
        since = whole - _EPOCH
        micros = (since.days * 86_400 + since.seconds) * 1_000_000
        return time_text(micros + int((fraction or "0").ljust(6, "0")[:6]))
    except (ValueError, OverflowError):
        return None


def raw_text(body: bytes) -> str:
    """The bytes as text for an event: what is not UTF-8 escaped, and not more than 2,000."""
    return body[: RAW_LENGTH_MAX * 4].decode("utf-8", "backslashreplace")


class _RefusedError(Exception):
    """The sender wrote what must not be read as JSON."""


def _pairs(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) != len(pairs):
        message = "a key that is there twice"
        raise _RefusedError(message)
    return found


def _constant(name: str) -> object:
    message = f"{name} is not a number"
    raise _RefusedError(message)


_DECODER = json.JSONDecoder(
    object_pairs_hook=_pairs, parse_float=Figure, parse_int=Figure, parse_constant=_constant
)


def _decode(text: str) -> Json:
    found: Json = _DECODER.decode(text.strip(" \t\r\n"))
    return found
