"""The simulated venue's rules, one sentence each."""

from decimal import Decimal

import pytest

from core.sim import venue
from core.sim.types import Refusal, VenueOrder
from live.brokers.venue_file import Post
from tests.sim.build import (
    CLOSE,
    NEXT_OPEN,
    NEXT_SESSION,
    Floor,
    at,
    parameters,
    quote,
    request,
)

HALF = {"#1": "partial_fill"}


def fill_all(floor: Floor, minutes: int = 40) -> None:
    """Let the market stand still until everything has had its chance."""
    for minute in range(floor.minute + 1, floor.minute + minutes):
        floor.quotes(minute)


def test_a_market_buy_pays_the_ask_and_a_market_sell_gets_the_bid() -> None:
    floor = Floor().quotes(0, "100", "100.02")
    floor.sends(request("buy", side="buy"))
    floor.sends(request("sell", side="sell"))

    assert floor.fills("buy") == [(100, "100.02")]
    assert floor.fills("sell") == [(100, "100")]


def test_a_marketable_limit_order_takes_the_touch_and_not_its_limit() -> None:
    floor = Floor().quotes(0, "100", "100.02")
    floor.sends(request(limit="101"))

    assert floor.fills() == [(100, "100.02")]


def test_a_limit_order_outside_the_market_rests() -> None:
    floor = Floor().quotes(0, "100", "100.02")
    floor.sends(request(limit="99.5"))

    assert floor.statuses() == ["new"]


@pytest.mark.parametrize(
    ("side", "limit", "market"),
    [
        ("buy", "99.5", ("99.4", "99.5")),
        ("buy", "99.5", ("99.2", "99.3")),
        ("sell", "101", ("101", "101.02")),
        ("sell", "101", ("101.5", "101.6")),
    ],
)
def test_a_resting_order_fills_at_its_limit_when_the_touch_reaches_it(
    side: str, limit: str, market: tuple[str, str]
) -> None:
    floor = Floor().quotes(0, "100", "100.02")
    floor.sends(request(side=side, limit=limit))
    floor.quotes(1, *market)

    assert floor.fills() == [(100, limit)]


@pytest.mark.parametrize(("last", "filled"), [("99.49", [(100, "99.5")]), ("99.5", [])])
def test_a_resting_order_fills_when_the_last_trade_went_strictly_through_it(
    last: str, filled: list[tuple[int, str]]
) -> None:
    floor = Floor().quotes(0, "100", "100.02")
    floor.sends(request(limit="99.5"))
    floor.quotes(1, "99.8", "99.9", last=last)

    assert floor.fills() == filled


def test_a_fill_is_at_most_the_displayed_size_and_the_rest_of_a_market_order_goes_on() -> None:
    floor = Floor().quotes(0, "100", "100.02", size=30)
    floor.sends(request(quantity=100))
    for minute in range(1, 60):
        floor.quotes(minute, "100", "100.05", size=30)

    assert floor.fills()[0][1] == "100.02"
    assert {price for _, price in floor.fills()[1:]} == {"100.05"}
    assert max(quantity for quantity, _ in floor.fills()) <= 30
    assert sum(quantity for quantity, _ in floor.fills()) == 100
    assert floor.statuses()[-2:] == ["partially_filled", "filled"]


def test_a_fill_is_at_most_a_tenth_of_the_volume() -> None:
    floor = Floor().quotes(0, "100", "100.02", volume=500)
    floor.sends(request(quantity=1000))

    assert 0 < floor.fills()[0][0] <= 50


@pytest.mark.parametrize("market", [("100.05", "100.02"), ("100", "100.02")])
def test_nothing_fills_against_a_crossed_quote_or_an_empty_one(market: tuple[str, str]) -> None:
    crossed = market[0] > market[1]
    floor = Floor().quotes(0, *market, size=100 if crossed else 0)
    floor.sends(request())

    assert floor.fills() == []


def test_a_locked_quote_is_a_market() -> None:
    floor = Floor().quotes(0, "100", "100")
    floor.sends(request())

    assert floor.fills() == [(100, "100")]


def test_nothing_fills_in_a_slot_without_a_row_of_the_symbol() -> None:
    floor = Floor().quotes(0).opens(1)
    floor.sends(request())

    assert floor.statuses() == ["new"]
    assert floor.quotes(2).statuses() == ["new", "filled"]


