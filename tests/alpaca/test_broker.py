"""The broker as the runner drives it: what is down, what arrived, what was asked."""

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from core.events import (
    AccountReported,
    CancelAnswered,
    Observation,
    OrderReported,
    StreamWentDown,
    StreamWentUp,
)
from core.state import INITIAL
from core.values import TimeText
from live.brokers.alpaca.broker import AlpacaBroker
from live.brokers.alpaca.client import AlpacaClient
from live.brokers.alpaca.settings import AlpacaSettings
from live.brokers.base import Broker
from live.feeds.errors import BadInputError
from live.secrets import Secrets
from tests.alpaca.account import NOT_FOUND, Account
from tests.alpaca.conftest import Serving
from tests.alpaca.listening import FAST, fill
from tests.alpaca.server import Reply, http
from tests.alpaca.stream_server import Peer, StreamServer
from tests.alpaca.test_stream import stays
from tests.alpaca.world import KEY_ID, ORDER_ID, SECRET_KEY, SECRETS, order, settings, wall


class Driven:
    """A broker, and what its runner took from it."""

    def __init__(self, broker: AlpacaBroker) -> None:
        self.broker = broker
        self.told: list[Observation] = []
        self.heard_until = wall()

    def take(self) -> None:
        """As the runner does: ask what is due, take it."""
        while (due := self.broker.next_due(self.heard_until)) is not None and due <= wall():
            self.told += self.broker.messages(self.heard_until, due)
            self.heard_until = due

    def until(self, wanted: Callable[[], bool]) -> None:
        """Wait for what must come."""
        ends = time.monotonic() + 60
        while not wanted():
            assert time.monotonic() < ends, (self.told, self.broker.down)
            self.broker.wait(0.05)
            self.take()


Drive = Callable[..., Driven]


@pytest.fixture
def drive(serve: Serving) -> Iterator[Drive]:
    """A broker of an account and a stream, started."""
    running: list[tuple[AlpacaBroker, StreamServer]] = []

    def begin(account: Account, script: Callable[[Peer], None] = stays, **changes: Any) -> Driven:
        stream = StreamServer(script)
        made = settings(
            serve(account.reply).url, **{**FAST, "trading_stream_url": stream.url, **changes}
        )
        broker = AlpacaBroker(made, SECRETS, wall, "rf-")
        running.append((broker, stream))
        broker.start()
        return Driven(broker)

    yield begin
    for broker, stream in running:
        broker.close()
        stream.close()


def test_it_is_a_broker_as_the_runner_knows_them(serve: Serving) -> None:
    broker: Broker = AlpacaBroker(settings(serve(http(200, {})).url), SECRETS, wall)

    assert (broker.resend, broker.looks > 1, broker.settle_s >= 60) == (False, True, True)


def test_openings_are_allowed_only_after_stream_account_and_comparison(drive: Drive) -> None:
    driven = drive(Account())
    driven.until(lambda: "trade_updates" not in driven.broker.down and len(driven.told) > 4)
    assert set(driven.broker.down) == {"account", "trading"}
    assert driven.broker.reconcile_due

    driven.told += driven.broker.reconcile(INITIAL, wall())
    account = driven.broker.account(wall())
    driven.until(lambda: not driven.broker.down)

    assert isinstance(account, AccountReported)
    assert (account.cash, account.positions) == ("1000.5", {})
    ups = [one.stream for one in driven.told if isinstance(one, StreamWentUp)]
    assert ups == ["trade_updates", "account", "trading"]


def test_a_connection_that_came_back_is_to_be_compared_again(drive: Drive) -> None:
    def script(peer: Peer) -> None:
        peer.welcome()
        if peer.number == 0:
            time.sleep(0.6)
            return
        peer.stay()

    driven = drive(Account(), script)
    driven.until(lambda: "trade_updates" not in driven.broker.down and len(driven.told) > 4)
    driven.told += driven.broker.reconcile(INITIAL, wall())
    assert "account" not in driven.broker.down

    driven.until(lambda: "trade_updates" in driven.broker.down)
    driven.until(lambda: "trade_updates" not in driven.broker.down)

    assert driven.broker.reconcile_due


@pytest.mark.parametrize(
    "spoiled",
    [
        {"status": "ACCOUNT_CLOSED_PENDING"},
        {"trading_blocked": True},
        {"account_blocked": "yes"},
        {"trade_suspended_by_user": True},
        {"cash": "NaN"},
        {"status": None},
    ],
)
def test_an_account_that_may_not_trade_is_down(drive: Drive, spoiled: dict[str, Any]) -> None:
    account = Account()
    driven = drive(account)
    driven.broker.account(wall())
    driven.until(lambda: "trading" not in driven.broker.down)

    account.account.update(spoiled)
    driven.broker.account(wall())
    driven.take()

    assert "trading" in driven.broker.down
    assert isinstance(driven.told[-1], StreamWentDown)


