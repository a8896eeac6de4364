"""The journal's own way into a PostgreSQL server: a conditional append, and reads in whole pages.

reads   pages by key, each a statement of its own: no transaction stays open between two, memory is
        constant. A connection lost while reading is made anew, once
writes  BEGIN; one INSERT that compares the head's version and chain and takes all rows as arrays;
        COMMIT. The chain covers the writer's epoch, so a claim in between is another head. Two that
        compare at once insert the same key, and the second waits for the first: no lock of the
        table is needed, and the notification ids come in the order of the commits
unknown an error of COMMIT, its silence, and a standby that did not confirm: `CommitFailedError`.
        What became of it, the next start reads at that sequence; a transaction's id is never asked,
        for after a crash the server gives it to another one. Before COMMIT, an error is definite
wakes   NOTIFY goes with COMMIT in one message, but behind it, so that it cannot make a commit fail,
        nor hold its lock of the whole server while the disk is waited for
"""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any
from uuid import UUID

import psycopg
from psycopg import errors as states
from psycopg.errors import Diagnostic
from psycopg.sql import SQL, Composed, Identifier, Literal

from journal.aside import Aside, Work
from journal.codec import Row
from journal.errors import (
    JournalError,
    JournalExistsError,
    JournalMissingError,
    JournalMovedError,
    NotAJournalError,
    ServerError,
)
from journal.postgres import (
    GUARD,
    GUARD_BODY,
    GUARD_TYPE,
    TABLE,
    Connection,
    connect,
    create_statements,
    one_line,
    table_of,
    translating,
)
from journal.postgres_lock import lock_key
from journal.postgres_ring import create_ring, read_ring, update_ring
from journal.recorded import GENESIS, Head
from journal.store import CommitFailedError, head_of
from journal.url import JournalUrl

_NO_HEAD = (-1).to_bytes(8, "big", signed=True) + bytes.fromhex(GENESIS.chain)
_INSERT = SQL(
    "INSERT INTO {table} (originator_id, originator_version, topic, state)"
    " SELECT {originator}, row.version, row.topic, row.state"
    " FROM unnest(%t::bigint[], %t::text[], %t::bytea[]) AS row (version, topic, state)"
    " WHERE %b = coalesce((SELECT int8send(originator_version) || substring(state FROM 19 FOR 32)"
    " FROM {table} WHERE originator_id = {originator}"
    " ORDER BY originator_version DESC LIMIT 1), {no_head})"
    " ORDER BY row.version"
)
_SELECT = SQL("SELECT originator_version, topic, state FROM {table} WHERE originator_id = {id}")


