"""Encrypted journals to test with, and what an enemy who can write the file but has no key can do.

shape   KEY, OTHER, THIRD are master keys; `make_sealed(path, n)`; `opened(path)`
        `forge(path, change)` rewrites the rows, computes a good chain over them and a good anchor:
        neither needs a key, so what is left to refuse it is the cipher
"""

import hashlib
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from msgspec.structs import replace

from core.events.lifecycle import JournalCreated
from journal import Head, Journal, create_journal, open_journal
from journal.anchor import anchor_path, create_anchor
from journal.codec import Codec
from journal.master_key import MasterKey
from journal.recorded import FORMAT_ENCRYPTED, GENESIS
from tests.journal.sample import add, at, created

KEY, OTHER, THIRD = (
    MasterKey(hashlib.sha256(name).digest()) for name in (b"one", b"another", b"third")
)
Rows = list[tuple[str, bytes]]
"""(topic, the state's header and payload without its chain)."""


def sealed_creation(name: str = "main") -> JournalCreated:
    """Sequence 1 of an encrypted journal."""
    return replace(created(name), encrypted=True, format=FORMAT_ENCRYPTED)


def make_sealed(path: Path, count: int = 0, name: str = "main", key: MasterKey = KEY) -> Head:
    """A closed encrypted journal with `count` events behind its first; its head."""
    first = sealed_creation(name)
    with create_journal(path, first, recorded_at=at(0), key=key) as journal:
        return add(journal, count) if count else journal.head


def opened(path: Path, key: MasterKey | None = KEY) -> Journal:
    """The journal, for reading."""
    return open_journal(path, read_only=True, key=key)


def rows_of(path: Path) -> Rows:
    """Every row of the file."""
    with closing(sqlite3.connect(path)) as connection:
        found = connection.execute("SELECT topic, state FROM stored_events ORDER BY rowid")
        return [(topic, state[:18] + state[50:]) for topic, state in found]


def forge(path: Path, change: Callable[[Rows], Rows]) -> None:
    """Rewrite the rows as `change` says, with a chain and an anchor that fit."""
    journal_id = created().journal_id
    codec = Codec(journal_id, str(path))
    chain, stored = bytes.fromhex(GENESIS.chain), []
    for sequence, (topic, body) in enumerate(change(rows_of(path)), start=1):
        chain = codec._chain(sequence, chain, topic, body[:18], body[18:])
        stored.append((sequence - 1, topic, body[:18] + chain + body[18:]))
    with closing(sqlite3.connect(path)) as connection:
        names = [
            name
            for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type='trigger'")
        ]
        guards = [
            sql
            for (sql,) in connection.execute("SELECT sql FROM sqlite_master WHERE type='trigger'")
        ]
        for name in names:
            connection.execute(f"DROP TRIGGER {name}")
        (originator,) = connection.execute("SELECT originator_id FROM stored_events").fetchone()
        connection.execute("DELETE FROM stored_events")
        connection.executemany(
            "INSERT INTO stored_events VALUES (?,?,?,?)",
            [(originator, *row) for row in stored],
        )
        for guard in guards:
            connection.execute(guard)
        connection.commit()
    create_anchor(anchor_path(path), journal_id, Head(len(stored), chain.hex()))


def ring_of(path: Path) -> bytes:
    """The stored key ring."""
    with closing(sqlite3.connect(path)) as connection:
        (ring,) = connection.execute("SELECT ring FROM key_ring").fetchone()
    return bytes(ring)


def put_ring(path: Path, ring: bytes | None) -> None:
    """Put another ring in its place, or take it away."""
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("DELETE FROM key_ring")
        if ring is not None:
            connection.execute("INSERT INTO key_ring VALUES (1,?)", (ring,))
        connection.commit()
