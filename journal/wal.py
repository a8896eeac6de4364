"""The write-ahead log's length: what makes a commit wait longer than its own bytes.

checkpoint  SQLite writes the pages back inside the append that makes the log 1,000 pages long, and
            that append waits. `checkpoint` does it before, where nothing waits; the log is bounded
            by SQLite's own as ever
room        A commit that makes a file longer waits for the file system's own journal too, which
            doubles it. `make_room` makes the log as long as it gets between two checkpoints: pages
            are spilled there and rolled back. They were never committed, nobody reads them, and
            the commits that follow lie over them
dies        anywhere: a log with frames that no commit ends, as after any death in a transaction
"""

import sqlite3

from journal.sqlite import pragma

PAGE_BYTES = 4096
PAGES_AN_APPEND = 4
"""About as many pages an append changes beside those that it fills."""
CHECKPOINT_PAGES = 600
"""After about as many it is time for a checkpoint; SQLite takes one at 1,000, in an append."""
ROOM_PAGES = 1_104
"""More than 1,000, by what one large cycle may add to that."""
_PIECE = 8
_SPILLING_PAGES = 16


def pages_of(stored_bytes: int) -> int:
    """About how many pages an append of as many bytes adds to the log."""
    return stored_bytes // PAGE_BYTES + PAGES_AN_APPEND


def checkpoint(connection: sqlite3.Connection) -> None:
    """PASSIVE: it waits for nobody; what a reader holds back is for the next one."""
    connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()


def make_room(connection: sqlite3.Connection) -> None:
    """Have the log as long as it gets. Nothing is committed."""
    checkpoint(connection)
    kept = pragma(connection, "cache_size")
    connection.execute(f"PRAGMA cache_size={_SPILLING_PAGES}").fetchall()
    try:
        connection.execute("BEGIN IMMEDIATE")
        connection.execute("CREATE TABLE room (pages BLOB)")
        for _ in range(ROOM_PAGES // _PIECE):
            connection.execute("INSERT INTO room VALUES (zeroblob(?))", (_PIECE * PAGE_BYTES,))
    finally:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        connection.execute(f"PRAGMA cache_size={kept}").fetchall()