class PostgresStore:
    """A `Store` over one connection; a second one listens, once somebody waits."""

    def __init__(self, place: JournalUrl, mode: str) -> None:
        """Connect to an existing journal; `mode` is ro or rw, and nothing is ever created."""
        self._place = place
        self._where = place.text
        self._writable = mode == "rw"
        self._table = table_of(place.name)
        self._warnings: list[str] = []
        self._aside = Aside()
        self._connection = self._connect()
        self._listening: Connection | None = None
        try:
            self._refuse_missing()
        except BaseException:
            self.close()
            raise
        self.bind(UUID(int=0))

    def _refuse_missing(self) -> None:
        if self._rows(SQL("SELECT to_regclass({})").format(_quoted(self._table))) == [(None,)]:
            raise JournalMissingError(self._where)

    def bind(self, originator: UUID) -> None:
        """See `Store`."""
        words = {"table": self._table, "originator": Literal(originator), "id": Literal(originator)}
        self._insert = _INSERT.format(**words, no_head=Literal(_NO_HEAD))
        select = _SELECT.format(**words)
        self._select_row = select + SQL(" AND originator_version = %s")
        self._select_last = select + SQL(" ORDER BY originator_version DESC LIMIT 1")
        self._select_page = select + SQL(
            " AND originator_version > %s ORDER BY originator_version LIMIT %s"
        )
        self._select_version = SQL("SELECT max(originator_version) FROM {} WHERE {} = {}").format(
            self._table, Identifier("originator_id"), Literal(originator)
        )
        self._commit = SQL("COMMIT; NOTIFY {}").format(Identifier(_channel(self._place.name)))
        self._originator = originator

    def first(self) -> tuple[UUID, Row] | None:
        """See `Store`."""
        found = self._rows(
            SQL(
                "SELECT originator_id, originator_version, topic, state FROM {}"
                " ORDER BY notification_id LIMIT 1"
            ).format(self._table)
        )
        if not found:
            return None
        originator, *row = found[0]
        if not isinstance(originator, UUID):
            raise NotAJournalError(self._where, f"rows of {originator!r}")
        return originator, (row[0], row[1], row[2])

    def row(self, version: int) -> Row | None:
        """See `Store`."""
        found = self._rows(self._select_row, version)
        return found[0] if found else None

    def last(self) -> Row | None:
        """See `Store`."""
        found = self._rows(self._select_last)
        return found[0] if found else None

    def scan(self, after: int, limit: int) -> list[Row]:
        """See `Store`."""
        return self._rows(self._select_page, after, limit)

    def append(self, rows: Sequence[Row], expected: Head, meanwhile: Work | None = None) -> None:
        """See `Store`.

        What if the process dies on each line: before COMMIT nothing is written; in it, all rows
        or none; behind it, all.
        """
        head = (expected.sequence - 1).to_bytes(8, "big", signed=True) + bytes.fromhex(
            expected.chain
        )
        with translating(self._where):
            connection = self._begun()
            try:
                values = (*_columns(rows), head)
                count = connection.execute(self._insert, values, prepare=True).rowcount
            except states.UniqueViolation:
                count = 0
            except BaseException:
                _roll_back(connection)
                raise
            if count != len(rows):
                _roll_back(connection)
                found = head_of(self.last())
                if found == expected:
                    raise ServerError(self._where, f"{len(rows)} rows inserted as {count}")
                raise JournalMovedError(expected, found)
        self._warnings.clear()
        with self._aside.doing(meanwhile):
            _end(connection, self._commit, self._warnings)

    def _begun(self) -> Connection:
        """A connection in a new transaction; one that died while it was idle is made anew."""
        try:
            self._connection.execute("BEGIN")
        except psycopg.OperationalError:
            if not self._connection.closed:
                raise
            self._connection = self._connect()
            self._connection.execute("BEGIN")
        return self._connection

    def token(self) -> object:
        """See `Store`."""
        return self._rows(self._select_version)

    def wait(self, timeout_s: float) -> None:
        """See `Store`. Without a connection to listen on it is only a pause."""
        until = time.monotonic() + timeout_s
        try:
            if self._listening is None:
                self._listening = connect(self._place, writable=False)
                self._listening.execute(
                    SQL("LISTEN {}").format(Identifier(_channel(self._place.name)))
                )
            for _ in self._listening.notifies(timeout=timeout_s, stop_after=1):
                return
        except (psycopg.Error, JournalError):
            self._stop_listening()
            time.sleep(max(0.0, until - time.monotonic()))

    def rest(self) -> None:
        """See `Store`: the server's own business."""

    def make_room(self) -> None:
        """See `Store`: the server's own business."""

    def rehearse(self, rows: Sequence[Row]) -> None:
        """See `Store`: nothing, a round trip is the longest part of it."""

    def problems(self) -> list[str]:
        """See `Store`: foreign rows, rows outside the index, and a guard that is not there."""
        problems = []
        with translating(self._where), self._connection.transaction():
            self._connection.execute("SET LOCAL enable_seqscan = on")
            self._connection.execute("SET LOCAL enable_indexscan = off")
            self._connection.execute("SET LOCAL enable_indexonlyscan = off")
            count = SQL(
                "SELECT count(*) FILTER (WHERE originator_id = {id}),"
                " count(*) FILTER (WHERE originator_id <> {id}),"
                " coalesce(max(originator_version) FILTER (WHERE originator_id = {id}), -1) + 1"
                " FROM {table}"
            ).format(id=Literal(self._originator), table=self._table)
            found = self._connection.execute(count).fetchone()
            assert found is not None
            own, foreign, expected = found
        if foreign:
            problems.append(f"expected the rows of one journal, found {foreign} others")
        if own != expected:
            problems.append(f"expected {expected} rows in the table, found {own}")
        guards = self._rows(
            SQL(
                "SELECT t.tgname, t.tgtype, t.tgenabled::text, p.prosrc FROM pg_trigger t"
                " JOIN pg_proc p ON p.oid = t.tgfoid"
                " WHERE t.tgrelid = to_regclass({}) AND NOT t.tgisinternal"
            ).format(_quoted(self._table))
        )
        if guards != [(GUARD, GUARD_TYPE, "A", GUARD_BODY)]:
            problems.append("expected the table's guard as created, found another or none")
        return problems

    def ring(self) -> bytes | None:
        """See `Store`."""
        with translating(self._where):
            return read_ring(self._connection, self._place.name)

    def replace_ring(self, old: bytes, new: bytes) -> None:
        """See `Store`. Dies before COMMIT: the old ring; behind it: the new one."""
        with translating(self._where):
            connection = self._begun()
            try:
                update_ring(connection, self._place, old, new)
            except BaseException:
                _roll_back(connection)
                raise
            _end(connection, SQL("COMMIT"), self._warnings)

    def close(self) -> None:
        """See `Store`."""
        self._aside.close()
        self._stop_listening()
        self._connection.close()

    def _connect(self) -> Connection:
        connection = connect(self._place, writable=self._writable)
        connection.add_notice_handler(self._noticed)
        return connection

    def _noticed(self, notice: Diagnostic) -> None:
        if notice.severity_nonlocalized == "WARNING":
            self._warnings.append(" ".join((notice.message_primary or "a warning").split()))

    def _rows(self, statement: Composed, *parameters: object) -> list[Any]:
        with translating(self._where):
            try:
                return self._fetched(statement, parameters)
            except psycopg.OperationalError:
                if not self._connection.closed:
                    raise
                self._connection = self._connect()
                return self._fetched(statement, parameters)

    def _fetched(self, statement: Composed, parameters: Sequence[object]) -> list[Any]:
        return self._connection.execute(statement, parameters, prepare=True, binary=True).fetchall()

    def _stop_listening(self) -> None:
        if self._listening is not None:
            self._listening.close()
            self._listening = None


