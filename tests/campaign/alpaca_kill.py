"""The kill matrix: the runner killed at every durable and network step, whatever the venue does.

usage   python -m tests.campaign.alpaca_kill --all          every point of every behavior
        python -m tests.campaign.alpaca_kill --points 300   that many, spread evenly over all
            [--behavior NAME …]  of these only
            [--at accepts:179:after …]  these only
            [--plant NAME]  with a planted fault, which must be found
            [--seed S] [--workers N] [--keep FOLDER] [--list]
prints  progress and violations with their point on standard error; the closing line on standard
        output: cases N, killed N, duplicates N, lost fills N, violations N, seconds N
status  0 = no violation, 1 = at least one, 2 = cannot run here
each    a venue in a process of its own is told how to behave; the session starts against it and is
        killed at the point; it starts again and runs to its end. Then: no acknowledged event lost,
        and venue and journal agree (alpaca_facts.py)
"""

import argparse
import os
import random
import re
import shutil
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from live.chaos.pool import Tell, shared_out
from tests.campaign import alpaca_scenario
from tests.campaign.alpaca_plants import PLANTS
from tests.campaign.alpaca_processes import (
    Paper,
    VenueProcess,
    folder_of,
    venue_of,
    warm_up,
)
from tests.campaign.alpaca_scenario import BEHAVIORS
from tests.campaign.kill import points_of
from tests.campaign.processes import Session, ready
from tests.campaign.shim import Point, Step, UnusableShimError, unix_vfs

STARTS_MAX = 4
"""Starts after the kill: one, and more only while an order works or a mismatch is to be ended."""


class Case(NamedTuple):
    """Where the runner dies, and what the venue does meanwhile; no point: it is never killed."""

    behavior: str
    point: Point | None

    def __str__(self) -> str:
        return f"{self.behavior}:{self.point or 'never'}"


class Campaign:
    """The inputs in a folder of their own, and cases."""

    def __init__(self, folder: Path, options: argparse.Namespace) -> None:
        self.folder = folder
        self.plant: str = options.plant
        self.keep: Path | None = options.keep
        self.config = alpaca_scenario.write_inputs(folder)
        warm_up(Session(folder_of(folder, "warm"), self.config))
        ready()

    def steps_of(self, behavior: str) -> tuple[list[Step], list[str]]:
        """The steps of a session never killed, and what is wrong with it."""
        steps: list[Step] = []
        _, wrong, _ = self.judge(Case(behavior, None), steps)
        return steps, wrong

    def judge(self, case: Case, taken: list[Step] | None = None) -> tuple[bool, list[str], str]:
        """(whether it was killed, what is wrong, the step it died at)."""
        name = f"{case}-{os.getpid()}".replace(":", "-")
        session = Session(folder_of(self.folder, name), self.config)
        paper = Paper(session, case.behavior, self.plant)
        try:
            with venue_of(case.behavior) as venue:
                found = self._judged(paper, venue, case.point, taken)
            if found[1] and self.keep is not None:
                shutil.copytree(session.folder, self.keep / name, dirs_exist_ok=True)
        finally:
            shutil.rmtree(session.folder)
        return found

    def _judged(
        self, paper: Paper, venue: VenueProcess, point: Point | None, taken: list[Step] | None
    ) -> tuple[bool, list[str], str]:
        ended = paper.run(venue, point, taken)
        heads, label = ended.acknowledged, ended.label
        if not ended.killed and not ended.good:
            return False, [f"status {ended.status}: {ended.complaint}"], label
        killed = ended.killed
        wrong: list[str] = []
        recorded: set[str] = set()
        for _ in range(STARTS_MAX):
            if killed or wrong:
                again = paper.run(venue, None)
                heads = heads + again.acknowledged
                if not again.good:
                    return killed, [f"restart: status {again.status}: {again.complaint}"], label
            wrong, still_open, recorded = paper.examine(venue.ask("GET", "state"))
            # news keeps its symbol out of one comparison, and the account's answer may be lost: the
            # next start's tells
            if not still_open and not (wrong and all(map(_may_pass, wrong))):
                break
            wrong = wrong or ["an order is still open"]
        lost = [head for head in heads if f"{head.sequence} {head.chain}" not in recorded]
        return (
            killed,
            wrong + [f"acknowledged event {head.sequence} is lost" for head in lost],
            label,
        )


def _may_pass(line: str) -> bool:
    """Whether the next comparison may end this by itself: the last one's answers may be lost."""
    return line.startswith(("mismatched", "cash "))


