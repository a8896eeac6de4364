"""The venue's websockets: alpaca-py's own streams, and a raw client for what those swallow."""

import asyncio
import json
from socket import SO_RCVBUF, SOL_SOCKET
from typing import Any

import pytest
from alpaca.data.live import StockDataStream
from alpaca.trading.client import TradingClient
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect

from tests.venue.asking import limit, market, sent, status_of
from tests.venue.listening import events, listening, raw, running, said
from tests.venue.process import Running, eventually


def test_an_order_s_life_is_told_in_order(venue: Running, client: TradingClient) -> None:
    with listening(venue) as heard:
        sent(client, market("mine", 10))
        eventually(lambda: events(heard) == ["new", "fill"])
        resting = sent(client, limit("rests", "90.00"))
        eventually(lambda: status_of(client, "rests") == "new")
        client.cancel_order_by_id(resting.id)
        eventually(lambda: len(heard) == 5)

    assert events(heard)[2:] == ["new", "pending_cancel", "canceled"]
    fill = heard[1]
    assert (fill["qty"], fill["price"], fill["position_qty"]) == ("10", "100.02", "10")
    assert fill["order"]["status"] == "filled"
    assert fill["execution_id"] == venue.get("state")["executions"][0]["id"]
    assert heard[4]["order"]["canceled_at"] is not None


@pytest.mark.parametrize("packed", [False, True])
def test_messages_are_json_or_messagepack_in_binary_frames(
    venue: Running, client: TradingClient, packed: bool
) -> None:
    with raw(venue, packed=packed) as socket:
        sent(client, market("mine"))

        first = said(socket, packed=packed)

    assert first["stream"] == "trade_updates"
    assert first["data"]["event"] == "new"
    assert first["data"]["order"]["client_order_id"] == "mine"


def test_wrong_keys_hear_nothing(venue: Running) -> None:
    with connect(venue.ready["trading_stream_url"], proxy=None) as socket:
        key = {"key_id": "x", "secret_key": "y"}
        socket.send(json.dumps({"action": "authenticate", "data": key}))
        assert said(socket)["data"]["status"] == "unauthorized"
        socket.send(json.dumps({"action": "listen", "data": {"streams": ["trade_updates"]}}))
        assert said(socket)["data"]["status"] == "unauthorized"

    assert venue.get("state")["listening"] == 0


def test_a_listen_list_replaces_the_earlier_one(venue: Running) -> None:
    with raw(venue) as socket:
        socket.send(json.dumps({"action": "listen", "data": {"streams": []}}))
        assert said(socket) == {"stream": "listening", "data": {"streams": []}}
        eventually(lambda: venue.get("state")["listening"] == 0)


def test_a_handshake_is_answered_429(venue: Running) -> None:
    venue.arm("connect_429")

    with pytest.raises(InvalidStatus, match="429"):
        connect(venue.ready["trading_stream_url"], proxy=None)

    assert venue.counts == {"connect_429": 1}
    with raw(venue):
        assert venue.get("state")["listening"] == 1


def test_an_authentication_is_never_answered(venue: Running) -> None:
    venue.arm("connect_silent")

    with pytest.raises(TimeoutError), raw(venue, patience_s=0.3):
        pass

    assert venue.counts == {"connect_silent": 1}


def test_a_listen_is_acknowledged_with_an_empty_list(venue: Running) -> None:
    venue.arm("connect_listen_empty")

    with pytest.raises(AssertionError, match="streams"), raw(venue):
        pass

    assert venue.counts == {"connect_listen_empty": 1}
    assert venue.get("state")["listening"] == 0


@pytest.mark.parametrize(
    "words", ["7", "[]", '{"action": "listen", "data": {"streams": 7}}', '{"action": 7}', "\x00"]
)
def test_words_that_say_nothing_break_nothing(venue: Running, words: str) -> None:
    with raw(venue) as socket:
        socket.send(words)
        assert said(socket)["stream"] in ("authorization", "listening")


def test_a_message_is_lost(venue: Running, client: TradingClient) -> None:
    venue.arm("stream_drop", event="fill")
    with listening(venue) as heard:
        sent(client, market("one"))
        sent(client, market("two"))
        eventually(lambda: len(heard) == 3)

    assert sorted(events(heard)) == ["fill", "new", "new"]
    assert venue.counts == {"stream_drop": 1}
    assert status_of(client, "one") == "filled"


def test_a_message_comes_twice_with_the_same_execution(
    venue: Running, client: TradingClient
) -> None:
    venue.arm("stream_duplicate", event="fill")
    with listening(venue) as heard:
        sent(client, market("one"))
        eventually(lambda: len(heard) == 3)

    assert events(heard) == ["new", "fill", "fill"]
    assert heard[1] == heard[2]
    assert venue.counts == {"stream_duplicate": 1}


