"""Reconciliation: what Alpaca has and the journal does not, and nothing that is only missing."""

from collections.abc import Callable
from typing import Any

import pytest

from core.events import (
    FillReported,
    Observation,
    OrderReported,
    ReconcileMismatched,
    StreamWentDown,
    StreamWentUp,
)
from core.state import State
from live.brokers.alpaca import listing
from live.brokers.alpaca.broker import AlpacaBroker
from tests import build
from tests.alpaca.account import Account
from tests.alpaca.conftest import Serving
from tests.alpaca.server import Reply, Request, http
from tests.alpaca.world import SECRETS, order, settings
from tests.build import at
from tests.spec import given

OURS = "rf-0123abcd-one"
TAG = "rf-0123abcd-"
HTML = http(503, b"<html>")


def theirs(**changes: Any) -> dict[str, Any]:
    """Our order at Alpaca: 100 MSFT at 10.01."""
    return order(
        **{
            "client_order_id": OURS,
            "symbol": "MSFT",
            "qty": "100",
            "limit_price": "10.01",
            "status": "new",
            "updated_at": at(1),
            **changes,
        }
    )


def submitted() -> State:
    """The journal has the order as submitted."""
    return given(
        build.intent(OURS), build.attempted(OURS), build.submitted(OURS, status="new")
    ).state


Connect = Callable[[Account], AlpacaBroker]


@pytest.fixture
def connect(serve: Serving) -> Connect:
    """A broker of a hand-written account, its stream not started."""

    def begin(account: Account) -> AlpacaBroker:
        clock = [at(100)]
        return AlpacaBroker(
            settings(serve(account.reply).url, requests_per_minute=10_000),
            SECRETS,
            lambda: clock[0],
            TAG,
        )

    return begin


def kinds(found: list[Observation]) -> list[str]:
    """The names of what was told."""
    return [type(one).__name__ for one in found]


def test_what_agrees_is_silent(connect: Connect) -> None:
    account = Account()
    account.orders = [theirs()]

    assert connect(account).reconcile(submitted(), at(100)) == []


def test_fills_the_stream_lost_come_from_the_activities_in_order(connect: Connect) -> None:
    account = Account()
    account.orders = [theirs()]
    account.fill(account.orders[0], 30, "10", 1)
    account.fill(account.orders[0], 70, "10.01", 2)

    found = connect(account).reconcile(submitted(), at(100))

    assert kinds(found) == ["FillReported", "FillReported", "OrderReported"]
    fills = [one for one in found if isinstance(one, FillReported)]
    assert [(f.quantity, f.price, f.cumulative_quantity) for f in fills] == [
        ("30", "10", "30"),
        ("70", "10.01", "100"),
    ]
    assert all(one.execution_id is None and one.source == "rest" for one in fills)
    state = given(submitted_events(), found).state
    assert state.filled(OURS) == state.executed(OURS) == 100
    assert connect(account).reconcile(state, at(101)) == []


def submitted_events() -> list[Any]:
    """What made `submitted`."""
    return [build.intent(OURS), build.attempted(OURS), build.submitted(OURS, status="new")]


def test_an_execution_the_stream_told_is_not_told_again(connect: Connect) -> None:
    account = Account()
    account.orders = [theirs()]
    account.fill(account.orders[0], 30, "10", 1)
    account.fill(account.orders[0], 20, "10", 2)
    heard = build.fill(30, "10", order=OURS, execution="uuid-1", cumulative=30)
    state = given(submitted_events(), heard).state

    found = connect(account).reconcile(state, at(100))

    fills = [one for one in found if isinstance(one, FillReported)]
    assert [one.cumulative_quantity for one in fills] == ["50"]
    assert given(submitted_events(), heard, found).state.filled(OURS) == 50


def test_executions_the_stream_told_with_a_wrong_cumulative_never_count_twice(
    connect: Connect,
) -> None:
    """Two fills of one millisecond, both with the order as it was after the second; one lost."""
    account = Account()
    account.orders = [theirs()]
    account.fill(account.orders[0], 30, "10", 1)
    account.fill(account.orders[0], 20, "10", 2)
    account.fill(account.orders[0], 10, "10", 3)
    heard = [
        build.fill(30, "10", order=OURS, execution="uuid-1", cumulative=50),
        build.fill(20, "10", order=OURS, execution="uuid-2", cumulative=50),
    ]

    state = given(submitted_events(), heard).state
    found = connect(account).reconcile(state, at(100))
    after = given(submitted_events(), heard, found).state

    assert kinds(found) == ["FillReported", "OrderReported"]
    assert after.filled(OURS) == after.executed(OURS) == 60


def test_activities_that_miss_a_row_are_a_mismatch_only_once_they_are_late(
    connect: Connect,
) -> None:
    account = Account()
    account.orders = [theirs(updated_at=at(50))]
    account.fill(account.orders[0], 30, "10", 1)
    account.fill(account.orders[0], 20, "10", 2)
    del account.activities[0]
    broker = connect(account)

    first = broker.reconcile(submitted(), at(100))
    state = given(submitted_events(), first).state
    early = broker.reconcile(state, at(100))
    late = broker.reconcile(state, at(200))

    assert state.filled(OURS) == 50
    assert early == []
    assert [(m.what, m.journal_side, m.broker_side) for m in mismatches(late)] == [
        ("order", "executed 20", "filled 50: executions not listed")
    ]


def mismatches(found: list[Observation]) -> list[ReconcileMismatched]:
    """What does not agree."""
    return [one for one in found if isinstance(one, ReconcileMismatched)]


