"""The venue's websockets: `trade_updates` at /stream, quotes, trades and bars at /v2/{feed}.

shape   /stream: authenticate, listen, then {"stream":"trade_updates","data":...}; JSON in binary
        frames as paper sends it, or MessagePack where the handshake asks for it. /v2/...: lists
        of messages, each with its `T`, in MessagePack where asked for, else JSON in text
rules   a listen list replaces the earlier one; a message sent while nobody listens is lost, and
        nothing is ever sent again: there is no sequence number and no replay, as at Alpaca
source  ALPACA.md A3
"""

import asyncio
import json
from collections.abc import Callable
from http import HTTPStatus
from typing import NamedTuple, Protocol

import msgpack  # type: ignore[import-untyped]
import msgspec
from websockets.exceptions import WebSocketException
from websockets.frames import Frame, Opcode
from websockets.http11 import Request
from websockets.server import ServerProtocol

from live.venue.book import Order, Quote
from live.venue.clock import SECOND, ns_of
from live.venue.data import bars, quote_json, trade_json
from live.venue.faults import Fault, Faults, Occasion, Struck
from live.venue.wire import HttpCall, Line

_AUTHENTICATE_S = 10.0
_UNKNOWN_EVENT = "venue_moved"
_UNREAD_MAX = 1 << 24
_SPOKEN = (Opcode.TEXT, Opcode.BINARY, Opcode.CONT)
_ENCODER = msgspec.json.Encoder(decimal_format="number")

Authorize = Callable[[str, str], bool]


class Waiting(NamedTuple):
    """A message to be overtaken, and the one that sends it if nobody does."""

    data: object
    timer: "Timer"


class Timer(Protocol):
    """What was asked for later, while it can be taken back."""

    def cancel(self) -> None:
        """It will not happen."""
        ...


Later = Callable[..., Timer]


def _on_the_loop(seconds: float, function: Callable[..., None], *arguments: object) -> Timer:
    return asyncio.get_running_loop().call_later(seconds, function, *arguments)


class Socket:
    """A websocket over a connection: the protocol is the library's, the bytes go through `line`.

    Sending never waits: a client that does not read must not hold up the venue, and is reset when
    too much waits for it.
    """

    def __init__(self, line: Line, call: HttpCall) -> None:
        self.line = line
        self.protocol = ServerProtocol()
        self.packed = "msgpack" in call.headers.get("content-type", "")
        self.deaf = False
        self.alive = False
        self.said: asyncio.Queue[object] = asyncio.Queue()
        self._head = call.head

    def open(self, *, refused: bool) -> bool:
        """The handshake, or a 429 in its place; whether it was one."""
        self.protocol.receive_data(self._head)
        asked = [event for event in self.protocol.events_received() if isinstance(event, Request)]
        if not asked:
            return False
        self.alive = True
        if refused:
            too_many = self.protocol.reject(HTTPStatus.TOO_MANY_REQUESTS, "too many requests")
            self.protocol.send_response(too_many)
            self._flush()
            return False
        self.protocol.send_response(self.protocol.accept(asked[0]))
        self._flush()
        self.alive = self.alive and self.protocol.handshake_exc is None
        return self.alive

    async def listen(self) -> None:
        """Bytes in until the end, messages into `said`, None last; a deaf one hears not a ping."""
        parts: list[bytes] = []
        while self.alive:
            try:
                data = await self.line.reader.read(1 << 16)
            except OSError:
                break
            if not data:
                break
            if self.deaf:
                continue
            self.protocol.receive_data(data)
            for event in self.protocol.events_received():
                if isinstance(event, Frame) and event.opcode in _SPOKEN:
                    parts.append(bytes(event.data))
                    if event.fin:
                        self.said.put_nowait(_decoded(b"".join(parts)))
                        parts = []
            self._flush()
            if self.protocol.close_expected():
                break
        self.alive = False
        self.said.put_nowait(None)

    def send(self, message: object, *, binary: bool) -> None:
        """A message, unless the connection is gone or dumb."""
        if not self.alive or self.deaf:
            return
        try:
            if self.packed:
                self.protocol.send_binary(msgpack.packb(message, default=_plain))
            elif binary:
                self.protocol.send_binary(_ENCODER.encode(message))
            else:
                self.protocol.send_text(_ENCODER.encode(message))
        except WebSocketException:
            self.alive = False
        self._flush()

    def _flush(self) -> None:
        for data in self.protocol.data_to_send():
            if data and not self.deaf and not self.line.writer.is_closing():
                self.line.writer.write(data)
        if self.line.writer.transport.get_write_buffer_size() > _UNREAD_MAX:
            self.reset()

    def reset(self) -> None:
        """The connection is gone at once."""
        self.alive = False
        self.line.reset()


