"""Every fault of a call and of an order, one by one: what its client sees, what the venue did."""

import pytest
import requests
from alpaca.common.exceptions import APIError
from alpaca.trading.client import TradingClient

from tests.venue.asking import BROKEN, limit, market, sent, status_of
from tests.venue.process import Running, eventually, start

BEFORE = ("timeout_before", "reset_before", "rate_limited", "error_before")
AFTER = (
    "timeout_after", "reset_after", "half_answer", "error_after", "html", "empty", "garbage",
)  # fmt: skip


@pytest.mark.parametrize("fault", BEFORE)
def test_a_fault_before_leaves_no_order(venue: Running, fault: str) -> None:
    venue.arm(fault, seconds=3)

    with pytest.raises(BROKEN):
        sent(venue.trading(timeout_s=0.5), market("lost"))

    assert venue.order("lost") is None
    assert venue.get("state")["posts"] == {"lost": 1}
    assert venue.counts == {fault: 1}


@pytest.mark.parametrize("fault", AFTER)
def test_a_fault_after_leaves_the_order_and_its_sender_without_an_answer(
    venue: Running, fault: str
) -> None:
    venue.arm(fault, seconds=3)
    client = venue.trading(timeout_s=0.5)

    with pytest.raises(BROKEN):
        sent(client, market("kept"))

    assert venue.order("kept") is not None
    assert venue.get("state")["posts"] == {"kept": 1}
    assert venue.counts == {fault: 1}
    eventually(lambda: status_of(client, "kept") == "filled")


def test_a_slow_answer_is_whole(venue: Running, client: TradingClient) -> None:
    venue.arm("slow", seconds=0.4)

    order = sent(client, market("late"))

    assert order.client_order_id == "late"
    assert venue.counts == {"slow": 1}


def test_an_answer_is_reset_at_every_byte_and_the_order_is_always_there(
    venue: Running, client: TradingClient
) -> None:
    """From no byte at all to all but the last; each 37th of them, to save time."""
    whole = 1_100
    for at in range(0, whole, 37):
        client_order_id = f"byte-{at}"
        venue.arm("reset_after", at_byte=at)
        with pytest.raises(requests.RequestException):
            sent(client, limit(client_order_id, "90.00", 1))
        assert venue.order(client_order_id) is not None

    assert venue.counts == {"reset_after": len(range(0, whole, 37))}


@pytest.mark.parametrize("status", ["500", "502", "503", "504"])
def test_a_5xx_says_nothing_of_what_was_done(
    venue: Running, client: TradingClient, status: str
) -> None:
    venue.arm("error_before", status=status)
    venue.arm("error_after", status=status)

    seen = []
    for client_order_id in ("first", "second"):
        with pytest.raises(APIError) as error:
            sent(client, market(client_order_id))
        seen.append((error.value.status_code, str(error.value)))

    assert seen[0] == seen[1]
    assert seen[0][0] == int(status)
    assert venue.order("first") is None
    assert venue.order("second") is not None


def test_the_sdk_s_own_retry_of_a_504_is_seen_in_the_count_of_posts(venue: Running) -> None:
    """Why a client has to switch it off: one submit, two POSTs, and a 422 for an answer."""
    venue.arm("error_after", status="504")
    client = venue.trading()
    client._retry, client._retry_wait = 3, 0

    with pytest.raises(APIError, match="client_order_id must be unique"):
        sent(client, market("twice"))

    assert venue.get("state")["posts"] == {"twice": 2}
    assert venue.order("twice") is not None


def test_a_fault_can_be_asked_of_the_nth_order() -> None:
    with start(None, "--script", "2:html,3:partial_fill") as venue:
        client = venue.trading()
        sent(client, market("one"))
        with pytest.raises(BROKEN):
            sent(client, market("two"))
        sent(client, market("three"))
        eventually(lambda: status_of(client, "three") == "filled")

        assert venue.counts == {"html": 1, "partial_fill": 1}


def test_an_order_accepted_is_found_late(venue: Running, client: TradingClient) -> None:
    venue.arm("late_visible", seconds=0.5)
    order = sent(client, market("hidden"))

    with pytest.raises(APIError, match="order not found"):
        client.get_order_by_client_id("hidden")
    with pytest.raises(APIError, match="order not found"):
        client.get_order_by_id(order.id)
    assert client.get("/orders", {"status": "all"}) == []
    with pytest.raises(APIError, match="must be unique"):
        sent(client, market("hidden"))

    eventually(lambda: client.get("/orders", {"status": "all"}))
    assert status_of(client, "hidden") == "filled"
    assert venue.counts == {"late_visible": 1}


def test_an_order_accepted_is_rejected_later(venue: Running, client: TradingClient) -> None:
    venue.arm("late_reject")

    assert sent(client, market("doomed")).status.value == "pending_new"

    eventually(lambda: status_of(client, "doomed") == "rejected")
    assert venue.order("doomed")["failed_at"] is not None
    assert venue.counts == {"late_reject": 1}


def test_an_order_is_in_a_status_nobody_knows_for_a_while(
    venue: Running, client: TradingClient
) -> None:
    """The SDK's model refuses it, which is why raw answers are read."""
    venue.arm("unknown_status")
    client.post("/orders", market("odd").to_request_fields())

    seen = eventually(
        lambda: client.get("/orders", {"status": "all"})[0]["status"] == "venue_review"
    )
    eventually(lambda: venue.order("odd")["status"] == "filled")

    assert seen
    assert venue.counts == {"unknown_status": 1}


