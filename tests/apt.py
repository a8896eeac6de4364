"""What the tests need of Debian's packages: installed once, by whoever comes first.

needs   apt-get, and root to run it; otherwise `LackingError`, which the tests tell loudly
once    the processes of one run install in turn; what failed for the first is told by the others
never   waits without a limit: a command that takes too long ends with all it started
starts  no server of the system's
"""

import fcntl
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any

INSTALL_S = 240.0
TMP = Path("/tmp")  # every user can reach it, and a socket's path there is short
OPTIONS = (
    "-o",
    "DPkg::Lock::Timeout=60",
    "-o",
    "Acquire::Retries=1",
    "-o",
    "Acquire::http::Timeout=20",
)


class LackingError(Exception):
    """What a test needs is not to be had here; the message says why, and the mend."""


def install(name: str, packages: Callable[[], Sequence[str]], otherwise: str) -> None:
    """Install what `packages` says is lacking, unless another process just did.

    name       for people: PostgreSQL
    packages   those lacking now; none once they are there
    otherwise  the mend for a person: install it, or the wheel …
    """
    apt = shutil.which("apt-get")
    if os.geteuid() != 0 or apt is None:
        message = f"no {name} on this machine: {otherwise}"
        raise LackingError(message)
    with _turn() as notes:
        if not (lacking := packages()):
            return
        run = os.environ.get("PYTEST_XDIST_TESTRUNUID", "")
        note = f"{run} {name} "
        notes.seek(0)
        told = [line.removeprefix(note) for line in notes if run and line.startswith(note)]
        if told:
            why = told[-1].strip()
        else:
            print(f"tests: installing {name} from the distribution's packages", file=sys.stderr)
            why = _said(apt, lacking)
        if packages():
            if not told:
                notes.write(f"{note}{why}\n")
            message = f"no {name} on this machine, and apt-get could not install it: {why}"
            raise LackingError(message)


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


def _said(apt: str, packages: Sequence[str]) -> str:
    """The end of what apt-get said."""
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive", "RUNLEVEL": "1"}
    said = ""
    for words in (["update"], ["install", "-y", "--no-install-recommends", *packages]):
        try:
            _, said = finished([apt, "-qq", *OPTIONS, *words], INSTALL_S, env=environment)
        except subprocess.TimeoutExpired:
            return f"apt-get {words[0]} took more than {INSTALL_S:g} s"
    return " ".join(said.split())[-200:]


@contextmanager
def _turn() -> Iterator[IO[str]]:
    """One process after the other: apt-get waits for no other of its kind."""
    with (TMP / "refold-install.lock").open("a+") as notes:
        until = time.monotonic() + 3 * INSTALL_S
        while True:
            try:
                fcntl.flock(notes, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > until:
                    message = f"another run has been installing for {3 * INSTALL_S:g} s"
                    raise LackingError(message) from None
                time.sleep(0.2)
        yield notes