def test_every_page_is_read_once(connect: Connect) -> None:
    account = Account()
    account.orders = [theirs(qty="100")]
    account.orders += [
        order(id=f"id-{n}", client_order_id=f"else-{n}", status="canceled") for n in range(1200)
    ]
    for number in range(250):
        foreign = order(id=f"foreign-{number}", qty="1", updated_at=at(1))
        account.fill(foreign, 1, "5", number)
    account.positions = {}
    account.fill(account.orders[0], 100, "10", 999)
    found = connect(account).reconcile(submitted(), at(100))

    assert kinds(found) == ["FillReported", "OrderReported"]


@pytest.mark.parametrize("path", ["/orders", "/positions", "/account/activities"])
@pytest.mark.parametrize(
    "failure",
    [HTML, http(200, b""), http(200, b"<html>"), http(200, b"{}"), http(200, [{}]), Reply(cut=0)],
    ids=["503", "empty", "HTML", "an object", "a row of nothing", "reset"],
)
def test_a_failed_list_is_not_an_empty_one(connect: Connect, path: str, failure: Reply) -> None:
    account = Account()
    account.orders = [theirs()]
    account.fill(account.orders[0], 30, "10", 1)
    account.positions = {"KO": "5"}
    account.failing[path] = failure

    found = connect(account).reconcile(submitted(), at(100))

    assert mismatches(found) == []
    assert not any(isinstance(one, StreamWentUp) for one in found)
    assert isinstance(found[-1], StreamWentDown)
    assert found[-1].stream == "account"
    assert path.removeprefix("/") in found[-1].why


def test_a_position_that_differs_is_named_and_agrees_again(connect: Connect) -> None:
    account = Account()
    account.orders = [theirs()]
    account.positions = {"KO": "5"}
    broker = connect(account)

    (told,) = broker.reconcile(submitted(), at(100))
    state = given(submitted_events(), told).state
    again = broker.reconcile(state, at(101))
    account.positions = {}
    (resolved,) = broker.reconcile(state, at(102))

    assert isinstance(told, ReconcileMismatched)
    assert (told.what, told.symbol, told.journal_side, told.broker_side) == (
        "position",
        "KO",
        "0",
        "5",
    )
    assert again == []
    assert isinstance(resolved, ReconcileMismatched)
    assert resolved.resolved


def test_a_position_only_the_journal_has_is_named(connect: Connect) -> None:
    account = Account()
    account.orders = [theirs()]
    account.fill(account.orders[0], 100, "10", 1)
    account.positions = {}
    heard = [
        build.fill(100, "10", order=OURS, execution="uuid-1", cumulative=100),
        build.reported(OURS, "filled", filled=100, average="10"),
    ]

    (told,) = connect(account).reconcile(given(submitted_events(), heard).state, at(100))

    assert isinstance(told, ReconcileMismatched)
    assert (told.symbol, told.journal_side, told.broker_side) == ("MSFT", "100", "0")


def test_a_foreign_order_is_named_and_one_with_our_tag_is_worse(connect: Connect) -> None:
    account = Account()
    account.orders = [
        theirs(),
        order(id="a", client_order_id="somebody", symbol="KO"),
        order(id="b", client_order_id=f"{TAG}lost", symbol="PEP", status="filled"),
        order(id="c", client_order_id="done", symbol="XOM", status="filled"),
    ]

    told = mismatches(connect(account).reconcile(submitted(), at(100)))

    assert [(one.what, one.symbol) for one in told] == [
        ("foreign-order", "KO"),
        ("foreign-order-with-our-tag", "PEP"),
    ]


def test_a_bust_nobody_heard_of_is_a_mismatch(connect: Connect) -> None:
    account = Account()
    account.orders = [theirs(filled_qty="0")]
    heard = build.fill(30, "10", order=OURS, execution="uuid-1", cumulative=30)

    told = mismatches(connect(account).reconcile(given(submitted_events(), heard).state, at(100)))

    assert ("order", "executed 30", "filled 0: a bust or correction not told") in [
        (one.what, one.journal_side, one.broker_side) for one in told
    ]


def test_an_order_alpaca_lost_is_a_mismatch_once_it_cannot_be_late_any_more(
    connect: Connect,
) -> None:
    broker = connect(Account())

    first = broker.reconcile(submitted(), at(100))
    soon = broker.reconcile(submitted(), at(130))
    (told,) = broker.reconcile(submitted(), at(161))

    assert first == soon == []
    assert isinstance(told, ReconcileMismatched)
    assert (told.what, told.symbol) == ("order-vanished", "MSFT")
    assert (told.journal_side, told.broker_side) == ("new", "absent")


def test_an_old_order_that_is_in_no_list_is_asked_for_by_its_id(connect: Connect) -> None:
    account = Account()
    account.orders = [theirs(status="canceled")]
    listed = account.reply

    def reply(request: Request) -> Reply:
        return http(200, []) if request.target.startswith("/v2/orders?") else listed(request)

    account.reply = reply  # type: ignore[method-assign]

    (told,) = connect(account).reconcile(submitted(), at(100))

    assert isinstance(told, OrderReported)
    assert (told.status, told.source) == ("canceled", "rest")


def test_a_list_without_end_fails(connect: Connect, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listing, "PAGES_MAX", 2)
    account = Account()
    account.orders = [order(id=f"id-{n}", client_order_id=f"else-{n}") for n in range(1100)]

    found = connect(account).reconcile(submitted(), at(100))

    assert isinstance(found[-1], StreamWentDown)
    assert "more than" in found[-1].why
