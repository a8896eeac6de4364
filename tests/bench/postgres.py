"""Appending in a PostgreSQL server: `Journal.append` against psycopg alone, on the same server.

ours    encode, hash, chain, the conditional insert, COMMIT with its wake-up, the anchor's slot
other   BEGIN, psycopg's `execute` (one row) or `executemany` of the same stored bytes, already
        encoded, into a table without any index but its key, and COMMIT; `synchronous_commit` on
server  the tests' own (tests/postgres_server.py), one for all rows; where there is none the
        rows are left out with a note
"""

import atexit
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import cache

from journal.codec import Row as Stored
from tests.bench.append import Write, appending
from tests.bench.corpus import Corpus
from tests.bench.measure import Row
from tests.postgres_server import Server, serving


def against_psycopg(corpus: Corpus, name: str, batch: int) -> Row:
    """`batch` events a commit, against the same rows through psycopg alone."""
    url = _server().url
    place = corpus.new_path()
    with bare_postgres(url, f"bare_{place.stem}") as other:
        journal = f"{url}?schema=ours_{place.stem}&local={place}.side"
        return appending(corpus, name, batch, journal, other)


@cache
def _server() -> Server:
    stack = ExitStack()
    atexit.register(stack.close)
    return stack.enter_context(serving())


@contextmanager
def bare_postgres(url: str, table: str) -> Iterator[Write]:
    """One durable transaction a call."""
    import psycopg

    with psycopg.connect(url) as connection:
        (found,) = connection.execute("SHOW synchronous_commit").fetchone() or ("none",)
        if found != "on":
            message = f"{url}: expected synchronous_commit on, found {found}"
            raise RuntimeError(message)
        connection.execute(
            f"CREATE TABLE {table} (id bigserial PRIMARY KEY, topic text, state bytea)".encode()
        )
        connection.commit()
        insert = f"INSERT INTO {table} (topic, state) VALUES (%s, %b)".encode()

        def write(rows: Sequence[Stored]) -> None:
            values = [row[1:] for row in rows]
            if len(values) == 1:
                connection.execute(insert, values[0])
            else:
                with connection.cursor() as cursor:
                    cursor.executemany(insert, values)
            connection.commit()

        yield write
