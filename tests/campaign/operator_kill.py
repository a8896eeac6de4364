"""The operator's process killed at every durable and network step of `halt --cancel-open`.

usage   python -m tests.campaign.operator_kill --all         every point
        python -m tests.campaign.operator_kill --points 8    that many, spread evenly; three in
                                                             four at a call or a commit
            [--at 31:after …]  these only
            [--plant NAME]  with a planted fault, which must be found
            [--seed S] [--workers N] [--list]
prints  violations with their point on standard error; the closing line on standard output:
        cases N, killed N, commanded N, violations N, seconds N
status  0 = no violation, 1 = at least one, 2 = cannot run here
each    two orders rest at a venue, and their runner has ended. The halt is killed at the point;
        what it had written down is then done by a second halt, and, from the same death, by the
        runner alone; where nothing was written down, that runner finds nothing commanded and the
        venue has heard no cancel. Then: nothing is open, no acknowledged event is lost, no order
        was sent, and journal and venue agree (alpaca_facts.py)
"""

import argparse
import os
import random
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from bin.cli import __main__ as command_line
from core.events import OperatorCommanded
from journal import open_journal
from live import at_broker as _at_broker
from live.chaos.pool import Tell, shared_out
from tests.campaign import alpaca_scenario
from tests.campaign.alpaca_plants import PLANTS
from tests.campaign.alpaca_processes import Paper, VenueProcess, folder_of, venue_of, warm_up
from tests.campaign.kill import points_of
from tests.campaign.network import ThreadedSteps, arm_network
from tests.campaign.plants import put
from tests.campaign.processes import Ended, Session, forked, ready
from tests.campaign.shim import Point, Step, UnusableShimError, arm, unix_vfs

BEHAVIOR = "accepts"
OPEN = 2
"""The orders that rest when the halt begins."""
WITHIN_S = {False: "10", True: "2"}
"""How long a halt may take; one with a planted fault takes all of it."""
STARTS_MAX = 3
"""Starts of the runner: more than one only while an order works or a mismatch is to be ended."""
_PLAN = {1: (("AAA", "buy", 10, 10), ("BBB", "buy", 8, 10))}


class Operation(NamedTuple):
    """An account with open orders and a journal whose runner has ended, put back for each case."""

    base: Path
    place: Path
    config: Path
    port: int
    plant: str

    @property
    def paper(self) -> Paper:
        """The journal as it is now."""
        return Paper(Session(self.place, self.config), BEHAVIOR, self.plant)

    def put_back(self) -> None:
        """Journal and venue as they were before any halt."""
        shutil.rmtree(self.place, ignore_errors=True)
        shutil.copytree(self.base, self.place)

    def venue(self) -> Any:
        """The venue, from its file, where the journal knows it."""
        return venue_of(BEHAVIOR, "--file", str(self.place / "venue.db"), "--port", str(self.port))

    def halt(
        self, venue: VenueProcess, point: Point | None, taken: list[Step] | None = None
    ) -> Ended:
        """`halt --cancel-open` in a child; it dies at `point`, or counts its steps."""
        paper = self.paper

        def child(tell: Callable[[str], None]) -> int:
            steps = ThreadedSteps(point, lambda label: tell(f"K {label}"))
            paper._prepare(venue, tell)
            os.environ["REFOLD_RATE__FOLDER"] = str(self.config.parent / "rate")
            put(_at_broker, "LOOKS_S", tuple(wait / 5 for wait in _at_broker.LOOKS_S))
            if point is not None or taken is not None:
                arm(steps)
                arm_network(steps)
            status = command_line.main([
                *("halt", "--cancel-open", "--within", WITHIN_S[bool(self.plant)]),
                *("--who", "drill", "--why", "a drill", "--journal", paper.session.url, "--json"),
            ])  # fmt: skip
            for step in tuple(steps.taken) if taken is not None else ():
                tell(f"S {int(step.can_half)} {step.label}")
            return status

        return paper.session._ended(*forked(child), taken)


def operation(folder: Path, plant: str) -> Operation:
    """Trade until two orders rest; the runner ends, the venue's file is kept."""
    base = folder_of(folder, "place")
    config = alpaca_scenario.write_inputs(folder, _PLAN, order_max_age_s="0")
    session = Session(base, config)
    with venue_of(BEHAVIOR, "--file", str(base / "venue.db")) as venue:
        ended = Paper(session, BEHAVIOR).run(venue, None)
        state = venue.ask("GET", "state")
    resting = [order for order in state["orders"] if order["status"] == "new"]
    if not ended.good or len(resting) != OPEN:
        message = f"session: expected {OPEN} orders that rest, found {ended}, {state['orders']}"
        raise RuntimeError(message)
    kept = folder / "base"
    base.rename(kept)
    return Operation(kept, base, config, venue.port, plant)


class Verdict(NamedTuple):
    """What came of one case; `commanded`: whether the halt was in the journal."""

    killed: bool
    commanded: bool
    label: str
    wrong: list[str]


def judged(place: Operation, point: Point) -> Verdict:
    """Both ways on from one death."""
    first, commanded, wrong = _died(place, point, place.halt, by_runner=False)
    if first.killed:
        by_runner = _died(place, point, place.paper.run, by_runner=True)
        commanded = commanded or by_runner[1]
        wrong += [f"by the runner: {line}" for line in by_runner[2]]
    elif not first.good:
        wrong.append(f"never reached, status {first.status}: {first.complaint}")
    return Verdict(first.killed, commanded, first.label, wrong)


