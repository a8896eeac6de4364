"""An order uses a connection that was made before it, and is still one POST, whatever became of it.

What a server does to a connection that waits (ends it, resets it, says something) is seen before
the first byte leaves, and the order goes over a new one: it is taken, and nobody has to look it up.
What happens once a byte has left is what it always was: unknown, after one POST.
"""

import random
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from decimal import Decimal
from pathlib import Path

import pytest

from core.events import (
    CycleOpened,
    Event,
    OrderSubmitFailed,
    OrderSubmitted,
    OrderSubmitUnknown,
    SubmitFailure,
)
from core.values import later_by
from journal import open_journal
from live.brokers.alpaca import ready
from live.brokers.alpaca.broker import AlpacaBroker
from live.brokers.alpaca.orders import Orders
from live.clock import Waiting, WallClock
from live.committer import Committer
from live.feeds.base import MarketSlot
from live.inputs import read_inputs
from live.realtime import RealtimeRunner
from tests.alpaca.server import Reply, Request, Server, http
from tests.alpaca.world import NOW, SECRETS, TICKET, client, order, settings
from tests.bench.busy import Busy
from tests.bench.corpus import QUICK, Corpus, config_of

GOOD = http(200, order())
Greeting = Callable[[socket.socket], bool]
"""What is done to a connection before anything came over it, and whether it is served then."""


class Greeter(Server):
    """A server that does something to the first connection, and serves the others."""

    def __init__(self, greet: Greeting, reply: Callable[[Request], Reply] = lambda _: GOOD) -> None:
        self.greet: Greeting | None = greet
        self.greeted = threading.Event()
        self.ended = 0
        super().__init__(reply)

    def _serve(self, plain: socket.socket) -> None:
        greet, self.greet = self.greet, None
        served = greet is None or greet(plain)
        if greet is not None:
            self.greeted.set()
        if served:
            super()._serve(plain)
            self.ended += 1


