"""The venue's own file: what it has is committed here before it answers.

shape   document(kind, key, body): orders, executions, quotes, settings, counts, as JSON;
        request(...): the log of calls, a row each, by which POSTs are counted
dies    kill -9 anywhere: a call's row and all it changed are in the file together, or not at all.
        After the commit and before the answer the order is here, as at any venue. Killed between
        an event and its stream message the message is lost, as Alpaca's are
why     synchronous=NORMAL: a killed process loses nothing, and the venue of a drill need not
        survive a power cut. A commit that fails ends the process: memory may be ahead of the file
"""

import sqlite3
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

_SCHEMA = """
CREATE TABLE IF NOT EXISTS document (
    kind TEXT NOT NULL, key TEXT NOT NULL, body BLOB NOT NULL, PRIMARY KEY (kind, key)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS request (
    number INTEGER PRIMARY KEY, at INTEGER NOT NULL, method TEXT NOT NULL, path TEXT NOT NULL,
    client_order_id TEXT, status INTEGER, fault TEXT
);
"""


class Call(NamedTuple):
    """One call of the log: venue time, what was asked, the status meant, the fault if any."""

    at: int
    method: str
    path: str
    client_order_id: str | None
    status: int | None
    fault: str | None


class Store:
    """The venue's SQLite file, or memory where `path` is None."""

    def __init__(self, path: Path | None) -> None:
        self._connection = sqlite3.connect(
            ":memory:" if path is None else path, isolation_level=None
        )
        self._connection.execute("PRAGMA journal_mode=WAL")
        self._connection.execute("PRAGMA synchronous=NORMAL")
        self._connection.executescript(_SCHEMA)

    def documents(self, kind: str) -> Iterator[tuple[str, bytes]]:
        """Every document of a kind, by key."""
        yield from self._connection.execute(
            "SELECT key, body FROM document WHERE kind = ? ORDER BY key", (kind,)
        )

    def commit(
        self, documents: Iterable[tuple[str, str, bytes]], calls: Iterable[Call] = ()
    ) -> None:
        """All of it in one transaction, in the file when this returns."""
        with self._connection as connection:
            connection.execute("BEGIN IMMEDIATE")
            connection.executemany("INSERT OR REPLACE INTO document VALUES (?, ?, ?)", documents)
            connection.executemany(
                "INSERT INTO request (at, method, path, client_order_id, status, fault)"
                " VALUES (?, ?, ?, ?, ?, ?)",
                calls,
            )

    def calls(self, after: int = 0, limit: int = 100_000) -> list[tuple[int, Call]]:
        """The logged calls with a number above `after`, in order."""
        rows = self._connection.execute(
            "SELECT number, at, method, path, client_order_id, status, fault FROM request"
            " WHERE number > ? ORDER BY number LIMIT ?",
            (after, limit),
        )
        return [(row[0], Call(*row[1:])) for row in rows]

    def posts(self) -> dict[str, int]:
        """How many POSTs of an order the venue saw under each client order id, in first order."""
        rows = self._connection.execute(
            "SELECT client_order_id, COUNT(*) FROM request WHERE method = 'POST'"
            " AND path = '/v2/orders' AND client_order_id IS NOT NULL"
            " GROUP BY client_order_id ORDER BY MIN(number)"
        )
        return dict(rows.fetchall())

    def close(self) -> None:
        """Close the file."""
        self._connection.close()
