"""The damage campaign: flips, cuts, swaps and older copies of a journal's files, none silent.

usage   python -m tests.campaign.damage [--cases 2000]     every cut, copy and lack, then drawn ones
                                        --all              10,000
            [--plant NAME]              with a check left out, whose lack must be found
            [--seed S] [--workers N]
prints  what is wrong on standard error; the closing line on standard output:
        damage cases N, harmless N, detected N, silent N
status  0 = nothing silent, 1 = something, 2 = fewer cases than asked for
each    harmless: verify says good, and every acknowledged event is there, byte for byte. Detected:
        verify says what is wrong, or refuses with a named error, and so does opening and reading,
        unless every event is as it was. Whatever else is silent: another event read than the one
        that was appended, a shorter journal opened, an error that nobody named
"""

import argparse
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
from typing import NamedTuple

from journal import Head, Recorded, open_journal, opening, verify
from journal.errors import JournalError
from live.chaos.pool import Tell, shared_out
from tests.campaign.plants import put
from tests.campaign.record import SECTOR
from tests.journal.sample import add, at, intent, make

Files = dict[str, bytes]
"""A journal's files by what is behind its name: "", "-wal", ".anchor"."""

ALL = 10_000
PAGE = 4096
FRAME = 24 + PAGE
WAL_HEADER = 32


class Base(NamedTuple):
    """A sound journal as it lay on the disk when it was copied, and what it had acknowledged."""

    name: str
    files: Files
    older: tuple[Files, ...]
    head: Head
    events: list[tuple[str, bytes]]


class Case(NamedTuple):
    """One kind of damage, and the seed it is drawn with; -1 where nothing is drawn."""

    base: int
    kind: str
    suffix: str
    number: int


# -- sound journals


def bases(folder: Path) -> list[Base]:
    """Three journals: all of it in the file; half of it in the WAL; in a WAL used again."""
    return [
        _base(folder / "merged.db", merged=True, pages=1000),
        _base(folder / "wal.db", merged=False, pages=1000),
        _base(folder / "again.db", merged=False, pages=16),
    ]


def _base(path: Path, *, merged: bool, pages: int) -> Base:
    older: list[Files] = []
    head = make(path, 30)
    with open_journal(path) as journal:
        with closing(sqlite3.connect(path)) as other:
            other.execute(f"PRAGMA wal_autocheckpoint={pages}")
        with journal.store._connection() as connection:  # type: ignore[attr-defined]
            connection.execute(f"PRAGMA wal_autocheckpoint={pages}")
        for number in range(8):
            add(journal, 5, batch=1 + number % 2 * 4)
            head = journal.append(
                [intent(number)], expected=journal.head, epoch=1, recorded_at=at(number)
            )
            if number % 3 == 1:
                journal.anchor()
                older.append(_files(path))
        events = [(event.tag, bytes(event.payload)) for event in journal.read()]
        if not merged:
            return Base(path.stem, _files(path), tuple(older), head, events)
    return Base(path.stem, _files(path), tuple(older), head, events)


def _files(path: Path) -> Files:
    found = {}
    for suffix in ("", "-wal", ".anchor"):
        file = path.with_name(path.name + suffix)
        if file.exists():
            found[suffix] = file.read_bytes()
    return found


# -- damage


def flip(data: bytearray, chance: random.Random) -> None:
    """One bit."""
    data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)


def change(data: bytearray, chance: random.Random) -> None:
    """One byte, another one."""
    data[chance.randrange(len(data))] ^= chance.randrange(1, 256)


