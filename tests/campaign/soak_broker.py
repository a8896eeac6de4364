"""The real adapter in a soak: its requests end at the world's venue, its stream reads frames.

real    everything above the transport: alpaca-py's requests, pace, reading, orders, look-ups,
        comparison; of the stream its words, its handshake, what it tells and when it doubts
not     the socket's own thread: who connects again when, and the probes, are said here once more
"""

import json
from io import BytesIO
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from urllib3.exceptions import NewConnectionError, ProtocolError, ReadTimeoutError
from urllib3.response import HTTPResponse

from live.brokers.alpaca.broker import AlpacaBroker
from live.brokers.alpaca.ready import Connections
from live.brokers.alpaca.stream import TradeStream, _check_granted, _EndedError
from live.brokers.alpaca.transport import Call, Guarded, current_call
from live.venue.faults import Fault
from live.venue.wire import HttpCall
from tests.campaign.soak_world import SECOND, Answered, Frames, VenueDiedError, World

READ_US = 2 * SECOND
_RESETS = (Fault.RESET_BEFORE, Fault.RESET_AFTER)
_SILENT = (Fault.TIMEOUT_BEFORE, Fault.TIMEOUT_AFTER)


class CutBody(BytesIO):
    """A body that ends in its middle."""

    def read(self, *_: Any) -> bytes:
        """What comes of it."""
        raise ProtocolError("cut")


