"""The power-loss campaign: whatever unsynced writes a disk kept, nothing acknowledged is lost.

usage   python -m tests.campaign.power [--states 2000]      distinct states, spread over the run
                                       --all                50,000 of them
            [--scenario journal|session]    appends and anchors, or a whole session of the runner
            [--plant NAME]                  with a planted fault, which must be found
            [--seed S] [--workers N]
prints  what is wrong, with the point and the choice, on standard error; the closing line on
        standard output: power states N, lost N, wrong N
status  0 = nothing lost and nothing wrong, 1 = something, 2 = cannot run here
each    a state is opened by the real journal: every acknowledged event is there, the chain is the
        one that was appended, a batch is there whole or not at all, verify says good, and the next
        append works; every order the venue had said it has is in its file. Where events are lost
        below a synced anchor, as planted faults do it, verify must say ROLLBACK
"""

import argparse
import os
import pickle
import random
import shutil
import sqlite3
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from hashlib import sha256
from pathlib import Path
from typing import Any

from journal import create_journal, open_journal, verify
from journal.errors import JournalError, JournalMissingError
from live.chaos.pool import Tell, shared_out
from tests.campaign import power_scenarios
from tests.campaign.record import Disk, Entry, State, kind_of
from tests.campaign.shim import UnusableShimError, unix_vfs
from tests.journal.sample import at, created, timers

JOURNAL = power_scenarios.NAME
ALL = 50_000
CHOICES = 12
"""How many choices every point gets where there are as many states to be had."""
ROUNDS_MAX = 2000
GOES_ON_EVERY = 4
"""Every so many states are appended to as well; a look at the rest must not change them."""


class Known:
    """What a run had been told by some point: played from the same log as the disk."""

    def __init__(self) -> None:
        self.chains: dict[int, str] = {}
        self.acknowledged = 0
        self.asked = 0
        self.anchored = 0
        self.orders: set[str] = set()

    def apply(self, entry: Entry) -> None:
        """An entry of power_scenarios.py."""
        if entry[0] == "append":
            self.asked = entry[1]
            self.chains[entry[1]] = entry[2]
        elif entry[0] == "head":
            self.acknowledged = entry[1]
        elif entry[0] == "anchored":
            self.anchored = entry[1]
        elif entry[0] == "accepted":
            self.orders.add(entry[1])


def judged(path: Path, known: Known, *, go_on: bool) -> tuple[str, str]:
    """("good" | "lost" | "wrong", why) of the journal that lies at `path`."""
    try:
        report = verify(path)
    except JournalMissingError as error:
        if known.acknowledged:
            return "lost", f"acknowledged {known.acknowledged}, found nothing: {error}"
        return _created_anew(path)
    found = report.head.sequence
    problems = "; ".join(problem.problem for problem in report.problems)
    if found < known.acknowledged:
        if known.anchored > found and report.ok:
            return "wrong", f"anchored {known.anchored}, found {found}, and verify says good"
        return "lost", f"acknowledged {known.acknowledged}, found {found} {problems}"
    if not report.ok:
        return "wrong", f"acknowledged {known.acknowledged}, verify: {problems}"
    if report.head.chain != known.chains.get(found) or report.events != found:
        return "wrong", f"sequence {found}: {report.head}, expected {known.chains.get(found)}"
    if found not in (known.acknowledged, known.asked):
        return "wrong", f"found {found}, expected {known.acknowledged} or {known.asked}"
    if missing := known.orders - orders_at(path.with_name(f"{JOURNAL}.venue"), known.orders):
        return "lost", f"the venue had accepted {sorted(missing)}"
    with open_journal(path, read_only=not go_on) as journal:
        if journal.head != report.head or journal.anchor_error:
            return "wrong", f"opened at {journal.head}, verified {report.head}"
        if not go_on:
            return "good", ""
        journal.append(timers(1, 2), expected=journal.head, epoch=1, recorded_at=at(1))
        journal.anchor()
    again = verify(path)
    if not again.ok or again.events != found + 2:
        return "wrong", f"after two more events: {again}"
    return "good", ""


def orders_at(venue: Path, known: set[str]) -> set[str]:
    """The orders in the venue's file, where there have to be any."""
    if not known:
        return set()
    with closing(sqlite3.connect(venue)) as database:
        return {order for (order,) in database.execute("SELECT client_order_id FROM orders")}


def _created_anew(path: Path) -> tuple[str, str]:
    """Where nothing was acknowledged and nothing is there, a journal can be made."""
    create_journal(path, created(), recorded_at=at(0)).close()
    report = verify(path)
    return ("good", "") if report.ok and report.events == 1 else ("wrong", f"made anew: {report}")


def judge(folder: Path, state: State, known: Known, *, go_on: bool) -> tuple[str, str]:
    """Lay the files of `state` into `folder` and judge them."""
    for name, content in state.items():
        (folder / name).write_bytes(content)
    try:
        return judged(folder / JOURNAL, known, go_on=go_on)
    except (JournalError, sqlite3.Error) as error:
        return "wrong", f"{type(error).__name__}: {error}"
    finally:
        for file in folder.iterdir():
            file.unlink()


