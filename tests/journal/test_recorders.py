"""The `eventsourcing` library's own test cases, on the recorders the journal stands on.

Their module imports the library's AES cipher, whose package is no dependency of ours, for cases
that are not run here. A class of that name stands in while it is imported.
"""

import contextlib
import sqlite3
import sys
import tempfile
import threading
import unittest
from pathlib import Path
from types import ModuleType
from uuid import uuid4

import pytest
from eventsourcing.persistence import (
    ApplicationRecorder,
    ConnectionPoolClosedError,
    InfrastructureFactory,
    IntegrityError,
    StoredEvent,
)
from eventsourcing.popo import POPOApplicationRecorder
from eventsourcing.utils import Environment

from journal import sqlite
from journal.sqlite import file_uri
from tests.postgres_server import Server

with pytest.MonkeyPatch.context() as patch:
    cipher = ModuleType("eventsourcing.cipher")
    cipher.AESCipher = object  # type: ignore[attr-defined]
    patch.setitem(sys.modules, "eventsourcing.cipher", cipher)
    from eventsourcing.tests import persistence as cases


def join_all_but(threads: set[threading.Thread]) -> None:
    """Wait for the readers that the library's cases tell to stop and leave running."""
    for thread in set(threading.enumerate()) - threads:
        thread.join(timeout=60)


class InAFolder(unittest.TestCase):
    """A recorder made as a program of the library's would: by configuration."""

    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.path = Path(folder.name) / "events.db"

    def create_recorder(self) -> sqlite.Recorder:
        environment = {
            "PERSISTENCE_MODULE": "journal.sqlite",
            "SQLITE_DBNAME": file_uri(self.path, "rwc"),
        }
        factory = InfrastructureFactory.construct(Environment("any", environment))
        self.addCleanup(factory.close)
        self.addCleanup(join_all_but, set(threading.enumerate()))
        recorder = factory.application_recorder()
        assert isinstance(recorder, sqlite.Recorder)
        return recorder


class TestSQLite(InAFolder, cases.ApplicationRecorderTestCase[ApplicationRecorder]):
    """Insert, select, notifications, ten threads at once."""


class TestSQLiteInterleaving(InAFolder, cases.NonInterleavingNotificationIDsBaseCase):
    """Two inserts at once do not mix their ids."""

    insert_num = 1000


class InAServer(unittest.TestCase):
    """The same in a server, a schema for each test."""

    @pytest.fixture(autouse=True)
    def _place(self, server: Server) -> None:
        self.server = server
        self.schema = f"r{uuid4().hex[:12]}"
        server.execute(f"CREATE SCHEMA {self.schema}")

    def create_recorder(self) -> ApplicationRecorder:
        from journal import postgres

        environment = {
            "PERSISTENCE_MODULE": "journal.postgres",
            "POSTGRES_DBNAME": "refold",
            "POSTGRES_HOST": "127.0.0.1",
            "POSTGRES_PORT": str(self.server.port),
            "POSTGRES_USER": "refold",
            "POSTGRES_PASSWORD": "-",
            "POSTGRES_SCHEMA": self.schema,
        }
        factory = InfrastructureFactory.construct(Environment("any", environment))
        self.addCleanup(factory.close)
        recorder = factory.application_recorder()
        assert isinstance(recorder, postgres.Recorder)
        return recorder


class TestPostgres(InAServer, cases.ApplicationRecorderTestCase[ApplicationRecorder]):
    """Insert, select, notifications, ten threads at once."""


class TestPostgresInterleaving(InAServer, cases.NonInterleavingNotificationIDsBaseCase):
    """Two inserts at once do not mix their ids."""

    insert_num = 1000


class TestMemory(cases.ApplicationRecorderTestCase[ApplicationRecorder]):
    """The recorder of memory journals is the library's own."""

    def create_recorder(self) -> ApplicationRecorder:
        return POPOApplicationRecorder()


class TestAppendOnly(InAFolder):
    """What ours refuses beyond the library's."""

    def statement(self, sql: str) -> None:
        connection = sqlite3.connect(self.path)
        try:
            connection.execute(sql)
            connection.commit()
        finally:
            connection.close()

    def test_rows_are_never_changed_deleted_or_replaced(self) -> None:
        recorder = self.create_recorder()
        event = StoredEvent(uuid4(), 0, "topic", b"state")
        recorder.insert_events([event])
        key = f"'{event.originator_id.hex}', 0, 'topic', x'00'"  # type: ignore[union-attr]
        for sql in (
            "UPDATE stored_events SET state = x'00'",
            "DELETE FROM stored_events",
            f"INSERT OR REPLACE INTO stored_events VALUES ({key})",
            f"REPLACE INTO stored_events VALUES ({key})",
            "INSERT OR REPLACE INTO stored_events(rowid, originator_id, originator_version) "
            "VALUES (1, 'other', 7)",
            "UPDATE OR REPLACE stored_events SET rowid = 9",
        ):
            with self.subTest(sql), pytest.raises(sqlite3.IntegrityError, match="append-only"):
                self.statement(sql)
        assert recorder.select_events(event.originator_id) == [event]
        with pytest.raises(IntegrityError):
            recorder.insert_events([event])

    def test_closing_waits_for_the_thread_that_reads(self) -> None:
        """The library's pool closes under the reader, which kills the process in SQLite."""
        recorder = self.create_recorder()
        recorder.insert_events([StoredEvent(uuid4(), 0, "topic", b"state")])
        inside, closed, found = threading.Event(), threading.Event(), []

        def read() -> None:
            gone = contextlib.suppress(ConnectionPoolClosedError)
            with gone, recorder.datastore.transaction(commit=False) as cursor:
                inside.set()
                found.append(closed.wait(0.2))
                cursor.execute("SELECT count(*) FROM stored_events")
                found.append(cursor.fetchone()[0])

        def close() -> None:
            recorder.datastore.close()
            closed.set()

        threads = [threading.Thread(target=read), threading.Thread(target=close)]
        threads[0].start()
        inside.wait()
        threads[1].start()
        for thread in threads:
            thread.join()
        assert (found, closed.is_set()) == ([False, 1], True)

    def test_durability_is_set_and_read_back_on_the_one_connection(self) -> None:
        recorder = self.create_recorder()
        pool = recorder.datastore.pool
        with recorder.datastore.transaction(commit=False) as cursor:
            found = {}
            for name in ("journal_mode", "synchronous", "fullfsync", "checkpoint_fullfsync"):
                cursor.execute(f"PRAGMA {name}")
                found[name] = cursor.fetchone()[0]
        assert found == {
            "journal_mode": "wal",
            "synchronous": 2,
            "fullfsync": 1,
            "checkpoint_fullfsync": 1,
        }
        assert (pool.pool_size, pool.max_overflow) == (1, 0)


# The abstract cases of the library are no tests of ours.
del InAFolder, InAServer
