"""What a trade does to a holding, by average cost."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.positions import FLAT, Position, after_trade


def after(*trades: tuple[int, str]) -> Position:
    """The holding after trades of (signed shares, price)."""
    position = FLAT
    for shares, price in trades:
        position = after_trade(position, Decimal(shares), shares * Decimal(price))
    return position


@pytest.mark.parametrize(
    ("trades", "expected"),
    [
        ([(100, "10")], (100, 1000, 0)),
        ([(100, "10"), (100, "12")], (200, 2200, 0)),
        ([(100, "10"), (-40, "11")], (60, 600, 40)),
        ([(100, "10"), (-100, "11")], (0, 0, 100)),
        ([(100, "10"), (-150, "11")], (-50, -550, 100)),
        ([(-100, "10")], (-100, -1000, 0)),
        ([(-100, "10"), (40, "9")], (-60, -600, 40)),
        ([(-100, "10"), (150, "9")], (50, 450, 100)),
    ],
)
def test_quantity_cost_and_realized(
    trades: list[tuple[int, str]], expected: tuple[int, int, int]
) -> None:
    assert after(*trades) == Position(*map(Decimal, expected))


def test_a_corrected_price_moves_the_cost_or_when_flat_the_profit() -> None:
    held, flat = after((100, "10")), after((100, "10"), (-100, "11"))

    assert after_trade(held, Decimal(0), Decimal(-50)).cost == 950
    assert after_trade(flat, Decimal(0), Decimal(-50)).realized == 150


@given(st.lists(st.tuples(st.integers(-50, 50), st.sampled_from(["9.5", "10", "10.03"]))))
def test_shares_add_up_and_so_does_the_money(trades: list[tuple[int, str]]) -> None:
    position = after(*trades)

    assert position.quantity == sum(shares for shares, _ in trades)
    paid = sum(shares * Decimal(price) for shares, price in trades)
    assert abs(position.cost - position.realized - paid) < Decimal("1e-20")
    assert position.quantity or not position.cost
