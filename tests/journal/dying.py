"""A program that dies on each line of the journal's own code in turn, and looks at what is left.

usage   python -m tests.journal.dying create|append|rollback|seal|rotate|new FOLDER EVERY
output  {"deaths": how many lines it died on, "problems": what was wrong afterwards}
how     for n = 1, 1 + EVERY, 1 + 2 EVERY… a forked child counts the lines run in journal/ (and of
        the command `keys`) and sends
        itself SIGKILL at the n-th; the parent checks, until a child comes to the end
"""

import argparse
import io
import json
import os
import shutil
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any

import journal
from bin.cli import keys
from core.events.lifecycle import RollbackAccepted
from journal import create_journal, open_journal, verify
from journal.errors import JournalMissingError, KeyTextError, RollbackError, WrongKeyError
from journal.master_key import MasterKey
from journal.rotation import rotate as rotate_journal
from live.keys import master_key
from tests.journal.sample import add, at, copy, created, make, timers
from tests.journal.secret import KEY, OTHER, make_sealed, sealed_creation

CODE = (str(Path(journal.__file__).parent), str(Path(keys.__file__)))
BATCH = 3


def die_at(line: int) -> None:
    """Send this process SIGKILL when it is about to run its `line`-th line of journal/."""
    left = line

    def trace(frame: FrameType, event: str, _argument: Any) -> Any:
        nonlocal left
        if not frame.f_code.co_filename.startswith(CODE):
            return None
        if event == "line":
            left -= 1
            if left == 0:
                os.kill(os.getpid(), signal.SIGKILL)
        return trace

    sys.settrace(trace)


def create(path: Path, _acknowledge: Callable[[int], None]) -> None:
    """Make a journal."""
    create_journal(path, created(), recorded_at=at(0)).close()


def check_create(path: Path, _acknowledged: int) -> str | None:
    """It is there and whole, or it is as if nothing had been."""
    try:
        open_journal(path).close()
    except JournalMissingError:
        create_journal(path, created(), recorded_at=at(0)).close()
    report = verify(path)
    return None if report.ok and report.events == 1 else str(report)


def append(path: Path, acknowledge: Callable[[int], None]) -> None:
    """Append two batches, each anchored, and close."""
    with open_journal(path) as opened:
        for _ in range(2):
            head = opened.head
            head = opened.append(
                timers(head.sequence, BATCH), expected=head, epoch=1, recorded_at=at(1)
            )
            acknowledge(head.sequence)
            opened.anchor()


def check_append(path: Path, acknowledged: int) -> str | None:
    """All acknowledged events are there, and at most one batch more, whole; it goes on."""
    report = verify(path)
    possible = {max(acknowledged, 4), max(acknowledged, 4) + BATCH}
    if not report.ok or report.events not in possible:
        return f"acknowledged {acknowledged}: {report}"
    with open_journal(path) as opened:
        add(opened, 1)
    return None if verify(path).events == report.events + 1 else "it did not go on"


def rollback(path: Path, _acknowledge: Callable[[int], None]) -> None:
    """Accept a rollback."""
    with open_journal(path, accept_rollback=True) as opened:
        lost = opened.rolled_back_from
        if lost is None:
            return
        accepted = RollbackAccepted(
            observed_at=at(1),
            journal_sequence=opened.head.sequence,
            journal_chain=opened.head.chain,
            anchor_sequence=lost.sequence,
            anchor_chain=lost.chain,
            who="operator",
            why="a drill",
        )
        opened.append([accepted], expected=opened.head, epoch=1, recorded_at=at(1))


def check_rollback(path: Path, _acknowledged: int) -> str | None:
    """It is as it was, or accepted and written down; then it is like any other journal."""
    try:
        open_journal(path).close()
    except RollbackError:
        rollback(path, lambda _: None)
    with open_journal(path) as opened:
        tags = [recorded.tag for recorded in opened.read()]
    report = verify(path)
    good = report.ok and tags.count("rollback-accepted.v1") == 1
    return None if good else f"{tags[-3:]} {report}"


