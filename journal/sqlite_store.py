"""The journal's own way into an SQLite file: a conditional append, and reads in whole pages.

reads   the table in rowid order: rows were only ever added at its end, and the codec checks that
        the versions follow each other. No transaction stays open between two pages
writes  one transaction an append, which compares the head, inserts and commits. An error before
        COMMIT is definite; one of COMMIT itself is not (`CommitFailedError`)
"""

import os
import sqlite3
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import RLock
from uuid import UUID

from eventsourcing.persistence import InfrastructureFactory, InterfaceError
from eventsourcing.utils import Environment

from journal import wal
from journal.anchor import beside
from journal.aside import Aside, Work
from journal.codec import HEADER_SIZE, PAYLOAD_OFFSET, Row
from journal.errors import (
    DiskFullError,
    JournalError,
    JournalMovedError,
    KeyRingMovedError,
    NotAJournalError,
    StorageError,
)
from journal.recorded import GENESIS, Head
from journal.sqlite import (
    TABLE,
    Recorder,
    file_uri,
    pragma,
    primary_code,
    translated,
)
from journal.sqlite_file import RING, RING_TABLE, tables
from journal.store import CommitFailedError

RESERVE_BYTES = 2**20
"""An append is refused before it begins when less than this, beside its own need, is free."""


