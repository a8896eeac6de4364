"""Appending: `Journal.append` against the least that makes the same bytes durable.

ours    encode, hash, chain, the conditional insert, COMMIT, and the anchor's unsynced slot
other   a bare `sqlite3` commit of the same stored bytes, already encoded (WAL, synchronous=FULL),
        or one write and one fdatasync of them into a file whose blocks are there
"""

import os
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from itertools import count, cycle
from pathlib import Path
from uuid import UUID

import msgspec
from eventsourcing.application import Application
from eventsourcing.domain import Aggregate

from core.events import Event, JournalCreated
from core.values import TimeText, micros
from journal import Journal, create_journal
from journal.anchor import sync_data
from journal.codec import Codec
from journal.codec import Row as Stored
from journal.genesis import journal_id_from_name
from journal.recorded import FORMAT, GENESIS
from tests.bench.corpus import Corpus
from tests.bench.measure import WALL, Row, in_turn, times

AT = TimeText("2026-11-27T14:30:00.000000Z")
NAME = "bench"
Write = Callable[[Sequence[Stored]], object]


def against_sqlite(corpus: Corpus, name: str, batch: int) -> Row:
    """`batch` events a commit, against `executemany` in a bare table."""
    with bare_sqlite(corpus.new_path()) as other:
        return appending(corpus, name, batch, corpus.new_path(), other)


def against_file(corpus: Corpus, name: str) -> Row:
    """One event a commit, against write and fdatasync."""
    with bare_file(corpus.new_path(), corpus.size.commits * 2) as other:
        return appending(corpus, name, 1, corpus.new_path(), other)


def against_library(corpus: Corpus, name: str, batch: int) -> Row:
    """`batch` events a commit, against an application of `eventsourcing` that writes as many."""
    batches = list(_batches(corpus.order_events, batch))
    facts = cycle([[msgspec.to_builtins(event) for event in events] for events in batches])
    environment = {
        "PERSISTENCE_MODULE": "eventsourcing.sqlite",
        "SQLITE_DBNAME": str(corpus.new_path()),
    }
    with Library(environment) as application:
        written = Facts()

        def other(_: Sequence[Stored]) -> None:
            for fact in next(facts):
                written.trigger_event(Facts.Happened, fact=fact)
            application.save(written)

        return appending(corpus, name, batch, corpus.new_path(), other)


class Library(Application[UUID]):
    """The library's application, as it comes."""


class Facts(Aggregate):
    """An aggregate of the library's whose events carry what ours do, as plain data."""

    class Happened(Aggregate.Event):
        """Something happened; the aggregate itself does not change by it."""

        fact: dict[str, object]

        def apply(self, aggregate: Aggregate) -> None:
            """Change nothing."""


def appending(corpus: Corpus, name: str, batch: int, place: Path | str, other: Write) -> Row:
    """`batch` events a commit into a new journal at `place`, against `other`."""
    batches = list(_batches(corpus.order_events, batch))
    codec = Codec(journal_id_from_name(NAME), name)
    stored = [
        codec.encode(events, GENESIS, epoch=1, recorded_at=micros(AT))[0] for events in batches
    ]
    ours_turn, others_turn = count(), count()
    commits = max(corpus.size.commits // (1 if batch < 1_000 else 4), 2)
    with new_journal(place) as journal:
        taken = in_turn(
            lambda: journal.append(
                batches[next(ours_turn) % len(batches)],
                expected=journal.head,
                epoch=1,
                recorded_at=AT,
            ),
            lambda: other(stored[next(others_turn) % len(stored)]),
            rounds=commits,
            warm_up=commits // 2,
            clock=WALL,
        )
    return times(name, taken, each=1, unit="µs a commit")


def _batches(events: Sequence[Event], size: int) -> Iterator[list[Event]]:
    """Batches of exactly `size`, from the events in order, over again where they are too few."""
    for first in range(0, max(len(events) - size, 0) + 1, size):
        yield [events[(first + index) % len(events)] for index in range(size)]


@contextmanager
def new_journal(path: Path | str) -> Iterator[Journal]:
    """A new journal, open for writing."""
    created = JournalCreated(
        observed_at=AT,
        journal_id=journal_id_from_name(NAME),
        name=NAME,
        mode="sim",
        account_hash="0" * 64,
        encrypted=False,
        format=FORMAT,
        min_reader=1,
    )
    with create_journal(path, created, recorded_at=AT) as journal:
        yield journal


@contextmanager
def bare_sqlite(path: Path) -> Iterator[Write]:
    """One durable transaction a call, in a table without any index but its rowid."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        mode = connection.execute("PRAGMA journal_mode=WAL").fetchone()[0]
        connection.execute("PRAGMA synchronous=FULL")
        if mode != "wal" or connection.execute("PRAGMA synchronous").fetchone()[0] != 2:
            message = f"{path}: expected WAL with synchronous=FULL, found {mode}"
            raise RuntimeError(message)
        connection.execute("CREATE TABLE e (sequence INTEGER PRIMARY KEY, topic TEXT, state BLOB)")

        def write(rows: Sequence[Stored]) -> None:
            connection.execute("BEGIN IMMEDIATE")
            connection.executemany(
                "INSERT INTO e (topic, state) VALUES (?, ?)", [row[1:] for row in rows]
            )
            connection.execute("COMMIT")

        yield write


@contextmanager
def bare_file(path: Path, writes: int) -> Iterator[Write]:
    """One write and one sync a call, from front to back in blocks that were written before."""
    block = 4096
    fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        os.pwrite(fd, b"\0" * (block * writes), 0)
        os.fsync(fd)
        offset = 0

        def write(rows: Sequence[Stored]) -> None:
            nonlocal offset
            data = b"".join(row[2] for row in rows)
            os.pwrite(fd, data, offset)
            sync_data(fd)
            offset += len(data)

        yield write
    finally:
        os.close(fd)
