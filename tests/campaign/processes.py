"""Real processes of one session: forked from a server that has imported everything, and killed.

shape   `Session(folder, config)`: `run(point)` -> `Ended` (how it ended, what it acknowledged);
        `examine()` -> verify, parity and facts, from a process of its own
why     a fork takes milliseconds where a new interpreter takes most of a second, and what is
        tested is the same: a process of its own that dies by SIGKILL. The server has no connection
        to SQLite open when it forks (`ready`)
heard   the child tells over a pipe, as text lines: "A sequence chain" when an append has returned,
        "K label" just before it kills itself, "E text" when it cannot go on
"""

import contextlib
import gc
import json
import os
import subprocess
import sys
import threading
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple, NoReturn

from bin.cli import __main__ as command_line
from bin.cli import replay as _replay  # noqa: F401 - imported once, here, for every child
from bin.cli import run as _run  # noqa: F401 - the same
from journal import Head, Journal
from live import logs, opening, runner  # noqa: F401 - the same
from tests.campaign import tracer
from tests.campaign.facts import Facts, facts_of, unlike_its_venue
from tests.campaign.plants import PLANTS
from tests.campaign.proof import proved
from tests.campaign.shim import Point, Step, Steps, arm

real_write = os.write
"""Before any counter is put around it."""


class Ended(NamedTuple):
    """How a child ended: `status` as of os.waitpid, what it told."""

    status: int
    acknowledged: list[Head]
    label: str
    complaint: str

    @property
    def killed(self) -> bool:
        """Whether SIGKILL ended it, and nothing else."""
        return os.WIFSIGNALED(self.status) and os.WTERMSIG(self.status) == 9

    @property
    def good(self) -> bool:
        """Whether it ran to its end with exit status 0."""
        return os.WIFEXITED(self.status) and os.WEXITSTATUS(self.status) == 0


class Session(NamedTuple):
    """One journal with its venue's file in `folder`, and the inputs it is run on."""

    folder: Path
    config: Path
    plant: str = ""
    traced: bool = False

    @property
    def url(self) -> str:
        """The journal's URL."""
        return f"sqlite:///{self.folder}/run/main.db"

    def run(
        self,
        point: Point | None,
        taken: list[Step] | None = None,
        call: tuple[str, int] | None = None,
    ) -> Ended:
        """Run the session in a child; it dies at `point`, or counts its steps into `taken`.

        A traced session dies at the nth `call` of a name instead.
        """
        if self.traced and (call is not None or taken is not None):
            return self._run_traced(call, taken)

        def child(tell: Callable[[str], None]) -> int:
            steps = Steps(point, lambda label: tell(f"K {label}"))
            self._prepare(tell)
            if point is not None or taken is not None:
                arm(steps)
            status = command_line.main(self.command)
            if taken is not None:
                for step in steps.taken:
                    tell(f"S {int(step.can_half)} {step.label}")
            return status

        return self._ended(*forked(child), taken)

    def _run_traced(self, call: tuple[str, int] | None, taken: list[Step] | None) -> Ended:
        """As `run`, with strace on the child before it begins."""
        trace = self.folder / "trace"
        go_read, go_write = os.pipe()
        straces: list[subprocess.Popen[bytes]] = []

        def child(tell: Callable[[str], None]) -> int:
            os.close(go_write)
            os.read(go_read, 1)
            self._prepare(tell)
            return command_line.main(self.command)

        def began(pid: int) -> None:
            straces.append(tracer.attach(pid, trace, call))
            os.close(go_write)

        status, lines = forked(child, began)
        os.close(go_read)
        straces[0].wait()
        if taken is not None:
            taken += tracer.steps_of(trace)
        return self._ended(status, lines, None)

    def _ended(self, status: int, lines: list[str], taken: list[Step] | None) -> Ended:
        """What a child told, sorted."""
        ended = Ended(status, [], "", "")
        label, complaint = "", ""
        for line in lines:
            kind, _, rest = line.partition(" ")
            if kind == "A":
                sequence, _, chain = rest.partition(" ")
                ended.acknowledged.append(Head(int(sequence), chain))
            elif kind == "K":
                label = rest
            elif kind == "S" and taken is not None:
                half, _, name = rest.partition(" ")
                taken.append(Step(name, half == "1"))
            else:
                complaint += line + "\n"
        if not complaint and not ended.killed and not ended.good:
            complaint = self.log.read_text(encoding="utf-8", errors="replace")[-600:]
        return ended._replace(label=label, complaint=complaint)

    @property
    def log(self) -> Path:
        """What the runner writes on standard error: its event log."""
        return self.folder / "log"

    @property
    def command(self) -> list[str]:
        """The command line: the same for the first start and every other."""
        return ["run", "--config", str(self.config), "--journal", self.url, "--json"]

    def _prepare(self, tell: Callable[[str], None]) -> None:
        """Standard error to the log, standard output to nothing, and acknowledgements heard."""
        for name in [name for name in os.environ if name.startswith("REFOLD_")]:
            del os.environ[name]
        if self.plant:
            PLANTS[self.plant]()
        real_append = Journal.append

        def append(journal: Journal, *arguments: object, **named: object) -> Head:
            head = real_append(journal, *arguments, **named)  # type: ignore[arg-type]
            tell(f"A {head.sequence} {head.chain}")
            return head

        Journal.append = append  # type: ignore[method-assign, assignment]
        log = os.open(self.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        os.dup2(log, 2)
        nothing = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nothing, 1)
        sys.stdout = os.fdopen(1, "w", encoding="utf-8", closefd=False)
        sys.stderr = LogStream()

    def examine(self) -> tuple[Facts, list[str], set[Head]]:
        """The facts, what is wrong whatever they are, and every head the journal had."""

        def child(tell: Callable[[str], None]) -> int:
            tell("X " + json.dumps(_examined(self.url), default=_plain))
            return 0

        status, lines = forked(child)
        if status or not lines or not lines[-1].startswith("X "):
            return {}, ["examined: " + " ".join(lines)[-900:]], set()
        facts, wrong, heads = json.loads(lines[-1][2:])
        return facts, wrong, {Head(*head) for head in heads}