class SQLiteStore:
    """A `Store` over `Recorder`, with its conditional append and page scan in SQL of its own."""

    def __init__(self, path: Path, mode: str) -> None:
        """Open an existing file; `mode` is ro or rw, and nothing is ever created."""
        self._where = str(path)
        self._path = path.absolute()
        self._originator = ""
        self._inode = _inode(path)
        environment = {
            "PERSISTENCE_MODULE": "journal.sqlite:Factory",
            "SQLITE_DBNAME": file_uri(path, mode),
            "CREATE_TABLE": "no",
        }
        factory = InfrastructureFactory.construct(Environment("journal", environment))
        self._recorder: Recorder = factory.application_recorder()  # type: ignore[assignment]
        self._rowid_of: tuple[int, int] = (-2, 0)
        self._using = RLock()
        self._aside = Aside()
        self._raw: sqlite3.Connection | None = None
        self._since_checkpoint = 0
        self._stage: sqlite3.Connection | None = None

    @contextmanager
    def _connection(self) -> Iterator[sqlite3.Connection]:
        """The one connection, for one thread at a time.

        The pool that made it is asked once: its own locks cost an order a twentieth of its time.
        """
        try:
            with self._using:
                if self._raw is None:
                    with self._recorder.datastore.get_connection(commit=False) as pooled:
                        self._raw = pooled.raw  # type: ignore[attr-defined]
                assert self._raw is not None
                yield self._raw
        except InterfaceError as error:
            raise translated(self._where, error.__cause__ or error) from None
        except sqlite3.Error as error:
            raise translated(self._where, error) from None
        except UnicodeDecodeError:
            raise StorageError(self._where, "a text in it is no UTF-8") from None

    def first(self) -> tuple[UUID, Row] | None:
        """See `Store`; a file with other tables, or with none and not empty, is no journal."""
        with self._connection() as connection:
            names = tables(connection)
            if not names:
                return None
            if TABLE not in names:
                raise NotAJournalError(self._where, f"an SQLite file with the table {names[0]}")
            try:
                found = connection.execute(
                    "SELECT originator_id, originator_version, topic, state FROM stored_events "
                    "ORDER BY rowid LIMIT 1"
                ).fetchone()
            except sqlite3.OperationalError as error:
                # a text that is no UTF-8 comes without a code: it is damage, not another shape
                if getattr(error, "sqlite_errorcode", None) != sqlite3.SQLITE_ERROR:
                    raise
                raise NotAJournalError(
                    self._where, "a table stored_events of another shape"
                ) from None
        if found is None:
            return None
        try:
            originator = UUID(found[0])
        except (ValueError, AttributeError, TypeError):
            raise NotAJournalError(self._where, f"rows of {found[0]!r}") from None
        return originator, (found[1], found[2], found[3])

    def bind(self, originator: UUID) -> None:
        """See `Store`."""
        self._originator = originator.hex

    def row(self, version: int) -> Row | None:
        """See `Store`."""
        with self._connection() as connection:
            found = connection.execute(
                "SELECT originator_version, topic, state FROM stored_events "
                "WHERE originator_id=? AND originator_version=?",
                (self._originator, version),
            ).fetchone()
        return None if found is None else tuple(found)

    def last(self) -> Row | None:
        """See `Store`."""
        with self._connection() as connection:
            found = connection.execute(
                "SELECT originator_version, topic, state FROM stored_events WHERE originator_id=? "
                "ORDER BY originator_version DESC LIMIT 1",
                (self._originator,),
            ).fetchone()
        return None if found is None else tuple(found)

    def scan(self, after: int, limit: int) -> list[Row]:
        """See `Store`. The rowid where the last page ended is kept, so paging seeks once."""
        with self._connection() as connection:
            cursor = connection.cursor()
            cursor.row_factory = None
            rowid = self._rowid(cursor, after)
            rows = cursor.execute(
                "SELECT originator_version, topic, state FROM stored_events NOT INDEXED "
                "WHERE rowid>? AND originator_id=? ORDER BY rowid LIMIT ?",
                (rowid, self._originator, limit),
            ).fetchall()
            if rows:
                last: int = rows[-1][0]
                self._rowid_of = (last, self._rowid(cursor, last))
        return rows

    def _rowid(self, cursor: sqlite3.Cursor, version: int) -> int:
        known, rowid = self._rowid_of
        if known == version:
            return rowid
        if version < 0:
            return -1
        found = cursor.execute(
            "SELECT rowid FROM stored_events WHERE originator_id=? AND originator_version=?",
            (self._originator, version),
        ).fetchone()
        return 2**63 - 1 if found is None else int(found[0])

    def append(self, rows: Sequence[Row], expected: Head, meanwhile: Work | None = None) -> None:
        """See `Store`.

        What if the process dies on each line: before COMMIT nothing is written; in it, all rows
        or none; behind it, all.
        """
        self._refuse_replaced()
        need = sum(len(row[2]) for row in rows)
        self._refuse_full(need)
        with self._connection() as connection:
            connection.execute("BEGIN IMMEDIATE")
            try:
                self._refuse_moved(connection, expected)
                self._insert(connection, rows)
            except BaseException:
                _roll_back(connection)
                raise
            with self._aside.doing(meanwhile):
                _commit(connection)
        self._since_checkpoint += wal.pages_of(need)

    def rest(self) -> None:
        """See `Store`: a checkpoint, where one is due."""
        if self._since_checkpoint >= wal.CHECKPOINT_PAGES:
            self._since_checkpoint = 0
            with suppress(JournalError), self._connection() as connection:
                wal.checkpoint(connection)

    def make_room(self) -> None:
        """See `Store`: in the write-ahead log."""
        with suppress(JournalError, OSError):
            self._refuse_full(wal.ROOM_PAGES * wal.PAGE_BYTES)
            with self._connection() as connection:
                wal.make_room(connection, beside(self._path, "-wal"), self._refuse_replaced)

    def rehearse(self, rows: Sequence[Row]) -> None:
        """See `Store`: in a database in memory, for nobody must wait for a rehearsal."""
        if self._stage is None:
            self._stage = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)
            for statement in self._recorder.create_table_statements:
                self._stage.execute(statement)
        self._stage.execute("BEGIN IMMEDIATE")
        self._insert(self._stage, rows)
        self._stage.execute("ROLLBACK")

    def _insert(self, connection: sqlite3.Connection, rows: Sequence[Row]) -> None:
        connection.executemany(
            self._recorder.insert_events_statement, [(self._originator, *row) for row in rows]
        )

    def _refuse_moved(self, connection: sqlite3.Connection, expected: Head) -> None:
        row = connection.execute(
            "SELECT originator_version, substr(state, ?, ?) FROM stored_events "
            "WHERE originator_id=? ORDER BY originator_version DESC LIMIT 1",
            (HEADER_SIZE + 1, PAYLOAD_OFFSET - HEADER_SIZE, self._originator),
        ).fetchone()
        found = GENESIS if row is None else Head(row[0] + 1, bytes(row[1]).hex())
        if found != expected:
            raise JournalMovedError(expected, found)

    def _refuse_replaced(self) -> None:
        if _inode(self._path) != self._inode:
            raise StorageError(
                self._where,
                "the file was replaced or removed under this process; nothing was written",
            )

    def _refuse_full(self, need: int) -> None:
        found = os.statvfs(self._path.parent)
        if found.f_bavail * found.f_frsize < RESERVE_BYTES + 2 * need:
            raise DiskFullError(self._where, f"less than {RESERVE_BYTES >> 10} KiB is free")

    def token(self) -> object:
        """See `Store`."""
        with self._connection() as connection:
            return pragma(connection, "data_version"), connection.total_changes

    def wait(self, timeout_s: float) -> None:
        """See `Store`."""
        time.sleep(timeout_s)

    def problems(self) -> list[str]:
        """See `Store`: SQLite's own check, foreign rows, and guards that are not there."""
        with self._connection() as connection:
            found = [str(row[0]) for row in connection.execute("PRAGMA integrity_check(5)")]
            problems = [f"integrity_check: {line}" for line in found if line != "ok"]
            foreign = connection.execute(
                "SELECT count(*) FROM stored_events NOT INDEXED WHERE originator_id IS NOT ?",
                (self._originator,),
            ).fetchone()[0]
            if foreign:
                problems.append(f"expected the rows of one journal, found {foreign} others")
            schema = {
                row[0]
                for row in connection.execute("SELECT sql FROM sqlite_master WHERE sql IS NOT NULL")
            }
            wanted = {
                sql.replace(" IF NOT EXISTS", "") for sql in self._recorder.create_table_statements
            }
            if schema - {RING_TABLE} != wanted:
                problems.append("expected the table and the triggers as created, found other ones")
        return problems

    def ring(self) -> bytes | None:
        """See `Store`."""
        with self._connection() as connection:
            if RING not in tables(connection):
                return None
            found = connection.execute("SELECT ring FROM key_ring").fetchone()
        return None if found is None or not isinstance(found[0], bytes) else found[0]

    def replace_ring(self, old: bytes, new: bytes) -> None:
        """See `Store`. What stood in the row is overwritten, and the WAL that held it emptied.

        dies    before COMMIT: the old ring; behind it: the new one. A WAL that was not emptied yet
                is, by the last who closes the journal; until then the old ring's bytes lie in it
        """
        self._refuse_replaced()
        with self._connection() as connection:
            connection.execute("PRAGMA secure_delete=ON").fetchall()
            connection.execute("BEGIN IMMEDIATE")
            try:
                self._update_ring(connection, old, new)
            except BaseException:
                _roll_back(connection)
                raise
            _commit(connection)
            with suppress(sqlite3.Error):  # the new ring is durable already
                connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()

    def _update_ring(self, connection: sqlite3.Connection, old: bytes, new: bytes) -> None:
        found = connection.execute("UPDATE key_ring SET ring=? WHERE ring=?", (new, old))
        if found.rowcount != 1:
            raise KeyRingMovedError(self._where)

    def close(self) -> None:
        """See `Store`."""
        with self._using:
            self._raw = None
            self._recorder.datastore.close()
        self._aside.close()
        if self._stage is not None:
            self._stage.close()


def _commit(connection: sqlite3.Connection) -> None:
    """COMMIT, or `CommitFailedError`; busy is definite, and rolled back."""
    try:
        connection.execute("COMMIT")
    except sqlite3.Error as error:
        if primary_code(error) != sqlite3.SQLITE_BUSY:
            raise CommitFailedError(str(error)) from error
        _roll_back(connection)
        raise


def _roll_back(connection: sqlite3.Connection) -> None:
    if connection.in_transaction:
        connection.execute("ROLLBACK")


def _inode(path: Path) -> tuple[int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino
