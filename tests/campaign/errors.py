"""The error campaign: the n-th read, write, sync, truncate, open or delete of a session fails.

usage   python -m tests.campaign.errors [--points 100]     spread over all kinds, and
                                        --all              every point there is
            [--plant NAME]              with a planted fault, which must be found
            [--seed S] [--workers N] [--at sync:eio:17 …]
prints  violations with their point on standard error; the closing line on standard output:
        errors N, fired N, in a commit N, violations N
status  0 = no violation, 1 = at least one, 2 = cannot run here
faults  eio: the call fails. full: no space. short: half of the bytes are written, then no space.
        Once each, on a file of the journal or of the venue; what comes after works again
each    an error in a commit of the journal: exit status 5, no append and no POST after it, the
        venue's file being the witness. Any error: an exit status of its own, never a crash; what
        is in the journal is what was acknowledged, or that and the one append in doubt. The next
        start runs to the end with the same orders, fills and cycles as without the error
"""

import argparse
import contextlib
import errno
import os
import random
import shutil
import sqlite3
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any, NamedTuple

from bin.cli import __main__ as command_line
from bin.cli.exits import Exit
from journal import Head, verify
from journal.aside import Work
from journal.codec import Row
from journal.errors import JournalMissingError
from journal.sqlite_store import SQLiteStore
from journal.store import CommitFailedError
from live.chaos.pool import Tell, shared_out
from tests.campaign import vfs
from tests.campaign.facts import differences
from tests.campaign.kill import Campaign, Reference
from tests.campaign.plants import put
from tests.campaign.processes import Session, forked
from tests.campaign.record import arm_python
from tests.campaign.shim import UnusableShimError, unix_vfs
from tests.campaign.vfs import Call

KINDS = {
    vfs.READ: ("eio",),
    vfs.WRITE: ("eio", "full", "short"),
    vfs.SYNC: ("eio",),
    vfs.TRUNCATE: ("eio",),
    vfs.OPEN: ("eio",),
    vfs.DELETE: ("eio",),
}
NAMED = {Exit.GOOD, Exit.CANNOT_RUN, Exit.COMMIT_UNKNOWN}
"""The statuses an error of a disk may end a run with."""


class Point(NamedTuple):
    """Which call fails, and how: the `number`th of its kind."""

    kind: str
    error: str
    number: int

    def __str__(self) -> str:
        return f"{self.kind}:{self.error}:{self.number}"


class Faults:
    """Counts the calls on a session's files in this process, and lets one of them fail."""

    def __init__(self, point: Point | None, tell: Callable[[str], None], venue: Path) -> None:
        self.point = point
        self.tell = tell
        self.venue = venue
        self.counts: Counter[str] = Counter()
        self.in_append = False
        self.fired = False

    def arm(self) -> None:
        """Stand between from now on; for a child, never undone."""
        vfs.install(self.of_sqlite)
        arm_python(self.of_python)
        real = SQLiteStore.append

        def append(
            store: SQLiteStore, rows: Sequence[Row], expected: Head, meanwhile: Work | None = None
        ) -> None:
            self.tell(f"Q {expected.sequence + len(rows)}")
            self.in_append = True
            try:
                real(store, rows, expected, meanwhile)
            finally:
                self.in_append = False

        put(SQLiteStore, "append", append)

    def _fails(self, call: Call) -> bool:
        name = Path(call.path).name
        if call.kind not in KINDS or not name.startswith("main.db") or name.endswith("-shm"):
            return False
        self.counts[call.kind] += 1
        point = self.point
        if self.fired or point is None or point[0] != call.kind:
            return False
        if self.counts[call.kind] != point.number:
            return False
        self.fired = True
        of_commit = self.in_append and name == "main.db-wal" and call.kind != vfs.READ
        where = "commit" if of_commit else "elsewhere"
        self.tell(f"F {where} {posts_at(self.venue) if of_commit else 0} {call.kind} {name}")
        return True

    def of_sqlite(self, call: Call) -> int:
        """SQLite's result code."""
        if not self._fails(call):
            return int(call.whole())
        assert self.point is not None
        if self.point.error == "short" and call.half is not None:
            call.half()
        return vfs.IOERR_OF[call.kind] if self.point.error == "eio" else vfs.FULL

    def of_python(self, call: Call) -> Any:
        """What the call gives, or its `OSError`."""
        if not self._fails(call):
            return call.whole()
        assert self.point is not None
        if self.point.error == "short" and call.half is not None:
            return call.half()
        number = errno.EIO if self.point.error == "eio" else errno.ENOSPC
        raise OSError(number, os.strerror(number), call.path)


