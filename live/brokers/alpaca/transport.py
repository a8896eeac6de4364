"""The hardened transport: a connection a request, a deadline nothing can stretch, no retry at all.

shape   `with Call(...)`, `connection.begin(call)`, `connection.request(...)`, `connection.leave()`,
        `connection.getresponse()`; then it is closed, whatever came
rules   A call has one connection of its own: one that carried an answer may be dead, and a POST
        into it is neither sent nor not sent. It may have been opened before the call (`ready.py`).
        The bytes of a request are collected and leave in one piece, in `leave`, and nowhere else:
        nothing here sends twice, and nothing opens a connection behind a request's back. `sent`
        turns true before the first byte, never later, so a call that failed with `sent` false
        provably left nothing.
        The deadline shuts the socket down from a timer: a server that trickles a byte a second
        through TLS, headers or body keeps no call alive, for a read time-out counts from the last
        byte. The timer starts before a connection is made, or, where there is one, behind the
        request: its bytes wait for no timer, and the socket's own time-out bounds them.
why     requests and alpaca-py know no deadline at all (ALPACA.md A3)
dies    before `leave`: nothing left. In it or after: the other side may have the request
"""

import errno
import os
import socket
import ssl
import threading
import time
from contextvars import ContextVar
from types import TracebackType
from typing import Any

from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import ConnectTimeoutError, NewConnectionError

from live.brokers.alpaca.whole import WholeHead

_CLOSED_UNDER_US = (errno.EPIPE, errno.ECONNRESET, errno.EPROTOTYPE)


class Call:
    """One call's clock: its deadline, and whether a byte of it left. Use it as a context."""

    def __init__(self, *, connect_s: float, read_s: float, total_s: float) -> None:
        self.connect_s = connect_s
        self.read_s = read_s
        self.sent = False
        self.expired = False
        self._ends = time.monotonic() + total_s
        self._guards: list[socket.socket] = []
        self._lock = threading.Lock()
        self._timer: threading.Timer | None = None

    def __enter__(self) -> "Call":
        self._token = _CALL.set(self)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._timer is not None:
            self._timer.cancel()
        _CALL.reset(self._token)
        with self._lock:
            for guard in self._guards:
                guard.close()
            self._guards.clear()

    def remaining_s(self) -> float:
        """Seconds to the deadline, above 0."""
        return max(0.001, self._ends - time.monotonic())

    def arm(self) -> None:
        """Start the timer, once: from here on something may keep us waiting."""
        if self._timer is None:
            self._timer = threading.Timer(self.remaining_s(), self._expire)
            self._timer.daemon = True
            self._timer.start()

    def watch(self, connected: socket.socket) -> None:
        """Shut `connected` down at the deadline, whoever wraps it in between."""
        guard = socket.socket(fileno=os.dup(connected.fileno()))
        with self._lock:
            self._guards.append(guard)
            if self.expired:
                _shut(guard)

    def _expire(self) -> None:
        with self._lock:
            self.expired = True
            for guard in self._guards:
                _shut(guard)


_CALL: ContextVar[Call] = ContextVar("call")


def current_call() -> Call:
    """The call this request belongs to."""
    return _CALL.get()


class Guarded(HTTPConnection):
    """A connection for one request: it connects within the call's time, and tells what was sent."""

    auto_open = 0
    response_class = WholeHead
    _unsent = b""

    def begin(self, call: Call) -> None:
        """Belong to `call` from here on: connect, or be watched where that was done before.

        Watched before a byte leaves: where there is no descriptor left for that, none does.
        """
        if self.sock is None:
            self.connect()
        else:
            call.watch(self.sock)
        self.timeout = min(call.read_s, call.remaining_s())
        self.sock.settimeout(self.timeout)

    def is_quiet(self) -> bool:
        """Whether an open connection is as it was when it was made: nothing said, nothing ended.

        A TLS server sends session tickets behind the handshake, so the socket itself can be
        readable; reading tells.
        """
        if self.sock is None:
            return False
        try:
            self.sock.settimeout(0)
            self.sock.recv(1)
        except (BlockingIOError, ssl.SSLWantReadError):
            return True
        except OSError:
            return False
        return False

    def send(self, data: Any) -> None:
        """Collect the bytes of a request."""
        self._unsent += data

    def leave(self) -> None:
        """The one step that puts a request on the wire; the call is told before the first byte."""
        call = _CALL.get()
        data, self._unsent = self._unsent, b""
        assert self.sock is not None
        call.sent = True
        try:
            self.sock.sendall(data)
        except OSError as error:
            if error.errno not in _CLOSED_UNDER_US:  # else an answer may lie there all the same
                raise
        call.arm()  # where the connection was open before: its bytes wait for no timer

    def _new_conn(self) -> socket.socket:
        call = _CALL.get()
        call.arm()
        ends = time.monotonic() + min(call.connect_s, call.remaining_s())
        last: OSError | None = None
        for address in _addresses(self, ends):
            left = ends - time.monotonic()
            if left <= 0:
                break
            try:
                connected = socket.create_connection(address, timeout=left)
            except OSError as error:
                last = error
                continue
            connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            call.watch(connected)
            return connected
        if last is None or isinstance(last, TimeoutError):
            raise ConnectTimeoutError(self, "connect timed out")
        raise NewConnectionError(self, f"no connection: {last.strerror}") from last


class GuardedTLS(Guarded, HTTPSConnection):
    """The same over TLS."""


def _addresses(connection: HTTPConnection, ends: float) -> list[tuple[str, int]]:
    """The host's addresses; the resolver has no time-out of its own, so it runs beside."""
    host, port = connection.host, connection.port or connection.default_port
    found: list[Any] = []

    def resolve() -> None:
        try:
            found.append(socket.getaddrinfo(host, port, type=socket.SOCK_STREAM))
        except OSError as error:
            found.append(error)

    worker = threading.Thread(target=resolve, daemon=True)
    worker.start()
    worker.join(max(0.0, ends - time.monotonic()))
    if not found:
        raise ConnectTimeoutError(connection, "name resolution timed out")
    if isinstance(found[0], OSError):
        raise NewConnectionError(connection, "the name has no address") from found[0]
    return [(entry[4][0], entry[4][1]) for entry in found[0]]


def _shut(guard: socket.socket) -> None:
    try:
        guard.shutdown(socket.SHUT_RDWR)
    except OSError:
        return  # it is down already
