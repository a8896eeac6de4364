"""From `decide` to the first byte of an order on the wire, at its worst of a hundred.

ours    an order's cycle decided, committed and anchored, the journal's head read again, the
        request built and sent by the real adapter, until its first segment is at a server on
        loopback by the kernel's stamp (`taking.py`). Secrets are looked for, as in a run.
        What can be had before the cycle is, as the runner does it: the connection, the permits,
        a rehearsal while the handshake is on its way, room in the write-ahead log; and what is due
        behind it, a checkpoint, comes behind it. So what a run has and this has not are the
        bytes' own TLS, the distance, and a limiter that other processes share
alone   the one order of a cycle of one symbol: its own decide, commit, anchor and request
first   the order that leaves first, of a cycle that decides eight: the commit holds all of them
every   each of the eight, from the same start: it waits for the answers before it, which are
        committed and anchored one after the other. That wait is the protocol's and the server's,
        and is in the number
other   a bare `sqlite3` commit of one stored event (WAL, synchronous=FULL): what durability alone
        costs before anything may leave, in the same run, in turn
why     the 99th percentile: an order is late when its commit is, and a median hides that. It is
        taken of 800 orders and commits or more
"""

import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from decimal import Decimal
from itertools import cycle
from typing import IO

from msgspec.structs import replace

from core.events import (
    CycleOpened,
    Observation,
    OrderSubmitAttempted,
    QuotesObserved,
    RateBudgetReported,
)
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
from live.redaction import hide
from live.rehearsal import rehearse
from live.secrets import Secrets
from tests.bench.append import NAME, bare_sqlite
from tests.bench.busy import Busy
from tests.bench.corpus import ROOT, Corpus
from tests.bench.measure import DifferentError, Row, row
from tests.bench.steady import MINUTE, Market

KEYS = {
    "APCA_API_KEY_ID": "PKOFTHEBENCHMARK0001",  # pragma: allowlist secret
    "APCA_API_SECRET_KEY": "SecretOfTheBenchmark/0123456789",  # pragma: allowlist secret
}
WARM_UP = 20
HANDSHAKE_S = 0.005
"""Less than TCP and TLS take to any broker that is not in the same room."""


def alone(corpus: Corpus, name: str) -> Row:
    """The one order of each cycle, against a bare commit."""
    folder = corpus.new_path()
    folder.mkdir()
    single = Corpus(replace(corpus.size, symbols=1), folder)
    return sending(single, name, cycles=2 * corpus.size.commits, orders=1)


def first(corpus: Corpus, name: str) -> Row:
    """The first order of each cycle."""
    return sending(corpus, name, cycles=2 * corpus.size.commits, orders=1)


def every(corpus: Corpus, name: str) -> Row:
    """Every order of each cycle."""
    cycles = corpus.size.commits // 4
    return sending(corpus, name, cycles=cycles, orders=corpus.size.symbols)


def sending(corpus: Corpus, name: str, *, cycles: int, orders: int) -> Row:
    """The first `orders` of each cycle, against as many bare commits."""
    with (
        taking_orders() as server,
        open_journal(corpus.few) as journal,
        bare_sqlite(corpus.new_path()) as bare,
    ):
        wired = Wired(Committer(journal, Busy), server)
        wired.settle()
        journal.make_room()
        commit = one_at_a_time(corpus, bare)
        ours: list[int] = []
        other: list[int] = []
        for number in range(WARM_UP + cycles):
            arrived, committed = wired.first_bytes(), [commit() for _ in range(orders)]
            if number >= WARM_UP:
                ours += arrived[:orders]
                other += committed
        wired.broker.close()
    if len(ours) != cycles * orders:
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

    def __init__(self, committer: Committer, server: IO[str]) -> None:
        super().__init__(committer)
        self.server = server
        url = server.readline().strip()
        settings = AlpacaSettings(
            trading_url=url, data_url=url, trading_stream_url=url.replace("http", "ws", 1),
            connect_s=5.0, read_s=5.0, total_s=10.0, requests_per_minute=10**6,
        )  # fmt: skip
        secrets = Secrets(KEYS)
        hide(secrets.key_id, secrets.secret_key)
        self.broker = AlpacaBroker(settings, secrets, _now)
        self.actions = Actions(committer, self.broker, lambda: Decimal(time.monotonic_ns()) / 10**9)
        self.actions.write = self.broker.write
        committer.meanwhile = self.actions.meanwhile

    def cycle(self) -> None:
        """One cycle, for whoever does not ask how long it took."""
        self.first_bytes()

    def first_bytes(self) -> list[int]:
        """The nanoseconds from the cycle's decision to the first byte of each of its orders."""
        self.slot, self.number = later_by(self.slot, MINUTE), self.number + 1
        at = self.slot
        quotes = {symbol: replace(quote, time=at) for symbol, quote in self.quotes.items()}
        heard = (
            QuotesObserved(observed_at=at, slot=at, feed="bench", quotes=quotes),
            RateBudgetReported(observed_at=at, limit=1_000, remaining=1_000),
            CycleOpened(observed_at=at, number=self.number, slot=at),
        )
        self.broker.hold_permits(len(quotes))
        self.broker.prepare(lambda: self._rehearse(heard))
        start = time.time_ns()
        decisions = self.actions.committer.observe(*heard)
        self.actions.carry_out(decisions)
        arrived: list[int] = []
        for decision in decisions:
            if isinstance(decision, OrderSubmitAttempted):
                self.made += 1
                arrived.append(int(self.server.readline()))
                self.fill(decision.client_order_id, at)
        self.broker.give_back_permits()
        self.actions.committer.keep()
        return [at - start for at in arrived]

    def _rehearse(self, heard: Sequence[Observation]) -> None:
        """For as long as the handshake takes that a distance would make longer than loopback's."""
        ends = time.monotonic() + HANDSHAKE_S
        while time.monotonic() < ends:
            rehearse(self.actions.committer, heard)


@contextmanager
def taking_orders() -> Iterator[IO[str]]:
    """A server on loopback, in a process of its own; what it says."""
    command = [sys.executable, "-m", "tests.bench.taking"]
    with subprocess.Popen(
        command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as server:
        assert server.stdout is not None
        yield server.stdout
        assert server.stdin is not None
        server.stdin.close()  # it ends with its input, however this process does


def _now() -> TimeText:
    return time_text(time.time_ns() // 1000)