class InProcess(Guarded):
    """A connection without a socket: the bytes of its request are those that would leave."""

    world: World

    def begin(self, call: Call) -> None:
        """Nobody listens while the venue is away."""
        del call
        if self.world.clock.us < self.world.away_until:
            raise NewConnectionError(self, "no connection: refused")

    def leave(self) -> None:
        """The bytes, read as the venue reads them, and answered."""
        data, self._unsent = self._unsent, b""
        current_call().sent = True
        self._found: Answered | None = None
        try:
            self._found = self.world.call(call_of(data))
        except VenueDiedError:
            return

    def getresponse(self) -> Any:
        """The answer, or what the faults leave of it."""
        found = self._found
        fault = None if found is None or found.struck is None else found.struck.fault
        if fault in _SILENT:
            self.world.pass_us(READ_US)
            raise ReadTimeoutError(None, "", "read timed out")  # type: ignore[arg-type]
        if found is None or fault in _RESETS:
            raise ConnectionResetError
        if fault is Fault.SLOW:
            self.world.pass_us(SECOND // 2)
        return response_of(found, cut=fault is Fault.HALF_ANSWER)


def call_of(data: bytes) -> HttpCall:
    """A request's bytes as a call."""
    head, _, body = data.partition(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    method, target, _version = first.split(" ")
    parts = urlsplit(target)
    pairs = [line.partition(": ") for line in lines]
    query = dict(parse_qsl(parts.query, keep_blank_values=True))
    headers = {name.lower(): value for name, _, value in pairs}
    return HttpCall(method, unquote(parts.path), query, headers, body, head)


def response_of(found: Answered, *, cut: bool) -> HTTPResponse:
    """The answer's bytes as urllib3 reads them."""
    data = found._replace(struck=None).bytes() if cut else found.bytes()
    head, _, body = data.partition(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    pairs = [line.partition(": ") for line in lines]
    return HTTPResponse(
        body=CutBody() if cut else BytesIO(body),
        headers={name: value for name, _, value in pairs},
        status=int(first.split(" ")[1]),
        preload_content=False,
    )


class NoSockets(Connections):
    """Connections into the world."""

    def __init__(self, world: World) -> None:
        super().__init__("http://127.0.0.1:1")
        self.world = world

    def new(self) -> Guarded:
        """One more."""
        connection = InProcess("127.0.0.1", 1)
        connection.world = self.world
        return connection

    taken = new

    def prepare(self, **_: Any) -> None:
        """Nothing has to be ready."""


class SoakSocket:
    """The client's end of a connection: what `TradeStream` asks of one."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.there: Any = Frames()
        self.authorized = False

    def send(self, text: str) -> None:
        """A client's message, heard and answered by the venue's own handler."""
        if self.there.alive and not self.there.deaf:
            heard = self.world.server.updates._heard
            self.authorized = heard(self.there, json.loads(text), authorized=self.authorized)

    def recv(self, timeout: float) -> bytes:
        """The next frame; none means none will come."""
        del timeout
        if not self.there.frames:
            raise _EndedError("no answer within the deadline")
        frame: bytes = self.there.frames.pop(0)
        return frame


class SoakStream(TradeStream):
    """The stream, driven by the world's steps."""

    world: World
    _socket: SoakSocket | None = None
    _ended = False
    _heard_at = 0

    def start(self) -> None:
        """Connect at the next step."""
        self._tell_down("not connected yet")
        self._wait_s = self._settings.backoff_s[0]
        self.world.hear = self.hear
        self.world.later(0.01, self._connect)

    def try_again(self) -> None:
        """The next connection comes when it comes."""

    def close(self) -> None:
        """Nobody listens any more."""
        self._ended = True
        self._closing.set()
        if self._socket is not None:
            self._over(self._socket)
        self.world.hear = lambda: None

    def _over(self, socket: SoakSocket) -> None:
        socket.there.reset()
        updates = self.world.server.updates
        updates.listening.discard(socket.there)

    def _connect(self) -> None:
        if self._ended:
            return
        self._doubt = None
        self.connections += 1
        updates = self.world.server.updates
        if self.world.clock.us < self.world.away_until:
            self._lose("no connection: ConnectionRefusedError", 0)
        elif updates.faults.of_connection(Fault.CONNECT_429):
            self._lose("handshake answered 429", 0)
        else:
            socket = SoakSocket(self.world)
            try:
                self._authenticate(socket)  # type: ignore[arg-type]
            except _EndedError as ended:
                self._over(socket)
                silent = "deadline" in str(ended)
                self._lose(str(ended), self._settings.answer_s if silent else 0)
                return
            self._socket = socket
            self._heard_at = self.world.clock.us
            self._wait_s = self._settings.backoff_s[0]
            self._probe(socket)

    def _lose(self, why: str, after_s: float) -> None:
        """The connection is over; the next in a while."""
        if self._socket is not None:
            self._over(self._socket)
        self._socket = None
        self._tell_down(why)
        self.world.later(after_s + self._wait_s, self._connect)
        self._wait_s = min(self._wait_s * 2, self._settings.backoff_s[1])

    def _probe(self, socket: SoakSocket) -> None:
        """After a silence it asks whether anybody is there."""
        if self._socket is not socket:
            return
        silent_s = (self.world.clock.us - self._heard_at) / SECOND
        limits = self._settings
        if silent_s > limits.probe_s + limits.answer_s:
            self._lose(f"silent: no answer within {limits.answer_s:g} s", 0)
            return
        if silent_s >= limits.probe_s:
            self._ask_to_listen(socket)  # type: ignore[arg-type]
            self.hear()
        self.world.later(limits.probe_s, lambda: self._probe(socket))

    def hear(self) -> None:
        """What came, as the real one reads it."""
        socket = self._socket
        if socket is None:
            return
        while socket.there.frames:
            body = socket.there.frames.pop(0)
            self._heard_at = self.world.clock.us
            stream, data = self._read(body)
            try:
                if stream == "listening":
                    _check_granted(data)
                    continue
            except _EndedError as ended:
                self._lose(str(ended), 0)
                return
            if not self._heard(stream, data, body):
                self._lose("overflow", 0)
                return
        if not socket.there.alive:
            self._lose("connection lost", 0)
        elif self._doubt is not None:
            self._lose(self._doubt, 0)


class Killed(BaseException):
    """The runner is dead: nothing of it acts any more."""


class SoakBroker(AlpacaBroker):
    """The adapter, in the world; it dies beside its calls by chance."""

    world: World

    def live_in(self, world: World) -> None:
        """Every way out ends in the world."""
        self.world = world
        for endpoint in (self._client._trading, self._client._data):
            endpoint.connections = NoSockets(world)
        self._stream = SoakStream(
            self._settings, self._client._secrets, self._inbox, self._client.raw,
            self._client.budget,
        )  # fmt: skip
        self._stream.world = world

    def wait(self, timeout_s: float) -> bool:
        """The world's time passes, a little at the least: nothing is done in no time."""
        self.world.pass_us(50)
        return self.world.wait_us(max(1, round(timeout_s * SECOND)), lambda: len(self._inbox) > 0)
