"""The log in a file of this machine: SQLite, one row a name, `BEGIN IMMEDIATE`.

place   `rate.db` in the folder the settings give; never beside a journal, for it is the account's,
        whichever journal its processes keep. Only its owner may read it
clock   the machine's since its start (`elapsed_us`), which nobody sets: wall-clock steps change
        nothing. `era` is the kernel's boot id, so the stamps of an earlier start are known as such
lost    Each access looks whether the file is still the one that was opened: one that was deleted or
        put back is `lost`. One that SQLite cannot read, or that is another program's, is renamed to
        `rate.db.damaged` and a new one begun. A WAL that lost its last frames shows as an older log
dies    in a change: all of it or nothing. A permit that was taken counts, whether or not its call
        was made. A machine that loses power may lose the last changes, which is why another boot id
        seals the log
"""

import os
import sqlite3
import threading
from contextlib import suppress
from pathlib import Path
from typing import TypeVar
from urllib.parse import quote

from live.rate.store import Act, Found, StoreError, elapsed_us

FILE = "rate.db"
DAMAGED = ".damaged"
BUSY_S = 2.0
_APPLICATION = 0x52465254
"""SQLite's application id of these files: "RFRT"."""
_BOOT = Path("/proc/sys/kernel/random/boot_id")
_TABLE = "CREATE TABLE IF NOT EXISTS log (name TEXT PRIMARY KEY, data BLOB NOT NULL) WITHOUT ROWID"
_PUT = "INSERT INTO log VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET data = excluded.data"
_DAMAGE = (
    sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_ERROR,
    sqlite3.SQLITE_IOERR_SHORT_READ,
)  # fmt: skip
"""What SQLite says of a file that is not as it was left; anything else may pass by itself."""
_Made = TypeVar("_Made")


class _DamagedError(Exception):
    """The file is there and is no file of ours."""


class FileStore:
    """One SQLite file, shared by every process that opens the same folder."""

    def __init__(self, folder: Path, *, busy_s: float = BUSY_S) -> None:
        """Nothing is opened yet; the folder is made when it is needed."""
        self.path = folder / FILE
        self._busy_s = busy_s
        self._era = boot_id()
        self._lock = threading.Lock()
        self._connection: sqlite3.Connection | None = None
        self._identity: tuple[int, int] | None = None
        self._lost = ""
        self._told: set[str] = set()

    def change(self, name: str, act: Act[_Made]) -> _Made:
        """What came of `act`, once it is in the file."""
        with self._lock:
            try:
                return self._change(name, act)
            except _DamagedError as error:
                self._set_aside(str(error))
            try:
                return self._change(name, act)
            except _DamagedError as error:
                raise StoreError(f"{self.path}: {error}") from None

    def look(self, name: str) -> Found:
        """What is in the file; what is lost is found out by the next change."""
        with self._lock:
            try:
                self._open()
                data = self._read(name)
            except _DamagedError as error:
                return Found(None, elapsed_us(), self._era, str(error))
            return Found(data, elapsed_us(), self._era, self._loss(name))

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._close()

    def _change(self, name: str, act: Act[_Made]) -> _Made:
        self._open()
        connection = self._connection
        assert connection is not None
        self._run("BEGIN IMMEDIATE")
        try:
            self._refuse_another()
            found = Found(self._read(name), elapsed_us(), self._era, self._loss(name))
            data, made = act(found)
            if data is not None:
                self._run(_PUT, (name, data))
            self._run("COMMIT")
        except BaseException:
            with suppress(sqlite3.Error):
                connection.rollback()
            raise
        self._told.add(name)
        return made

    def _refuse_another(self) -> None:
        """The file may have been replaced between its opening and our turn."""
        if self._identity != _identity(self.path):
            raise _DamagedError("the limiter's file was deleted or replaced")

    def _loss(self, name: str) -> str:
        """Why what was under `name` is lost, until a change has kept what follows from it."""
        return "" if name in self._told else self._lost

    def _open(self) -> None:
        """Open the file if it is not, or if it is no longer the one at its place."""
        if self._connection is not None:
            if self._identity == _identity(self.path):
                return
            self._lose("the limiter's file was deleted or replaced")
        try:
            self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            with suppress(FileExistsError):
                os.close(os.open(self.path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
            uri = f"file:{quote(str(self.path.absolute()))}?mode=rw"
            self._connection = sqlite3.connect(
                uri, uri=True, isolation_level=None, timeout=self._busy_s, check_same_thread=False
            )
        except (OSError, sqlite3.Error) as error:
            raise StoreError(f"{self.path}: {_words(error)}") from None
        self._identity = _identity(self.path)
        try:
            self._set_up()
        except StoreError:
            self._close()
            raise

    def _set_up(self) -> None:
        """The file is ours, or empty and made ours."""
        self._run("PRAGMA journal_mode=WAL")
        self._run("PRAGMA synchronous=NORMAL")
        ((application,),) = self._run("PRAGMA application_id")
        if application == _APPLICATION:
            return
        self._run("BEGIN IMMEDIATE")
        ((application,),) = self._run("PRAGMA application_id")
        ((tables,),) = self._run("SELECT count(*) FROM sqlite_master")
        if application not in (0, _APPLICATION) or (tables and application == 0):
            self._run("ROLLBACK")
            raise _DamagedError("the limiter's file is another program's")
        self._run(f"PRAGMA application_id={_APPLICATION}")
        self._run(_TABLE)
        self._run("COMMIT")

    def _read(self, name: str) -> bytes | None:
        rows = self._run("SELECT data FROM log WHERE name = ?", (name,))
        data = rows[0][0] if rows else None
        return data if data is None or isinstance(data, bytes) else b""

    def _run(self, sql: str, values: tuple[object, ...] = ()) -> list[tuple[object, ...]]:
        assert self._connection is not None
        try:
            return self._connection.execute(sql, values).fetchall()
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode in _DAMAGE:
                raise _DamagedError("the limiter's file is damaged") from None
            raise StoreError(f"{self.path}: {_words(error)}") from None
        except sqlite3.DatabaseError:
            raise _DamagedError("the limiter's file is damaged") from None

    def _lose(self, why: str) -> None:
        """What was in the file is lost, under every name."""
        self._close()
        self._lost = why
        self._told.clear()

    def _set_aside(self, why: str) -> None:
        """The file under another name, so that a new one can be begun."""
        identity = self._identity
        self._lose(why)
        try:
            if identity is not None and identity == _identity(self.path):
                for suffix in ("-wal", "-shm"):
                    self.path.with_name(self.path.name + suffix).unlink(missing_ok=True)
                self.path.replace(self.path.with_name(self.path.name + DAMAGED))
        except OSError as error:
            raise StoreError(f"{self.path}: {_words(error)}") from None

    def _close(self) -> None:
        if self._connection is not None:
            with suppress(sqlite3.Error):
                self._connection.close()
        self._connection = self._identity = None


def boot_id() -> str:
    """The kernel's name of this start of the machine; "" where it gives none."""
    try:
        return _BOOT.read_text(encoding="ascii").strip()
    except (OSError, ValueError):
        return ""


def _identity(path: Path) -> tuple[int, int] | None:
    """Which file is at `path`; None: none."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _words(error: Exception) -> str:
    return str(getattr(error, "strerror", None) or error).lower()