class TradeUpdates:
    """Who listens to trade_updates, and what becomes of each message on its way there."""

    def __init__(self, faults: Faults, authorize: Authorize, counted: Callable[[], None]) -> None:
        self.faults = faults
        self.authorize = authorize
        self.counted = counted
        self.listening: set[Socket] = set()
        self.open: set[Socket] = set()
        self.later: Later = _on_the_loop
        """Calls a function so many seconds later; a soak's time is its own."""
        self._waiting: list[Waiting] = []

    async def serve(self, socket: Socket) -> None:
        """One client, from its first word to its end."""
        hearing = asyncio.create_task(socket.listen())
        self.open.add(socket)
        authorized = False
        try:
            while (message := await socket.said.get()) is not None:
                authorized = self._heard(socket, message, authorized=authorized)
        finally:
            self.listening.discard(socket)
            self.open.discard(socket)
            hearing.cancel()

    def _heard(self, socket: Socket, message: object, *, authorized: bool) -> bool:
        """A client's message, answered; whether he is authorized after it."""
        said = message if isinstance(message, dict) else {}
        action, data = said.get("action"), said.get("data")
        data = data if isinstance(data, dict) else {}
        if action in ("authenticate", "auth"):
            key, secret = data.get("key_id"), data.get("secret_key")
            if action == "auth":
                key, secret = said.get("key"), said.get("secret")
            if self._strikes(Fault.CONNECT_SILENT):
                return False
            authorized = self.authorize(str(key), str(secret))
            status = "authorized" if authorized else "unauthorized"
            self._say(socket, "authorization", {"status": status, "action": "authenticate"})
        elif action == "listen" and authorized:
            asked = data.get("streams")
            wanted = isinstance(asked, list) and "trade_updates" in asked
            if wanted and self._strikes(Fault.CONNECT_LISTEN_EMPTY):
                wanted = False
            self._say(socket, "listening", {"streams": ["trade_updates"] if wanted else []})
            (self.listening.add if wanted else self.listening.discard)(socket)
        else:
            self._say(socket, "authorization", {"status": "unauthorized", "action": str(action)})
        return authorized

    def _strikes(self, fault: Fault) -> bool:
        struck = self.faults.of_connection(fault)
        if struck:
            self.counted()
        return struck

    def _say(self, socket: Socket, stream: str, data: object) -> None:
        socket.send({"stream": stream, "data": data}, binary=True)

    def publish(self, event: str, order: Order, data: dict[str, object]) -> None:
        """A message on its way to those who listen; without any it is lost, which is no fault."""
        if not self.listening:
            return
        occasion = Occasion(
            client_order_id=order.client_order_id,
            order_number=self.faults.number_of(order.client_order_id),
            symbol=order.symbol,
            event=event,
        )
        struck = self.faults.of_message(occasion)
        if struck is None:
            self._send(data)
        else:
            self._send_wrong(struck, data)

    def _send(self, data: object) -> None:
        """To everyone, and behind it whatever it overtook."""
        overtaken, self._waiting = self._waiting, []
        for socket in list(self.listening):
            self._say(socket, "trade_updates", data)
        for waiting in overtaken:
            waiting.timer.cancel()
            self._count(Fault.STREAM_REORDER)
            for socket in list(self.listening):
                self._say(socket, "trade_updates", waiting.data)

    def _send_wrong(self, struck: Struck, data: dict[str, object]) -> None:
        """The message, or what comes in its place."""
        match struck.fault:
            case Fault.STREAM_REORDER:
                timer = self.later(struck.seconds(400, 1_200), self._give_up)
                self._waiting.append(Waiting(data, timer))
                return
            case Fault.STREAM_DELAY:
                late = struck.seconds(300, 1_500)
                self.later(late, self._send, data)
            case Fault.STREAM_HALF_OPEN:
                for socket in self.listening:
                    socket.deaf = True
                self.listening.clear()
            case Fault.STREAM_DISCONNECT:
                for socket in list(self.listening):
                    socket.reset()
                self.listening.clear()
            case Fault.STREAM_DUPLICATE:
                self._send(data)
                self._send(data)
            case Fault.STREAM_NULL:
                self._send(None)
                self._send(data)
            case Fault.STREAM_UNKNOWN_EVENT:
                self._send({**data, "event": _UNKNOWN_EVENT})
                self._send(data)
            case _:
                pass  # dropped
        self._count(struck.fault)

    def _give_up(self) -> None:
        """Nobody overtook it in time: it is sent as it is, and no fault happened."""
        waiting, self._waiting = self._waiting, []
        for one in waiting:
            one.timer.cancel()
            self._send(one.data)

    def _count(self, fault: Fault) -> None:
        self.faults.count(fault)
        self.counted()


