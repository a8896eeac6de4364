"""The trade stream: every way in which it can lie or fall silent is told, and nothing is lost."""

import json
import logging
import socket
import time
from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import Any

import pytest

from core.events import OrderReported, StreamWentDown, StreamWentUp
from live.rate.headers import Told
from live.rate.window import LIMITED
from tests.alpaca.conftest import Serving
from tests.alpaca.listening import Listening, Relay, fill
from tests.alpaca.server import http
from tests.alpaca.stream_server import Peer, StreamServer
from tests.alpaca.world import KEY_ID, SECRET_KEY

Start = Callable[..., tuple[Listening, StreamServer]]


@pytest.fixture
def start() -> Iterator[Start]:
    """A server with its script, and a stream that is connected to it."""
    running: list[tuple[Listening, StreamServer]] = []

    def begin(script: Callable[[Peer], None], **changes: Any) -> tuple[Listening, StreamServer]:
        server = StreamServer(script)
        listening = Listening(server.url, **changes)
        running.append((listening, server))
        listening.stream.start()
        return listening, server

    yield begin
    for listening, server in running:
        listening.stream.close()
        server.close()


def stays(peer: Peer) -> None:
    """A server as it should be."""
    peer.welcome()
    peer.stay()


def test_until_it_listens_it_is_down_and_the_account_stays_in_doubt(start: Start) -> None:
    listening, _ = start(stays)

    listening.until_up()

    names = [(type(e).__name__, e.stream) for e in listening.told]  # type: ignore[union-attr]
    assert names == [
        ("StreamWentDown", "trade_updates"),
        ("StreamWentDown", "account"),
        ("StreamWentUp", "trade_updates"),
        ("StreamWentDown", "account"),
    ]


@pytest.mark.parametrize("binary", [True, False])
def test_a_fill_is_an_execution_then_a_status_in_text_and_in_binary(
    start: Start, binary: bool
) -> None:
    def script(peer: Peer) -> None:
        peer.welcome()
        peer.say(fill() if binary else json.dumps(fill()))
        peer.stay()

    listening, _ = start(script)
    listening.until(lambda told: isinstance(told[-1], OrderReported) if told else False)

    (execution,) = listening.fills()
    report = listening.told[-1]
    assert isinstance(report, OrderReported)
    assert (execution.execution_id, execution.quantity, execution.price) == (
        "execution-1",
        "1",
        "86.87",
    )
    assert (execution.cumulative_quantity, execution.source) == ("1", "stream")
    assert execution.source_time == "2026-11-23T15:00:01.123456Z"
    assert (report.status, report.filled_quantity) == ("partially_filled", "1")
    assert execution.raw is not None
    assert json.loads(execution.raw) == fill()


def test_keys_that_are_refused_are_told_and_not_tried_again_soon(start: Start) -> None:
    def script(peer: Peer) -> None:
        peer.hear()
        data = {"status": "unauthorized", "action": "authenticate"}
        peer.say({"stream": "authorization", "data": data})
        peer.stay()

    listening, server = start(script)
    listening.until(lambda _: "unauthorized" in listening.why("trade_updates"))
    time.sleep(0.6)

    assert len(server.peers) == 1


@pytest.mark.parametrize("step", ["opened", "authorized"])
def test_a_step_that_is_never_answered_ends_the_connection(start: Start, step: str) -> None:
    def script(peer: Peer) -> None:
        if step == "authorized":
            peer.authorize()
        peer.closed.wait(5)

    listening, server = start(script)

    listening.until(lambda _: "no answer within the deadline" in listening.why("trade_updates"))
    listening.until(lambda _: len(server.peers) > 1)


@pytest.mark.parametrize("streams", [[], ["account_updates"], None, "trade_updates"])
def test_an_acknowledgement_without_trade_updates_is_no_listening(
    start: Start, streams: object
) -> None:
    def script(peer: Peer) -> None:
        peer.authorize()
        peer.hear()
        peer.say({"stream": "listening", "data": {"streams": streams}})
        peer.stay()

    listening, _ = start(script)

    why = "listening was granted without trade_updates"
    listening.until(lambda _: why in listening.why("trade_updates"))
    assert not any(isinstance(event, StreamWentUp) for event in listening.told)


