"""The pure function: examples worked by hand, and the laws of a cost."""

import decimal
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.values import Side
from projections.tca import Shortfall, implementation_shortfall

D = Decimal
PRICES = st.decimals("0.0001", "99999", places=4)
QUANTITIES = st.decimals("0.001", "99999", places=3)
MONEY = st.decimals("-1000", "1000", places=2)
FILLS = st.lists(st.tuples(QUANTITIES, PRICES), max_size=6)
MAYBE = st.none() | PRICES
SIDES = st.sampled_from(Side)


def parts(cost: Shortfall) -> tuple[Decimal, Decimal, Decimal, Decimal]:
    return cost.delay, cost.trading, cost.opportunity, cost.fees


def test_a_buy_worked_by_hand() -> None:
    """1000 wanted at 50; arrival 50.02; 600 filled at 50.05 and 200 at 50.10; the end at 50.30."""
    cost = implementation_shortfall(
        "buy",
        D(1000),
        D("50"),
        [(D(600), D("50.05")), (D(200), D("50.10"))],
        arrival_price=D("50.02"),
        end_price=D("50.30"),
        fees=D("4.20"),
    )

    assert cost.delay == D("16")  # 0.02 x 800
    assert cost.trading == D("34")  # 30030 + 10020 - 50.02 x 800
    assert cost.opportunity == D("60")  # 0.30 x 200
    assert cost.fees == D("4.20")
    assert cost.total == D("114.20")
    assert cost.total_bps == D("22.84")  # of 50 000


def test_a_sell_worked_by_hand() -> None:
    """300 to sell at 20; the market falls to 19.90; 100 sold at 19.88, the rest not, now 19.50."""
    cost = implementation_shortfall(
        Side.SELL,
        300,
        20,
        [(100, "19.88")],
        arrival_price="19.90",
        end_price="19.50",
    )

    assert parts(cost) == (D(10), D(2), D(100), D(0))
    assert cost.total == D(112)
    assert round(cost.total_bps, 4) == D("186.6667")


def test_a_fill_better_than_the_decision_is_a_gain() -> None:
    assert implementation_shortfall("buy", 100, 10, [(100, "9.99")]).total == D("-1")
    assert implementation_shortfall("sell", 100, 10, [(100, "10.01")]).total == D("-1")


def test_nothing_filled_costs_what_was_missed() -> None:
    cost = implementation_shortfall("buy", 100, 10, [], arrival_price=11, end_price="10.5")

    assert parts(cost) == (D(0), D(0), D(50), D(0))


def test_without_an_arrival_price_there_is_no_delay() -> None:
    cost = implementation_shortfall("buy", 100, 10, [(100, "10.02")])

    assert (cost.delay, cost.trading) == (D(0), D(2))


def test_without_an_end_price_the_rest_costs_nothing_yet() -> None:
    assert implementation_shortfall("buy", 100, 10, [(40, 10)]).opportunity == 0


def test_the_excess_of_an_overfill_is_charged_at_its_fill_against_the_end() -> None:
    """120 of 100 bought at 10.02, the end at 10.01: 20 too many lost a cent each."""
    wanted = implementation_shortfall("buy", 100, 10, [(100, "10.02")], end_price="10.01")
    cost = implementation_shortfall("buy", 100, 10, [(120, "10.02")], end_price="10.01")

    assert cost.opportunity == D("-0.2")
    assert cost.total - wanted.total == 20 * (D("10.02") - D("10.01"))


def test_no_digit_is_lost_where_34_are_not_enough() -> None:
    tiny, huge = D("0." + "0" * 32 + "1"), D("9" * 30)
    cost = implementation_shortfall("buy", huge, tiny, [(huge, huge)], fees=tiny)

    assert cost.total == sum(map(Fraction, parts(cost)))
    assert Fraction(cost.trading) == Fraction(huge) * (Fraction(huge) - Fraction(tiny))


@pytest.mark.parametrize(
    ("changes", "names"),
    [
        ({"ordered_quantity": 0}, "ordered_quantity"),
        ({"ordered_quantity": D(-1)}, "ordered_quantity"),
        ({"ordered_quantity": 1.0}, "ordered_quantity"),
        ({"ordered_quantity": True}, "ordered_quantity"),
        ({"decision_price": 0}, "decision_price"),
        ({"decision_price": D("nan")}, "decision_price"),
        ({"decision_price": "1e999"}, "decision_price"),
        ({"decision_price": "ten"}, "decision_price"),
        ({"fills": [(D(-1), D(1))]}, "fill quantity"),
        ({"fills": [(D(1), D(-1))]}, "fill price"),
        ({"fills": [(D("inf"), D(1))]}, "fill quantity"),
        ({"arrival_price": 10.01}, "arrival_price"),
        ({"end_price": D("-0.01")}, "end_price"),
        ({"fees": D("snan")}, "fees"),
    ],
)
def test_a_number_that_is_none_is_refused_by_name(changes: dict[str, object], names: str) -> None:
    call = {"side": "buy", "ordered_quantity": 1, "decision_price": 1, "fills": []}

    with pytest.raises(ValueError, match=names):
        implementation_shortfall(**{**call, **changes})  # type: ignore[arg-type]