class MarketData:
    """Who is subscribed to quotes, trades and bars of which symbols."""

    def __init__(self, authorize: Authorize) -> None:
        self.authorize = authorize
        self.wanted: dict[Socket, dict[str, set[str]]] = {}

    async def serve(self, socket: Socket) -> None:
        """One client; 10 seconds to authenticate."""
        hearing = asyncio.create_task(socket.listen())
        self._say(socket, {"T": "success", "msg": "connected"})
        try:
            first = await asyncio.wait_for(socket.said.get(), _AUTHENTICATE_S)
            if not isinstance(first, dict) or first.get("action") != "auth":
                self._say(socket, {"T": "error", "code": 401, "msg": "not authenticated"})
                return
            if not self.authorize(str(first.get("key")), str(first.get("secret"))):
                self._say(socket, {"T": "error", "code": 402, "msg": "auth failed"})
                return
            self._say(socket, {"T": "success", "msg": "authenticated"})
            wanted = self.wanted[socket] = {"trades": set(), "quotes": set(), "bars": set()}
            while (message := await socket.said.get()) is not None:
                self._subscribe(socket, wanted, message)
        except TimeoutError:
            self._say(socket, {"T": "error", "code": 404, "msg": "auth timeout"})
        finally:
            self.wanted.pop(socket, None)
            hearing.cancel()
            socket.line.writer.close()

    def _subscribe(self, socket: Socket, wanted: dict[str, set[str]], message: object) -> None:
        action = message.get("action") if isinstance(message, dict) else None
        if not isinstance(message, dict) or action not in ("subscribe", "unsubscribe"):
            self._say(socket, {"T": "error", "code": 400, "msg": "invalid syntax"})
            return
        for channel, symbols in wanted.items():
            named = message.get(channel)
            asked = {str(symbol) for symbol in named} if isinstance(named, list) else set()
            (symbols.update if action == "subscribe" else symbols.difference_update)(asked)
        now = {channel: sorted(symbols) for channel, symbols in wanted.items()}
        self._say(socket, {"T": "subscription", **now})

    def publish(self, symbol: str, quote: Quote) -> None:
        """A quote to those who asked for it."""
        for socket, wanted in list(self.wanted.items()):
            found: list[object] = []
            for channel, kind, made in (
                ("trades", "t", trade_json(quote)),
                ("quotes", "q", quote_json(quote)),
                ("bars", "b", bars([quote], 60)[0]),
            ):
                if wanted[channel] & {symbol, "*"}:
                    found.append({"T": kind, "S": symbol, **_timed(made, packed=socket.packed)})
            if found:
                socket.send(found, binary=socket.packed)

    def _say(self, socket: Socket, message: object) -> None:
        socket.send([message], binary=socket.packed)


def _timed(made: dict[str, object], *, packed: bool) -> dict[str, object]:
    """The message with its time as MessagePack has it, where that is spoken."""
    if not packed:
        return made
    at = ns_of(str(made["t"]))
    return {**made, "t": msgpack.Timestamp(at // SECOND, at % SECOND)}


def _plain(value: object) -> object:
    """A decimal as MessagePack's number; the wire of market data has no other."""
    return float(str(value))


def _decoded(data: bytes) -> object:
    """A client's message, JSON or MessagePack; what is neither is an empty one."""
    try:
        return json.loads(data)
    except ValueError:
        pass
    try:
        return msgpack.unpackb(data)
    except (ValueError, msgpack.UnpackException):
        return {}
