"""The pattern of the decimals between two bounds matches these and no others."""

import re
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as some

from core.config import DECLARATIONS
from core.settings import Kind
from live.decimal_pattern import decimal_pattern

BOUNDS = sorted(
    {
        (declaration.about.low, declaration.about.high)
        for declaration in DECLARATIONS.values()
        if declaration.kind is Kind.DECIMAL
    }
    | {
        ("0", "1"),
        ("1.25", "9.099"),
        ("10.01", "10.5"),
        ("99", "1001"),
        ("0.5", "0.75"),
        ("0", "0.151"),
        ("2.11", "3.1"),
    }
)


def matches(low: str, high: str, text: str) -> bool:
    """What the pattern says of a text."""
    return re.search(decimal_pattern(low, high), text) is not None


@given(some.sampled_from(BOUNDS), some.data())
def test_it_matches_the_decimals_between_its_bounds(
    bounds: tuple[str, str], data: some.DataObject
) -> None:
    low, high = bounds
    places = data.draw(some.integers(0, 9))
    numbers = some.decimals(Decimal(low) - 2, Decimal(high) * 2 + 2, places=places)
    near = some.sampled_from([Decimal(low), Decimal(high)]).map(
        lambda bound: bound + data.draw(some.integers(-12, 12)) * Decimal(10) ** -places
    )
    value = data.draw(some.one_of(numbers, near))

    text = f"{value:f}"

    assert matches(low, high, text) is (Decimal(low) <= value <= Decimal(high)), text


@pytest.mark.parametrize(("low", "high"), BOUNDS)
def test_it_matches_both_bounds_with_more_zeros(low: str, high: str) -> None:
    for bound in (low, high):
        longer = f"{bound}{'' if '.' in bound else '.'}000"
        assert matches(low, high, bound)
        assert matches(low, high, longer)


@pytest.mark.parametrize("text", ["", "00", "01", "1.", ".5", "+1", "1e2", "1,0", "nan", "1\n",
                                  " 1", "--1", "1.2.3", "٣", "0x1", f"0.{'1' * 34}"])  # fmt: skip
def test_text_that_is_no_plain_decimal_does_not_match(text: str) -> None:
    assert not matches("0", "86400", text)