GARBAGE: dict[str, bytes] = {
    "no JSON": b"garbage",
    "nothing": b"",
    "binary": bytes(range(256)),
    "null": b"null",
    "a list": b"[1]",
    "data null": b'{"stream":"trade_updates","data":null}',
    "no order": b'{"stream":"trade_updates","data":{"event":"fill"}}',
    "NaN": b'{"stream":"trade_updates","data":{"event":"new","order":{"qty":NaN}}}',
    "nested": b"[" * 50_000,
    "digits": b'{"stream":' + b"9" * 5_000 + b"}",
    "another stream": b'{"stream":"account_updates","data":{}}',
    "an error": b'{"action":"error","data":{"error_message":"slow client"}}',
}


@pytest.mark.parametrize("case", GARBAGE)
def test_a_frame_nobody_can_read_is_kept_as_it_came_and_the_stream_goes_on(
    start: Start, case: str
) -> None:
    def script(peer: Peer) -> None:
        peer.welcome()
        peer.say(GARBAGE[case])
        peer.say(fill())
        peer.stay()

    listening, server = start(script)
    listening.until(lambda _: bool(listening.fills()))

    unread = [e for e in listening.told if isinstance(e, StreamWentDown) and e.raw is not None]
    assert len(unread) == 1
    assert unread[0].stream == "account"
    assert unread[0].raw == GARBAGE[case].decode("utf-8", "backslashreplace")[:2000]
    assert len(server.peers) == 1


def test_a_fill_without_its_execution_leaves_it_to_reconciliation(start: Start) -> None:
    message = fill()
    del message["data"]["execution_id"]  # type: ignore[attr-defined]

    def script(peer: Peer) -> None:
        peer.welcome()
        peer.say(message)
        peer.stay()

    listening, _ = start(script)
    unread = "unreadable on trade_updates: a fill without execution_id, qty or price"
    listening.until(lambda _: unread in listening.why("account"))

    assert not listening.fills()
    assert any(isinstance(event, OrderReported) for event in listening.told)


def test_a_lost_connection_is_told_and_mended_with_waits_that_grow(start: Start) -> None:
    opened: list[float] = []

    def script(peer: Peer) -> None:
        opened.append(time.monotonic())
        peer.welcome()
        if peer.number == 4:
            peer.stay()

    listening, _ = start(script)
    listening.until_up(5)

    gaps = [later - earlier for earlier, later in pairwise(opened)]
    assert gaps[0] >= 0.035
    assert gaps[3] > gaps[0]
    assert len(listening.why("trade_updates")) == 5
    assert len(listening.why("account")) == 10


def test_a_server_that_is_not_there_is_told_once_not_in_a_storm(start: Start) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        url = f"ws://127.0.0.1:{closed.getsockname()[1]}/stream"
    listening = Listening(url)
    listening.stream.start()
    time.sleep(1.2)
    listening.stream.close()

    assert len(listening.why("trade_updates")) == 2
    assert 3 <= listening.stream.connections <= 12


def test_a_handshake_is_a_call_of_the_budget_and_never_of_its_reserve(start: Start) -> None:
    """A connection that is lost again and again leaves what a cancel may need."""
    listening, _ = start(lambda peer: peer.welcome(), per_minute=5)

    listening.until(lambda _: "no permit to connect" in "".join(listening.why("trade_updates")))

    assert listening.stream.connections == 3
    left = listening.budget.left()
    assert (left.left, left.ordinary) == (2, 0)