def points(log: Sequence[Entry], first: int, last: int) -> Iterator[tuple[int, Disk, Known]]:
    """(index, disk, known) behind every entry of a stretch of the log."""
    disk, known = Disk(), Known()
    for index, entry in enumerate(log[:last]):
        if not disk.apply(entry):
            known.apply(entry)
        if index >= first:
            yield index, disk, known


class Campaign:
    """One recorded run, and the states that a power loss can leave of it."""

    def __init__(self, folder: Path, options: argparse.Namespace) -> None:
        self.folder = folder
        self.options = options
        self.log = recorded(folder, options)

    def work(self, worker: int, tell: Tell) -> None:
        """Judge this worker's stretch of the run until its share of the states is reached."""
        workers = self.options.workers
        share = -(-self.options.states // workers)
        first, last = (len(self.log) * (worker + more) // workers for more in (0, 1))
        folder = self.folder / f"worker-{worker}"
        folder.mkdir()
        seen: set[bytes] = set()
        step = max(1, (last - first) * CHOICES // share)
        for choice in range(ROUNDS_MAX):
            for index, disk, known in points(self.log, first, last):
                if (index + choice) % step or (choice > 0 and not disk.pending):
                    continue
                chance = random.Random(f"{self.options.seed} {index} {choice}")
                state = disk.state(chance, choice)
                digest = digest_of(state, known.acknowledged)
                if digest in seen:
                    continue
                seen.add(digest)
                go_on = len(seen) % GOES_ON_EVERY == 0
                verdict, why = judge(folder, state, known, go_on=go_on)
                tell([index, kind_of(choice), verdict, why])
                if len(seen) >= share:
                    return


def digest_of(state: State, acknowledged: int) -> bytes:
    """The same for the same files and the same promise."""
    digest = sha256(str(acknowledged).encode())
    for name in sorted(state):
        digest.update(f" {name} {len(state[name])} ".encode() + state[name])
    return digest.digest()


def recorded(folder: Path, options: argparse.Namespace) -> list[Entry]:
    """The log of the scenario, run in a process of its own."""
    place = folder / "log"

    def work(_: int, __: Tell) -> None:
        scenario: Callable[[Path, str], list[Entry]] = power_scenarios.SCENARIOS[options.scenario]
        place.write_bytes(pickle.dumps(scenario(folder, options.plant)))

    for _ in shared_out(work, 1):
        pass
    log: list[Entry] = pickle.loads(place.read_bytes())
    return log


def main(arguments: Sequence[str] | None = None) -> int:
    """The campaign's exit status."""
    options = _parser().parse_args(arguments)
    if options.all:
        options.states = ALL
    try:
        unix_vfs()
    except UnusableShimError as error:
        print(f"POWER CAMPAIGN SKIPPED: {error}; nothing was tested", file=sys.stderr)
        return 2
    shared = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
    folder = Path(tempfile.mkdtemp(prefix="refold-power-", dir=shared))
    try:
        campaign = Campaign(folder, options)
        verdicts, kinds = _told(shared_out(campaign.work, options.workers))
    finally:
        shutil.rmtree(folder)
    done = verdicts.total()
    by_kind = ", ".join(f"{kind} {count}" for kind, count in sorted(kinds.items()))
    print(f"points {len(campaign.log)}; states by choice: {by_kind}", file=sys.stderr)
    print(f"power states {done}, lost {verdicts['lost']}, wrong {verdicts['wrong']}")
    return int(done != verdicts["good"] or done < options.states)


def _told(found: Iterator[Any]) -> tuple[Counter[str], Counter[str]]:
    """Count the verdicts; the first few bad ones are told."""
    verdicts: Counter[str] = Counter()
    kinds: Counter[str] = Counter()
    for index, kind, verdict, why in found:
        verdicts[verdict] += 1
        kinds[kind] += 1
        if verdict != "good" and verdicts[verdict] <= 8:
            print(f"{verdict}  after entry {index}, {kind}: {why[:400]}", file=sys.stderr)
        if verdicts.total() % 2000 == 0:
            print(f"{verdicts.total()} states", file=sys.stderr, flush=True)
    return verdicts, kinds


def _parser() -> argparse.ArgumentParser:
    """The options, as the module's docstring lists them."""
    parser = argparse.ArgumentParser(prog="python -m tests.campaign.power")
    parser.add_argument("--all", action="store_true")
    parser.add_argument("--states", type=int, default=2000)
    parser.add_argument("--scenario", choices=power_scenarios.SCENARIOS, default="journal")
    parser.add_argument("--plant", choices=power_scenarios.PLANTS, default="")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--workers", type=int, default=min(4, os.cpu_count() or 1))
    return parser


if __name__ == "__main__":
    sys.exit(main())
