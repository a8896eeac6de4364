"""Why the journal opens no other engine of the library's: what each does where we promise more.

    python -m tests.campaign.engines

needs   eventsourcing-sqlalchemy, eventsourcing-umadb (0.3, the last for eventsourcing 9) and umadb,
        in an environment of its own: no lock of ours has them. One that is not there is said
shape   a line for each finding: engine, promise (DESIGN.md), what was seen. ARCHITECTURE.md draws
        the conclusion; where a line reads "held", it has to be drawn anew
"""

import importlib
import importlib.util
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import UUID

from eventsourcing.persistence import (
    ApplicationRecorder,
    InfrastructureFactory,
    PersistenceError,
    StoredEvent,
)
from eventsourcing.utils import Environment

from tests.postgres_server import free_port, serving

JOURNAL = UUID(int=7)


def recorder(module: str, **settings: str) -> Any:
    """A recorder of the library's, by configuration alone."""
    environment = Environment("journal", {"PERSISTENCE_MODULE": module, **settings})
    made: ApplicationRecorder = InfrastructureFactory.construct(environment).application_recorder()
    return made


def row(version: int, state: bytes = b"x") -> StoredEvent:
    """A row of the one journal."""
    return StoredEvent(JOURNAL, version, "t.v1", state)


def tell(engine: str, promise: str, held: bool, seen: str) -> None:
    """One finding."""
    print(f"{engine:19}  {promise:22}  {'held' if held else 'NOT HELD':8}  {seen}")


def careless() -> sqlite3.Connection:
    """What SQLALCHEMY_CONNECTION_CREATOR_TOPIC may name: a connection that never syncs."""
    connection = sqlite3.connect(sys.argv[-1], check_same_thread=False)
    connection.execute("PRAGMA synchronous=OFF")
    return connection


def sqlalchemy_on_sqlite(folder: Path) -> None:
    """Its settings are whatever the connection has; rows can be changed; BUSY is any error."""
    path = folder / "journal.db"
    sys.argv.append(str(path))
    made = recorder(
        "eventsourcing_sqlalchemy",
        SQLALCHEMY_URL=f"sqlite:///{path}",
        SQLALCHEMY_CONNECTION_CREATOR_TOPIC=f"{__name__}:careless",
    )
    made.insert_events([row(0)])
    tell(
        "sqlalchemy/sqlite", "durable, read back", False, "an append with synchronous=OFF is taken"
    )
    other = sqlite3.connect(path, isolation_level=None)
    changed = other.execute("UPDATE journal_events SET state = x'00'").rowcount
    gone = other.execute("DELETE FROM journal_events").rowcount
    tell(
        "sqlalchemy/sqlite", "append-only", not changed + gone, f"{changed} changed, {gone} deleted"
    )
    other.execute("BEGIN IMMEDIATE")
    try:
        made.insert_events([row(1)])
    except PersistenceError as error:
        kind = type(error).__name__
        tell("sqlalchemy/sqlite", "BUSY is definite", False, f"{kind}, as for a failed COMMIT")
    other.execute("ROLLBACK")


def sqlalchemy_on_postgresql() -> None:
    """It asks the server nothing."""
    with serving() as server:
        server.stop(signal.SIGINT)
        server.start(synchronous_commit="off")
        url = server.url.replace("postgresql", "postgresql+psycopg")
        made = recorder("eventsourcing_sqlalchemy", SQLALCHEMY_URL=url)
        made.insert_events([row(0)])
        seen = "an append with synchronous_commit=off is taken"
        tell("sqlalchemy/postgres", "durable, read back", False, seen)
        server.execute("UPDATE journal_events SET state = '\\x00'")
        tell("sqlalchemy/postgres", "append-only", False, "a row was changed")


@contextmanager
def umadb_server(folder: Path) -> Iterator[int]:
    """UmaDB's server from its wheel; its port."""
    port = free_port()
    program = [str(Path(sys.executable).parent / "umadb"), "--listen", f"127.0.0.1:{port}"]
    with subprocess.Popen(
        [*program, "--db-path", str(folder / "uma")],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as server:
        try:
            yield port
        finally:
            server.kill()


def on_umadb(folder: Path) -> None:
    """The one key it knows is the condition that each writer sends, or does not."""
    before = signal.getsignal(signal.SIGINT)
    umadb = importlib.import_module("umadb")
    kept = signal.getsignal(signal.SIGINT) is before
    tell("umadb", "our own stop signals", kept, "importing it replaces the handler of SIGINT")
    with umadb_server(folder) as port:
        made = recorder("eventsourcing_umadb", UMADB_URI=f"http://127.0.0.1:{port}")
        until = time.monotonic() + 10
        while True:
            try:
                made.insert_events([row(0)])
                break
            except umadb.TransportError:
                if time.monotonic() > until:
                    raise
                time.sleep(0.05)
        tags = [f"originator:{JOURNAL}", f"originator-{JOURNAL}-version:0"]
        made.umadb.append(events=[umadb.Event(event_type="t.v1", data=b"y", tags=tags)])
        found = [event.originator_version for event in made.select_events(JOURNAL)]
        seen = f"versions {found} after an append without a condition"
        tell("umadb", "refused by primary key", found == [0], seen)
        asked = sorted(name for name in dir(made.umadb) if not name.startswith("_"))
        words = ("setting", "config", "sync", "lock")
        told = any(word in name for name in asked for word in words)
        tell("umadb", "durable, read back", told, f"a client may ask for {', '.join(asked)}")
        tell("umadb", "one runner's lock", told, "the same; a file's lock ends at this machine")


def main() -> int:
    """Every engine that is installed."""
    with tempfile.TemporaryDirectory() as name:
        if importlib.util.find_spec("eventsourcing_sqlalchemy") is None:
            print("sqlalchemy: not installed")
        else:
            sqlalchemy_on_sqlite(Path(name))
            sqlalchemy_on_postgresql()
        if importlib.util.find_spec("eventsourcing_umadb") is None:
            print("umadb: not installed")
        else:
            on_umadb(Path(name))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