def _died(
    place: Operation,
    point: Point,
    goes_on: Callable[[VenueProcess, None], Ended],
    *,
    by_runner: bool,
) -> tuple[Ended, bool, list[str]]:
    """The halt that dies, and who goes on; whether it was in the journal, and what is wrong."""
    place.put_back()
    with place.venue() as venue:
        ended = place.halt(venue, point)
        heads, wrong = ended.acknowledged, list[str]()
        commanded, canceled = _commanded(place), _cancels(venue)
        if canceled and not commanded:
            wrong.append(f"{canceled} cancels, and nothing was commanded")
        left, still_open, recorded = [""], 0, set[str]()
        for _ in range(STARTS_MAX):
            again = goes_on(venue, None)
            heads = heads + again.acknowledged
            if not again.good:
                return ended, commanded, [*wrong, f"after it: {again.status} {again.complaint}"]
            left, still_open, recorded = place.paper.examine(venue.ask("GET", "state"))
            if not left:
                break
        expected = OPEN if by_runner and not commanded else 0
        if still_open != expected:
            left.append(f"{still_open} orders are open, expected {expected}")
        posts = _calls(venue, "POST")
        if posts != OPEN:
            left.append(f"{posts} orders were sent, {OPEN} before the halt")
    lost = [head for head in heads if f"{head.sequence} {head.chain}" not in recorded]
    return ended, commanded, [*wrong, *left, *(f"event {one.sequence} is lost" for one in lost)]


def _cancels(venue: VenueProcess) -> int:
    return _calls(venue, "DELETE")


def _calls(venue: VenueProcess, method: str) -> int:
    return sum(call["method"] == method for call in venue.ask("GET", "calls"))


def _commanded(place: Operation) -> bool:
    """Whether the journal has the halt, asked in a process of its own."""

    def child(tell: Callable[[str], None]) -> int:
        with open_journal(place.paper.session.url, read_only=True) as journal:
            said = any(isinstance(one.event, OperatorCommanded) for one in journal.read())
        tell(f"X {int(said)}")
        return 0

    return forked(child)[1][-1] == "X 1"


def chosen(steps: Sequence[Step], count: int, seed: int) -> list[Point]:
    """A system of samples: three in four at steps of the network and of the journal."""
    points = points_of(steps, traced=False)
    told = [point for point in points if _is_telling(steps[point.step - 1].label)]
    rest = [point for point in points if not _is_telling(steps[point.step - 1].label)]
    offset = random.Random(seed).random()
    found: list[Point] = []
    for of, share in ((told, count - count // 4), (rest, count // 4)):
        wanted = min(share, len(of))
        found += [of[int((index + offset) * len(of) / wanted)] for index in range(wanted)]
    return found


def _is_telling(label: str) -> bool:
    return label.startswith("net ") or "main.db-wal" in label or "fdatasync" in label


def main(arguments: Sequence[str] | None = None) -> int:
    """The campaign's exit status."""
    options = _parser().parse_args(arguments)
    try:
        unix_vfs()
    except UnusableShimError as error:
        print(f"OPERATOR KILL SKIPPED: {error}; nothing was tested", file=sys.stderr)
        return 2
    began = time.monotonic()
    shared = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
    folder = Path(tempfile.mkdtemp(prefix="refold-operator-kill-", dir=shared))
    try:
        points, told = _campaign(folder, options)
    finally:
        shutil.rmtree(folder)
    for point, _, _, label, wrong in told:
        for line in wrong[:4]:
            print(f"violation  {point} ({label}): {line[:900]}", file=sys.stderr)
    bad = sum(1 for row in told if row[4]) + points - len(told)
    counts = [
        f"cases {len(told)}",
        f"killed {sum(1 for row in told if row[1])}",
        f"commanded {sum(1 for row in told if row[2])}",
        f"violations {bad}",
        f"seconds {int(time.monotonic() - began)}",
    ]
    print(", ".join(counts))
    return int(bool(bad))


def _campaign(folder: Path, options: argparse.Namespace) -> tuple[int, list[Any]]:
    """How many points, and what came of each."""
    warm = folder_of(folder, "warm")
    warm_up(Session(folder_of(warm, "session"), alpaca_scenario.write_inputs(warm)))
    ready()
    first = operation(folder_of(folder, "first"), "")
    steps: list[Step] = []
    first.put_back()
    with first.venue() as venue:
        ended = first.halt(venue, None, steps)
        if not ended.good or _cancels(venue) != OPEN:
            message = f"halt: expected {OPEN} cancels, found {_cancels(venue)}, {ended}"
            raise RuntimeError(message)
    if options.list:
        for number, step in enumerate(steps, start=1):
            print(f"{number:5}  {step.label}", file=sys.stderr)
        return 0, []
    points = _points(steps, options)

    def work(worker: int, tell: Tell) -> None:
        place = operation(folder_of(folder, f"worker-{worker}"), options.plant)
        for point in points[worker :: options.workers]:
            tell([str(point), *judged(place, point)])

    return len(points), list(shared_out(work, options.workers))


def _points(steps: Sequence[Step], options: argparse.Namespace) -> list[Point]:
    if options.at:
        parts = [text.partition(":") for text in options.at]
        return [Point(int(step), when or "before") for step, _, when in parts]
    if options.all:
        return points_of(steps, traced=False)
    return chosen(steps, options.points, options.seed)


def _parser() -> argparse.ArgumentParser:
    """The options, as the module's docstring lists them."""
    parser = argparse.ArgumentParser(prog="python -m tests.campaign.operator_kill")
    parser.add_argument("--all", action="store_true")
    parser.add_argument("--points", type=int, default=8)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--at", nargs="*", default=[])
    parser.add_argument("--plant", choices=sorted(PLANTS), default="")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--list", action="store_true")
    return parser


if __name__ == "__main__":
    sys.exit(main())
