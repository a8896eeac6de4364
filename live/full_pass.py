"""A full `verify` of a journal whose runner started from a snapshot: at its side, and in its way.

why     a start reads from the snapshot on; what is before it is checked while the runner works. A
        process, not a thread: checking is pure computation and would take every second moment of
        the interpreter from the runner; and it has connections of its own to close
rules   `check` stands before every append and every call to the broker, `join` before the last
        event of a run. A fault found raises `UnsoundJournalError`, then and ever after: nothing is
        appended to a journal that failed. `on_fault` is called first: it takes the snapshot away,
        so the next start folds from 1 and is refused before it acts. A pass that ended without a
        verdict (killed, out of memory) is done again in the runner itself, which waits for it
        A short journal is checked at once: that takes less than starting a process
dies    the runner: the pass sees its input end, and ends. The pass: see above
"""

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

from journal import verify
from journal.errors import JournalError
from journal.verify import Problem

ROOT = Path(__file__).resolve().parent.parent
AT_ONCE_EVENTS = 10_000
"""Up to so many are checked in the runner itself, in about a tenth of a second."""
NICE = 10


class UnsoundJournalError(JournalError):
    """The journal is not as it was written; what `verify` says of it, the first problem."""

    def __init__(self, where: str, problem: Problem) -> None:
        text = problem.problem
        mend = "" if ";" in text else "; restore the file from a copy, then run verify"
        super().__init__((text if where in text else f"{where}: {text}") + mend)
        self.where = where
        self.sequence = problem.sequence


class FullPass:
    """One pass over one journal, begun when it is made. `events` as of its start."""

    def __init__(
        self, url: str, where: str, *, events: int, on_fault: Callable[[], None] | None = None
    ) -> None:
        """`url` is the journal's with whatever password it has; `where` is how messages name it."""
        self._url = url
        self._where = where
        self._on_fault = on_fault
        self._sound = False
        self._error: JournalError | None = None
        self._process: subprocess.Popen[bytes] | None = None
        if events > AT_ONCE_EVENTS:
            self._process = self._begun()
        else:
            self.join()

    @property
    def running(self) -> bool:
        """Whether there is no verdict yet."""
        return not self._sound and self._error is None

    def check(self) -> None:
        """Raise what the pass has found so far; it does not wait."""
        if self._sound:
            return
        if self._process is None or self._process.poll() is not None:
            self.join()

    def join(self) -> None:
        """Wait for the verdict, and raise if the journal is not sound."""
        if self.running:
            problems = self._told()
            if problems is None:
                problems = verify(self._url).problems
            if problems:
                self._error = UnsoundJournalError(self._where, problems[0])
                if self._on_fault is not None:
                    self._on_fault()
            else:
                self._sound = True
        if self._error is not None:
            raise self._error

    def close(self) -> None:
        """End the pass, whatever it has found."""
        if self._process is not None:
            self._process.kill()
            self._process.communicate()
            self._process = None

    def _begun(self) -> subprocess.Popen[bytes]:
        """The process. The URL goes through a pipe: arguments and environment can be read."""
        paths = [str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
        process = subprocess.Popen(
            [sys.executable, "-m", "live.full_pass"],
            env={**os.environ, "PYTHONPATH": os.pathsep.join(paths)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        assert process.stdin is not None
        try:
            process.stdin.write(self._url.encode() + b"\n")
            process.stdin.flush()
        except OSError:
            process.kill()
        return process

    def _told(self) -> list[Problem] | None:
        """What the process found; None when it ended without saying."""
        if self._process is None or self._process.stdout is None:
            return None
        told = self._process.stdout.read()
        self._process.wait()
        try:
            return [Problem(*problem) for problem in json.loads(told)]
        except (ValueError, TypeError):
            return None


def main() -> int:
    """The process: a URL on standard input, the problems as JSON on standard output."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    os.nice(NICE)
    url = b""
    while not url.endswith(b"\n"):
        piece = os.read(0, 4096)
        if not piece:
            return 1
        url += piece
    threading.Thread(target=_end_with_the_runner, daemon=True).start()
    problems = verify(url.decode().rstrip("\n")).problems
    said = json.dumps([(problem.sequence, problem.problem) for problem in problems[:9]])
    os.write(1, said.encode())
    return 0


def _end_with_the_runner() -> None:
    """Its input ends when the runner does, however it dies."""
    while os.read(0, 4096):
        pass
    os._exit(1)


if __name__ == "__main__":
    sys.exit(main())
