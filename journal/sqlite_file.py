"""A journal's SQLite file: made whole or not at all, and what is in it told from other files.

dies    anywhere in `create_file`: there is a file without a table, which counts as nothing, or a
        whole journal
"""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from uuid import UUID

from journal.codec import Row
from journal.errors import JournalExistsError, NotAJournalError
from journal.sqlite import (
    BUSY_TIMEOUT_S,
    TABLE,
    Datastore,
    Recorder,
    configure,
    file_uri,
    translated,
)
from journal.store import CommitFailedError

RING = "key_ring"
RING_TABLE = "CREATE TABLE key_ring (id INTEGER PRIMARY KEY CHECK (id = 1), ring BLOB NOT NULL)"


def create_file(
    path: Path,
    originator: UUID,
    row: Row,
    before_commit: Callable[[], None],
    ring: bytes | None = None,
) -> None:
    """Make the journal's file, its first row and its key ring (if any) in one transaction.

    Whatever the process dies on, there is a file without a table, which counts as nothing, or a
    whole journal. `before_commit` runs under the write lock: it writes the anchor.
    """
    where = str(path)
    try:
        connection = sqlite3.connect(
            file_uri(path, "rwc"), uri=True, isolation_level=None, timeout=BUSY_TIMEOUT_S
        )
    except sqlite3.Error as error:
        raise translated(where, error) from None
    try:
        _refuse_taken(connection, where)
        configure(connection, writable=True)
        connection.execute("BEGIN IMMEDIATE")
        _refuse_taken(connection, where)
        with closing(Datastore(":memory:")) as datastore:
            for statement in Recorder(datastore).create_table_statements:
                connection.execute(statement)
        connection.execute("INSERT INTO stored_events VALUES (?,?,?,?)", (originator.hex, *row))
        if ring is not None:
            connection.execute(RING_TABLE)
            connection.execute("INSERT INTO key_ring VALUES (1,?)", (ring,))
        before_commit()
        try:
            connection.execute("COMMIT")
        except sqlite3.Error as error:
            raise CommitFailedError(str(error)) from error
    except sqlite3.Error as error:
        raise translated(where, error) from None
    finally:
        connection.close()


def recover(path: Path) -> None:
    """Let SQLite play back a rollback journal: a creation died while it switched to WAL."""
    try:
        connection = sqlite3.connect(file_uri(path, "rw"), uri=True, timeout=BUSY_TIMEOUT_S)
        try:
            tables(connection)
        finally:
            connection.close()
    except sqlite3.Error as error:
        raise translated(str(path), error) from None


def _refuse_taken(connection: sqlite3.Connection, where: str) -> None:
    names = tables(connection)
    if TABLE in names:
        raise JournalExistsError(where)
    if names:
        raise NotAJournalError(where, f"an SQLite file with the table {names[0]}")


def tables(connection: sqlite3.Connection) -> list[str]:
    """The names of the tables in a file."""
    return [
        row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type='table'")
    ]
