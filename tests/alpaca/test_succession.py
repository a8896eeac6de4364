"""The adapter follows who replaces whom: from lists, and from orders no list has."""

from collections.abc import Callable
from typing import Any

import pytest
from msgspec.structs import replace

from core.events import OrderLookedUp, ReconcileMismatched, StreamWentDown
from core.state import State
from live.brokers.alpaca.broker import AlpacaBroker
from tests import build
from tests.alpaca.account import Account
from tests.alpaca.conftest import Serving
from tests.alpaca.server import Request, http
from tests.alpaca.world import SECRETS, order, settings
from tests.build import at
from tests.spec import given

OURS, SECOND, THIRD = "rf-0123abcd-one", "second", "third"
Connect = Callable[[Account], AlpacaBroker]


def theirs(name: str, number: int, **changes: Any) -> dict[str, Any]:
    """An order for 100 MSFT at Alpaca."""
    plain = {"symbol": "MSFT", "qty": "100", "limit_price": "10.01", "status": "new"}
    made = {"client_order_id": name, "id": f"id-{number}", "updated_at": at(number)}
    return order(**{**plain, **made, **changes})


def chain() -> list[dict[str, Any]]:
    """Ours, replaced by a second, replaced by a third that works."""
    return [
        theirs(OURS, 1, status="replaced", replaced_by="id-2"),
        theirs(SECOND, 2, status="replaced", replaces="id-1", replaced_by="id-3"),
        theirs(THIRD, 3, replaces="id-2", qty="70"),
    ]


def working() -> list[Any]:
    """The journal has the first order as it works."""
    submitted = build.submitted(OURS, status="new")
    return [build.intent(OURS), build.attempted(OURS), replace(submitted, venue_order_id="id-1")]


@pytest.fixture
def connect(serve: Serving) -> Connect:
    """A broker of a hand-written account, its stream not started."""

    def begin(account: Account) -> AlpacaBroker:
        url = serve(account.reply).url
        made = settings(url, requests_per_minute=10_000)
        return AlpacaBroker(made, SECRETS, lambda: at(100), "rf-0123abcd-")

    return begin


def after(broker: AlpacaBroker, *before: Any) -> State:
    """What the journal has after a comparison, its decisions too."""
    outcome = given([*before])
    for heard in broker.reconcile(outcome.state, at(100)):
        outcome = outcome.when(heard)
    return outcome.state


@pytest.mark.parametrize("hidden", [(), (1,), (1, 2)])
def test_a_chain_is_followed_whichever_of_its_orders_the_lists_leave_out(
    connect: Connect, hidden: tuple[int, ...]
) -> None:
    account, orders = Account(), chain()
    account.orders = [one for number, one in enumerate(orders) if number not in hidden]
    account.hidden = [orders[number] for number in hidden]

    state = after(connect(account), *working())

    assert list(state.intents) == [THIRD]
    assert state.intents[THIRD].replaces == SECOND
    assert (state.unfollowed, state.mismatched) == ({}, {})


def test_the_order_before_is_told_before_its_successor_and_both_with_what_they_ask_for(
    connect: Connect,
) -> None:
    account = Account()
    account.orders = chain()[::-1]

    found = connect(account).reconcile(given(working()).state, at(100))

    looks = [one for one in found if isinstance(one, OrderLookedUp)]
    assert [(one.client_order_id, one.predecessor, one.replaces) for one in looks] == [
        (SECOND, OURS, "id-1"),
        (THIRD, SECOND, "id-2"),
    ]
    assert [one.quantity for one in looks] == ["100", "70"]


def test_a_predecessor_that_cannot_be_read_fails_the_comparison(connect: Connect) -> None:
    account = Account()
    account.orders = [theirs(THIRD, 3, replaces="id-2")]
    account.failing["/orders/id-2"] = http(503, b"<html>")

    (down,) = connect(account).reconcile(given(working()).state, at(100))[-1:]

    assert isinstance(down, StreamWentDown)
    assert "order id-2: HTTP 503" in down.why


def test_a_successor_the_broker_names_and_nobody_has_is_a_mismatch_by_name(
    connect: Connect,
) -> None:
    account = Account()
    account.orders = chain()[:1]
    broker = connect(account)
    first = after(broker, *working())

    (told,) = [o for o in broker.reconcile(first, at(101)) if isinstance(o, ReconcileMismatched)]

    assert first.unfollowed == {OURS: "MSFT"}
    assert (told.what, told.symbol, told.client_order_id) == ("order-replaced", "MSFT", OURS)
    assert told.broker_side == "by id-2, not found"


def test_strangers_who_replaced_one_another_stay_strangers_and_are_asked_for_once(
    serve: Serving,
) -> None:
    account, asked = Account(), list[str]()
    account.orders = [theirs("stranger-2", 8, replaces="id-7")]
    account.hidden = [theirs("stranger-1", 7, status="replaced", replaced_by="id-8")]

    def reply(request: Request) -> Any:
        asked.append(request.target)
        return account.reply(request)

    made = settings(serve(reply).url, requests_per_minute=10_000)
    broker = AlpacaBroker(made, SECRETS, lambda: at(100), "rf-0123abcd-")
    known = given(working()).state
    account.orders += chain()[2:]
    account.hidden += chain()[:2]
    found = [one for _ in range(3) for one in broker.reconcile(known, at(100))]

    told, *_ = [one for one in found if isinstance(one, ReconcileMismatched)]
    assert (told.what, told.client_order_id) == ("foreign-order", "stranger-2")
    assert len([target for target in asked if "id-7" in target]) == 1


@pytest.mark.parametrize("other", [{"symbol": "IBM"}, {"side": "sell"}, {"qty": None}])
def test_what_cannot_be_what_ours_became_is_a_stranger(
    connect: Connect, other: dict[str, Any]
) -> None:
    account = Account()
    account.orders = [*chain()[:1], theirs(SECOND, 2, replaces="id-1", **other)]

    state = after(connect(account), *working())

    assert state.intents == {}
    assert state.unfollowed == {OURS: "MSFT"}
