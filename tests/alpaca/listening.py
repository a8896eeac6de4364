"""A trade stream as a test watches it, and a relay that can freeze between it and a server."""

import socket
import threading
import time
from collections.abc import Callable
from typing import Any

from core.events import FillReported, Observation, StreamWentDown, StreamWentUp
from live.brokers.alpaca.inbox import Inbox
from live.brokers.alpaca.settings import AlpacaSettings
from live.brokers.alpaca.stream import TradeStream
from live.rate.budget import memory_budget
from tests.alpaca.world import SECRETS, client, order, wall

FAST: dict[str, Any] = {
    "answer_s": 0.6,
    "ping_s": 5.0,
    "probe_s": 5.0,
    "backoff_s": (0.05, 0.2),
    "unauthorized_wait_s": 30.0,
}


def fill(number: int = 1) -> dict[str, object]:
    """A trade update that fills one share more."""
    return {
        "stream": "trade_updates",
        "data": {
            "event": "partial_fill",
            "execution_id": f"execution-{number}",
            "timestamp": "2026-11-23T15:00:01.123456789Z",
            "price": "86.87",
            "qty": "1",
            "order": order(
                status="partially_filled", filled_qty=str(number), filled_avg_price="86.87"
            ),
        },
    }


class Listening:
    """A stream against a server, and what it told so far."""

    def __init__(self, url: str, *, per_minute: int = 10_000, **changes: Any) -> None:
        settings = AlpacaSettings(trading_stream_url=url, **{**FAST, **changes})
        self.inbox = Inbox(settings.inbox_messages, wall)
        rest = client("http://127.0.0.1:9")
        self.budget = memory_budget(per_minute, reserve=2)
        self.stream = TradeStream(settings, SECRETS, self.inbox, rest.raw, self.budget)
        self.told: list[Observation] = []
        self.taken_until = wall()

    def take(self) -> list[Observation]:
        """What was told until now."""
        until = wall()
        self.told += self.inbox.take(self.taken_until, until)
        self.taken_until = until
        return self.told

    def until(self, wanted: Callable[[list[Observation]], bool], timeout_s: float = 60) -> None:
        """Wait for what must be told."""
        ends = time.monotonic() + timeout_s
        while not wanted(self.take()):
            assert time.monotonic() < ends, self.told
            self.inbox.wait(0.05)

    def until_up(self, times: int = 1) -> None:
        """Wait until it was up so often."""
        self.until(lambda told: len([e for e in told if isinstance(e, StreamWentUp)]) >= times)

    def until_waiting(self, messages: int) -> None:
        """Wait until so many messages lie in the inbox, without taking one."""
        ends = time.monotonic() + 60
        while len(self.inbox) < messages:
            assert time.monotonic() < ends, len(self.inbox)
            time.sleep(0.02)

    def why(self, stream: str) -> list[str]:
        """Why a stream went down, each time."""
        told = self.take()
        return [e.why for e in told if isinstance(e, StreamWentDown) and e.stream == stream]

    def fills(self) -> list[FillReported]:
        """The executions told."""
        return [event for event in self.take() if isinstance(event, FillReported)]


class Relay:
    """Passes bytes between a client and a server until it is frozen."""

    def __init__(self, url: str) -> None:
        host, _, port = url.removeprefix("ws://").partition("/")[0].partition(":")
        self._target = (host, int(port))
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"ws://127.0.0.1:{self._listener.getsockname()[1]}/stream"
        self.frozen = threading.Event()
        self._sockets: list[socket.socket] = []
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        """Close everything."""
        self._listener.close()
        for end in self._sockets:
            end.close()

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self._listener.accept()
            except OSError:
                return
            far = socket.create_connection(self._target)
            self._sockets += [near, far]
            for source, target in ((near, far), (far, near)):
                threading.Thread(target=self._pass, args=(source, target), daemon=True).start()

    def _pass(self, source: socket.socket, target: socket.socket) -> None:
        try:
            while data := source.recv(65_536):
                if self.frozen.is_set():
                    continue
                target.sendall(data)
        except OSError:
            return
