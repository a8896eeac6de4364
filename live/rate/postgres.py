"""The log in PostgreSQL, for several machines: one row a name, locked while it is changed.

place   postgresql://USER[:PASSWORD]@HOST[:PORT]/DATABASE[?schema=NAME], as a journal's; the table
        is `rate_log` in the schema `refold_rate`, or the one named
clock   the server's own (clock_timestamp), asked when the row is ours. It can be set: a step back
        shows in the log, and one forward to every process that had looked before it (budget.py)
lost    a server that was restored from a copy has an older log; a process that knows a newer one
        seals. So has one that was taken over by a replica which lagged behind
dies    before COMMIT: nothing happened. After it: the permits count. A session that hangs with the
        row locked is ended by the server, and the others are refused until then
"""

import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any, TypeVar

from journal.errors import JournalUrlError
from journal.postgres_url import SCHEMA, parse_postgres
from live.feeds.errors import BadInputError
from live.rate.store import Act, Found, StoreError

OWN_SCHEMA = "refold_rate"
ANSWER_S = 2
_OPTIONS = (
    f"-c statement_timeout={ANSWER_S}s -c lock_timeout={ANSWER_S}s "
    f"-c idle_in_transaction_session_timeout={2 * ANSWER_S}s -c synchronous_commit=on "
    r"-c default_transaction_isolation=read\ committed"
)
_NOW = "SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint"
_Made = TypeVar("_Made")


class PostgresStore:
    """The rows of one table."""

    def __init__(self, url: str) -> None:
        """Connects at the first use."""
        try:
            place = parse_postgres(url)
        except JournalUrlError as error:
            message = f"rate.store: {str(error).removeprefix('journal ')}"
            raise BadInputError(message) from None
        self._keywords = dict(place.keywords)
        self._schema = OWN_SCHEMA if place.schema == SCHEMA else place.schema
        self._lock = threading.Lock()
        self._connection: Any = None

    def change(self, name: str, act: Act[_Made]) -> _Made:
        """What came of `act`, once it is committed."""
        with self._lock:
            return self._asked(lambda connection: self._changed(connection, name, act))

    def look(self, name: str) -> Found:
        """What is under `name` now."""
        with self._lock:
            return self._asked(lambda connection: self._found(connection, name, ""))

    def close(self) -> None:
        """Close the connection."""
        with self._lock:
            self._close()

    def _changed(self, connection: Any, name: str, act: Act[_Made]) -> _Made:
        with connection.transaction():
            insert = f"INSERT INTO {self._table} VALUES (%s, NULL)"  # noqa: S608
            connection.execute(f"{insert} ON CONFLICT DO NOTHING", (name,))
            data, made = act(self._found(connection, name, " FOR UPDATE"))
            if data is not None:
                update = f"UPDATE {self._table} SET data = %s WHERE name = %s"  # noqa: S608
                connection.execute(update, (data, name))
        return made

    def _found(self, connection: Any, name: str, lock: str) -> Found:
        """The row first, the time behind it: so it is later than whatever was kept in it."""
        select = f"SELECT data FROM {self._table} WHERE name = %s{lock}"  # noqa: S608
        row = connection.execute(select, (name,)).fetchone()
        ((now,),) = connection.execute(_NOW).fetchall()
        return Found(None if row is None or row[0] is None else bytes(row[0]), now, "postgresql")

    @property
    def _table(self) -> str:
        return f"{self._schema}.rate_log"

    def _asked(self, ask: Callable[[Any], _Made]) -> _Made:
        """What `ask` brings of a connection that lives; a dead one is made anew at the next use."""
        import psycopg  # noqa: PLC0415 - a tenth of a second

        try:
            if self._connection is None or self._connection.closed:
                self._connect(psycopg)
            return ask(self._connection)
        except psycopg.Error as error:
            self._close()
            raise StoreError(f"postgresql: {type(error).__name__}") from None

    def _connect(self, psycopg: Any) -> None:
        """A session of ours, and the table in it; two that make it at once wait for each other."""
        words: dict[str, Any] = {"connect_timeout": str(ANSWER_S), **self._keywords}
        words["options"] = f"{words.get('options', '')} {_OPTIONS}".strip()
        self._connection = psycopg.connect(**words, autocommit=True)
        exists = "SELECT to_regclass(%s) IS NOT NULL"
        if self._connection.execute(exists, (self._table,)).fetchone()[0]:
            return
        with self._connection.transaction():
            self._connection.execute("SELECT pg_advisory_xact_lock(hashtext(%s))", (self._table,))
            self._connection.execute(f"CREATE SCHEMA IF NOT EXISTS {self._schema}")
            self._connection.execute(
                f"CREATE TABLE IF NOT EXISTS {self._table} (name text PRIMARY KEY, data bytea)"
            )

    def _close(self) -> None:
        if self._connection is not None:
            with suppress(Exception):
                self._connection.close()
        self._connection = None