def posts_at(venue: Path) -> int:
    """All POSTs the venue has counted in its file."""
    if not venue.exists():
        return 0
    with closing(sqlite3.connect(venue)) as database:
        if not database.execute("SELECT 1 FROM sqlite_master WHERE name = 'posts'").fetchall():
            return 0
        return int(database.execute("SELECT coalesce(sum(posts), 0) FROM posts").fetchone()[0])


def run(session: Session, point: Point | None, plant: str) -> tuple[int, list[str]]:
    """The wait status of a session in which one call failed, and the lines it told."""

    def child(tell: Callable[[str], None]) -> int:
        session._prepare(tell)
        PLANTS[plant]()
        faults = Faults(point, tell, venue_of(session))
        faults.arm()
        status = command_line.main(session.command)
        if point is None:
            for kind, count in sorted(faults.counts.items()):
                tell(f"C {kind} {count}")
        return status

    return forked(child)


def venue_of(session: Session) -> Path:
    """The venue's file of a session."""
    return session.folder / "run" / "main.db.venue"


def judge(
    point: Point, session: Session, reference: Reference, plant: str
) -> tuple[str, list[str]]:
    """(where the error was: "commit", "elsewhere", "" = nowhere; what is wrong) of one point."""
    status, lines = run(session, point, plant)
    code = os.waitstatus_to_exitcode(status)
    fired = next((index for index, line in enumerate(lines) if line.startswith("F ")), None)
    if fired is None:
        return "", [f"the point was not reached, exit status {code}: {lines[-1:]}"]
    _, where, posts, *_ = lines[fired].split()
    wrong: list[str] = []
    if code not in NAMED:
        log = session.log.read_text(encoding="utf-8", errors="replace")[-400:]
        wrong.append(f"exit status {code}: {log} {lines[-1] if code > 90 else ''}")
    later = [line for line in lines[fired:] if line[:2] in ("A ", "Q ")]
    if where == "commit":
        if code != Exit.COMMIT_UNKNOWN:
            wrong.append(f"exit status {code} after an error in a commit, expected 5")
        if later:
            wrong.append(f"after an error in a commit: {len(later)} more appends or answers")
        if (found := posts_at(venue_of(session))) != int(posts):
            wrong.append(f"after an error in a commit: {found - int(posts)} more POSTs")
    wrong += _journal_after(session, lines)
    ended = session.run(None)
    if not ended.good:
        return where, [*wrong, f"the next start: wait status {ended.status}: {ended.complaint}"]
    facts, more, heads = session.examine()
    acknowledged = [line.split() for line in lines if line.startswith("A ")]
    acknowledged_heads = {Head(int(sequence), chain) for _, sequence, chain in acknowledged}
    wrong += [f"acknowledged event {head.sequence} is lost" for head in acknowledged_heads - heads]
    return where, wrong + more + (differences(reference.facts, facts, 1) if facts else [])


def _journal_after(session: Session, lines: list[str]) -> list[str]:
    """What is wrong with the journal as the failed process left it."""
    acknowledged = max((int(line.split()[1]) for line in lines if line[:2] == "A "), default=0)
    asked = max((int(line.split()[1]) for line in lines if line[:2] == "Q "), default=0)

    def child(tell: Callable[[str], None]) -> int:
        try:
            report = verify(session.url)
        except JournalMissingError:
            tell("V True 0")
            return 0
        tell(f"V {report.ok} {report.head.sequence} {report.problems}")
        return 0

    found = forked(child)[1]
    _, good, sequence, *problems = found[-1].split(" ")
    # that a journal was made is not told; the first append was asked for behind its first event
    possible = {acknowledged or 1, asked} if asked else {0, 1}
    if good != "True" or int(sequence) not in possible:
        return [f"left at {sequence}, expected {sorted(possible)}: {' '.join(problems)[:300]}"]
    return []


def points_of(counts: dict[str, int]) -> dict[tuple[str, str], list[Point]]:
    """Every point of a run, by kind and error."""
    return {
        (kind, error): [Point(kind, error, number) for number in range(1, counts[kind] + 1)]
        for kind, errors in KINDS.items()
        if counts.get(kind)
        for error in errors
    }


