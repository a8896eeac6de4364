"""The venue's REST side: the real alpaca-py, judged by Alpaca's OpenAPI and the recordings."""

import json
import time
from datetime import date
from typing import Any

import pytest
import requests
from alpaca.common.exceptions import APIError
from alpaca.data.requests import StockBarsRequest, StockLatestQuoteRequest, StockSnapshotRequest
from alpaca.data.timeframe import TimeFrame
from alpaca.trading.client import TradingClient
from alpaca.trading.enums import QueryOrderStatus
from alpaca.trading.models import Order
from alpaca.trading.requests import (
    GetCalendarRequest,
    GetOrdersRequest,
    ReplaceOrderRequest,
)

from tests.venue import openapi
from tests.venue.asking import limit, market, refusal, sent, status_of
from tests.venue.process import Running, eventually, start

RECORDINGS = openapi.FOLDER / "recordings.json"


def test_every_kind_of_call_is_answered_as_alpacas_openapi_says(judged: TradingClient) -> None:
    judged.get_account()
    judged.get_clock()
    judged.get_calendar(GetCalendarRequest(start=date(2026, 11, 23), end=date(2026, 11, 30)))
    judged.get_asset("AAPL")
    judged.get_all_assets()
    judged.get_account_configurations()
    first = sent(judged, market("one"))
    eventually(lambda: status_of(judged, "one") == "filled")
    resting = sent(judged, limit("two", "90.00"))
    eventually(lambda: status_of(judged, "two") == "new")
    judged.get_order_by_id(first.id)
    judged.get_orders(GetOrdersRequest(status=QueryOrderStatus.ALL))
    judged.get_all_positions()
    judged.get_open_position("AAPL")
    judged.get("/account/activities/FILL", {"page_size": 1})
    judged.get("/account/activities", {"activity_types": "FILL"})
    successor = judged.replace_order_by_id(resting.id, ReplaceOrderRequest(limit_price=91.0))
    assert isinstance(successor, Order)
    eventually(lambda: status_of(judged, successor.client_order_id) == "new")
    judged.cancel_order_by_id(successor.id)
    eventually(lambda: status_of(judged, successor.client_order_id) == "canceled")
    sent(judged, limit("three", "90.00"))
    judged.cancel_orders()
    eventually(lambda: status_of(judged, "three") == "canceled")
    judged.close_position("AAPL")
    eventually(lambda: judged.get_all_positions() == [])


def test_the_judge_finds_an_answer_that_is_not_alpacas(
    venue: Running, judged: TradingClient
) -> None:
    """Status `moon_phase` is in no enum of the OpenAPI: what makes the judge red."""
    sent(judged, limit("odd", "90.00"))
    venue.post("status", {"client_order_id": "odd", "status": "moon_phase"})

    with pytest.raises(AssertionError, match="moon_phase"):
        judged.get_order_by_client_id("odd")


def test_an_order_has_the_recorded_fields_and_no_other(venue: Running) -> None:
    openapi.skip_unless_there()
    recorded = json.loads(RECORDINGS.read_text(encoding="utf-8"))
    client: Any = venue.trading()
    client._use_raw_data = True

    answered = client.submit_order(market("one", 1))
    eventually(lambda: venue.order("one")["status"] == "filled")
    filled = client.get_order_by_client_id("one")
    rows = client.get("/account/activities/FILL", {})

    for said, as_recorded in (
        (answered, recorded["order_submitted_market"]),
        (filled, recorded["order_filled_market"]),
        (rows[0], recorded["fill_activities"][1]),
    ):
        assert isinstance(said, dict)
        assert list(said) == list(as_recorded)
        kinds = {name: type(value) for name, value in said.items() if name != "qty"}
        assert kinds == {name: type(as_recorded[name]) for name in kinds}
    assert answered["status"] == "pending_new"
    assert filled["filled_avg_price"] == "100.02"


def test_a_client_order_id_is_taken_for_ever(venue: Running, client: TradingClient) -> None:
    """alpaca-py #260: also after a cancel; in the recorded words."""
    sent(client, limit("mine", "90.00"))
    eventually(lambda: status_of(client, "mine") == "new")
    client.cancel_order_by_id(venue.order("mine")["id"])
    eventually(lambda: status_of(client, "mine") == "canceled")

    with pytest.raises(APIError) as error:
        sent(client, market("mine"))

    assert refusal(error) == (422, 40010001, "client_order_id must be unique")
    assert venue.get("state")["posts"] == {"mine": 2}