def test_immediate_or_cancel_takes_what_is_there_and_cancels_the_rest() -> None:
    floor = Floor(parameters(script=HALF)).quotes(0)
    floor.sends(request(time_in_force="ioc"))
    fill_all(floor)

    assert floor.fills() == [(50, "100.02")]
    assert floor.statuses() == ["new", "partially_filled", "canceled"]


def test_fill_or_kill_takes_all_or_nothing() -> None:
    floor = Floor().quotes(0, size=100)
    floor.sends(request("too-much", quantity=101, time_in_force="fok"))
    floor.sends(request("modest", quantity=5, time_in_force="fok"))
    fill_all(floor)

    assert floor.statuses("too-much") == ["new", "canceled"]
    assert floor.statuses("modest") == ["new", "filled"]


def test_a_day_order_expires_at_the_close_and_not_before() -> None:
    floor = Floor().quotes(0)
    floor.sends(request(limit="50"))
    floor.quotes(209)
    assert floor.statuses() == ["new"]

    floor.opens(210)

    assert floor.statuses() == ["new", "expired"]
    assert CLOSE < floor.story()[-1].event_time < at(210, "0.1")


def test_a_day_order_expires_when_time_passes_without_a_slot() -> None:
    floor = Floor().quotes(0)
    floor.sends(request(limit="50"))
    assert floor.venue.next_due(at(1)) == CLOSE

    floor.venue.pass_time(CLOSE)

    assert floor.statuses() == ["new", "expired"]


def test_a_day_order_of_yesterday_does_not_fill_in_the_next_session() -> None:
    floor = Floor().quotes(0)
    floor.sends(request(limit="99"))
    floor.venue.open_slot(NEXT_OPEN, {"AAPL": quote(NEXT_OPEN, "98", "98.5")}, NEXT_SESSION)

    assert floor.statuses() == ["new", "expired"]


def test_good_till_canceled_stays_and_fills_in_the_next_session() -> None:
    floor = Floor().quotes(0)
    floor.sends(request(limit="99", time_in_force="gtc"))
    floor.venue.open_slot(NEXT_OPEN, {"AAPL": quote(NEXT_OPEN, "98", "98.5")}, NEXT_SESSION)

    assert floor.statuses() == ["new", "filled"]


def test_a_slot_at_the_close_fills_nothing() -> None:
    floor = Floor().quotes(0).quotes(210)
    floor.sends(request(time_in_force="gtc"))

    assert floor.statuses() == ["new"]


def test_a_day_order_sent_outside_a_session_waits_for_the_next_one() -> None:
    floor = Floor().quotes(0).quotes(210)
    floor.sends(request())
    floor.venue.open_slot(NEXT_OPEN, {"AAPL": quote(NEXT_OPEN)}, NEXT_SESSION)

    assert floor.statuses() == ["new", "filled"]


def test_a_canceled_order_fills_no_more() -> None:
    floor = Floor().quotes(0)
    floor.sends(request(limit="99.5"))

    assert floor.venue.cancel("o-1", at(0, "5")) is True
    assert floor.quotes(1, "99", "99.2").statuses() == ["new", "canceled"]
    assert at(0, "5.02") <= floor.story()[-1].event_time <= at(0, "5.08")


def test_a_filled_order_cannot_be_canceled_and_an_unknown_one_is_not_found() -> None:
    floor = Floor().quotes(0)
    floor.sends(request())

    assert floor.venue.cancel("o-1", at(0, "5")) is False
    assert floor.venue.cancel("o-2", at(0, "5")) is None