def chosen(counts: dict[str, int], count: int | None, seed: int) -> list[Point]:
    """`count` points: as many of every kind and error; where there are few, all; None = all."""
    groups = sorted(points_of(counts).values(), key=len)
    if count is None:
        return [point for group in groups for point in group]
    draw = random.Random(seed)
    found: list[Point] = []
    for index, group in enumerate(groups):
        share = (count - len(found)) // (len(groups) - index)
        found += draw.sample(group, min(share, len(group)))
    return found


# -- planted


def retry_commits() -> None:
    """A commit that failed is tried once more, as a library's `@retry` does."""
    real = SQLiteStore.append

    def append(
        store: SQLiteStore, rows: Sequence[Row], expected: Head, meanwhile: Work | None = None
    ) -> None:
        try:
            real(store, rows, expected, meanwhile)
        except CommitFailedError:
            real(store, rows, expected, meanwhile)

    put(SQLiteStore, "append", append)


def swallow_doubt() -> None:
    """A commit that failed counts as one that went well."""
    real = SQLiteStore.append

    def append(
        store: SQLiteStore, rows: Sequence[Row], expected: Head, meanwhile: Work | None = None
    ) -> None:
        with contextlib.suppress(CommitFailedError):
            real(store, rows, expected, meanwhile)

    put(SQLiteStore, "append", append)


PLANTS: dict[str, Callable[[], None]] = {
    "": lambda: None,
    "retry-commits": retry_commits,
    "swallow-doubt": swallow_doubt,
}


def main(arguments: Sequence[str] | None = None) -> int:
    """The campaign's exit status."""
    options = _parser().parse_args(arguments)
    try:
        unix_vfs()
    except UnusableShimError as error:
        print(f"ERROR CAMPAIGN SKIPPED: {error}; nothing was tested", file=sys.stderr)
        return 2
    shared = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
    folder = Path(tempfile.mkdtemp(prefix="refold-errors-", dir=shared))
    try:
        told = _campaign(folder, options)
    finally:
        shutil.rmtree(folder)
    for name, where, wrong in told:
        for line in wrong[:4]:
            print(f"violation  {name} {where}: {line[:600]}", file=sys.stderr)
    fired = sum(1 for _, where, _ in told if where)
    commits = sum(1 for _, where, _ in told if where == "commit")
    bad = sum(1 for _, _, wrong in told if wrong)
    print(f"errors {len(told)}, fired {fired}, in a commit {commits}, violations {bad}")
    return int(bad > 0 or commits == 0)


def _campaign(folder: Path, options: argparse.Namespace) -> list[Any]:
    """[point, where, what is wrong] of every point asked for."""
    kill = Campaign(folder, argparse.Namespace(plant="", keep=None, session=0), traced=False)
    reference, wrong = kill.reference()
    status, lines = run(kill.session("counted"), None, "")
    if wrong or status:
        message = f"session: expected a sound one, found {wrong} {lines[-3:]}"
        raise RuntimeError(message)
    counts = {kind: int(count) for _, kind, count in map(str.split, _of("C ", lines))}
    points = chosen(counts, None if options.all else options.points, options.seed)
    if options.at:
        parts = [text.split(":") for text in options.at]
        points = [Point(kind, error, int(number)) for kind, error, number in parts]
    print(f"{counts}: {len(points)} points", file=sys.stderr, flush=True)

    def work(worker: int, tell: Tell) -> None:
        for point in points[worker :: options.workers]:
            session = kill.session(str(point).replace(":", "-"))
            where, complaints = judge(point, session, reference, options.plant)
            tell([str(point), where, complaints])
            shutil.rmtree(session.folder)

    return list(shared_out(work, options.workers))


def _of(kind: str, lines: list[str]) -> list[str]:
    return [line for line in lines if line.startswith(kind)]


def _parser() -> argparse.ArgumentParser:
    """The options, as the module's docstring lists them."""
    parser = argparse.ArgumentParser(prog="python -m tests.campaign.errors")
    parser.add_argument("--all", action="store_true")
    parser.add_argument("--points", type=int, default=100)
    parser.add_argument("--at", nargs="*", default=[])
    parser.add_argument("--plant", choices=PLANTS, default="")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--workers", type=int, default=min(4, os.cpu_count() or 1))
    return parser


if __name__ == "__main__":
    sys.exit(main())