def test_wrong_keys_and_none_are_refused(venue: Running) -> None:
    url = f"{venue.ready['trading_url']}/v2/account"
    names = ("APCA-API-KEY-ID", "APCA-API-SECRET-KEY")

    none = requests.get(url, timeout=30)
    wrong = requests.get(url, headers=dict(zip(names, ("venue-key", "x"), strict=True)), timeout=30)
    other = requests.get(url, headers=dict(zip(names, ("x", "x"), strict=True)), timeout=30)

    assert (none.status_code, none.json()) == (401, {"message": "unauthorized"})
    assert wrong.status_code == 401
    assert (other.status_code, other.json()) == (403, {"message": "forbidden."})


def test_shares_held_by_another_order_are_not_sold_twice(
    venue: Running, client: TradingClient
) -> None:
    sent(client, market("bought", 10))
    eventually(lambda: status_of(client, "bought") == "filled")
    sent(client, limit("sells", "110.00", 8, "sell"))

    with pytest.raises(APIError) as error:
        sent(client, limit("too", "110.00", 3, "sell"))

    status, code, words = refusal(error)
    assert (status, code) == (403, 40310000)
    assert words == "insufficient qty available for order (requested: 3, available: 2)"
    assert json.loads(str(error.value))["held_for_orders"] == "8"


def test_money_that_is_not_there_buys_nothing(client: TradingClient) -> None:
    with pytest.raises(APIError) as error:
        sent(client, market("large", 1_000_000))

    assert refusal(error) == (403, 40310000, "insufficient buying power")


def test_an_order_against_ones_own_is_a_wash_trade(client: TradingClient) -> None:
    sent(client, limit("rests", "90.00"))

    with pytest.raises(APIError) as error:
        sent(client, market("against", 1, "sell"))

    assert refusal(error)[:2] == (403, 40310000)
    assert "wash trade" in refusal(error)[2]


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"symbol": "NOPE"}, 42210000),
        ({"qty": "0"}, 40010001),
        ({"qty": "NaN"}, 40010001),
        ({"qty": "1e99"}, 40010001),
        ({"side": "borrow"}, 40010001),
        ({"type": "limit"}, 42210000),
        ({"type": "limit", "limit_price": "90.001"}, 42210000),
        ({"client_order_id": "x" * 129}, 42210000),
        ({"client_order_id": "\ud800"}, 42210000),
        ({"notional": "100"}, 42210000),
    ],
)
def test_what_is_no_order_is_refused_and_leaves_nothing(
    venue: Running, client: TradingClient, change: dict[str, str], code: int
) -> None:
    order = {
        "symbol": "AAPL", "qty": "1", "side": "buy", "type": "market", "time_in_force": "day",
        "client_order_id": "bad",
    }  # fmt: skip

    with pytest.raises(APIError) as error:
        client.post("/orders", {**order, **change})

    assert refusal(error)[:2] == (422, code)
    assert venue.get("state")["orders"] == []


def test_an_order_nobody_sent_is_not_found(client: TradingClient) -> None:
    with pytest.raises(APIError) as error:
        client.get_order_by_client_id("nobody")

    assert refusal(error) == (404, 40410000, "order not found")


def test_a_suspended_account_takes_no_order(client: Any) -> None:
    client.patch("/account/configurations", {"suspend_trade": True})

    with pytest.raises(APIError) as error:
        sent(client, market("stopped"))

    assert error.value.status_code == 403
    assert client.get("/account")["trade_suspended_by_user"] is True


def test_fills_are_paged_by_the_last_id_and_add_up(venue: Running, client: TradingClient) -> None:
    for number in range(5):
        sent(client, market(f"o{number}", number + 1))
    eventually(lambda: all(o["status"] == "filled" for o in venue.get("state")["orders"]))

    pages, token = [], None
    while True:
        query = {"page_size": 2, "direction": "asc", **({"page_token": token} if token else {})}
        page = client.get("/account/activities/FILL", query)
        if not page:
            break
        pages.append(page)
        token = page[-1]["id"]

    rows = [row for page in pages for row in page]
    assert [len(page) for page in pages] == [2, 2, 1]
    assert [row["qty"] for row in rows] == ["1", "2", "3", "4", "5"]
    assert {row["order_id"] for row in rows} == {o["id"] for o in venue.get("state")["orders"]}
    assert "client_order_id" not in rows[0]


