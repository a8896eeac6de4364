"""One way to write each value; everything with a second way is refused."""

import datetime as dt
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.events import AccountReported, RateBudgetReported
from core.values import (
    Side,
    decimal_text,
    is_decimal_text,
    is_time_text,
    later_by,
    micros,
    number,
    round_to_tick,
    round_toward_zero,
    seconds_between,
    time_text,
)
from tests.build_world import at

LAST_MICROS = 253_402_300_799_999_999
DECIMALS = st.decimals(
    allow_nan=False, allow_infinity=False, places=9, min_value=-(10**15), max_value=10**15
)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("1.50", "1.5"),
        ("-0.00", "0"),
        ("1e3", "1000"),
        ("0.001", "0.001"),
        (100, "100"),
        (Decimal("1E+2"), "100"),
        (".5", "0.5"),
    ],
)
def test_a_decimal_has_one_text(value: str | int | Decimal, text: str) -> None:
    assert decimal_text(value) == text
    assert is_decimal_text(text)


@pytest.mark.parametrize(
    "value",
    ["NaN", "sNaN", "Infinity", "-inf", "1e35", "1e-35", "", "ten", 1.0, True, f"1.{'1' * 35}"],
)
def test_what_is_no_decimal_is_refused(value: str) -> None:
    with pytest.raises(ValueError, match="expected"):
        decimal_text(value)


@pytest.mark.parametrize(
    "text", ["1.0", "-0", "01", "1e3", "+1", " 1", "1.", ".5", "", "٣", "NaN", 1, None, "1\n"]
)
def test_a_second_way_to_write_a_decimal_is_none(text: object) -> None:
    assert not is_decimal_text(text)


@given(DECIMALS)
def test_equal_decimals_have_equal_texts_and_come_back(value: Decimal) -> None:
    text = decimal_text(value)

    assert number(text) == value
    assert decimal_text(value.normalize()) == text == decimal_text(text)


@given(st.integers(0, LAST_MICROS))
def test_a_time_comes_back_and_agrees_with_the_library(instant: int) -> None:
    text = time_text(instant)
    epoch = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
    known = epoch + dt.timedelta(microseconds=instant)

    assert text == known.strftime("%Y-%m-%dT%H:%M:%S.%fZ").zfill(27)
    assert (micros(text), is_time_text(text)) == (instant, True)


@pytest.mark.parametrize("instant", [-1, LAST_MICROS + 1])
def test_times_are_in_the_years_1970_to_9999(instant: int) -> None:
    with pytest.raises(ValueError, match="expected a time in the years 1970 to 9999"):
        time_text(instant)


@pytest.mark.parametrize(
    "text",
    [
        "2013-02-29T00:00:00.000000Z",
        "2013-13-01T00:00:00.000000Z",
        "2013-10-07T24:00:00.000000Z",
        "2013-10-07T13:30:00Z",
        "2013-10-07T13:30:00.000000+00:00",
        "2013-10-07 13:30:00.000000Z",
        "2013-10-07T13:30:00.000000",
        "",
        7,
    ],
)
def test_a_naive_a_rough_or_an_impossible_time_is_none(text: object) -> None:
    assert not is_time_text(text)


def test_a_leap_day_is_a_day() -> None:
    assert is_time_text("2024-02-29T23:59:59.999999Z")


@given(st.integers(0, 10**15), st.integers(0, 10**12))
def test_time_later_by_a_duration_is_that_much_later(instant: int, more: int) -> None:
    text, seconds = time_text(instant), Decimal(more).scaleb(-6)

    later = later_by(text, seconds)
    assert (micros(later), seconds_between(text, later)) == (instant + more, seconds)
    assert later_by(later, -seconds) == text


@given(DECIMALS, st.sampled_from(["1", "0.25", "100"]))
def test_a_quantity_is_cut_toward_zero_to_the_lot(value: Decimal, lot: str) -> None:
    cut = round_toward_zero(value, Decimal(lot))

    assert abs(cut) <= abs(value) < abs(cut) + Decimal(lot)
    assert cut % Decimal(lot) == 0


@pytest.mark.parametrize(("side", "price"), [(Side.BUY, "10.01"), (Side.SELL, "10.02")])
def test_a_price_moves_to_the_passive_tick(side: Side, price: str) -> None:
    assert round_to_tick(Decimal("10.019"), Decimal("0.01"), side) == Decimal(price)
    assert round_to_tick(Decimal(price), Decimal("0.01"), side) == Decimal(price)


def test_each_side_has_its_sign_and_its_opposite() -> None:
    assert (Side.BUY.sign, Side.SELL.sign) == (1, -1)
    assert (Side.BUY.opposite, Side.SELL.opposite) == (Side.SELL, Side.BUY)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("cash", "1.0"),
        ("cash", "NaN"),
        ("cash", 1.5),
        ("observed_at", "2013-10-07T13:30:00"),
        ("source_time", "yesterday"),
        ("positions", {"MSFT": "7", "IBM": "NaN"}),
        ("positions", {"MSFT": "7.0"}),
        ("positions", {"MSFT": 7}),
    ],
)
def test_an_event_whose_values_have_a_second_form_does_not_exist(field: str, value: object) -> None:
    good = {"observed_at": at(), "cash": "1", "equity": "1", "buying_power": "1", "positions": {}}

    with pytest.raises(ValueError, match=f"AccountReported.{field}: expected .*, found"):
        AccountReported(**{**good, field: value})  # type: ignore[arg-type]  # it is refused


@pytest.mark.parametrize("value", [2**53, -(2**53), True, 1.0, "1"])
def test_an_integer_that_json_readers_could_round_does_not_exist(value: int) -> None:
    with pytest.raises(ValueError, match=r"limit: expected an integer below 2\^53"):
        RateBudgetReported(observed_at=at(), limit=value, remaining=0)
    assert RateBudgetReported(observed_at=at(), limit=2**53 - 1, remaining=0).limit == 2**53 - 1


def test_rounding_is_exact_for_numbers_of_any_length() -> None:
    nearly_ten = Decimal("9." + "9" * 34)
    cent = Decimal("0.01")

    assert round_toward_zero(nearly_ten, Decimal(1)) == 9
    assert round_to_tick(nearly_ten, cent, Side.BUY) == Decimal("9.99")
    assert round_to_tick(nearly_ten, cent, Side.SELL) == 10


def test_there_is_no_time_before_1970() -> None:
    assert not is_time_text("1969-12-31T00:00:00.000000Z")
    assert is_time_text("1970-01-01T00:00:00.000000Z")
