"""The write-ahead log's length: what makes a commit wait longer than its own bytes.

checkpoint  SQLite writes the pages back inside the append that makes the log 1,000 pages long, and
            that append waits. `checkpoint` does it before, where nothing waits; the log is bounded
            by SQLite's own as ever
room        A commit that makes a file longer waits for the file system's own journal too, which
            doubles it. `make_room` makes the log as long as it gets between two checkpoints: zeros
            behind what is there, which are no frames (a frame carries the log's salt and sum), and
            over which SQLite writes what comes
dies        anywhere: a log with zeros, or none, behind its last frame; or with nothing but zeros,
            which is an empty one
"""

import os
import sqlite3
from collections.abc import Callable
from pathlib import Path

from journal.anchor import sync_data

PAGE_BYTES = 4096
PAGES_AN_APPEND = 4
"""About as many pages an append changes beside those that it fills."""
CHECKPOINT_PAGES = 600
"""After about as many it is time for a checkpoint; SQLite takes one at 1,000, in an append."""
ROOM_PAGES = 1_104
"""More than 1,000, by what one large cycle may add to that."""


def pages_of(stored_bytes: int) -> int:
    """About how many pages an append of as many bytes adds to the log."""
    return stored_bytes // PAGE_BYTES + PAGES_AN_APPEND


def checkpoint(connection: sqlite3.Connection) -> None:
    """PASSIVE: it waits for nobody; what a reader holds back is for the next one."""
    connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()


def make_room(connection: sqlite3.Connection, log: Path, refuse: Callable[[], None]) -> None:
    """Have the log as long as it gets; under the write lock, so that nobody else makes it longer.

    `refuse` raises where the journal's file is not the one that was opened: the log that was found
    under its name is then another's.
    errors  OSError: there is no log, or no room for one
    """
    connection.execute("BEGIN IMMEDIATE")
    try:
        fd = os.open(log, os.O_WRONLY | os.O_CLOEXEC)
        try:
            refuse()
            size = os.fstat(fd).st_size
            missing = ROOM_PAGES * PAGE_BYTES - size
            if missing > 0:
                os.pwrite(fd, bytes(missing), size)
                sync_data(fd)
        finally:
            os.close(fd)
    finally:
        connection.execute("ROLLBACK")
