"""The embedded engine: `eventsourcing`'s SQLite recorder, made durable and append-only.

use     PERSISTENCE_MODULE=journal.sqlite, SQLITE_DBNAME=a `file:` URI. The table is the library's,
        four columns; whatever program speaks to that can read a journal
differs WAL and `synchronous=FULL` are set and read back, never left to how SQLite was built;
        `fullfsync` for macOS; one connection, so nothing checkpoints while another one resets the
        WAL (a corruption bug of SQLite before 3.51.3); `BEGIN IMMEDIATE` for writes, so a busy file
        is found out before anything is written; triggers refuse UPDATE, DELETE and REPLACE
"""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import RLock
from typing import Any
from urllib.parse import quote

from eventsourcing import sqlite as library
from eventsourcing.persistence import InterfaceError
from eventsourcing.utils import Environment

from journal.errors import (
    DiskFullError,
    JournalBusyError,
    JournalError,
    NotAJournalError,
    ReadOnlyError,
    StorageError,
)

BUSY_TIMEOUT_S = 2.0
TABLE = "stored_events"
"""The library's name for its table."""

_SAME_KEY = (
    "EXISTS (SELECT 1 FROM stored_events WHERE originator_id = NEW.originator_id"
    " AND originator_version = NEW.originator_version)"
    " OR EXISTS (SELECT 1 FROM stored_events WHERE rowid = NEW.rowid)"
)
GUARDS = tuple(
    f"CREATE TRIGGER IF NOT EXISTS stored_events_no_{name} BEFORE {event} ON stored_events{when} "
    "BEGIN SELECT RAISE(ABORT, 'a journal is append-only'); END"
    for name, event, when in (
        ("update", "UPDATE", ""),
        ("delete", "DELETE", ""),
        ("replace", "INSERT", f" WHEN {_SAME_KEY}"),
    )
)


def file_uri(path: Path, mode: str) -> str:
    """The SQLite URI of `path`: `mode` is ro, rw, rwc, or "immutable" for a read-only folder."""
    option = "mode=ro&immutable=1" if mode == "immutable" else f"mode={mode}"
    return f"file:{quote(str(path.absolute()))}?{option}"


def configure(connection: sqlite3.Connection, *, writable: bool) -> None:
    """Set what durability rests on, and read it back; `StorageError` if SQLite will not."""
    if not writable:
        connection.execute("PRAGMA query_only=1")
        return
    wanted = (
        ("journal_mode", "WAL", "wal"),
        ("synchronous", "FULL", 2),
        ("fullfsync", "1", 1),
        ("checkpoint_fullfsync", "1", 1),
        ("cell_size_check", "1", 1),
    )
    for name, value, expected in wanted:
        if pragma(connection, name) != expected:
            connection.execute(f"PRAGMA {name}={value}").fetchall()
            if (found := pragma(connection, name)) != expected:
                where = pragma(connection, "database_list", 2)
                raise StorageError(str(where), f"PRAGMA {name}: expected {expected}, found {found}")


def pragma(connection: sqlite3.Connection, name: str, column: int = 0) -> Any:
    """A column of the first row that PRAGMA `name` answers."""
    row = connection.execute(f"PRAGMA {name}").fetchone()
    return None if row is None else row[column]


def connect(uri: str) -> sqlite3.Connection:
    """A configured connection; `sqlite3.Error` or `StorageError` leave none behind."""
    connection = sqlite3.connect(
        uri, uri=True, check_same_thread=False, isolation_level=None, timeout=BUSY_TIMEOUT_S
    )
    try:
        configure(connection, writable="mode=ro" not in uri)
    except BaseException:
        connection.close()
        raise
    return connection


class _Transaction(library.SQLiteTransaction):
    """The library's transaction, but a writer asks for the write lock at once."""

    def __enter__(self) -> library.SQLiteCursor:
        cursor = self.connection.cursor()
        cursor.execute("BEGIN IMMEDIATE" if self.commit else "BEGIN")
        return cursor


class _Connection(library.SQLiteConnection):
    """A pooled connection; `raw` is sqlite3's, `serving` is held by the thread that uses it.

    The library's pool closes connections that another thread is using, and SQLite then reads freed
    memory. Ours is closed when that thread has given it back.
    """

    def __init__(self, sqlite_conn: sqlite3.Connection) -> None:
        super().__init__(sqlite_conn=sqlite_conn, max_age=None)
        self.serving = RLock()

    @property
    def raw(self) -> sqlite3.Connection:
        return self._sqlite_conn

    @contextmanager
    def transaction(self, *, commit: bool) -> Iterator[library.SQLiteCursor]:
        with _Transaction(self, commit=commit) as cursor, cursor:
            yield cursor

    def _close(self) -> None:
        with self.serving:
            super()._close()


class _Pool(library.SQLiteConnectionPool):
    """A pool of exactly one connection."""

    def _create_connection(self) -> _Connection:
        try:
            connection = connect(self.db_name)
        except (sqlite3.Error, TypeError) as error:
            raise InterfaceError(error) from error
        connection.row_factory = sqlite3.Row
        return _Connection(connection)

    def get_connection(
        self, timeout: float | None = None, *, is_writer: bool | None = None
    ) -> library.SQLiteConnection:
        connection = super().get_connection(timeout, is_writer=is_writer)
        assert isinstance(connection, _Connection)
        connection.serving.acquire()
        return connection

    def put_connection(self, conn: library.SQLiteConnection) -> None:
        assert isinstance(conn, _Connection)
        conn.serving.release()
        super().put_connection(conn)


class Datastore(library.SQLiteDatastore):
    """The library's datastore over our pool."""

    def __init__(self, db_name: str) -> None:
        super().__init__(db_name)
        self.pool.close()
        self.pool = _Pool(db_name=db_name, pool_size=1, max_overflow=0, pool_timeout=30.0)


class Recorder(library.SQLiteApplicationRecorder):
    """The library's application recorder on a table that refuses all but inserts."""

    def construct_create_table_statements(self) -> list[str]:
        return [*super().construct_create_table_statements(), *GUARDS]


class Factory(library.SQLiteFactory):
    """What PERSISTENCE_MODULE=journal.sqlite gives. A journal is made by `create_file` only."""

    application_recorder_class = Recorder

    def __init__(self, env: Environment | dict[str, str] | None) -> None:
        super().__init__(env)
        self.datastore.close()
        self.datastore = Datastore(str(self.env.get(self.SQLITE_DBNAME)))


def primary_code(error: BaseException) -> int:
    """SQLite's primary result code of one of sqlite3's errors; 0 where there is none."""
    return int(getattr(error, "sqlite_errorcode", 0) or 0) & 0xFF


def translated(where: str, error: BaseException) -> JournalError:
    """The journal's error for one of sqlite3's that came before a COMMIT."""
    code = primary_code(error)
    if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        return JournalBusyError(where, BUSY_TIMEOUT_S)
    if code == sqlite3.SQLITE_FULL:
        return DiskFullError(where, str(error))
    if code == sqlite3.SQLITE_READONLY:
        return ReadOnlyError(where, "its file or folder is read-only")
    if code == sqlite3.SQLITE_NOTADB:
        return NotAJournalError(where, "no SQLite file")
    if code == sqlite3.SQLITE_CANTOPEN:
        return StorageError(
            where,
            "SQLite cannot open or create the file; check the folder's permissions and free space",
        )
    return StorageError(where, str(error))
