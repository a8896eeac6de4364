"""The kill campaign: a session killed by SIGKILL at every durable step goes on as if never killed.

usage   python -m tests.campaign.kill --all                 every point
        python -m tests.campaign.kill --points 200          that many, spread evenly, and
                                                            every step that is seldom
            [--pairs 40]        and that many sessions killed twice, the second time in recovery
            [--seed S]          another spread, other pairs
            [--at 179:after …]  these points only; a pair is 179:after+12:before
            [--session N]       another session, drawn from N; 0 is the scripted one
            [--plant NAME]      with a planted fault, which must be found
            [--strace]          by strace, which is the way where the shim cannot be used
            [--workers N] [--keep FOLDER] [--list]
prints  progress and violations with their point on standard error; the closing line on standard
        output: points N, killed N, violations N
status  0 = no violation, 1 = at least one, 2 = cannot run here
each    the session starts and is killed at the point; it starts again and runs to its end. Then:
        no acknowledged event lost, the venue's file, ids, parameters, fills, final statuses and
        cycles as in the run never killed, verify good, replay in parity (facts.py)
"""

import argparse
import os
import random
import re
import shutil
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from live.chaos.pool import Tell, shared_out
from tests.campaign import scenario, tracer
from tests.campaign.facts import Facts, differences
from tests.campaign.plants import PLANTS
from tests.campaign.processes import Session, ready, warm_up
from tests.campaign.shim import AFTER, BEFORE, HALF, Point, Step, UnusableShimError, unix_vfs

Case = tuple[Point, ...]
"""The points at which one session is killed, one start after the other."""


class Reference(NamedTuple):
    """The run never killed: its steps, and its facts."""

    steps: list[Step]
    facts: Facts
    scripted: bool


class Verdict(NamedTuple):
    """What came of one case: how many starts were killed, and what is wrong."""

    case: str
    killed: int
    label: str
    wrong: list[str]


def points_of(steps: Sequence[Step], *, traced: bool) -> list[Point]:
    """Every point of a run; a traced one dies before a step, which is after the one before."""
    if traced:
        return [Point(number, BEFORE) for number in range(1, len(steps) + 1)]
    return [
        Point(number, when)
        for number, step in enumerate(steps, start=1)
        for when in ((BEFORE, HALF, AFTER) if step.can_half else (BEFORE, AFTER))
    ]


def rare_of(steps: Sequence[Step], points: Sequence[Point]) -> list[Case]:
    """The points of steps whose like is seldom: making files, cutting them, taking them away."""
    likes = [re.sub(r"\d+", "N", step.label) for step in steps]
    often = {like for like, count in Counter(likes).items() if count > 3}
    return [(point,) for point in points if likes[point.step - 1] not in often]


