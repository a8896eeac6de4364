"""Those who listen to the venue: alpaca-py's trading stream, and a raw websocket client."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import msgpack  # type: ignore[import-untyped]
from alpaca.trading.stream import TradingStream
from websockets.sync.client import ClientConnection, connect

from tests.venue.process import Running, eventually

Heard = list[dict[str, Any]]


@contextmanager
def listening(venue: Running) -> Iterator[Heard]:
    """What the SDK's trading stream hands to its user, raw, while it listens."""
    heard: Heard = []
    stream = TradingStream(
        venue.ready["key_id"],
        venue.ready["secret"],
        raw_data=True,
        url_override=venue.ready["trading_stream_url"],
    )

    async def hear(message: dict[str, Any]) -> None:
        heard.append(message["data"])

    def stop() -> None:
        stream.stop()
        # it looks up only when something comes, or every five seconds
        venue.post("stream", {"do": "disconnect"})

    stream.subscribe_trade_updates(hear)
    with running(stream.run, stop):
        eventually(lambda: venue.get("state")["listening"] == 1)
        yield heard


@contextmanager
def running(run: Callable[[], None], stop: Callable[[], None]) -> Iterator[None]:
    """A stream of the SDK in a thread of its own."""
    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop()
        thread.join(10)


@contextmanager
def raw(
    venue: Running, *, packed: bool = False, patience_s: float = 3
) -> Iterator[ClientConnection]:
    """A client of /stream that has authenticated and listens."""
    headers = {"Content-Type": "application/msgpack"} if packed else None
    url = venue.ready["trading_stream_url"]
    options: dict[str, Any] = {"ping_interval": None, "close_timeout": 0.2, "proxy": None}
    with connect(url, additional_headers=headers, **options) as socket:
        key = {"key_id": venue.ready["key_id"], "secret_key": venue.ready["secret"]}
        encode: Callable[[object], Any] = msgpack.packb if packed else json.dumps
        socket.send(encode({"action": "authenticate", "data": key}))
        authorized = said(socket, packed=packed, timeout_s=patience_s)
        assert authorized["data"] == {"status": "authorized", "action": "authenticate"}
        socket.send(encode({"action": "listen", "data": {"streams": ["trade_updates"]}}))
        listens = said(socket, packed=packed)
        wanted = {"stream": "listening", "data": {"streams": ["trade_updates"]}}
        assert listens == wanted, f"expected {wanted}, found {listens}"
        yield socket


def said(socket: ClientConnection, *, packed: bool = False, timeout_s: float = 3) -> Any:
    """The next message, decoded; a binary frame, as paper sends them."""
    message = socket.recv(timeout=timeout_s)
    assert isinstance(message, bytes)
    return msgpack.unpackb(message) if packed else json.loads(message)


def events(heard: Heard) -> list[str]:
    """The events, in the order they were heard."""
    return [data["event"] for data in heard]
