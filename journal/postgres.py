"""The server engine: `eventsourcing`'s PostgreSQL recorder, made append-only, and our connections.

use     PERSISTENCE_MODULE=journal.postgres, POSTGRES_SCHEMA=the journal's. The table is the
        library's, its four columns and its notification id
differs triggers refuse UPDATE, DELETE and TRUNCATE, whose rights are revoked too; inserts run
        once (no `@retry`) with `synchronous_commit` on; the library's database function is not
        made, for one of them would serve every table of its schema
durable `synchronous_commit`, `fsync` and `full_page_writes` are read when a writer connects; `off`
        is refused, and `local` and `remote_write` too where a standby is named. The value found is
        then set for the session, so that a reload of the server cannot take it back
waits   2 s for a lock (busy), 5 s within a transaction (a stopped client loses its connection, not
        the journal), 10 s for a network that is silent
needs   a server's own session: no pooler that hands out another one for each transaction
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import psycopg
from eventsourcing import postgres as library
from eventsourcing.persistence import StoredEvent
from psycopg import errors as states
from psycopg.sql import SQL, Composed, Identifier

from journal.errors import (
    DiskFullError,
    JournalBusyError,
    JournalError,
    JournalMissingError,
    NotAJournalError,
    ReadOnlyError,
    ServerError,
)
from journal.url import JournalUrl

BUSY_TIMEOUT_S = 2.0
TABLE = "stored_events"
"""The library's name for its table."""
GUARD = "stored_events_append_only"
GUARD_BODY = "BEGIN RAISE EXCEPTION 'a journal is append-only'; END"
GUARD_TYPE = 2 + 8 + 16 + 32
"""pg_trigger.tgtype: before, delete, update, truncate, once a statement."""

Connection = psycopg.Connection[tuple[Any, ...]]

_NETWORK = {
    "client_encoding": "UTF8",
    "connect_timeout": "5",
    "keepalives_idle": "5",
    "keepalives_interval": "2",
    "keepalives_count": "3",
    "tcp_user_timeout": "10000",
}
_SESSION = {
    "lock_timeout": f"{BUSY_TIMEOUT_S * 1000:.0f}ms",
    "statement_timeout": "0",
    "idle_in_transaction_session_timeout": "5s",
    "tcp_keepalives_idle": "10",
    "tcp_keepalives_interval": "5",
    "tcp_keepalives_count": "3",
    # A plan made while the table was small must not walk it when it is large.
    "enable_seqscan": "off",
    "enable_bitmapscan": "off",
}
_BUSY = (
    states.LockNotAvailable,
    states.DeadlockDetected,
    states.SerializationFailure,
    states.QueryCanceled,
)
_NO_JOURNAL = (states.UndefinedTable, states.InvalidSchemaName)
_NO_SHAPE = (states.UndefinedColumn, states.DatatypeMismatch, states.UndefinedFunction)


def connect(place: JournalUrl, *, writable: bool, name: str = "refold") -> Connection:
    """A connection in autocommit, configured; a `JournalError` leaves none behind."""
    with translating(place.text):
        keywords: dict[str, Any] = {**_NETWORK, "application_name": name, **dict(place.keywords)}
        connection: Connection = psycopg.connect(**keywords, autocommit=True)
        try:
            _configure(connection, place.text, writable=writable)
        except BaseException:
            connection.close()
            raise
    return connection


def _configure(connection: Connection, where: str, *, writable: bool) -> None:
    """Set what waits are bounded by, and read back what durability rests on."""
    wanted = {**_SESSION, "default_transaction_read_only": "off" if writable else "on"}
    calls = ", ".join("set_config(%s, %s, false)" for _ in wanted)
    found = connection.execute(
        "SELECT pg_is_in_recovery(), current_setting('synchronous_commit'),"
        " current_setting('synchronous_standby_names'), current_setting('fsync'),"
        " current_setting('full_page_writes'), current_setting('default_transaction_read_only'),"
        f" {calls}",
        [word for pair in wanted.items() for word in pair],
    ).fetchone()
    assert found is not None
    standby, commit, names, fsync, pages, read_only = found[:6]
    if not writable:
        return
    if standby or read_only == "on":
        raise ReadOnlyError(where, "the server is a standby, or its sessions are read-only")
    for name, value in (("fsync", fsync), ("full_page_writes", pages)):
        if value != "on":
            raise ServerError(where, f"{name}: expected on, found {value}")
    weak = ("off", "local", "remote_write") if names else ("off",)
    if commit in weak:
        expected = "on or remote_apply, for a standby is named" if names else "on"
        raise ServerError(where, f"synchronous_commit: expected {expected}, found {commit}")
    connection.execute("SELECT set_config('synchronous_commit', %s, false)", [commit])


