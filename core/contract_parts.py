"""What the tables of the contract are made of: the table, and units that many settings share."""

from typing import Final

import msgspec

from core.events.lifecycle import Setting
from core.settings import About
from core.values import DecimalText

_SECONDS_A_DAY: Final = "86400"
MILLION_MILLION: Final = "1000000000000"


class Table(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A table of settings. It holds what it is given; `check` says what is wrong with that."""


def default(text: str) -> DecimalText:
    """A decimal setting's default."""
    return DecimalText(text)


def beyond_sim(value: Setting) -> tuple[tuple[str, Setting], ...]:
    """A default of paper and live, where sim has the field's."""
    return (("paper", value), ("live", value))


def seconds(
    summary: str,
    low: str = "0",
    high: str = _SECONDS_A_DAY,
    by_mode: tuple[tuple[str, Setting], ...] = (),
) -> About:
    """A time in seconds, at most a day."""
    return About(summary=summary, unit="seconds", low=low, high=high, by_mode=by_mode)


def money(summary: str) -> About:
    """An amount in the account's currency."""
    return About(summary=summary, unit="money", high=MILLION_MILLION)


def shares(summary: str) -> About:
    """A number of shares."""
    return About(summary=summary, unit="shares", high="1000000000")


def basis_points(summary: str) -> About:
    """A share of something in basis points, at most the whole."""
    return About(summary=summary, unit="basis points", high="10000")


def count(summary: str, unit: str) -> About:
    """A number of things."""
    return About(summary=summary, unit=unit, high="100000")
