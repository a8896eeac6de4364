"""`Value`: a frozen struct that is canonical or does not exist.

why     equal values must have equal bytes (ids are hashes), so a decimal, a time or an integer that
        could be written in a second way is refused where it is made, in the code or in a decoder
errors  `ValueError` naming class, field, expected form and what was found
"""

from typing import get_args, get_type_hints

import msgspec

from core.values import (
    MAX_INTEGER,
    DecimalText,
    TimeText,
    is_decimal_text,
    matches_decimal,
    matches_time,
)

_DECIMAL = "a canonical decimal (no exponent, no trailing zeros)"
_TIME = "an RFC 3339 UTC time with microseconds"


class Value(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    omit_defaults=True,
    gc=False,
    forbid_unknown_fields=True,
):
    """A struct whose decimals, times and integers are canonical, or it does not exist."""

    def __post_init__(self) -> None:
        """Refuse a value that has more than one way to be written."""
        cls = type(self)
        checks = _CHECKS.get(cls)
        if checks is None:
            checks = _CHECKS[cls] = _checks_of(cls)
        times, decimals, integers, maps = checks
        name = ""
        try:
            for name in times:
                value = getattr(self, name)
                if value is not None and not matches_time(value):
                    raise _refusal(cls, name, _TIME, value)
            for name in decimals:
                value = getattr(self, name)
                if value is not None and not matches_decimal(value):
                    raise _refusal(cls, name, _DECIMAL, value)
        except TypeError:  # no text at all; asked for here alone, for every event comes this way
            raise _refusal(cls, name, "text in one form", getattr(self, name)) from None
        for name in integers:
            value = getattr(self, name)
            if type(value) is int and -MAX_INTEGER <= value <= MAX_INTEGER:
                continue
            if value is not None:
                raise _refusal(cls, name, "an integer below 2^53", value)
        for name in maps:
            value = getattr(self, name)
            if value is not None and not all(map(is_decimal_text, value.values())):
                raise _refusal(cls, name, f"{_DECIMAL} at every key", value)


_Names = tuple[str, ...]
_Checks = tuple[_Names, _Names, _Names, _Names]
_CHECKS: dict[type, _Checks] = {}


def _checks_of(cls: type[Value]) -> _Checks:
    """The fields of `cls` that have one canonical form: times, decimals, integers, maps of them."""
    found: dict[object, list[str]] = {TimeText: [], DecimalText: [], int: [], dict: []}
    for name, hint in get_type_hints(cls).items():
        kinds = [kind for kind in (hint, *get_args(hint)) if kind in (DecimalText, TimeText, int)]
        container = getattr(hint, "__origin__", None) in (dict, tuple, list)
        if kinds and not container:
            found[kinds[0]].append(name)
        elif hint == dict[str, DecimalText]:
            found[dict].append(name)
    times, decimals, integers, maps = map(tuple, found.values())
    return times, decimals, integers, maps


def _refusal(cls: type, name: str, expected: str, found: object) -> ValueError:
    return ValueError(f"{cls.__name__}.{name}: expected {expected}, found {str(found)[:80]!r}")
