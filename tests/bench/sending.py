"""From `decide` to the first byte of an order on the wire, at its worst of a hundred.

ours    a cycle's observations, decided, committed and anchored, the journal's head read again, a
        connection made, the request built and its first bytes handed to the kernel, by the real
        adapter against a server on loopback. The same as in a run, but for TLS and the distance
other   a bare `sqlite3` commit of one stored event (WAL, synchronous=FULL): what durability alone
        costs before anything may leave, in the same run, in turn
why     the 99th percentile: an order is late when its commit is, and a median hides that
"""

import json
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import cycle
from typing import Any

from msgspec.structs import replace

from core.events import CycleOpened, OrderSubmitAttempted, QuotesObserved, RateBudgetReported
from core.values import TimeText, later_by, time_text
from journal import open_journal
from journal.codec import Codec
from journal.codec import Row as Stored
from journal.genesis import journal_id_from_name
from journal.recorded import GENESIS
from live.actions import Actions
from live.brokers.alpaca.broker import AlpacaBroker
from live.brokers.alpaca.settings import AlpacaSettings
from live.committer import Committer
from live.secrets import Secrets
from tests.bench.append import NAME, bare_sqlite
from tests.bench.busy import Busy
from tests.bench.corpus import Corpus
from tests.bench.measure import DifferentError, Row, row
from tests.bench.steady import MINUTE, Market

KEYS = {
    "APCA_API_KEY_ID": "PKOFTHEBENCHMARK0001",  # pragma: allowlist secret
    "APCA_API_SECRET_KEY": "SecretOfTheBenchmark/0123456789",  # pragma: allowlist secret
}
WARM_UP = 20


def sending(corpus: Corpus, name: str) -> Row:
    """The first order of each cycle, against a bare commit."""
    rounds = corpus.size.commits
    with (
        taking_orders() as url,
        open_journal(corpus.few) as journal,
        bare_sqlite(corpus.new_path()) as bare,
    ):
        wired = Wired(Committer(journal, Busy), url)
        wired.settle()
        commit = one_at_a_time(corpus, bare)
        ours: list[int] = []
        other: list[int] = []
        for number in range(WARM_UP + rounds):
            spent = wired.first_byte(), commit()
            if number >= WARM_UP:
                ours.append(spent[0])
                other.append(spent[1])
    if not wired.made:
        raise DifferentError(name)
    return row(name, p99(ours) / 1e3, p99(other) / 1e3, "µs, the 99th percentile")


def p99(samples: Sequence[int]) -> int:
    """The smallest that is not below 99 of 100."""
    return sorted(samples)[-(-99 * len(samples) // 100) - 1]


def one_at_a_time(corpus: Corpus, write: Callable[[Sequence[Stored]], object]) -> Callable[[], int]:
    """A bare commit of the next order event; the nanoseconds it took."""
    codec = Codec(journal_id_from_name(NAME), NAME)
    stored = cycle(
        codec.encode([event], GENESIS, epoch=1, recorded_at=0)[0] for event in corpus.order_events
    )

    def commit() -> int:
        rows = next(stored)
        start = time.perf_counter_ns()
        write(rows)
        return time.perf_counter_ns() - start

    return commit


class Wired(Market):
    """A market that stands still, whose orders go over a socket and are filled at once."""

    def __init__(self, committer: Committer, url: str) -> None:
        super().__init__(committer)
        settings = AlpacaSettings(
            trading_url=url, data_url=url, trading_stream_url=url.replace("http", "ws", 1),
            connect_s=5.0, read_s=5.0, total_s=10.0, requests_per_minute=10**6,
        )  # fmt: skip
        broker = AlpacaBroker(settings, Secrets(KEYS), _now)
        self.actions = Actions(committer, broker, lambda: Decimal(time.monotonic_ns()) / 10**9)

    def cycle(self) -> None:
        """One cycle, for whoever does not ask how long it took."""
        self.first_byte()

    def first_byte(self) -> int:
        """The nanoseconds from the cycle's decision to the first byte of its first order."""
        self.slot, self.number = later_by(self.slot, MINUTE), self.number + 1
        at = self.slot
        quotes = {symbol: replace(quote, time=at) for symbol, quote in self.quotes.items()}
        heard = (
            QuotesObserved(observed_at=at, slot=at, feed="bench", quotes=quotes),
            RateBudgetReported(observed_at=at, limit=1_000, remaining=1_000),
            CycleOpened(observed_at=at, number=self.number, slot=at),
        )
        with first_send() as sent:
            start = time.perf_counter_ns()
            decisions = self.actions.committer.observe(*heard)
            self.actions.carry_out(decisions)
        for decision in decisions:
            if isinstance(decision, OrderSubmitAttempted):
                self.made += 1
                self.fill(decision.client_order_id, at)
        if not sent:
            raise DifferentError("send.p99")
        return sent[0] - start


@contextmanager
def first_send() -> Iterator[list[int]]:
    """When each request's bytes were handed to the kernel, as long as it lasts."""
    from live.brokers.alpaca import transport

    sent: list[int] = []
    before = transport._Guarded.send

    def send(connection: Any, data: Any) -> None:
        before(connection, data)
        sent.append(time.perf_counter_ns())

    transport._Guarded.send = send  # type: ignore[method-assign,assignment]
    try:
        yield sent
    finally:
        transport._Guarded.send = before  # type: ignore[method-assign]


class Taking(BaseHTTPRequestHandler):
    """Takes every order."""

    def do_POST(self) -> None:
        """The order, accepted."""
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        name = asked["client_order_id"]
        order = {"id": name, "status": "new", "filled_qty": "0", **asked}
        body = json.dumps(order).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Nothing."""


@contextmanager
def taking_orders() -> Iterator[str]:
    """A server on loopback; its address."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Taking)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _now() -> TimeText:
    return time_text(time.time_ns() // 1000)