def _examined(url: str) -> tuple[Facts, list[str], list[Head]]:
    wrong, records = proved(url)
    facts = facts_of(url)
    wrong += unlike_its_venue(facts)
    return facts, wrong, [record.head for record in records]


def _plain(value: object) -> object:
    return [value.sequence, value.chain] if isinstance(value, Head) else str(value)


class LogStream:
    """Standard error as the runner's log: unbuffered, so each line is a counted write."""

    encoding = "utf-8"

    def write(self, text: str) -> int:
        """One write call of the whole text."""
        os.write(2, text.encode("utf-8"))
        return len(text)

    def flush(self) -> None:
        """Nothing is held back."""

    def isatty(self) -> bool:
        """No."""
        return False


def warm_up(session: Session) -> None:
    """Run and examine a session in this process, so that no child imports or compiles anything."""
    streams = sys.stdout, sys.stderr
    with Path(os.devnull).open("w", encoding="utf-8") as nothing:
        sys.stdout = sys.stderr = nothing
        try:
            status = command_line.main(session.command)
        finally:
            sys.stdout, sys.stderr = streams
    if status:
        message = f"session: expected exit status 0, found {status}; run it by hand to see why"
        raise RuntimeError(message)
    _examined(session.url)


def ready() -> None:
    """Refuse to be a fork server with threads or with a database open."""
    if threading.active_count() != 1:
        message = f"fork server: expected one thread, found {threading.enumerate()}"
        raise RuntimeError(message)
    gc.collect()
    databases = [name for name in _open_files() if ".db" in name]
    if databases:
        message = f"fork server: expected no database open, found {databases}"
        raise RuntimeError(message)
    gc.freeze()


def _open_files() -> Iterator[str]:
    """The names of this process's open files, where /proc tells."""
    links = Path("/proc/self/fd")
    for link in list(links.iterdir()) if links.is_dir() else []:
        with contextlib.suppress(OSError):  # the listing's own file is closed by now
            yield os.readlink(link)  # noqa: PTH115 - no real path: it may be gone


def forked(
    child: Callable[[Callable[[str], None]], int], began: Callable[[int], None] = lambda _: None
) -> tuple[int, list[str]]:
    """Run `child` in a process of its own; its wait status, and the lines it told."""
    read_end, write_end = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(read_end)
        _in_child(child, write_end)
    os.close(write_end)
    began(pid)
    with os.fdopen(read_end, encoding="utf-8", errors="replace") as told:
        lines = told.read().splitlines()
    return os.waitpid(pid, 0)[1], lines


def _in_child(child: Callable[[Callable[[str], None]], int], write_end: int) -> NoReturn:
    def tell(line: str) -> None:
        data = line.encode("utf-8") + b"\n"
        while data:
            data = data[real_write(write_end, data) :]

    status = 97
    try:
        status = child(tell)
    except SystemExit as error:
        tell(f"E exit {error.code}")
    except BaseException:  # noqa: BLE001 - the server must hear of anything
        tell("E " + traceback.format_exc().replace("\n", " | "))
    finally:
        os._exit(status)