@pytest.mark.parametrize(
    ("order", "status", "code"),
    [
        (request(quantity="0.5"), 422, "40010001"),
        (request(quantity=0), 422, "40010001"),
        (request(quantity="-1"), 422, "40010001"),
        (request(quantity="\uff11"), 422, "40010001"),
        (request(order_type="stop"), 422, "40010001"),
        (request(order_type="limit"), 422, "40010001"),
        (request(limit="100", order_type="market"), 422, "40010001"),
        (request(limit="0"), 422, "40010001"),
        (request(limit="-5"), 422, "40010001"),
        (request(side="short"), 422, "40010001"),
        (request(time_in_force="opg"), 422, "40010001"),
        (request(symbol="NOPE"), 422, "42210000"),
        (request(symbol="QUIET"), 422, "42210000"),
        (request(quantity=1001), 403, "40310000"),
        (request(quantity=1001, side="sell"), 403, "40310000"),
    ],
)
def test_what_cannot_be_an_order_is_refused_with_the_codes_of_alpaca(
    order: object, status: int, code: str
) -> None:
    floor = Floor(parameters(cash=Decimal(100_020), symbols=("AAPL", "QUIET"))).quotes(0)

    answer = floor.sends(order)  # type: ignore[arg-type]

    assert isinstance(answer, Refusal)
    assert (answer.status_code, answer.error_code) == (status, code)
    assert floor.rows("orders") == []


def test_buying_power_covers_exactly_what_it_covers() -> None:
    floor = Floor(parameters(cash=Decimal(100_020))).quotes(0)

    assert isinstance(floor.sends(request(quantity=1000)), VenueOrder)


def test_open_orders_hold_buying_power() -> None:
    floor = Floor(parameters(cash=Decimal(100_000))).quotes(0)
    floor.sends(request("o-1", quantity=600, limit="99"))

    assert isinstance(floor.sends(request("o-2", quantity=600, limit="99")), Refusal)
    floor.venue.cancel("o-1", at(0, "5"))
    assert isinstance(floor.sends(request("o-3", quantity=600, limit="99")), VenueOrder)


def test_a_long_position_can_be_sold_without_buying_power_and_a_short_needs_it() -> None:
    floor = Floor(parameters(cash=Decimal(100_020))).quotes(0)
    floor.sends(request("o-1", quantity=1000))

    assert isinstance(floor.sends(request("o-2", side="sell", quantity=1000)), VenueOrder)
    assert isinstance(floor.sends(request("o-3", side="sell", quantity=1001)), Refusal)


def test_a_short_position_is_allowed_within_buying_power() -> None:
    floor = Floor(parameters(cash=Decimal(100_000))).quotes(0)
    floor.sends(request(side="sell", quantity=500))

    assert floor.venue.state.positions == {"AAPL": -500}


def test_the_multiplier_lends_buying_power() -> None:
    lent = Floor(parameters(cash=Decimal(100_020), multiplier="2")).quotes(0)

    assert isinstance(lent.sends(request(quantity=1999)), VenueOrder)


def test_a_client_order_id_is_taken_for_ever() -> None:
    floor = Floor().quotes(0)
    floor.sends(request())
    fill_all(floor)

    assert floor.sends(request(quantity=7)) == Post.DUPLICATE
    assert floor.fills() == [(100, "100.02")]


def test_a_refused_order_is_refused_the_same_way_when_it_is_sent_again() -> None:
    floor = Floor(parameters(cash=Decimal(1000))).quotes(0)
    first = floor.sends(request(quantity=100))
    floor.quotes(1, "1", "1.01")

    assert floor.sends(request(quantity=100)) == first


def test_too_many_new_orders_in_a_minute_are_answered_with_429_and_come_later() -> None:
    floor = Floor(parameters(requests_per_minute=2)).quotes(0)
    answers = [floor.sends(request(f"o-{n}")) for n in range(3)]

    assert answers[2] is Post.RATE_LIMITED
    assert isinstance(floor.quotes(1).sends(request("o-2")), VenueOrder)


def test_a_slot_that_was_opened_is_not_opened_again_with_other_quotes() -> None:
    given = parameters()
    state = venue.open_slot(given, venue.initial(given), at(1), {"AAPL": quote(at(1))}, None).state

    for time in (at(0), at(1)):
        again = venue.open_slot(given, state, time, {"AAPL": quote(time, "1", "2")}, None)
        assert again.state == state


@pytest.mark.parametrize("seed", range(10))
def test_an_order_s_events_go_forward_however_early_it_is_canceled(seed: int) -> None:
    floor = Floor(parameters(seed=seed)).quotes(0)
    floor.sends(request(limit="90"), "0")
    floor.venue.cancel("o-1", at(0))
    new, canceled = floor.story()

    assert new.event_time < canceled.event_time
