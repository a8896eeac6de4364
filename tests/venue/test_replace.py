"""PATCH /v2/orders/{id}, as Alpaca does it: two orders, three outcomes (ALPACA.md A1, A2)."""

from pathlib import Path

import pytest
from alpaca.common.exceptions import APIError
from alpaca.trading.client import TradingClient

from tests.venue.asking import limit, refusal, sent, status_of
from tests.venue.listening import events, listening
from tests.venue.process import Running, eventually, start


def resting(client: TradingClient, name: str = "old", quantity: int = 10) -> str:
    """The venue's id of a new order that rests."""
    order = sent(client, limit(name, "90.00", quantity))
    eventually(lambda: status_of(client, name) == "new")
    return str(order.id)


def test_the_old_names_its_successor_and_the_successor_the_old(
    venue: Running, client: TradingClient
) -> None:
    old_id = resting(client)
    new = client.patch(f"/orders/{old_id}", {"qty": "7", "client_order_id": "new"})
    eventually(lambda: status_of(client, "new") == "new")

    old = venue.order("old")
    assert (new["status"], new["replaces"], new["qty"], new["limit_price"]) == (
        "accepted", old_id, "7", "90",
    )  # fmt: skip
    assert (old["status"], old["replaced_by"]) == ("replaced", new["id"])
    assert old["replaced_at"] is not None


def test_the_stream_tells_of_the_old_as_pending_and_replaced_then_of_the_new(
    venue: Running, client: TradingClient
) -> None:
    old_id = resting(client)
    with listening(venue) as heard:
        new = client.patch(f"/orders/{old_id}", {"limit_price": "91.00", "client_order_id": "new"})
        eventually(lambda: len(heard) == 3)

    assert events(heard) == ["pending_replace", "replaced", "new"]
    told = [(one["order"]["id"], one["order"]["replaced_by"]) for one in heard[:2]]
    assert told == [(old_id, None), (old_id, new["id"])]
    assert heard[2]["order"]["replaces"] == old_id


def test_a_replace_overtaken_by_a_fill_is_rejected(venue: Running, client: TradingClient) -> None:
    """The spec: 200 does not mean replaced."""
    old_id = resting(client)
    venue.post("clock", {"hold": True})
    client.patch(f"/orders/{old_id}", {"limit_price": "91.00", "client_order_id": "new"})
    with listening(venue) as heard:
        venue.post("fill", {"client_order_id": "old", "price": "90"})
        eventually(lambda: len(heard) == 3)

    assert events(heard) == ["fill", "rejected", "order_replace_rejected"]
    assert heard[2]["order"]["client_order_id"] == "old"
    assert status_of(client, "old") == "filled"
    assert status_of(client, "new") == "rejected"


def test_a_partial_fill_meanwhile_stays_the_old_ones(venue: Running, client: TradingClient) -> None:
    """And the successor asks for the whole quantity again (Alpaca-API #165)."""
    old_id = resting(client)
    venue.post("fill", {"client_order_id": "old", "quantity": 4, "price": "90"})
    client.patch(f"/orders/{old_id}", {"limit_price": "91.00", "client_order_id": "new"})
    eventually(lambda: status_of(client, "new") == "new")

    old, new = venue.order("old"), venue.order("new")
    assert (old["status"], old["filled_qty"]) == ("replaced", "4")
    assert (new["qty"], new["filled_qty"]) == ("10", "0")


@pytest.mark.parametrize("status", ["pending_new", "pending_cancel", "pending_replace"])
def test_an_order_that_is_on_its_way_somewhere_cannot_be_replaced(
    venue: Running, client: TradingClient, status: str
) -> None:
    if status == "pending_new":
        venue.post("clock", {"hold": True})
        old_id = str(sent(client, limit("old", "90.00")).id)
    else:
        old_id = resting(client)
        venue.post("clock", {"hold": True})
    if status == "pending_cancel":
        client.cancel_order_by_id(old_id)
    elif status == "pending_replace":
        client.patch(f"/orders/{old_id}", {"limit_price": "92.00"})
    assert status_of(client, "old") == status

    with pytest.raises(APIError) as refused:
        client.patch(f"/orders/{old_id}", {"limit_price": "91.00"})

    assert refusal(refused)[:2] == (422, 42210000)


def test_an_order_that_is_being_replaced_cannot_be_canceled(
    venue: Running, client: TradingClient
) -> None:
    old_id = resting(client)
    venue.post("clock", {"hold": True})
    client.patch(f"/orders/{old_id}", {"limit_price": "91.00"})

    with pytest.raises(APIError) as refused:
        client.cancel_order_by_id(old_id)

    assert refusal(refused)[0] == 422


def test_a_person_replaces_at_the_admin_door_and_a_successor_again(
    venue: Running, client: TradingClient
) -> None:
    old_id = resting(client)
    first = venue.post("replace", {"client_order_id": "old", "quantity": 7})
    eventually(lambda: status_of(client, first["client_order_id"]) == "new")
    again = {"client_order_id": first["client_order_id"], "limit_price": "91.00"}
    second = venue.post("replace", {**again, "successor": "third"})
    eventually(lambda: status_of(client, "third") == "new")

    assert (first["replaces"], second["replaces"]) == (old_id, first["id"])
    assert venue.order(first["client_order_id"])["replaced_by"] == second["id"]


def test_a_corporate_action_replaces_an_order_by_nothing(
    venue: Running, client: TradingClient
) -> None:
    resting(client)
    with listening(venue) as heard:
        venue.post("replace", {"client_order_id": "old", "corporate_action": True})
        eventually(lambda: len(heard) == 1)

    (said,) = heard
    assert (said["event"], said["reason"]) == ("replaced", "CORPORATE_ACTION")
    assert said["order"]["replaced_by"] is None


def test_a_venue_killed_while_it_replaces_goes_on_with_it(file: Path) -> None:
    with start(file) as venue:
        client = venue.trading()
        old_id = resting(client)
        venue.post("clock", {"hold": True})
        client.patch(f"/orders/{old_id}", {"limit_price": "91.00", "client_order_id": "new"})
        venue.process.kill()
        venue.process.wait(10)
    with start(file) as venue:
        venue.post("clock", {"advance_s": 1})
        client = venue.trading()
        eventually(lambda: venue.order("old")["status"] == "replaced")
        assert venue.order("new")["replaces"] == old_id