def test_a_message_is_overtaken(venue: Running, client: TradingClient) -> None:
    venue.arm("stream_reorder", event="new", seconds=5)
    with listening(venue) as heard:
        sent(client, market("one"))
        eventually(lambda: len(heard) == 2)

    assert events(heard) == ["fill", "new"]
    assert venue.counts == {"stream_reorder": 1}


def test_a_message_nobody_overtook_is_sent_and_not_counted(
    venue: Running, client: TradingClient
) -> None:
    venue.arm("stream_reorder", event="new", seconds=0.1)
    with listening(venue) as heard:
        sent(client, limit("one", "90.00"))
        eventually(lambda: events(heard) == ["new"])

    assert venue.counts == {}


def test_a_message_comes_late(venue: Running, client: TradingClient) -> None:
    venue.arm("stream_delay", event="fill", seconds=0.3)
    with listening(venue) as heard:
        sent(client, market("one"))
        eventually(lambda: status_of(client, "one") == "filled")
        assert events(heard) in ([], ["new"])
        eventually(lambda: events(heard) == ["new", "fill"])

    assert venue.counts == {"stream_delay": 1}


def test_null_and_unknown_events_are_sent(venue: Running, client: TradingClient) -> None:
    venue.arm("stream_null", event="new")
    venue.arm("stream_unknown_event", event="fill")
    with raw(venue) as socket:
        sent(client, market("one"))
        heard = [said(socket)["data"] for _ in range(4)]

    assert heard[0] is None
    assert events(heard[1:]) == ["new", "venue_moved", "fill"]
    assert venue.counts == {"stream_null": 1, "stream_unknown_event": 1}


def test_a_half_open_stream_says_nothing_more_and_answers_no_ping(
    venue: Running, client: TradingClient
) -> None:
    venue.arm("stream_half_open", event="fill")
    with raw(venue) as socket:
        assert socket.ping().wait(2)
        sent(client, market("one"))
        assert said(socket)["data"]["event"] == "new"
        eventually(lambda: venue.counts == {"stream_half_open": 1})

        pong = socket.ping()
        with pytest.raises(TimeoutError):
            socket.recv(timeout=0.5)
        assert not pong.wait(0.2)


def test_a_stream_is_cut_and_nothing_is_replayed(venue: Running, client: TradingClient) -> None:
    venue.arm("stream_disconnect", event="fill")
    with raw(venue) as socket:
        sent(client, market("one"))
        assert said(socket)["data"]["event"] == "new"
        with pytest.raises(ConnectionClosed):
            socket.recv(timeout=2)
    with raw(venue) as socket:
        sent(client, market("two"))
        heard = [said(socket)["data"] for _ in range(2)]

    assert [data["order"]["client_order_id"] for data in heard] == ["two", "two"]
    assert venue.counts == {"stream_disconnect": 1}


def test_busts_and_corrections_name_the_fill_before(venue: Running, client: TradingClient) -> None:
    with listening(venue) as heard:
        sent(client, market("mine", 10))
        eventually(lambda: events(heard) == ["new", "fill"])
        venue.post("correct", {"client_order_id": "mine", "price": "100.01"})
        venue.post("bust", {"client_order_id": "mine"})
        eventually(lambda: len(heard) == 4)

    correct, bust = heard[2:]
    assert (correct["event"], correct["price"]) == ("trade_correct", "100.01")
    assert correct["previous_execution_id"] == heard[1]["execution_id"]
    assert (bust["event"], bust["qty"], bust["reason"]) == ("trade_bust", "-10", "TRADE_BUST")
    assert bust["previous_execution_id"] == correct["execution_id"]
    assert bust["position_qty"] == "0"


def test_a_reader_that_never_reads_is_cut_and_holds_up_nobody(
    venue: Running, client: TradingClient
) -> None:
    with raw(venue) as socket:
        socket.recv_bufsize = 1
        for _ in range(40):
            venue.post("stream", {"do": "raw", "data": "x" * 700_000})
            socket.socket.setsockopt(SOL_SOCKET, SO_RCVBUF, 4096)
        eventually(lambda: venue.get("state")["listening"] == 0)

        assert sent(client, market("served")).client_order_id == "served"


def test_quotes_and_trades_stream_to_the_sdk(venue: Running) -> None:
    heard: list[Any] = []
    stream = StockDataStream(
        venue.ready["key_id"],
        venue.ready["secret"],
        url_override=venue.ready["data_stream_url"],
    )

    async def hear(quote: Any) -> None:
        heard.append(quote)
        await asyncio.sleep(0)

    stream.subscribe_quotes(hear, "AAPL")
    stream.subscribe_trades(hear, "AAPL")
    with running(stream.run, stream.stop):

        def moved() -> bool:
            venue.post("quotes", {"AAPL": {"bid": "101", "ask": "101.5", "last": "101.2"}})
            return len(heard) >= 2

        eventually(moved)

    assert {type(one).__name__ for one in heard} == {"Trade", "Quote"}
    quote = next(one for one in heard if type(one).__name__ == "Quote")
    assert (quote.bid_price, quote.ask_price) == (101.0, 101.5)
