"""One runner at a time on a journal in a server: an advisory lock. A courtesy, as the file's is.

why     the lock is its session's, so it is gone with the process however that ended, and with the
        machine after half a minute; but also when the server restarts: the epoch is the fence
"""

import os
import re
import socket
from contextlib import suppress
from hashlib import sha256

import psycopg

from journal.errors import JournalError, LockedError
from journal.postgres import Connection, connect, translating
from journal.url import JournalUrl

_HOLDER = re.compile(r"refold (\d+) (\S+)")


def lock_key(purpose: str, place: JournalUrl) -> int:
    """The advisory lock's number for one journal of a database, signed 64 bits."""
    digest = sha256(f"refold/{purpose}/v1:{place.name}".encode()).digest()
    return int.from_bytes(digest[:8], "big", signed=True)


class AdvisoryLock:
    """The lock of one journal, held by a connection of its own."""

    def __init__(self, place: JournalUrl) -> None:
        self._place = place
        self._connection: Connection | None = None

    def acquire(self) -> None:
        """Take the lock at once, or `LockedError` naming the holder where the server shows it."""
        if self._connection is not None:
            return
        name = f"refold {os.getpid()} {socket.gethostname()}"[:63]
        connection = connect(self._place, writable=False, name=name)
        try:
            with translating(self._place.text):
                key = lock_key("writer", self._place)
                self._try(connection, key)
        except BaseException:
            connection.close()
            raise
        self._connection = connection

    def _try(self, connection: Connection, key: int) -> None:
        found = connection.execute("SELECT pg_try_advisory_lock(%s)", [key]).fetchone()
        if found != (True,):
            raise LockedError(self._place.text, *_holder(connection, key))

    def release(self) -> None:
        """Give the lock back, with its connection."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None


def holder_of(place: JournalUrl) -> tuple[int | None, str | None, bool]:
    """(process, since, whether anybody holds it) of a journal's lock, without taking it."""
    connection = connect(place, writable=False, name="refold status")
    try:
        with translating(place.text):
            key = lock_key("writer", place)
            found = connection.execute(
                "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND granted"
                " AND objsubid = 1"
                " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
                " AND (classid::bigint << 32) | objid::bigint = %s",
                [key],
            ).fetchone()
            held = found is not None and found[0] > 0
            return (*_holder(connection, key), held)
    finally:
        connection.close()


def _holder(connection: Connection, key: int) -> tuple[int | None, str | None]:
    """The holder's process and since when, with its machine; None where the role may not see it."""
    with suppress(psycopg.Error, JournalError):
        found = connection.execute(
            "SELECT a.application_name,"
            " to_char(a.backend_start AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"')"
            " FROM pg_locks l JOIN pg_stat_activity a USING (pid)"
            " WHERE l.locktype = 'advisory' AND l.granted AND l.objsubid = 1"
            " AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())"
            " AND (l.classid::bigint << 32) | l.objid::bigint = %s",
            [key],
        ).fetchone()
        named = None if found is None else _HOLDER.fullmatch(found[0] or "")
        if found is not None and named is not None:
            return int(named[1]), f"{found[1]} on {named[2]}"
    return None, None