def _columns(rows: Sequence[Row]) -> tuple[str, str, str]:
    """The rows as three arrays in the server's own text.

    psycopg would look for each array's type at every append, which takes longer than all else it
    does. Nothing needs quoting: numbers, tags (the codec lets no other text pass), hex digits.
    """
    versions = ",".join([str(row[0]) for row in rows])
    topics = ",".join([row[1] for row in rows])
    states = ",".join([f'"\\\\x{row[2].hex()}"' for row in rows])
    return f"{{{versions}}}", f"{{{topics}}}", f"{{{states}}}"


def create_tables(
    place: JournalUrl,
    originator: UUID,
    row: Row,
    before_commit: Callable[[], None],
    ring: bytes | None = None,
) -> None:
    """Make the journal's schema, its table, first row and key ring (if any) in one transaction.

    Whatever the process dies on, there is nothing or a whole journal. `before_commit` writes the
    anchor. The tables belong to the role that creates; the role `writer` of the URL may read and
    append, and a later start as that role cannot even lift the guards.
    """
    with _creating(place) as connection:
        _refuse_taken(connection, place)
        if connection.execute("SELECT to_regnamespace(%s)", [place.name]).fetchone() == (None,):
            connection.execute(SQL("CREATE SCHEMA {}").format(Identifier(place.name)))
        typed = f"{place.name}.stored_event_uuid"
        has_type = connection.execute("SELECT to_regtype(%s)", [typed]).fetchone() != (None,)
        for statement in create_statements(connection, place.name):
            if not (has_type and "CREATE TYPE" in statement.as_string(connection)):
                connection.execute(statement)
        if place.writer:
            _grant(connection, place)
        connection.execute(
            SQL("INSERT INTO {} VALUES (%s, %s, %s, %s)").format(table_of(place.name)),
            (originator, *row),
        )
        if ring is not None:
            create_ring(connection, place, ring)
        before_commit()
        _end(connection, SQL("COMMIT"), [])


@contextmanager
def _creating(place: JournalUrl) -> Iterator[Connection]:
    """A transaction in which nobody else creates a journal in this schema."""
    with translating(place.text):
        try:
            connection = connect(place, writable=True)
        except JournalMissingError:
            raise ServerError(place.text, "its database does not exist; make it first") from None
        try:
            connection.execute("BEGIN")
            connection.execute("SELECT pg_advisory_xact_lock(%s)", [lock_key("create", place)])
            yield connection
        finally:
            connection.close()


def _refuse_taken(connection: Connection, place: JournalUrl) -> None:
    table = table_of(place.name)
    found = connection.execute(SQL("SELECT to_regclass({})").format(_quoted(table))).fetchone()
    if found == (None,):
        return
    if connection.execute(SQL("SELECT 1 FROM {} LIMIT 1").format(table)).fetchone() is not None:
        raise JournalExistsError(place.text)


def _grant(connection: Connection, place: JournalUrl) -> None:
    for grant in (
        "REVOKE ALL ON {table} FROM {role}",
        "GRANT USAGE ON SCHEMA {schema} TO {role}",
        "GRANT SELECT, INSERT ON {table} TO {role}",
        "GRANT USAGE ON SEQUENCE {sequence} TO {role}",
    ):
        connection.execute(
            SQL(grant).format(
                table=table_of(place.name),
                role=Identifier(place.writer),
                schema=Identifier(place.name),
                sequence=Identifier(place.name, f"{TABLE}_notification_id_seq"),
            )
        )


def _end(connection: Connection, commit: Composed | SQL, warnings: list[str]) -> None:
    """COMMIT, or `CommitFailedError`: then nobody knows, and the connection is of no more use."""
    try:
        answer = connection.execute(commit).statusmessage
    except psycopg.Error as error:
        connection.close()
        raise CommitFailedError(one_line(error)) from error
    if answer != "COMMIT" or warnings:
        connection.close()
        raise CommitFailedError("; ".join(warnings) or f"expected COMMIT, the server did {answer}")


def _roll_back(connection: Connection) -> None:
    with suppress(psycopg.Error):
        connection.execute("ROLLBACK")


def _quoted(table: Composed) -> Literal:
    return Literal(table.as_string(None))


def _channel(schema: str) -> str:
    return f"{TABLE}_{schema}"[:63]