def spread(points: Sequence[Point], count: int, seed: int) -> list[Case]:
    """`count` of the points, evenly spread; another seed begins elsewhere."""
    count = min(count, len(points))
    offset = random.Random(seed).randrange(max(1, len(points) // max(1, count)))
    return [(points[offset + index * (len(points) - offset) // count],) for index in range(count)]


def pairs_of(points: Sequence[Point], count: int, seed: int) -> list[Case]:
    """`count` pairs: killed anywhere, and again in the restart, mostly soon."""
    draw = random.Random(f"{seed} pairs")
    last = points[-1].step
    found: list[Case] = []
    for _ in range(count):
        first = draw.choice(points)
        left = last - first.step
        soon = draw.random() < 0.7
        second = draw.randint(1, 60 if soon else max(60, left))
        found.append((first, Point(second, draw.choice((BEFORE, HALF, AFTER)))))
    return found


def case_of(text: str) -> Case:
    """The case that "179:after" or "179:after+12:before" writes."""
    points = []
    for part in text.split("+"):
        step, _, when = part.partition(":")
        points.append(Point(int(step), when or BEFORE))
    return tuple(points)


def judge(case: Case, session: Session, reference: Reference) -> Verdict:
    """Run one case to its end and compare."""
    name = "+".join(map(str, case))
    heads, killed, label = [], 0, ""
    for index, point in enumerate(case):
        call = tracer.nth(reference.steps, point.step) if index == 0 else ("pwrite64", point.step)
        ended = session.run(point, call=call)
        heads += ended.acknowledged
        if ended.killed:
            killed += 1
            step = ended.label or f"{call[0]} number {call[1]}"
            label = f"{label} then {step}" if label else step
            expected = reference.steps[point.step - 1].label
            if index == 0 and not session.traced and step != expected:
                return Verdict(name, killed, label, [f"expected the step {expected!r} there"])
        elif index == 0 or not ended.good:
            return Verdict(name, killed, label, [f"status {ended.status}: {ended.complaint}"])
    ended = session.run(None)
    heads += ended.acknowledged
    if not ended.good:
        status = f"restart ended with wait status {ended.status}: {ended.complaint}"
        return Verdict(name, killed, label, [status])
    facts, wrong, recorded = session.examine()
    lost = [head for head in heads if head not in recorded]
    wrong += [f"acknowledged event {head.sequence} is lost" for head in lost]
    if facts:
        wrong += differences(reference.facts, facts, killed if reference.scripted else None)
    return Verdict(name, killed, label, wrong)


class Campaign:
    """The reference and its inputs in a folder of their own; cases, by several workers."""

    def __init__(self, folder: Path, options: argparse.Namespace, *, traced: bool) -> None:
        self.folder = folder
        self.plant: str = options.plant
        self.keep: Path | None = options.keep
        self.traced = traced
        self.session_number: int = options.session
        self.config = scenario.write_inputs(folder, options.session)
        warm_up(self.session("warm"))
        ready()

    def session(self, name: str) -> Session:
        """A new session in a new folder."""
        folder = self.folder / name
        folder.mkdir()
        return Session(folder, self.config, self.plant, self.traced)

    def reference(self) -> tuple[Reference, list[str]]:
        """The run never killed, and what is wrong with it: a scenario that lacks a fate is red."""
        steps: list[Step] = []
        scripted = not self.session_number
        session = self.session("reference")
        ended = session.run(None, steps)
        if not ended.good:
            return Reference(steps, {}, scripted), [f"status {ended.status}: {ended.complaint}"]
        facts, wrong, _ = session.examine()
        if facts and scripted:
            wrong += [f"the session holds no {fate!r}" for fate in scenario.lacking(facts)]
        return Reference(steps, facts, scripted), wrong

    def verdicts(
        self, cases: Sequence[Case], reference: Reference, workers: int
    ) -> Iterator[Verdict]:
        """The verdict of every case, as they come."""

        def work(worker: int, tell: Tell) -> None:
            for case in cases[worker::workers]:
                tell(self._judged(case, reference))

        return (Verdict(*told) for told in shared_out(work, workers))

    def _judged(self, case: Case, reference: Reference) -> Verdict:
        session = self.session("+".join(map(str, case)).replace(":", "-") + f"-{os.getpid()}")
        verdict = judge(case, session, reference)
        if verdict.wrong and self.keep is not None:
            shutil.copytree(session.folder, self.keep / session.folder.name, dirs_exist_ok=True)
        shutil.rmtree(session.folder)
        return verdict


def main(arguments: Sequence[str] | None = None) -> int:
    """The campaign's exit status."""
    options = _parser().parse_args(arguments)
    traced = options.strace or not _shim_is_usable()
    if traced and not tracer.usable():
        print("KILL CAMPAIGN SKIPPED: no strace either; nothing was tested", file=sys.stderr)
        return 2
    with tempfile.TemporaryDirectory(prefix="refold-kill-", dir=_fast_folder()) as folder:
        campaign = Campaign(Path(folder), options, traced=traced)
        reference, wrong = campaign.reference()
        for line in wrong:
            print(f"violation  never killed: {line}", file=sys.stderr)
        if not reference.facts or options.list:
            _list(reference)
            return int(bool(wrong))
        cases = _cases(options, reference, traced=traced)
        killed, violations = _judge_all(campaign, cases, reference, options.workers)
    print(f"points {len(cases)}, killed {killed}, violations {violations + len(wrong)}")
    return int(bool(violations or wrong))


def _judge_all(
    campaign: Campaign, cases: list[Case], reference: Reference, workers: int
) -> tuple[int, int]:
    """(cases killed at least once, cases with a violation), told as they come."""
    began = shown = time.monotonic()
    done = killed = violations = 0
    for verdict in campaign.verdicts(cases, reference, workers):
        done += 1
        killed += verdict.killed > 0
        if verdict.wrong:
            violations += 1
            more = f" and {len(verdict.wrong) - 4} more" if len(verdict.wrong) > 4 else ""
            where = f"violation  point {verdict.case} ({verdict.label})"
            for line in verdict.wrong[:4]:
                print(f"{where}: {line[:500]}", file=sys.stderr)
            print(f"{where}: {len(verdict.wrong)} in all{more}", file=sys.stderr, flush=True)
        now = time.monotonic()
        if now - shown > 5 or done == len(cases):
            shown = now
            rate = done / (now - began)
            text = f"{done} of {len(cases)} points, {violations} violations, {rate:.1f} points/s"
            print(text, file=sys.stderr, flush=True)
    if done != len(cases):
        print(f"violation  {len(cases) - done} cases got no verdict", file=sys.stderr)
        violations += len(cases) - done
    return killed, violations


def _shim_is_usable() -> bool:
    """Whether SQLite's system calls can be counted in the process; says why not."""
    try:
        unix_vfs()
    except UnusableShimError as error:
        print(f"kill campaign: {error}; trying strace", file=sys.stderr)
        return False
    return True


def _cases(options: argparse.Namespace, reference: Reference, *, traced: bool) -> list[Case]:
    """The cases asked for; beside those evenly spread, all the rare ones."""
    if options.at:
        return [case_of(text) for text in options.at]
    points = points_of(reference.steps, traced=traced)
    pairs = pairs_of(points, options.pairs, options.seed)
    if options.all:
        return [*((point,) for point in points), *pairs]
    rare = [] if options.plant else rare_of(reference.steps, points)
    return [*dict.fromkeys([*spread(points, options.points, options.seed), *rare]), *pairs]


def _list(reference: Reference) -> None:
    """Print the steps of the run never killed."""
    for number, step in enumerate(reference.steps, start=1):
        print(f"{number:5}  {'' if step.can_half else 'whole '}{step.label}")


def _fast_folder() -> str | None:
    """Memory that is a file system, where there is one: a killed process cannot tell."""
    shared = Path("/dev/shm")
    return str(shared) if shared.is_dir() and os.access(shared, os.W_OK) else None


def _parser() -> argparse.ArgumentParser:
    """The options, as the module's docstring lists them."""
    parser = argparse.ArgumentParser(prog="python -m tests.campaign.kill")
    parser.add_argument("--all", action="store_true")
    parser.add_argument("--points", type=int, default=200)
    parser.add_argument("--pairs", type=int, default=0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--at", nargs="*", default=[])
    parser.add_argument("--plant", choices=sorted(PLANTS), default="")
    parser.add_argument("--workers", type=int, default=min(4, os.cpu_count() or 1))
    parser.add_argument("--keep", type=Path, default=None)
    parser.add_argument("--session", type=int, default=0)
    parser.add_argument("--strace", action="store_true")
    parser.add_argument("--list", action="store_true")
    return parser


if __name__ == "__main__":
    sys.exit(main())
