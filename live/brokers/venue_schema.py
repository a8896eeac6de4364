"""The venue's tables: opened, checked to be ours, and made if the file is new.

file    SQLite, WAL, synchronous=FULL; never fed from the journal and read by nothing else, so it is
        the witness of what the venue was asked and what it did
tables  meta (one row), quotes, positions: the state; orders, events, executions: what happened;
        messages: the stream's outbox, due NULL = lost on the way; posts: requests by order id
errors  `BadInputError`: another file, another seed, another journal
"""

import sqlite3
from contextlib import closing
from pathlib import Path

from live.feeds.errors import BadInputError

FORMAT = 1
APPLICATION_ID = 0x72667665
"""`PRAGMA application_id` of a venue file ("rfve")."""

_SCHEMA = """
CREATE TABLE meta (
    one INTEGER PRIMARY KEY CHECK (one = 1), format INTEGER NOT NULL, seed TEXT NOT NULL,
    journal_id TEXT NOT NULL, cash TEXT NOT NULL, slot TEXT, session TEXT);
CREATE TABLE quotes (symbol TEXT PRIMARY KEY, quote TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE positions (symbol TEXT PRIMARY KEY, quantity INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE orders (
    client_order_id TEXT PRIMARY KEY, venue_order_id TEXT NOT NULL UNIQUE, status TEXT NOT NULL,
    is_open INTEGER NOT NULL, accepted_at TEXT NOT NULL, ticket TEXT NOT NULL) WITHOUT ROWID;
CREATE INDEX open_orders ON orders (accepted_at, client_order_id) WHERE is_open;
CREATE TABLE events (
    client_order_id TEXT NOT NULL, n INTEGER NOT NULL, event_time TEXT NOT NULL,
    event TEXT NOT NULL, PRIMARY KEY (client_order_id, n)) WITHOUT ROWID;
CREATE INDEX events_by_time ON events (event_time);
CREATE TABLE executions (
    execution_id TEXT PRIMARY KEY, client_order_id TEXT NOT NULL, symbol TEXT NOT NULL,
    side TEXT NOT NULL, quantity INTEGER NOT NULL, price TEXT NOT NULL,
    event_time TEXT NOT NULL, cumulative_quantity INTEGER NOT NULL) WITHOUT ROWID;
CREATE INDEX executions_by_time ON executions (event_time);
CREATE INDEX executions_by_order ON executions (client_order_id, cumulative_quantity);
CREATE TABLE messages (
    client_order_id TEXT NOT NULL, n INTEGER NOT NULL, copy INTEGER NOT NULL, due TEXT,
    fault TEXT, PRIMARY KEY (client_order_id, n, copy)) WITHOUT ROWID;
CREATE INDEX messages_by_due ON messages (due) WHERE due IS NOT NULL;
CREATE TABLE posts (
    client_order_id TEXT PRIMARY KEY, posts INTEGER NOT NULL, symbol TEXT NOT NULL,
    ordinal INTEGER NOT NULL, symbol_ordinal INTEGER NOT NULL, minute INTEGER,
    refusal TEXT) WITHOUT ROWID;
CREATE INDEX posts_by_ordinal ON posts (ordinal);
CREATE INDEX posts_by_symbol ON posts (symbol, symbol_ordinal);
CREATE INDEX posts_by_minute ON posts (minute) WHERE minute IS NOT NULL;
"""


def connect(path: Path | None, *, seed: int, journal_id: str, cash: str) -> sqlite3.Connection:
    """The venue's database, checked or new; in memory when `path` is None."""
    where = ":memory:" if path is None else str(path)
    try:
        database = sqlite3.connect(where, isolation_level=None, timeout=10)
    except sqlite3.Error as error:
        raise _failed(where, error) from None
    try:
        _prepare(database, where, in_memory=path is None)
        _make_or_check(database, where, seed=seed, journal_id=journal_id, cash=cash)
    except sqlite3.Error as error:
        database.close()
        raise _failed(where, error) from None
    except BaseException:
        database.close()
        raise
    return database


def _prepare(database: sqlite3.Connection, where: str, *, in_memory: bool) -> None:
    """Durability set and read back, before anything is written."""
    found = _one(database, "PRAGMA application_id")
    tables = _one(database, "SELECT count(*) FROM sqlite_master")
    if tables and found != APPLICATION_ID:
        raise _unusable(where, "another SQLite database")
    mode = _one(database, "PRAGMA journal_mode=WAL")
    database.execute("PRAGMA synchronous=FULL")
    if not in_memory and (mode != "wal" or _one(database, "PRAGMA synchronous") != 2):
        raise _unusable(where, f"journal mode {mode}, which does not keep commits")


def _make_or_check(
    database: sqlite3.Connection, where: str, *, seed: int, journal_id: str, cash: str
) -> None:
    database.execute("BEGIN IMMEDIATE")
    try:
        if not _one(database, "SELECT count(*) FROM sqlite_master"):
            for statement in _SCHEMA.split(";\n"):
                database.execute(statement)
            database.execute(f"PRAGMA application_id={APPLICATION_ID}")
            database.execute(
                "INSERT INTO meta VALUES (1, ?, ?, ?, ?, NULL, NULL)",
                (FORMAT, str(seed), journal_id, cash),
            )
    except BaseException:
        database.execute("ROLLBACK")
        raise
    database.execute("COMMIT")
    with closing(database.execute("SELECT format, seed, journal_id FROM meta")) as rows:
        found = rows.fetchone()
    wanted = (FORMAT, str(seed), journal_id)
    for what, expected, value in zip(("format", "seed", "journal"), wanted, found, strict=True):
        if value != expected:
            message = (
                f"{where}: venue file: expected {what} {expected}, found {value}; it belongs to "
                "another run: use its own journal, or another file"
            )
            raise BadInputError(message)


def _one(database: sqlite3.Connection, statement: str) -> object:
    with closing(database.execute(statement)) as rows:
        return rows.fetchone()[0]


def _failed(where: str, error: sqlite3.Error) -> BadInputError:
    """A lock that is held names its own mend; anything else is no venue file."""
    if getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_BUSY:
        return BadInputError(
            f"{where}: expected a venue file nobody is writing, found its write lock held; "
            "stop the process that holds it, or try again"
        )
    return _unusable(where, str(error))


def _unusable(where: str, found: str) -> BadInputError:
    return BadInputError(
        f"{where}: expected a venue file of refold or none, found {found}; give another path"
    )