def main(arguments: Sequence[str] | None = None) -> int:
    """The campaign's exit status."""
    options = _parser().parse_args(arguments)
    try:
        unix_vfs()
    except UnusableShimError as error:
        print(f"KILL MATRIX SKIPPED: {error}; nothing was tested", file=sys.stderr)
        return 2
    began = time.monotonic()
    shared = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
    folder = Path(tempfile.mkdtemp(prefix="refold-alpaca-kill-", dir=shared))
    try:
        cases, told, wrong = _campaign(folder, options)
    finally:
        shutil.rmtree(folder)
    for line in wrong:
        print(f"violation  never killed: {line[:900]}", file=sys.stderr)
    lines = [line for row in told for line in row[2]]
    counts = [
        f"cases {len(told)}",
        f"killed {sum(1 for row in told if row[1])}",
        f"duplicates {sum(line.startswith('duplicate') for line in lines)}",
        f"lost fills {sum(line.startswith('lost fill') for line in lines)}",
        f"violations {sum(1 for row in told if row[2]) + len(wrong) + cases - len(told)}",
        f"seconds {int(time.monotonic() - began)}",
    ]
    print(", ".join(counts))
    return int(bool(lines or wrong or cases > len(told)))


def _campaign(
    folder: Path, options: argparse.Namespace
) -> tuple[int, list[tuple[str, bool, list[str]]], list[str]]:
    """How many cases, each with its verdict, and what is wrong with sessions never killed."""
    campaign = Campaign(folder, options)
    cases, wrong = _cases(campaign, options)
    if options.list:
        return 0, [], wrong

    def work(worker: int, tell: Tell) -> None:
        for case in cases[worker :: options.workers]:
            tell([str(case), *campaign.judge(case)])

    told: list[tuple[str, bool, list[str]]] = []
    began = shown = time.monotonic()
    for name, killed, lines, label in shared_out(work, options.workers):
        told.append((name, killed, lines))
        for line in lines[:4]:
            print(f"violation  {name} ({label}): {line[:900]}", file=sys.stderr, flush=True)
        now = time.monotonic()
        if now - shown > 10:
            shown = now
            rate, bad = len(told) / (now - began), sum(1 for row in told if row[2])
            text = f"{len(told)} of {len(cases)} cases, {bad} violations, {rate:.1f} cases/s"
            print(text, file=sys.stderr, flush=True)
    return len(cases), told, wrong


def _cases(campaign: Campaign, options: argparse.Namespace) -> tuple[list[Case], list[str]]:
    """The cases asked for, in an order that spreads the behaviors; what is wrong unkilled."""
    if options.at:
        return [_case_of(text) for text in options.at], []
    cases, wrong = _all_cases(campaign, options)
    draw = random.Random(options.seed)
    if not options.all:
        # a system of samples: every behavior and every stretch of its session is in it
        count = min(options.points, len(cases))
        offset = draw.random()
        cases = [cases[int((index + offset) * len(cases) / count)] for index in range(count)]
    draw.shuffle(cases)
    return cases, wrong


def _all_cases(campaign: Campaign, options: argparse.Namespace) -> tuple[list[Case], list[str]]:
    """Every point of every behavior, by its own run never killed; what is wrong with those runs."""
    behaviors = options.behavior or list(BEHAVIORS)

    def work(worker: int, tell: Tell) -> None:
        for behavior in behaviors[worker :: options.workers]:
            tell([behavior, *campaign.steps_of(behavior)])

    found: dict[str, list[Case]] = {}
    wrong: list[str] = []
    for behavior, taken, problems in shared_out(work, options.workers):
        steps = [Step(*step) for step in taken]
        wrong += [f"{behavior}: {line}" for line in problems]
        if options.list:
            _list(behavior, steps)
        found[behavior] = [Case(behavior, point) for point in points_of(steps, traced=False)]
    return [case for behavior in behaviors for case in found[behavior]], wrong


def _case_of(text: str) -> Case:
    behavior, _, place = text.partition(":")
    if place == "never":
        return Case(behavior, None)
    step, _, when = place.partition(":")
    return Case(behavior, Point(int(step), when or "before"))


def _list(behavior: str, steps: Sequence[Step]) -> None:
    for number, step in enumerate(steps, start=1):
        label = re.sub(r"[0-9a-f]{8,}", "N", step.label)
        print(f"{behavior:16} {number:5}  {label}", file=sys.stderr)


def _parser() -> argparse.ArgumentParser:
    """The options, as the module's docstring lists them."""
    parser = argparse.ArgumentParser(prog="python -m tests.campaign.alpaca_kill")
    parser.add_argument("--all", action="store_true")
    parser.add_argument("--points", type=int, default=300)
    parser.add_argument("--behavior", nargs="*", choices=sorted(BEHAVIORS), default=[])
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--at", nargs="*", default=[])
    parser.add_argument("--plant", choices=sorted(PLANTS), default="")
    parser.add_argument("--workers", type=int, default=3 * (os.cpu_count() or 1))
    parser.add_argument("--keep", type=Path, default=None)
    parser.add_argument("--list", action="store_true")
    return parser


if __name__ == "__main__":
    sys.exit(main())