def test_a_first_fill_takes_half(venue: Running, client: TradingClient) -> None:
    venue.arm("partial_fill")
    sent(client, market("parts", 10))

    eventually(lambda: status_of(client, "parts") == "filled")

    rows = client.get("/account/activities/FILL", {"direction": "asc"})
    assert [(r["qty"], r["cum_qty"], r["leaves_qty"], r["type"]) for r in rows] == [
        ("5", "5", "5", "partial_fill"),
        ("5", "10", "0", "fill"),
    ]
    assert venue.counts == {"partial_fill": 1}


def test_an_order_fills_after_its_cancel_was_accepted(
    venue: Running, client: TradingClient
) -> None:
    venue.arm("fill_after_cancel")
    order = sent(client, limit("quick", "90.00"))
    eventually(lambda: status_of(client, "quick") == "new")

    client.cancel_order_by_id(order.id)

    eventually(lambda: status_of(client, "quick") == "filled")
    assert venue.get("state")["positions"] == {"AAPL": "10"}
    assert venue.counts == {"fill_after_cancel": 1}


def test_an_accepted_cancel_is_rejected(venue: Running, client: TradingClient) -> None:
    venue.arm("cancel_rejected")
    order = sent(client, limit("stays", "90.00"))
    eventually(lambda: status_of(client, "stays") == "new")

    client.cancel_order_by_id(order.id)

    eventually(lambda: status_of(client, "stays") == "new")
    assert venue.counts == {"cancel_rejected": 1}


def test_a_cancel_is_stuck(venue: Running, client: TradingClient) -> None:
    venue.arm("stuck_cancel")
    order = sent(client, limit("stuck", "90.00"))
    eventually(lambda: status_of(client, "stuck") == "new")
    client.cancel_order_by_id(order.id)

    eventually(lambda: venue.counts == {"stuck_cancel": 1})

    assert status_of(client, "stuck") == "pending_cancel"
    with pytest.raises(APIError, match="pending cancel"):
        client.cancel_order_by_id(order.id)


def test_a_replace_comes_to_nothing(venue: Running, client: TradingClient) -> None:
    venue.arm("replace_rejected")
    order = sent(client, limit("old", "90.00"))
    eventually(lambda: status_of(client, "old") == "new")

    answered = client.patch(f"/orders/{order.id}", {"limit_price": "91.00"})

    assert answered["replaces"] == str(order.id)
    eventually(lambda: status_of(client, answered["client_order_id"]) == "rejected")
    assert status_of(client, "old") == "new"
    assert venue.counts == {"replace_rejected": 1}


def test_a_replace_needs_the_money_for_what_is_more(venue: Running, client: TradingClient) -> None:
    order = sent(client, limit("old", "90.00", 1_000))
    eventually(lambda: status_of(client, "old") == "new")

    with pytest.raises(APIError, match="insufficient buying power"):
        client.patch(f"/orders/{order.id}", {"qty": "2000"})

    assert status_of(client, "old") == "new"


@pytest.mark.parametrize("fault", ["bust", "correct"])
def test_a_fill_is_amended_and_money_and_shares_with_it(
    venue: Running, client: TradingClient, fault: str
) -> None:
    venue.arm(fault)
    sent(client, market("mine", 10))

    eventually(lambda: venue.counts == {fault: 1})

    state, order = venue.get("state"), venue.order("mine")
    rows = client.get("/account/activities/FILL", {})
    if fault == "bust":
        assert (state["cash"], state["positions"], rows) == ("100000", {}, [])
        assert (order["filled_qty"], order["filled_avg_price"]) == ("0", None)
    else:
        assert (state["cash"], state["positions"]) == ("98999.7", {"AAPL": "10"})
        assert [(row["qty"], row["price"]) for row in rows] == [("10", "100.03")]
        assert (order["filled_qty"], order["filled_avg_price"]) == ("10", "100.03")


def test_a_fill_is_busted_and_corrected_by_hand(venue: Running, client: TradingClient) -> None:
    sent(client, market("mine", 10))
    eventually(lambda: status_of(client, "mine") == "filled")
    first = venue.get("state")["executions"][0]["id"]

    venue.post("correct", {"client_order_id": "mine", "quantity": "4", "price": "99.50"})
    assert venue.get("state")["positions"] == {"AAPL": "4"}
    second = venue.get("state")["executions"][1]
    assert second["previous"] == first
    venue.post("bust", {"client_order_id": "mine", "execution_id": second["id"]})

    assert venue.get("state")["positions"] == {}
    assert venue.get("state")["cash"] == "100000"


def test_somebody_else_trades_in_the_account(venue: Running, client: TradingClient) -> None:
    venue.post("order", {"symbol": "MSFT", "side": "buy", "quantity": 3, "client_order_id": "web"})
    venue.post("position", {"symbol": "AAPL", "quantity": 5, "price": "90"})

    eventually(lambda: status_of(client, "web") == "filled")

    held = {p["symbol"]: p["qty"] for p in client.get("/positions")}
    assert held == {"AAPL": "5", "MSFT": "3"}
    assert "web" not in venue.get("state")["posts"]
