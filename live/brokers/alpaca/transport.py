"""The hardened transport: one connection a call, a deadline nothing can stretch, no retry at all.

rules   A call has one connection of its own: a kept one may be dead, and a POST into it is neither
        sent nor not sent. `sent` turns true before the first byte of the request, never later, so
        a call that failed with `sent` false provably left nothing.
        The deadline shuts the socket down from a timer: a server that trickles a byte a second
        through TLS, headers or body keeps no call alive, for a read time-out counts from the last
        byte.
why     requests and alpaca-py know no deadline at all (ALPACA.md A3)
"""

import socket
import threading
import time
from contextvars import ContextVar
from types import TracebackType
from typing import Any

from requests import PreparedRequest, Response
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import ConnectTimeoutError, NewConnectionError


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
        self._timer = threading.Timer(total_s, self._expire)
        self._timer.daemon = True

    def __enter__(self) -> "Call":
        self._timer.start()
        self._token = _CALL.set(self)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._timer.cancel()
        _CALL.reset(self._token)
        with self._lock:
            for guard in self._guards:
                guard.close()
            self._guards.clear()

    def remaining_s(self) -> float:
        """Seconds to the deadline, above 0."""
        return max(0.001, self._ends - time.monotonic())

    def watch(self, connected: socket.socket) -> None:
        """Shut `connected` down at the deadline, whoever wraps it in between."""
        guard = connected.dup()
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


class _Guarded(HTTPConnection):
    """A connection that connects within the call's time and tells it what was sent."""

    def _new_conn(self) -> socket.socket:
        call = _CALL.get()
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

    def send(self, data: Any) -> None:
        """The bytes of the request; the call is told before the first."""
        if self.sock is None:
            self.connect()
        _CALL.get().sent = True
        super().send(data)


class _GuardedTLS(_Guarded, HTTPSConnection):
    """The same over TLS."""


class _Pool(HTTPConnectionPool):
    ConnectionCls = _Guarded


class _TLSPool(HTTPSConnectionPool):
    ConnectionCls = _GuardedTLS


class HardenedAdapter(HTTPAdapter):
    """requests' adapter without retries, proxies or kept connections."""

    def __init__(self) -> None:
        super().__init__(max_retries=0)

    def init_poolmanager(self, *arguments: Any, **options: Any) -> None:
        """Pools of guarded connections."""
        super().init_poolmanager(*arguments, **options)
        self.poolmanager.pool_classes_by_scheme = {"http": _Pool, "https": _TLSPool}

    def send(self, request: PreparedRequest, *_: Any, **options: Any) -> Response:
        """One request; its time is the call's, whatever the caller thinks."""
        call = _CALL.get()
        return super().send(
            request,
            stream=True,
            timeout=(call.connect_s, min(call.read_s, call.remaining_s())),
            verify=options.get("verify", True),
        )


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
