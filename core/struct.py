"""`Value`: a frozen struct that is canonical or does not exist.

why     equal values must have equal bytes (ids are hashes), so a decimal, a time or an integer that
        could be written in a second way is refused where it is made, in the code or in a decoder
errors  `ValueError` naming class, field, expected form and what was found
"""

from typing import get_args, get_type_hints

import msgspec

from core.values import MAX_INTEGER, DecimalText, TimeText, is_decimal_text, is_time_text

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
        for name, kind in checks:
            value = getattr(self, name)
            if value is None:
                continue
            if kind is dict:
                if not all(map(is_decimal_text, value.values())):
                    raise _refusal(cls, name, f"{_DECIMAL} at every key", value)
            elif kind is DecimalText:
                if not is_decimal_text(value):
                    raise _refusal(cls, name, _DECIMAL, value)
            elif kind is TimeText:
                if not is_time_text(value):
                    raise _refusal(cls, name, _TIME, value)
            elif type(value) is not int or not -MAX_INTEGER <= value <= MAX_INTEGER:
                raise _refusal(cls, name, "an integer below 2^53", value)


_Checks = tuple[tuple[str, object], ...]
_CHECKS: dict[type, _Checks] = {}


def _checks_of(cls: type[Value]) -> _Checks:
    """The fields of `cls` that have one canonical form, with their kind."""
    found: list[tuple[str, object]] = []
    for name, hint in get_type_hints(cls).items():
        kinds = [kind for kind in (hint, *get_args(hint)) if kind in (DecimalText, TimeText, int)]
        container = getattr(hint, "__origin__", None) in (dict, tuple, list)
        if kinds and not container:
            found.append((name, kinds[0]))
        elif hint == dict[str, DecimalText]:
            found.append((name, dict))
    return tuple(found)


def _refusal(cls: type, name: str, expected: str, found: object) -> ValueError:
    return ValueError(f"{cls.__name__}.{name}: expected {expected}, found {str(found)[:80]!r}")