def reset(connection: socket.socket) -> None:
    """End it with RST."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


def end_own_half(connection: socket.socket) -> None:
    """Say no more, and go on to listen."""
    connection.shutdown(socket.SHUT_WR)


def say_408(connection: socket.socket) -> None:
    """What proxies say to who waits too long."""
    connection.sendall(http(408, {"message": "request timeout"}).data)
    connection.close()


BETRAYALS: dict[str, Callable[[socket.socket], None]] = {
    "ends it": socket.socket.close,
    "resets it": reset,
    "ends its own half": end_own_half,
    "says 408 and ends it": say_408,
    "says an answer nobody asked for": lambda connection: connection.sendall(GOOD.data),
    "says a byte": lambda connection: connection.sendall(b"\r"),
}


@pytest.fixture
def greeter() -> Iterator[Callable[[Greeting], Greeter]]:
    """Start such servers; they end with their test."""
    servers: list[Greeter] = []

    def start(greet: Greeting = lambda _: True) -> Greeter:
        servers.append(Greeter(greet))
        return servers[-1]

    yield start
    for server in servers:
        server.close()


Greeters = Callable[..., Greeter]


def prepared(url: str, **changes: float) -> Orders:
    """Orders whose next one has a connection ready."""
    ours = client(url, **changes)
    ours.prepare()
    return Orders(ours)


def within(wanted: Callable[[], bool]) -> bool:
    """Whether it comes true in the time a slow machine needs."""
    ends = time.monotonic() + 20
    while not wanted() and time.monotonic() < ends:
        time.sleep(0.01)
    return wanted()


def test_an_order_leaves_over_the_connection_that_was_ready(greeter: Greeters) -> None:
    server = greeter()
    ours = prepared(server.url)
    assert within(lambda: server.connections == 1)

    answer = ours.submit(TICKET, 1, NOW)

    assert isinstance(answer, OrderSubmitted)
    assert (len(server.posts()), server.connections) == (1, 1)


def test_a_connection_carries_one_request_and_is_closed(greeter: Greeters) -> None:
    server = greeter()
    ours = prepared(server.url)

    for attempt in range(1, 4):
        assert isinstance(ours.submit(TICKET, attempt, NOW), OrderSubmitted)

    assert within(lambda: server.ended == 3)
    assert (len(server.posts()), server.connections) == (3, 3)


def test_nothing_but_an_order_uses_what_is_ready(greeter: Greeters) -> None:
    server = greeter()
    ours = prepared(server.url)

    ours.look_up(TICKET.client_order_id, NOW)
    ours.submit(TICKET, 1, NOW)

    assert [request.method for request in server.requests] == ["GET", "POST"]
    assert server.connections == 2


@pytest.mark.parametrize("case", BETRAYALS)
def test_a_connection_that_was_betrayed_while_it_waited_costs_no_order(
    greeter: Greeters, case: str
) -> None:
    def betray(connection: socket.socket) -> bool:
        BETRAYALS[case](connection)
        kept.append(connection)
        return False

    kept: list[socket.socket] = []
    server = greeter(betray)
    ours = prepared(server.url)
    assert server.greeted.wait(20)

    answer = ours.submit(TICKET, 1, NOW)
    kept[0].close()

    assert isinstance(answer, OrderSubmitted), case
    assert (len(server.posts()), server.connections) == (1, 2)


@pytest.mark.parametrize("ending", [socket.socket.close, reset, end_own_half])
@pytest.mark.parametrize("length", [1, 40, 5_000])
def test_a_connection_that_ends_behind_the_first_byte_is_unknown_and_nothing_follows(
    greeter: Greeters, ending: Callable[[socket.socket], None], length: int
) -> None:
    came: list[bytes] = []
    kept: list[socket.socket] = []

    def betray(connection: socket.socket) -> bool:
        kept.append(connection)
        came.append(connection.recv(length))
        ending(connection)
        return False

    server = greeter(betray)
    ours = prepared(server.url)

    answer = ours.submit(TICKET, 1, NOW)
    kept[0].close()

    assert isinstance(answer, OrderSubmitUnknown)
    assert b"POST /v2/orders HTTP/1.1".startswith(came[0][:24])
    assert (server.posts(), server.connections) == ([], 1)


def test_a_server_that_ends_waiting_connections_at_any_moment_gets_no_order_twice(
    greeter: Greeters,
) -> None:
    """The end falls before the look, between the look and the bytes, or on them."""
    chance = random.Random(20261122)
    taken = unknown = 0
    for number in range(60):
        ending = chance.choice([socket.socket.close, reset])
        delay_s = chance.random() * 0.004

        def betray(
            connection: socket.socket,
            ending: Callable[[socket.socket], None] = ending,
            delay_s: float = delay_s,
        ) -> bool:
            time.sleep(delay_s)
            ending(connection)
            return False

        server = greeter(betray)
        ours = prepared(server.url)
        time.sleep(0.002)
        answer = ours.submit(TICKET, 1, NOW)

        if isinstance(answer, OrderSubmitted):
            taken += 1
            assert (len(server.posts()), server.connections) == (1, 2), number
        else:
            unknown += 1
            assert isinstance(answer, OrderSubmitUnknown), number
            assert (server.posts(), server.connections) == ([], 1), number
    assert taken + unknown == 60


def test_an_old_connection_is_not_used(greeter: Greeters, monkeypatch: pytest.MonkeyPatch) -> None:
    server = greeter()
    ours = prepared(server.url)
    assert within(lambda: server.connections == 1)
    monkeypatch.setattr(ready, "FRESH_S", 0.0)

    assert isinstance(ours.submit(TICKET, 1, NOW), OrderSubmitted)

    assert within(lambda: server.ended == 2)
    assert (len(server.posts()), server.connections) == (1, 2)


def test_as_many_are_ready_as_the_last_cycle_used_and_not_more_than_a_few(
    greeter: Greeters,
) -> None:
    server = greeter()
    ours = client(server.url)
    orders = Orders(ours)
    for attempt in range(3):
        orders.submit(TICKET, attempt + 1, NOW)

    ours.prepare()
    assert within(lambda: server.connections == 6)
    ours.prepare()  # nothing was used: one is enough, and it is there
    assert within(lambda: server.ended == 5)
    for attempt in range(2 * ready.READY_MAX):
        orders.submit(TICKET, attempt + 4, NOW)
    before = server.connections
    ours.prepare()

    assert within(lambda: server.connections == before + ready.READY_MAX)
    ours.close()


def test_a_runner_has_a_connection_ready_before_it_decides_a_cycle(
    greeter: Greeters, tmp_path: Path
) -> None:
    server = greeter()
    corpus = Corpus(QUICK, tmp_path)
    feed = read_inputs(config_of(2, "memory://")).feed
    clock = WallClock()
    broker = AlpacaBroker(settings(server.url), SECRETS, clock.now, "rf-")
    seen: list[bool] = []

    def hear(events: Sequence[Event]) -> None:
        if any(isinstance(event, CycleOpened) for event in events):
            seen.append(within(lambda: server.connections == 1) and not server.requests)

    with open_journal(corpus.few) as journal:
        committer = Committer(journal, Busy, hear)
        slot = later_by(committer.state.now, Decimal(60))
        runner = RealtimeRunner(committer, broker, feed, clock=clock, waiting=Waiting(clock))
        runner._open_slot(MarketSlot(slot, {}))
    broker.close()

    assert seen == [True]


@pytest.mark.parametrize("status", [401, 429])
def test_nothing_is_made_ready_while_no_order_may_leave(greeter: Greeters, status: int) -> None:
    server = greeter()
    server.reply = lambda _: http(status, {"message": "no"}, {"Retry-After": "60"})
    ours = client(server.url)
    Orders(ours).submit(TICKET, 1, NOW)

    ours.prepare()
    Orders(ours).submit(TICKET, 2, NOW)

    assert (len(server.posts()), server.connections) == (1, 1)


def test_what_is_ready_ends_with_the_client(greeter: Greeters) -> None:
    server = greeter()
    ours = client(server.url)
    ours.prepare()
    assert within(lambda: server.connections == 1)

    ours.close()

    assert within(lambda: server.ended == 1)
    assert not server.requests


def test_preparing_where_nobody_listens_fails_nothing() -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]

    answer = prepared(f"http://127.0.0.1:{port}").submit(TICKET, 1, NOW)

    assert isinstance(answer, OrderSubmitFailed)
    assert answer.error_class is SubmitFailure.NOT_SENT


def test_preparing_waits_for_no_handshake_that_does_not_come() -> None:
    with socket.create_server(("127.0.0.1", 0)) as mute:
        ours = client(f"https://127.0.0.1:{mute.getsockname()[1]}", connect_s=30.0)
        started = time.monotonic()
        ours.prepare()
        ours.prepare()
        took_s = time.monotonic() - started

    assert took_s < 10 * ready.PREPARE_S


@pytest.mark.parametrize("reply", [Reply(hang=True), Reply(GOOD.data, trickle_s=0.1)])
def test_the_deadline_of_a_call_holds_on_a_connection_that_was_ready(reply: Reply) -> None:
    server = Greeter(lambda _: True, lambda _: reply)
    ours = prepared(server.url, read_s=30.0, total_s=1.0)
    started = time.monotonic()

    answer = ours.submit(TICKET, 1, NOW)
    server.close()

    assert isinstance(answer, OrderSubmitUnknown)
    assert answer.error_class == "timeout"
    assert time.monotonic() - started < 10
    assert (len(server.posts()), server.connections) == (1, 1)
