"""One command of refold in a process of its own, as a user or a script calls it.

shape   refold("show", "orders", …, cwd=folder) -> Ran(status, json, lines, …)
        started(…) gives the process while it runs
"""

import json
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any, NamedTuple

ROOT = Path(__file__).resolve().parent.parent.parent
TIMEOUT_S = 300


class Ran(NamedTuple):
    """What a command ended with; `json` is its document, None where it printed none."""

    status: int
    json: Any
    lines: list[str]
    out: str

    @property
    def complaints(self) -> list[str]:
        """What standard error says to a person: its lines without the event log's."""
        return [line for line in self.lines if not line.startswith("{")]

    @property
    def log(self) -> list[dict[str, Any]]:
        """The event log's lines."""
        return [json.loads(line) for line in self.lines if line.startswith("{")]


def environment(**more: str) -> dict[str, str]:
    """The environment without settings of ours, and with the checkout on the path."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("REFOLD_")}
    return {**kept, "PYTHONPATH": str(ROOT), **more}


def words_of(*words: object) -> list[str]:
    """The command line of one command."""
    return [sys.executable, "-m", "bin.cli", *map(str, words)]


def refold(*words: object, cwd: Path, env: dict[str, str] | None = None) -> Ran:
    """Run one command to its end. A traceback is a failure wherever it is."""
    done = subprocess.run(
        words_of(*words),
        cwd=cwd,
        env=environment(**(env or {})),
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        check=False,
    )
    return _ran(done.returncode, done.stdout, done.stderr, words)


def started(*words: object, cwd: Path, env: dict[str, str] | None = None) -> subprocess.Popen[str]:
    """Start one command and do not wait; `ended` does."""
    return subprocess.Popen(
        words_of(*words),
        cwd=cwd,
        env=environment(**(env or {})),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def ended(process: subprocess.Popen[str]) -> Ran:
    """What a started command ended with."""
    out, err = process.communicate(timeout=TIMEOUT_S)
    return _ran(process.returncode, out, err, process.args)


def files(folder: Path) -> set[str]:
    """Every file and folder below `folder`, by relative name; SQLite's own two are its business."""
    found = (str(path.relative_to(folder)) for path in folder.rglob("*"))
    return {name for name in found if not name.endswith(("-wal", "-shm"))}


def events(folder: Path, journal: str) -> list[dict[str, Any]]:
    """Every event of a journal with its envelope, by `export`."""
    ran = refold("export", "--journal", journal, cwd=folder)
    assert ran.status == 0, ran.lines
    return [json.loads(line) for line in ran.out.splitlines()]


def types(folder: Path, journal: str) -> Counter[str]:
    """How many events of each type a journal holds."""
    return Counter(event["type"] for event in events(folder, journal))


def assert_sound(folder: Path, journal: str) -> None:
    """The journal verifies, and replays to the same decisions."""
    verified = refold("verify", journal, "--json", cwd=folder)
    assert (verified.status, verified.json["ok"]) == (0, True), verified
    replayed = refold("replay", journal, "--json", cwd=folder)
    assert (replayed.status, replayed.json["parity"]) == (0, True), replayed


def assert_refused(ran: Ran, *mentions: str, status: int = 2, count: int = 1) -> None:
    """One clear line a problem, that status, and no document."""
    assert ran.status == status, ran
    assert ran.out == "", ran
    assert len(ran.lines) == count, ran
    assert all(line.startswith("refold: ") for line in ran.lines), ran
    for text in mentions:
        assert text in "\n".join(ran.lines), ran


def _ran(status: int, out: str, err: str, words: object) -> Ran:
    assert "Traceback" not in err, f"{words}\n{err}"
    assert "Traceback" not in out, f"{words}\n{out}"
    document = json.loads(out) if out.startswith("{") and _is_one(words) else None
    return Ran(status, document, err.splitlines(), out)


def _is_one(words: object) -> bool:
    """Whether the command promised one document."""
    return isinstance(words, tuple | list) and "--json" in words