@given(SIDES, st.tuples(QUANTITIES, PRICES), FILLS, st.tuples(MAYBE, MAYBE), MONEY)
def test_the_parts_add_up_to_the_total_exactly(
    side: Side,
    order: tuple[Decimal, Decimal],
    fills: list[tuple[Decimal, Decimal]],
    marks: tuple[Decimal | None, Decimal | None],
    fees: Decimal,
) -> None:
    ordered, decision = order
    arrival, end = marks
    cost = implementation_shortfall(
        side, ordered, decision, fills, arrival_price=arrival, end_price=end, fees=fees
    )

    assert Fraction(cost.total) == sum(map(Fraction, parts(cost)))
    paid = sum(Fraction(q) * Fraction(p) for q, p in fills)
    quantity = sum(Fraction(q) for q, _ in fills)
    gap = Fraction(0) if end is None else Fraction(end) - Fraction(decision)
    missed = gap * (Fraction(ordered) - quantity)
    assert Fraction(cost.total) - Fraction(fees) == side.sign * (
        paid - Fraction(decision) * quantity + missed
    )


@given(QUANTITIES, PRICES, FILLS, MAYBE, MAYBE)
def test_a_sell_mirrors_a_buy(
    ordered: Decimal,
    decision: Decimal,
    fills: list[tuple[Decimal, Decimal]],
    arrival: Decimal | None,
    end: Decimal | None,
) -> None:
    both = [
        implementation_shortfall(
            side, ordered, decision, fills, arrival_price=arrival, end_price=end
        )
        for side in ("buy", "sell")
    ]

    assert parts(both[0]) == tuple(part.copy_negate() for part in parts(both[1]))
    assert both[0].total_bps == both[1].total_bps.copy_negate()


@given(SIDES, FILLS, MAYBE, st.randoms())
def test_fills_may_come_in_any_order(
    side: Side, fills: list[tuple[Decimal, Decimal]], arrival: Decimal | None, chance: object
) -> None:
    shuffled = sorted(fills, key=lambda _: chance.random())  # type: ignore[attr-defined]

    assert implementation_shortfall(
        side, 100, 10, fills, arrival_price=arrival, end_price=11
    ) == implementation_shortfall(side, 100, 10, shuffled, arrival_price=arrival, end_price=11)


@given(SIDES, FILLS, QUANTITIES, QUANTITIES, PRICES)
def test_a_fill_in_two_parts_costs_the_same(
    side: Side, fills: list[tuple[Decimal, Decimal]], one: Decimal, two: Decimal, price: Decimal
) -> None:
    whole = implementation_shortfall(side, 100, 10, [*fills, (one + two, price)], end_price=11)
    split = implementation_shortfall(
        side, 100, 10, [*fills, (one, price), (two, price)], end_price=11
    )

    assert whole == split


@given(SIDES, PRICES, PRICES, PRICES)
def test_a_worse_price_costs_more_on_both_sides(
    side: Side, decision: Decimal, price: Decimal, worse_by: Decimal
) -> None:
    worse = price + side.sign * worse_by
    if worse < 0:
        return

    cheap = implementation_shortfall(side, 100, decision, [(100, price)])
    dear = implementation_shortfall(side, 100, decision, [(100, worse)])

    assert dear.total > cheap.total


@given(SIDES, st.tuples(QUANTITIES, PRICES), FILLS, MAYBE, st.integers(2, 1000))
def test_basis_points_do_not_depend_on_the_size(
    side: Side,
    order: tuple[Decimal, Decimal],
    fills: list[tuple[Decimal, Decimal]],
    end: Decimal | None,
    times: int,
) -> None:
    ordered, decision = order
    one = implementation_shortfall(side, ordered, decision, fills, end_price=end)
    larger = [(quantity * times, price) for quantity, price in fills]
    many = implementation_shortfall(side, ordered * times, decision, larger, end_price=end)

    assert one.total_bps == many.total_bps
    assert one.total * times == many.total


def test_the_callers_decimal_context_changes_nothing() -> None:
    expected = implementation_shortfall("buy", "3", "7", [("1", "7.123456")], fees="0.1")
    with decimal.localcontext(decimal.Context(prec=2, rounding=decimal.ROUND_UP)):
        found = implementation_shortfall("buy", "3", "7", [("1", "7.123456")], fees="0.1")

    assert found == expected
