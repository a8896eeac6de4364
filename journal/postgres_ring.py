"""The key ring of a journal in a PostgreSQL server: one row in a table beside the events.

shape   `key_ring` in the journal's schema: id = 1, ring = the bytes of key_ring.py
rights  the role that appends may read it; only the one that made the journal may rotate
machines  several share one ring, so a rotation on one of them is a rotation for all
"""

from psycopg import errors as states
from psycopg.sql import SQL, Composed, Identifier

from journal.errors import KeyRingMovedError
from journal.postgres import Connection
from journal.url import JournalUrl

TABLE = "key_ring"


def create_ring(connection: Connection, place: JournalUrl, ring: bytes) -> None:
    """Make the table and its row, within the transaction that makes the journal."""
    table = _table(place.name)
    connection.execute(
        SQL("CREATE TABLE {} (id integer PRIMARY KEY CHECK (id = 1), ring bytea NOT NULL)").format(
            table
        )
    )
    connection.execute(SQL("INSERT INTO {} VALUES (1, %s)").format(table), [ring])
    if place.writer:
        role = Identifier(place.writer)
        connection.execute(SQL("REVOKE ALL ON {} FROM {}").format(table, role))
        connection.execute(SQL("GRANT SELECT ON {} TO {}").format(table, role))


def read_ring(connection: Connection, schema: str) -> bytes | None:
    """The ring; None where the journal has none."""
    statement = SQL("SELECT ring FROM {}").format(_table(schema))
    try:
        found = connection.execute(statement, binary=True).fetchone()
    except (states.UndefinedTable, states.UndefinedColumn):
        return None
    return None if found is None else bytes(found[0])


def update_ring(connection: Connection, place: JournalUrl, old: bytes, new: bytes) -> None:
    """Replace the row, within the caller's transaction."""
    statement = SQL("UPDATE {} SET ring = %s WHERE ring = %s").format(_table(place.name))
    if connection.execute(statement, [new, old]).rowcount != 1:
        raise KeyRingMovedError(place.text)


def _table(schema: str) -> Composed:
    return SQL("{}.{}").format(Identifier(schema), Identifier(TABLE))
