"""A PostgreSQL server for tests, started by their own means and gone with them.

what    the programs that postgres_binaries.py finds or installs; else `LackingError`, which the
        tests tell loudly
who     PostgreSQL refuses root: then the server runs as `postgres`, or as `nobody`; programs that
        this user cannot reach (a wheel in root's home) are copied into the server's folder
data    a folder of its own in /tmp, removed in the end; durable (`fsync` on), for the journal
        refuses another
dies    the server with the process that started it, however that ended (Linux); the folder that a
        killed one leaves is free to lock, and the next start removes it
port    below those of connections going out; taken by another all the same, then another one. A
        server that answers must be ours: it is asked for its folder
"""

import ctypes
import fcntl
import importlib.util
import os
import pwd
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from tests.apt import TMP, LackingError, finished
from tests.postgres_binaries import binaries, installed

__all__ = ["Server", "free_port", "serving"]

START_S = 60.0
STARTS_MAX = 5
STALE_S = 60.0
TIMEOUT = "-c statement_timeout=60s"
SETTINGS = {
    "max_connections": "80",
    "shared_buffers": "32MB",
    "log_min_messages": "fatal",
    "autovacuum_naptime": "5",
    "restart_after_crash": "on",
}


class PortTakenError(Exception):
    """Another process listens on the port."""


class Server:
    """A cluster of its own. `url` is its database `refold`, by TCP and without a password."""

    def __init__(self, binaries: Path) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="refold-pg-", dir=TMP))
        self._owner = (self.folder / "owner").open("w")
        fcntl.flock(self._owner, fcntl.LOCK_EX)
        self.port = free_port()
        self._process: subprocess.Popen[bytes] | None = None
        self._user: dict[str, Any] = {}
        if os.geteuid() == 0:
            entry = _someone()
            os.chown(self.folder, entry.pw_uid, entry.pw_gid)
            self._user = {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}
        self.binaries = self._reachable(binaries)

    @property
    def url(self) -> str:
        return f"postgresql://refold@127.0.0.1:{self.port}/refold"

    def _reachable(self, binaries: Path) -> Path:
        """The programs where the server's user can run them."""
        try:
            finished([binaries / "postgres", "-V"], START_S, cwd="/", **self._user)
        except PermissionError:
            package = binaries.parents[1]
            programs = self.folder / "programs" / package.name / binaries.parent.name
            shutil.copytree(binaries.parent, programs, symlinks=True)
            for libraries in package.parent.glob(f"{package.name}.libs"):  # a wheel's, beside it
                shutil.copytree(libraries, self.folder / "programs" / libraries.name)
            return programs / binaries.name
        return binaries

    def make(self) -> None:
        """Make the cluster, start it, and make its database."""
        words = ["-U", "refold", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync"]
        status, said = finished(
            [self.binaries / "initdb", "-D", self.folder / "data", *words],
            START_S,
            cwd="/",
            preexec_fn=partial(die_with, os.getpid()),
            **self._user,
        )
        if status:
            message = f"initdb: {' '.join(said.split())[-300:]}"
            raise LackingError(message)
        for left in reversed(range(STARTS_MAX)):
            try:
                self.start()
                break
            except PortTakenError as error:
                self.stop()
                if not left:
                    message = f"{STARTS_MAX} ports were taken: {error}"
                    raise LackingError(message) from None
                self.port = free_port()
        self.execute("CREATE DATABASE refold", database="postgres")

    def start(self, **settings: str) -> None:
        """Start the server and wait until it answers."""
        options = {"listen_addresses": "127.0.0.1", "port": str(self.port), **SETTINGS, **settings}
        words = [word for pair in options.items() for word in ("-c", "=".join(pair))]
        with (self.folder / "log").open("wb") as log:
            self._process = subprocess.Popen(
                [self.binaries / "postgres", "-D", self.folder / "data", "-k", self.folder, *words],
                cwd="/",
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                preexec_fn=partial(die_with, os.getpid()),  # noqa: PLW1509 - before any thread
                **self._user,
            )
        self.await_ready()

    def await_ready(self) -> None:
        """Wait until the server answers: after its start, or after a crash of a backend."""
        import psycopg

        until = time.monotonic() + START_S
        while True:
            try:
                ((folder,),) = self.execute("SHOW data_directory", database="postgres")
            except psycopg.Error as error:
                ended = self._process is None or self._process.poll() is not None
                if ended or time.monotonic() > until:
                    raise self._failed(str(error)) from None
                time.sleep(0.05)
            else:
                if Path(folder).resolve() != (self.folder / "data").resolve():
                    message = f"port {self.port} answers for {folder}"
                    raise PortTakenError(message)
                return

    def _failed(self, why: str) -> Exception:
        log = " ".join((self.folder / "log").read_text(errors="replace").split())[-300:]
        if "could not create any TCP/IP sockets" in log:
            return PortTakenError(f"port {self.port}: {log}")
        return LackingError(f"the server does not answer: {' '.join(why.split())} {log}")

    def execute(self, sql: str, *, database: str = "refold") -> list[tuple[Any, ...]]:
        """Run one statement as the cluster's owner; its rows."""
        import psycopg

        url = f"{self.url.rpartition('/')[0]}/{database}"
        with psycopg.connect(
            url, autocommit=True, connect_timeout=5, options=TIMEOUT
        ) as connection:
            cursor = connection.execute(sql.encode())
            return cursor.fetchall() if cursor.description else []

    def stop(self, how: signal.Signals = signal.SIGQUIT) -> None:
        """End it: SIGQUIT is an immediate stop, as a crash; SIGINT an orderly one."""
        if self._process is None:
            return
        self._process.send_signal(how)
        try:
            self._process.wait(START_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process = None

    def remove(self) -> None:
        """End it and remove its data."""
        if self._process is not None and self._process.poll() is None:
            self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)
        self._owner.close()


@contextmanager
def serving() -> Iterator[Server]:
    """A running server, removed in the end; `LackingError` where there is none to be had."""
    if importlib.util.find_spec("psycopg") is None:
        message = "psycopg is not installed"
        raise LackingError(message)
    sweep()
    server = Server(binaries() or installed())
    try:
        try:
            server.make()
        except (OSError, subprocess.SubprocessError) as error:
            message = f"the server cannot be started: {error}"
            raise LackingError(message) from None
        yield server
    finally:
        server.remove()


def sweep() -> None:
    """Remove the folders of servers whose process was killed: nobody holds their lock."""
    for folder in TMP.glob("refold-pg-*/"):
        try:
            with (folder / "owner").open() as owner:
                if time.time() - os.fstat(owner.fileno()).st_mtime < STALE_S:
                    continue  # it may stand between its making and its locking
                fcntl.flock(owner, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(folder, ignore_errors=True)
        except OSError:
            continue


def free_port() -> int:
    """A port nobody listens on now, and that no connection going out is given."""
    choice = random.SystemRandom()
    for _ in range(200):
        port = choice.randrange(20_000, 32_000)
        with socket.socket() as listener:
            try:
                listener.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    message = "no port between 20000 and 32000 is free"
    raise LackingError(message)


def _someone() -> pwd.struct_passwd:
    for name in ("postgres", "nobody"):
        try:
            return pwd.getpwnam(name)
        except KeyError:
            continue
    message = "expected a user postgres or nobody to run the server as, found none"
    raise LackingError(message)


def die_with(parent: int) -> None:
    """In the new process: end at once when the tests do, however they do (Linux)."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(1, int(signal.SIGQUIT))
        if os.getppid() != parent:
            os._exit(1)