def test_a_handshake_that_is_answered_429_is_heeded_as_any_call_is(serve: Serving) -> None:
    server = serve(http(429, {"message": "too many requests"}, {"Retry-After": "7"}))
    listening = Listening(server.url.replace("http", "ws", 1))
    heard: list[Told] = []
    listening.stream.on_limited = heard.append
    listening.stream.start()
    listening.until(lambda _: "handshake answered 429" in listening.why("trade_updates"))
    listening.until(lambda _: len(listening.why("trade_updates")) >= 3)
    listening.stream.close()

    assert [one.retry_s for one in heard] == [7]
    assert listening.budget.left().why == LIMITED
    assert len(server.requests) == 1


def test_a_silent_server_is_asked_and_when_it_does_not_answer_given_up(start: Start) -> None:
    """Its pings are answered by the library: only the application is dead."""

    def script(peer: Peer) -> None:
        peer.welcome()
        if peer.number:
            peer.stay()
        while not peer.closed.is_set():
            peer.socket.recv(timeout=5)

    listening, _ = start(script, probe_s=0.4, answer_s=0.4)
    listening.until_up(2)

    assert "silent: no answer within 0.4 s" in listening.why("trade_updates")


def test_a_quiet_server_that_answers_stays_connected(start: Start) -> None:
    listening, server = start(stays, probe_s=0.3, answer_s=0.5)
    listening.until_up()
    time.sleep(1.5)

    assert len(server.peers) == 1
    assert len(server.peers[0].heard) > 3
    assert len(listening.why("trade_updates")) == 1


def test_a_half_open_connection_is_noticed_by_its_pings() -> None:
    """A relay that stops passing bytes on, and closes nothing."""
    server = StreamServer(stays)
    relay = Relay(server.url)
    listening = Listening(relay.url, ping_s=0.4)
    listening.stream.start()
    listening.until_up()

    relay.frozen.set()
    listening.until(lambda _: len(listening.why("trade_updates")) > 1)

    listening.stream.close()
    relay.close()
    server.close()


def test_an_overflow_closes_the_socket_drops_nothing_it_read_and_goes_on_when_there_is_room(
    start: Start,
) -> None:
    total = 400

    def script(peer: Peer) -> None:
        peer.welcome()
        if peer.number == 0:
            for number in range(1, total + 1):
                peer.say(fill(number))
        peer.stay()

    listening, server = start(script, inbox_messages=100)
    listening.until_waiting(100)
    time.sleep(0.5)
    assert len(server.peers) == 1
    assert 100 <= len(listening.inbox) <= 110

    listening.until_up(2)

    heard = [execution.execution_id for execution in listening.fills()]
    assert heard == [f"execution-{n}" for n in range(1, len(heard) + 1)]
    assert len(heard) >= 30
    assert "overflow" in listening.why("trade_updates")
    assert isinstance(listening.told[-1], StreamWentDown)
    assert listening.told[-1].stream == "account"


def test_a_replayed_message_is_told_again_and_counts_by_its_execution(start: Start) -> None:
    def script(peer: Peer) -> None:
        peer.welcome()
        for _ in range(3):
            peer.say(fill())
        peer.stay()

    listening, _ = start(script)
    listening.until(lambda _: len(listening.fills()) == 3)

    assert len({execution.execution_id for execution in listening.fills()}) == 1


def test_close_returns_while_the_server_says_nothing(start: Start) -> None:
    listening, _ = start(lambda peer: peer.closed.wait(120), answer_s=60.0)
    time.sleep(0.3)
    started = time.monotonic()

    listening.stream.close()

    assert time.monotonic() - started < 30


def test_no_key_is_in_a_log_or_a_repr_or_an_event(
    start: Start, caplog: pytest.LogCaptureFixture
) -> None:
    def script(peer: Peer) -> None:
        peer.welcome()
        peer.say({"stream": "echo", "data": [KEY_ID, SECRET_KEY]})
        peer.stay()

    with caplog.at_level(logging.DEBUG):
        listening, _ = start(script)
        listening.until(lambda _: any("echo" in why for why in listening.why("account")))

    said = caplog.text + repr(listening.stream) + repr(listening.told)
    assert "authenticate" not in caplog.text
    assert KEY_ID not in said
    assert SECRET_KEY not in said