@pytest.mark.parametrize("path", ["/account", "/positions"])
def test_an_account_that_cannot_be_read_is_none_and_down(drive: Drive, path: str) -> None:
    account = Account()
    account.failing[path] = http(503, b"<html>")
    driven = drive(account)

    assert driven.broker.account(wall()) is None
    driven.take()

    assert "trading" in driven.broker.down


def test_a_message_that_came_while_the_runner_was_busy_is_told_late_and_not_lost(
    drive: Drive,
) -> None:
    def script(peer: Peer) -> None:
        peer.welcome()
        peer.say(fill())
        peer.stay()

    driven = drive(Account(), script)
    time.sleep(0.5)
    later = wall()

    due = driven.broker.next_due(later)
    assert due is not None
    assert due > later
    told = driven.broker.messages(later, due)

    assert [one.observed_at for one in told] == [due] * len(told)
    assert any(isinstance(one, OrderReported) for one in told)
    assert driven.broker.next_due(due) is None


def test_a_cancel_asks_for_alpacas_id_where_nobody_named_it(serve: Serving) -> None:
    account = Account()
    account.orders = [order()]
    server = serve(account.reply)
    broker = AlpacaBroker(settings(server.url), SECRETS, wall)

    first = broker.cancel(ORDER_ID, 1, wall())
    broker.cancel(ORDER_ID, 2, wall())

    assert (first.outcome, first.status_code) == ("accepted", 204)
    wanted = [r.method for r in server.requests]
    assert wanted == ["GET", "DELETE", "DELETE"]
    assert server.requests[1].target == f"/v2/orders/{order()['id']}"


@pytest.mark.parametrize(
    ("answer", "outcome"),
    [
        (http(204), "accepted"),
        (http(422, {"code": 42210000, "message": "order is not cancelable"}), "refused"),
        (http(404, NOT_FOUND), "refused"),
        (http(404, b"<html>"), "unknown"),
        (http(500, {"code": 50010000, "message": "failed to cancel"}), "unknown"),
        (http(429, b""), "unknown"),
        (http(302, b""), "unknown"),
        (Reply(cut=0, reset=True), "unknown"),
    ],
    ids=["204", "422", "404", "404 of a proxy", "500", "429", "302", "reset"],
)
def test_a_cancel_is_accepted_refused_or_unknown(
    serve: Serving, answer: Reply, outcome: str
) -> None:
    account = Account()
    account.orders = [order()]
    server = serve(lambda r: answer if r.method == "DELETE" else account.reply(r))
    broker = AlpacaBroker(settings(server.url), SECRETS, wall)

    found = broker.cancel(ORDER_ID, 1, wall())

    assert found.outcome == outcome
    assert len([r for r in server.requests if r.method == "DELETE"]) == 1


def test_a_cancel_of_an_order_alpaca_does_not_have_is_refused(serve: Serving) -> None:
    broker = AlpacaBroker(settings(serve(Account().reply).url), SECRETS, wall)

    assert broker.cancel(ORDER_ID, 1, wall()).outcome == "refused"


def test_a_cancel_that_is_refused_later_is_answered_again(drive: Drive) -> None:
    message = fill()
    message["data"] = {
        "event": "order_cancel_rejected",
        "reason": "TOO_LATE_TO_CANCEL",
        "order": order(status="new"),
    }

    def script(peer: Peer) -> None:
        peer.welcome()
        time.sleep(0.4)
        peer.say(message)
        peer.stay()

    account = Account()
    account.orders = [order()]
    driven = drive(account, script)
    driven.broker.cancel(ORDER_ID, 3, wall())
    driven.until(lambda: any(isinstance(one, CancelAnswered) for one in driven.told))

    report, refused = driven.told[-2:]
    assert isinstance(report, OrderReported)
    assert isinstance(refused, CancelAnswered)
    assert report.why == "order_cancel_rejected: TOO_LATE_TO_CANCEL"
    assert (refused.outcome, refused.attempt) == ("refused", 3)