def test_orders_are_listed_by_status_and_cursor(venue: Running, client: TradingClient) -> None:
    for number in range(4):
        sent(client, limit(f"o{number}", "90.00"))
    ids = [order["id"] for order in venue.get("state")["orders"]]
    eventually(lambda: venue.order("o3")["status"] == "new")
    client.cancel_order_by_id(ids[0])
    eventually(lambda: venue.order("o0")["status"] == "canceled")

    def listed(**query: object) -> list[str]:
        return [order["client_order_id"] for order in client.get("/orders", query)]

    assert listed() == ["o3", "o2", "o1"]
    assert listed(status="closed") == ["o0"]
    assert listed(status="all", limit=2) == ["o3", "o2"]
    assert listed(status="all", direction="asc", after_order_id=ids[1]) == ["o2", "o3"]
    assert listed(status="all", symbols="MSFT") == []


def test_the_limit_a_minute_is_kept_and_told() -> None:
    with start(None, "--requests-per-minute", "3") as venue:
        venue.post("clock", {"time": "2026-11-23T15:00:01Z", "hold": True})
        client = venue.trading()
        url = f"{venue.ready['trading_url']}/v2/clock"
        headers = client._get_auth_headers()
        answers = [requests.get(url, headers=headers, timeout=30) for _ in range(4)]
        venue.post("clock", {"advance_s": 60})
        after = requests.get(url, headers=headers, timeout=30)

    assert [a.status_code for a in answers] == [200, 200, 200, 429]
    assert [a.headers["X-RateLimit-Remaining"] for a in answers] == ["2", "1", "0", "0"]
    assert answers[3].json() == {"code": 42910000, "message": "rate limit exceeded"}
    assert answers[0].headers["X-RateLimit-Limit"] == "3"
    assert int(answers[0].headers["X-RateLimit-Reset"]) == 1_795_446_060
    assert after.status_code == 200


def test_a_resting_order_fills_when_the_market_comes(venue: Running, client: TradingClient) -> None:
    sent(client, limit("rests", "99.00"))
    eventually(lambda: status_of(client, "rests") == "new")
    time.sleep(0.05)
    assert status_of(client, "rests") == "new"

    venue.post("quotes", {"AAPL": {"bid": "98.90", "ask": "98.95"}})

    eventually(lambda: status_of(client, "rests") == "filled")
    assert venue.order("rests")["filled_avg_price"] == "99"


def test_a_displayed_size_is_all_that_one_quote_gives(
    venue: Running, client: TradingClient
) -> None:
    venue.post("quotes", {"AAPL": {"bid": "100", "ask": "100.02", "ask_size": 4}})
    sent(client, market("parts", 10))

    eventually(lambda: venue.order("parts")["filled_qty"] == "4")
    venue.post("quotes", {"AAPL": {"bid": "101", "ask": "101.02", "ask_size": 100}})
    order = eventually(lambda: (o := venue.order("parts"))["status"] == "filled" and o)

    assert order["filled_avg_price"] == "100.62"


def test_a_day_order_ends_at_the_close_of_a_half_day() -> None:
    with start(None) as venue:
        venue.post("calendar", {"2026-11-27": ["09:30", "13:00"]})
        venue.post("clock", {"time": "2026-11-27T17:59:50Z", "hold": True})
        client: Any = venue.trading()
        sent(client, limit("day", "90.00"))
        venue.post("clock", {"advance_s": 1})
        assert status_of(client, "day") == "new"
        venue.post("clock", {"advance_s": 10})

        assert status_of(client, "day") == "expired"
        assert client.get("/clock")["is_open"] is False
        sent(client, market("evening"))
        assert status_of(client, "evening") == "accepted"


def test_data_is_what_the_market_shows(venue: Running) -> None:
    data: Any = venue.data()
    if openapi.is_there():
        data._session.hooks["response"].append(openapi.judge)

    quotes = data.get_stock_latest_quote(
        StockLatestQuoteRequest(symbol_or_symbols=["AAPL", "MSFT", "NOPE"])
    )
    snapshots = data.get_stock_snapshot(StockSnapshotRequest(symbol_or_symbols=["AAPL"]))
    bars = data.get_stock_bars(
        StockBarsRequest(symbol_or_symbols=["AAPL"], timeframe=TimeFrame.Minute)
    )

    assert sorted(quotes) == ["AAPL", "MSFT"]
    assert (quotes["AAPL"].bid_price, quotes["AAPL"].ask_price) == (100.0, 100.02)
    assert snapshots["AAPL"].latest_trade.price == 100.01
    assert bars.data["AAPL"][0].close == 100.01