def zero(data: bytearray, chance: random.Random) -> None:
    """One sector of nothing."""
    start = chance.randrange(-(-len(data) // SECTOR)) * SECTOR
    end = min(len(data), start + SECTOR)
    data[start:end] = bytes(end - start)


def misdirect(data: bytearray, chance: random.Random) -> None:
    """One sector's bytes in the place of another's."""
    sectors = len(data) // SECTOR
    source, target = (chance.randrange(sectors) * SECTOR for _ in range(2))
    data[target : target + SECTOR] = data[source : source + SECTOR]


def swap(data: bytearray, chance: random.Random, suffix: str) -> None:
    """Two pages, frames or slots, each in the other's place."""
    start, size = (WAL_HEADER, FRAME) if suffix == "-wal" else (0, PAGE)
    count = (len(data) - start) // size
    one, two = (start + size * place for place in chance.sample(range(count), 2))
    data[one : one + size], data[two : two + size] = (
        *(data[two : two + size], data[one : one + size]),
    )


BYTES: dict[str, Callable[[bytearray, random.Random], None]] = {
    "flip": flip,
    "byte": change,
    "zero": zero,
    "misdirected": misdirect,
}
ROWS = ("rows swapped", "states swapped", "row changed", "row removed", "tail removed")


def damaged(base: Base, case: Case) -> Files:
    """The files of `base` after `case`; rows are changed when they lie on the disk."""
    files = dict(base.files)
    chance = random.Random(f"{case.kind} {case.suffix} {case.number}")
    if case.kind == "cut":
        files[case.suffix] = files[case.suffix][: case.number * SECTOR]
    elif case.kind == "gone":
        del files[case.suffix]
    elif case.kind == "older":
        older = base.older[case.number]
        for suffix in case.suffix.split(","):
            files.pop(suffix, None)
            files |= {suffix: older[suffix]} if suffix in older else {}
    elif case.kind not in ROWS:
        data = bytearray(files[case.suffix])
        if case.kind == "swap":
            swap(data, chance, case.suffix)
        else:
            BYTES[case.kind](data, chance)
        files[case.suffix] = bytes(data)
    return files


def edit_rows(path: Path, kind: str, number: int, rows: int) -> None:
    """Change rows as another program would: by SQL, without the guards."""
    chance = random.Random(f"{kind} {number}")
    one, two = sorted(chance.sample(range(1, rows), 2))
    where = "WHERE originator_version ="
    state = f"(SELECT state FROM stored_events {where} {{}})"
    statements = {
        "rows swapped": [
            f"UPDATE stored_events SET originator_version = {rows + 9} {where} {one}",
            f"UPDATE stored_events SET originator_version = {one} {where} {two}",
            f"UPDATE stored_events SET originator_version = {two} {where} {rows + 9}",
        ],
        "states swapped": [
            f"CREATE TEMP TABLE kept AS SELECT state FROM stored_events {where} {one}",
            f"UPDATE stored_events SET state = {state.format(two)} {where} {one}",
            f"UPDATE stored_events SET state = (SELECT state FROM kept) {where} {two}",
        ],
        "row changed": [
            "UPDATE stored_events SET state = CAST(substr(state, 1, 60) || x'31' || "
            f"substr(state, 62) AS BLOB) {where} {one}"
        ],
        "row removed": [f"DELETE FROM stored_events {where} {one}"],
        "tail removed": [f"DELETE FROM stored_events WHERE originator_version >= {one}"],
    }
    with closing(sqlite3.connect(path, isolation_level=None)) as database:
        guards = database.execute("SELECT name, sql FROM sqlite_master WHERE type='trigger'")
        kept = guards.fetchall()
        for name, _ in kept:
            database.execute(f"DROP TRIGGER {name}")
        for statement in (*statements[kind], *(sql for _, sql in kept)):
            database.execute(statement)


def cases_of(found: Sequence[Base], count: int, seed: int) -> list[Case]:
    """Every cut, lack and older copy there is, then drawn ones up to `count`."""
    cases: list[Case] = []
    for index, base in enumerate(found):
        for suffix, data in base.files.items():
            cases += [Case(index, "cut", suffix, n) for n in range(-(-len(data) // SECTOR))]
            cases.append(Case(index, "gone", suffix, -1))
        for suffixes in ("", "-wal", ",-wal", ".anchor"):
            cases += [Case(index, "older", suffixes, n) for n in range(len(base.older))]
    if len(cases) > count // 2:
        cases = random.Random(seed).sample(cases, count // 2)
    number = seed * 1_000_000
    while len(cases) < count:
        index = number % len(found)
        for suffix in found[index].files:
            cases += [Case(index, kind, suffix, number) for kind in (*BYTES, "swap")]
        cases.append(Case(index, ROWS[number // len(found) % len(ROWS)], "", number))
        number += 1
    return cases[:count]


# -- judging


def judge(path: Path, base: Base, case: Case) -> tuple[str, str]:
    """("harmless" | "detected" | "silent", why) of one case, laid out at `path`."""
    for suffix, data in damaged(base, case).items():
        path.with_name(path.name + suffix).write_bytes(data)
    if case.kind in ROWS:
        edit_rows(path, case.kind, case.number, base.head.sequence)
    try:
        return judged(path, base)
    except Exception as error:  # noqa: BLE001 - an error nobody named is what is looked for
        return "silent", f"an error nobody named: {type(error).__name__}: {error}"
    finally:
        for file in path.parent.iterdir():
            file.unlink()


def judged(path: Path, base: Base) -> tuple[str, str]:
    """What verify, opening and reading say of the journal at `path`."""
    try:
        report = verify(path)
        problem = "; ".join(found.problem for found in report.problems)
        good = report.ok and (report.head, report.events) == (base.head, base.head.sequence)
        if report.ok and not good:
            return "silent", f"verify is good, at {report.head}, expected {base.head}"
    except JournalError as error:
        good, problem = False, str(error)
    whole, refused = read_all(path, base)
    if refused is not None:
        return ("silent", f"verify is good, and yet: {refused}") if good else ("detected", problem)
    if whole is not None:
        return "silent", whole
    return ("harmless", "") if good else ("detected", problem)


def read_all(path: Path, base: Base) -> tuple[str | None, JournalError | None]:
    """(what was read and is wrong, how it was refused) by a runner that starts on it."""
    number = 0
    try:
        with open_journal(path) as journal:
            for event in journal.read():
                if number >= len(base.events) or not _same(event, base.events[number]):
                    return f"sequence {event.sequence} is not what was appended", None
                number += 1
            if journal.head != base.head or number != base.head.sequence:
                return f"a start reads {number} events, expected {base.head.sequence}", None
    except JournalError as error:
        return None, error
    return None, None


def _same(event: Recorded, known: tuple[str, bytes]) -> bool:
    return (event.tag, bytes(event.payload)) == known


# -- planted


def no_anchor() -> None:
    """Nothing is compared with the head that is kept outside."""
    module = sys.modules["journal.verify"]
    for place in (opening, module):
        put(place, "anchor_problem", lambda *_: None)


PLANTS: dict[str, Callable[[], None]] = {
    "": lambda: None,
    "no-anchor": no_anchor,
}


def main(arguments: Sequence[str] | None = None) -> int:
    """The campaign's exit status."""
    options = _parser().parse_args(arguments)
    count = ALL if options.all else options.cases
    shared = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
    folder = Path(tempfile.mkdtemp(prefix="refold-damage-", dir=shared))
    try:
        sound = bases(folder)
        cases = cases_of(sound, count, options.seed)
        PLANTS[options.plant]()

        def work(worker: int, tell: Tell) -> None:
            place = folder / f"worker-{worker}"
            place.mkdir()
            for case in cases[worker :: options.workers]:
                verdict, why = judge(place / "j.db", sound[case.base], case)
                tell([sound[case.base].name, *case[1:], verdict, why])

        verdicts: Counter[str] = Counter()
        kinds: Counter[str] = Counter()
        for *name, verdict, why in shared_out(work, options.workers):
            verdicts[verdict] += 1
            kinds[f"{name[1]} {verdict}"] += 1
            if verdict == "silent" and verdicts["silent"] <= 8:
                print(f"silent  {name}: {why[:400]}", file=sys.stderr)
    finally:
        shutil.rmtree(folder)
    print(", ".join(f"{kind} {count}" for kind, count in sorted(kinds.items())), file=sys.stderr)
    counts = ", ".join(f"{kind} {verdicts[kind]}" for kind in ("harmless", "detected", "silent"))
    print(f"damage cases {verdicts.total()}, {counts}")
    return 2 if verdicts.total() != count else int(verdicts["silent"] > 0)


def _parser() -> argparse.ArgumentParser:
    """The options, as the module's docstring lists them."""
    parser = argparse.ArgumentParser(prog="python -m tests.campaign.damage")
    parser.add_argument("--all", action="store_true")
    parser.add_argument("--cases", type=int, default=2000)
    parser.add_argument("--plant", choices=PLANTS, default="")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--workers", type=int, default=min(4, os.cpu_count() or 1))
    return parser


if __name__ == "__main__":
    sys.exit(main())