LOOKS: dict[str, tuple[Reply, Reply | None, tuple[bool, bool, str]]] = {
    "found": (http(200, order()), None, (True, True, "by-id")),
    "absent": (http(404, NOT_FOUND), http(200, []), (False, True, "by-id")),
    "404 and listed": (http(404, NOT_FOUND), http(200, [order()]), (True, True, "list")),
    "404 and no list": (http(404, NOT_FOUND), http(503, b""), (False, False, "list")),
    "404 of a proxy": (http(404, b"<html>"), None, (False, False, "by-id")),
    "500": (http(500, b""), None, (False, False, "by-id")),
    "empty 200": (http(200, b""), None, (False, False, "by-id")),
    "null": (http(200, b"null"), None, (False, False, "by-id")),
    "another order": (http(200, order(client_order_id="x")), None, (False, False, "by-id")),
    "reset": (Reply(cut=0, reset=True), None, (False, False, "by-id")),
    "429": (http(429, b""), None, (False, False, "by-id")),
}


@pytest.mark.parametrize("case", LOOKS)
def test_a_look_proves_presence_or_absence_or_nothing(serve: Serving, case: str) -> None:
    by_id, listed, wanted = LOOKS[case]
    server = serve(lambda r: by_id if ":by_client_order_id" in r.target else listed or by_id)

    found = AlpacaBroker(settings(server.url), SECRETS, wall).look_up(ORDER_ID, wall())

    assert (found.found, found.complete, found.source) == wanted


def test_the_budget_is_the_smaller_of_what_both_count(serve: Serving) -> None:
    reset = str(int(time.time()) + 30)
    headers = {"X-Ratelimit-Limit": "200", "X-Ratelimit-Remaining": "7", "X-Ratelimit-Reset": reset}
    broker = AlpacaBroker(settings(serve(http(404, NOT_FOUND, headers)).url), SECRETS, wall)
    before = broker.rate_budget(wall())

    broker.look_up(ORDER_ID, wall())  # two calls, and both are told that 7 are left: not 7 after it
    after = broker.rate_budget(wall())

    assert (before.limit, before.remaining) == (200, 200)
    assert (after.limit, after.remaining) == (200, 6)
    assert (after.broker_limit, after.broker_remaining) == (200, 6)


def test_429_believes_the_headers_up_to_two_minutes(serve: Serving) -> None:
    for headers, longest in (
        ({"Retry-After": "999999999"}, 120),
        ({"Retry-After": "-5"}, 1),
        ({"Retry-After": "nonsense"}, 1),
        ({"X-Ratelimit-Reset": str(int(time.time()) + 9)}, 10),
        ({}, 1),
    ):
        broker = AlpacaBroker(settings(serve(http(429, b"", headers)).url), SECRETS, wall)
        broker.look_up(ORDER_ID, wall())
        budget = broker.rate_budget(wall())

        assert budget.remaining == 0
        assert budget.resets_at is not None
        seconds = _seconds(wall(), budget.resets_at)
        assert 0 < seconds <= 120
        assert longest != 10 or seconds <= 60


def _seconds(earlier: TimeText, later: TimeText) -> float:
    from core.values import seconds_between

    return float(seconds_between(earlier, later))


@pytest.mark.parametrize(
    "url", ["http://example.com", "ftp://127.0.0.1", "example.com", "https://", "http://[bad"]
)
def test_keys_never_go_where_others_can_read_them(url: str) -> None:
    with pytest.raises(BadInputError, match=r"broker\.trading_url: expected https"):
        AlpacaSettings(trading_url=url)


@pytest.mark.parametrize("value", ["", "a b\nc", "ключ", " padded"])
def test_keys_that_no_header_can_carry_are_refused_without_showing_them(value: str) -> None:
    secrets = Secrets({"APCA_API_KEY_ID": KEY_ID, "APCA_API_SECRET_KEY": value})

    with pytest.raises(BadInputError) as refused:
        AlpacaClient(settings("http://127.0.0.1:9"), secrets, wall)

    assert "APCA_API_SECRET_KEY" in str(refused.value)
    assert not value.strip() or value not in str(refused.value)


def test_no_repr_shows_a_key(serve: Serving) -> None:
    broker = AlpacaBroker(settings(serve(http(200, {})).url), SECRETS, wall)

    said = repr(broker) + repr(vars(broker))

    assert KEY_ID not in said
    assert SECRET_KEY not in said


def test_alpaca_py_is_imported_only_when_a_client_is_made() -> None:
    code = (
        "import sys; import live.brokers.alpaca.broker, live.feeds.alpaca; "
        "found = {name.split('.')[0] for name in sys.modules}; "
        "sys.exit(bool(found & {'alpaca', 'pandas', 'websockets'}))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False, timeout=60).returncode == 0