def one_line(error: BaseException) -> str:
    """What the server or libpq said, in one line."""
    return " ".join(str(error).split()) or type(error).__name__


@contextmanager
def translating(where: str) -> Iterator[None]:
    """Psycopg's errors as the journal's: all of them before a COMMIT, so nothing was written."""
    try:
        yield
    except psycopg.Error as error:
        raise translated(where, error) from None
    except UnicodeDecodeError:
        raise ServerError(where, "a text in it is no UTF-8") from None


def translated(where: str, error: psycopg.Error) -> JournalError:
    """The journal's error for one of psycopg's that came before a COMMIT."""
    said = one_line(error)
    if isinstance(error, _BUSY):
        return JournalBusyError(where, BUSY_TIMEOUT_S)
    if isinstance(error, states.DiskFull):
        return DiskFullError(where, said)
    if isinstance(error, states.ReadOnlySqlTransaction):
        return ReadOnlyError(where, "the server's session is read-only")
    if isinstance(error, states.InsufficientPrivilege):
        return ReadOnlyError(where, f"the role may not do that ({said})")
    if isinstance(error, _NO_JOURNAL):
        return JournalMissingError(where)
    if isinstance(error, _NO_SHAPE):
        return NotAJournalError(where, f"a table {TABLE} of another shape")
    return ServerError(where, said)


def table_of(schema: str) -> Composed:
    """The table's name in SQL."""
    return SQL("{}.{}").format(Identifier(schema), Identifier(TABLE))


def guards(schema: str) -> list[Composed]:
    """What makes the table append-only, in sessions of a replica too."""
    table, function = table_of(schema), SQL("{}.{}").format(Identifier(schema), Identifier(GUARD))
    return [
        part.format(table=table, function=function, guard=Identifier(GUARD), body=GUARD_BODY)
        for part in (
            SQL(
                "CREATE OR REPLACE FUNCTION {function}() RETURNS trigger LANGUAGE plpgsql AS {body}"
            ),
            SQL("DROP TRIGGER IF EXISTS {guard} ON {table}"),
            SQL(
                "CREATE TRIGGER {guard} BEFORE UPDATE OR DELETE OR TRUNCATE ON {table}"
                " FOR EACH STATEMENT EXECUTE FUNCTION {function}()"
            ),
            SQL("ALTER TABLE {table} ENABLE ALWAYS TRIGGER {guard}"),
            SQL("REVOKE UPDATE, DELETE, TRUNCATE ON {table} FROM PUBLIC, CURRENT_USER"),
        )
    ]


class Recorder(library.PostgresApplicationRecorder):
    """The library's application recorder on a table that refuses all but inserts."""

    def __init__(
        self, datastore: library.PostgresDatastore, *, events_table_name: str = TABLE
    ) -> None:
        super().__init__(datastore, events_table_name=events_table_name)
        del self.sql_create_statements[self.create_insert_function_statement_index]
        self.sql_create_statements += guards(datastore.schema)

    def insert_events(self, stored_events: Sequence[StoredEvent], **kwargs: Any) -> Any:
        """The library's insert, run once."""
        once = library.PostgresApplicationRecorder.insert_events.__wrapped__
        return once(self, stored_events, **kwargs)

    def _insert_stored_events(
        self, curs: Any, stored_events: Sequence[StoredEvent], **kwargs: Any
    ) -> None:
        curs.execute("SET LOCAL synchronous_commit TO on")
        super()._insert_stored_events(curs, stored_events, **kwargs)


class Factory(library.PostgresFactory):
    """What PERSISTENCE_MODULE=journal.postgres gives: every table is called stored_events."""

    application_recorder_class = Recorder

    def application_recorder(self) -> Recorder:
        recorder = Recorder(self.datastore)
        if self.env_create_table():
            recorder.create_table()
        return recorder


class Borrowed(library.PostgresDatastore):
    """The library's datastore over a connection of ours, within whatever transaction it is in."""

    def __init__(self, connection: Connection, schema: str) -> None:
        self._connection = connection
        self.schema = schema
        self.originator_id_type = "uuid"
        self.lock_timeout = int(BUSY_TIMEOUT_S)
        self.enable_db_functions = False
        self.db_type_names = set()
        self.psycopg_type_adapters = {}
        self.psycopg_python_types = {}

    @contextmanager
    def get_connection(self) -> Iterator[Any]:
        """Our connection, left as it is."""
        yield self._connection


def create_statements(connection: Connection, schema: str) -> list[Composed]:
    """What the recorder's table, its type and its guards are made by."""
    return Recorder(Borrowed(connection, schema)).sql_create_statements
