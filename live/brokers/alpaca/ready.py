"""Connections made before they are needed: an order that was decided waits for no handshake.

shape   `prepare(…)` before a cycle is decided; `opened()` -> one that is ready, or none; `new()` ->
        one that is not open yet; `taken()` -> the one or the other
rules   A ready connection never carried a byte of a request, carries one and is closed. It is used
        while it is young (`FRESH_S`, less than any server lets a new connection wait), and only
        when it is looked at directly before and nothing came: no end, no reset, no word. Else it
        is closed unused, and the call opens its own, as if there had been none.
        What fails here is nobody's outcome: nothing was sent, and the call tries itself.
dies    a connection without a request ends: nothing left
why     no kept connection: what a server may do to one at any moment (close it, RST, a 408) would
        make a POST that is neither sent nor not sent
"""

import ssl
import threading
import time
from collections import deque
from collections.abc import Callable
from urllib.parse import urlsplit

import certifi
from urllib3.util.ssl_ import create_urllib3_context

from live.brokers.alpaca.transport import Call, Guarded, GuardedTLS

FRESH_S = 5.0
"""How old a connection may be when its request leaves."""
READY_MAX = 8
"""Connections that are kept ready: as many as the last cycle used, at least one, at most these."""
PREPARE_S = 0.5
"""The longest that a cycle waits for a handshake; what is not ready by then is not waited for."""
PAUSE_S = 0.001
"""How long what is done while handshakes are waited for leaves the processor to them."""

Opened = tuple[Guarded, float]
"""An open connection and when it was opened, by the monotonic clock."""


class Connections:
    """The connections to one endpoint."""

    def __init__(self, url: str) -> None:
        """`url`: scheme, host and port. `verify`: the file of the authorities, None for certifi."""
        parts = urlsplit(url)
        self._host = parts.hostname or ""
        self._port = parts.port
        self._secure = parts.scheme == "https"
        self.verify: str | None = None
        self._context: ssl.SSLContext | None = None
        self._lock = threading.Lock()
        self._ready: deque[Opened] = deque()
        self._opening = 0
        self._used = 0

    def new(self) -> Guarded:
        """A connection that is not open yet."""
        if not self._secure:
            return Guarded(self._host, self._port)
        return GuardedTLS(self._host, self._port, ssl_context=self._trust())

    def taken(self) -> Guarded:
        """A connection for a request that leaves now: an open one where one is ready and sound."""
        found = self.opened()
        return self.new() if found is None else found[0]

    def opened(self) -> Opened | None:
        """One that is ready and sound, and no longer kept; `is_sound` before its request leaves."""
        with self._lock:
            self._used += 1
        while True:
            with self._lock:
                if not self._ready:
                    return None
                found = self._ready.popleft()
            if is_sound(found):
                return found
            found[0].close()

    def prepare(
        self,
        *,
        connect_s: float,
        within_s: float = PREPARE_S,
        meanwhile: Callable[[], object] = lambda: None,
    ) -> None:
        """Have some ready, and wait for them `within_s` at most; it never fails.

        `meanwhile` is done once at least, and again and again while handshakes are on their way,
        with pauses: they are Python too, and never come far beside one that does not let go.
        """
        with self._lock:
            wanted = min(READY_MAX, max(1, self._used))
            self._used = 0
            found = list(self._ready)
            self._ready.clear()
            for one in found:
                if len(self._ready) < wanted and is_sound(one):
                    self._ready.append(one)
                else:
                    one[0].close()
            missing = wanted - len(self._ready) - self._opening
            self._opening += max(0, missing)
        ends = time.monotonic() + within_s
        threads = [thread for _ in range(missing) if (thread := self._opener(connect_s))]
        meanwhile()
        for thread in threads:
            while thread.is_alive() and time.monotonic() < ends:
                thread.join(PAUSE_S)
                meanwhile()

    def close(self) -> None:
        """Close what is ready."""
        with self._lock:
            for connection, _ in self._ready:
                connection.close()
            self._ready.clear()

    def _opener(self, connect_s: float) -> threading.Thread | None:
        """A thread that opens one; None where no thread can be had."""
        thread = threading.Thread(target=self._open, args=(connect_s,), daemon=True)
        try:
            thread.start()
        except RuntimeError:
            with self._lock:
                self._opening -= 1
            return None
        return thread

    def _open(self, connect_s: float) -> None:
        """One more, or none."""
        connection: Guarded | None = None
        try:
            connection = self.new()
            with Call(connect_s=connect_s, read_s=connect_s, total_s=connect_s) as call:
                connection.begin(call)
                expired = call.expired
        except Exception:  # noqa: BLE001 - the call that needs it will say what is wrong
            expired = True
        with self._lock:
            self._opening -= 1
            if connection is None:
                return
            if expired:
                connection.close()
            else:
                self._ready.append((connection, time.monotonic()))

    def _trust(self) -> ssl.SSLContext:
        """Whom to believe; made once, for reading the authorities takes milliseconds."""
        if self._context is None:
            context = create_urllib3_context()
            context.load_verify_locations(self.verify or certifi.where())
            context.verify_mode = ssl.CERT_REQUIRED
            context.check_hostname = True
            self._context = context
        return self._context


def is_sound(one: Opened) -> bool:
    """Whether a request may leave on it now."""
    return time.monotonic() - one[1] <= FRESH_S and one[0].is_quiet()