def seal(path: Path, _acknowledge: Callable[[int], None]) -> None:
    """Make an encrypted journal."""
    create_journal(path, sealed_creation(), recorded_at=at(0), key=KEY).close()


def check_seal(path: Path, _acknowledged: int) -> str | None:
    """It is there with its key ring, or it is as if nothing had been."""
    try:
        open_journal(path, key=KEY).close()
    except JournalMissingError:
        seal(path, lambda _: None)
    with open_journal(path, key=KEY) as opened:
        add(opened, 1)
    report = verify(path)
    return None if report.ok and report.events == 2 else str(report)


def rotate(path: Path, _acknowledge: Callable[[int], None]) -> None:
    """Rotate the keys."""
    rotate_journal(path, KEY, OTHER)


def check_rotate(path: Path, _acknowledged: int) -> str | None:
    """It verifies, opens with exactly one of both keys, and can be rotated to the end."""
    before = [key for key in (KEY, OTHER) if _opens(path, key)]
    report = verify(path)
    rotate(path, lambda _: None)
    after = [key for key in (KEY, OTHER) if _opens(path, key)]
    good = len(before) == 1 and after == [OTHER] and report.ok and report.events == 4
    return None if good else f"opened with {before}, then with {after}: {report}"


def _opens(path: Path, key: MasterKey) -> bool:
    try:
        with open_journal(path, read_only=True, key=key) as opened:
            return len([recorded.event for recorded in opened.read()]) == 4
    except WrongKeyError:
        return False


def new(path: Path, _acknowledge: Callable[[int], None]) -> None:
    """Write a new master key into a file."""
    sys.stdout = io.StringIO()
    keys.new(argparse.Namespace(out=str(_key_file(path)), json=False))


def check_new(path: Path, _acknowledged: int) -> str | None:
    """No file, one that only its owner may read and that is a key, or an empty one."""
    file = _key_file(path)
    if not file.exists():
        return None
    text = file.read_text(encoding="ascii")
    try:
        master_key({}, key_file=str(file))
    except KeyTextError:
        return None if text == "" else f"a cut file of {len(text)} characters"
    return None


def _key_file(path: Path) -> Path:
    return path.with_name("key")


def prepare(scenario: str, path: Path) -> None:
    """What is there before."""
    if scenario in ("append", "rollback"):
        make(path, 3)
    if scenario == "rotate":
        make_sealed(path, 3)
    if scenario == "rollback":
        older = copy(path, path.with_name("older.db"))
        with open_journal(path) as opened:
            add(opened, 2)
        older.replace(path)


def die_once(scenario: str, path: Path, line: int) -> tuple[bool, int]:
    """Run the scenario in a child that dies at `line`: (did it die, last acknowledged sequence)."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        die_at(line)
        SCENARIOS[scenario][0](path, lambda sequence: void(os.write(writing, bytes([sequence]))))
        sys.settrace(None)
        os._exit(0)
    os.close(writing)
    _, status = os.waitpid(child, 0)
    heard = os.read(reading, 4096)
    os.close(reading)
    return os.WIFSIGNALED(status), heard[-1] if heard else 0


def void(_result: object) -> None:
    """Nothing."""


SCENARIOS: dict[str, tuple[Any, Any]] = {
    "create": (create, check_create),
    "append": (append, check_append),
    "rollback": (rollback, check_rollback),
    "seal": (seal, check_seal),
    "rotate": (rotate, check_rotate),
    "new": (new, check_new),
}


def main(scenario: str, folder: Path, every: int) -> None:
    """Die on one line in `every`."""
    deaths, problems = 0, []
    before = folder / "before"
    before.mkdir(parents=True)
    prepare(scenario, before / "j.db")
    while True:
        place = shutil.copytree(before, folder / str(deaths))
        died, acknowledged = die_once(scenario, place / "j.db", 1 + deaths * every)
        found = SCENARIOS[scenario][1](place / "j.db", acknowledged)
        if found:
            problems.append(f"line {1 + deaths * every}: {found}")
        shutil.rmtree(place)
        if not died:
            break
        deaths += 1
    print(json.dumps({"deaths": deaths, "problems": problems}))


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]))
