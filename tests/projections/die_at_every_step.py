"""A process that folds into a store and dies by SIGKILL before its nth statement, for every n.

shape   prints one JSON document: for each death the rows that a reader sees afterwards, and for the
        last run, which lived, the same
why     a process of its own, because a child is forked for each death and tests may have threads
"""

import json
import os
import signal
import sqlite3
import sys
from pathlib import Path

from projections import source
from projections.alerts import ALERTS
from projections.projection import Projection
from projections.source import Head, Source
from projections.store import ProjectionStore
from tests.build import alert, numbered

EVENTS = numbered(alert(str(number)) for number in range(7))
SHOWN: Projection = ALERTS


def journal(length: int) -> Source:
    """A journal of so many alerts."""
    return Source(
        head=Head(length, f"chain-{length}"),
        read=lambda after: EVENTS[after:length],
        chain_at=lambda sequence: f"chain-{sequence}" if sequence <= length else None,
    )


def die_before(statement: int, step: str, path: Path) -> None:
    """Do `step` on the store; the nth statement is never reached."""
    store = ProjectionStore(path)
    seen = 0

    def count(_: str) -> None:
        nonlocal seen
        seen += 1
        if seen == statement:
            os.kill(os.getpid(), signal.SIGKILL)

    database: sqlite3.Connection = store._database
    database.set_trace_callback(count)
    if step == "rebuild":
        store.rebuild(SHOWN, journal(7))
    else:
        store.catch_up(SHOWN, journal(7))


def look(path: Path) -> list[object]:
    """The sequence that is served, and how many rows."""
    with ProjectionStore(path) as store:
        kept, rows = store.rows(SHOWN.name)
        return [kept.head.sequence, len(rows)]


def main(step: str, folder: Path) -> None:
    """Die before every statement once, each time on a fresh store that serves three events."""
    source.BATCH = 2
    seen: list[object] = []
    statement, lived = 0, False
    while not lived:
        statement += 1
        path = folder / f"{statement}.projections"
        with ProjectionStore(path) as store:
            store.rebuild(SHOWN, journal(3))
        child = os.fork()
        if child == 0:
            die_before(statement, step, path)
            os._exit(0)
        _, status = os.waitpid(child, 0)
        lived = os.WIFEXITED(status) and os.WEXITSTATUS(status) == 0
        seen.append(look(path))
        with ProjectionStore(path) as store:
            store.catch_up(SHOWN, journal(7))
        seen.append(["mended", *look(path)])
    print(json.dumps(seen))


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
