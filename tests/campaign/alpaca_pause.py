"""Two runners on one account: one stopped past its claim while another takes over stays fenced.

usage   python -m tests.campaign.alpaca_pause [--pauses 20] [--at 1234 …] [--plant NAME]
            [--seed S] [--workers N]
prints  violations with their point on standard error; the closing line on standard output:
        pauses N, stopped N, events after the claim N, duplicates N, orphans N, violations N
status  0 = no violation, 1 = at least one
each    SIGSTOP at a call of live/ or journal/ behind the claim, outside a write transaction (the
        limiter's too); a second runner takes over against the same venue and runs to the end;
        SIGCONT. The first ends with the status of a fenced one and has appended nothing. What it
        may still send is an order the journal decided on, under its own id: given up meanwhile, it
        is an orphan that the next start names and counts
"""

import argparse
import os
import random
import shutil
import signal
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from bin.cli import __main__ as command_line
from bin.cli.exits import Exit
from live.brokers.alpaca.orders import Orders
from live.chaos.pool import Tell, shared_out
from replay.agreement import ORPHAN
from tests.campaign import alpaca_scenario
from tests.campaign.alpaca_processes import Paper, VenueProcess, folder_of, venue_of, warm_up
from tests.campaign.pause import Stops, blind, fenced_events, unfenced
from tests.campaign.processes import Session, _in_child, forked, ready

STARTS_MAX = 4


PLANTS: dict[str, Callable[[], None]] = {
    "": lambda: None,
    "unfenced": unfenced,
    "blind": lambda: blind(Orders),
}


def first(paper: Paper, venue: VenueProcess, point: int | None, plant: str) -> Any:
    """What the child does that will be stopped; it tells how many calls there were."""

    def child(tell: Any) -> int:
        paper._prepare(venue, tell)
        PLANTS[plant]()
        stops = Stops(point, tell)
        stops.arm()
        status = command_line.main(paper.session.command)
        tell(f"C {stops.count}")
        return status

    return child


def second(paper: Paper, venue: VenueProcess) -> tuple[int, list[str]]:
    """The runner that takes over."""

    def child(tell: Any) -> int:
        paper._prepare(venue, tell)
        return command_line.main([*paper.session.command, "--take-over"])

    return forked(child)


def judge(paper: Paper, point: int, plant: str) -> tuple[str, int, list[str]]:
    """(where it stood, events appended behind the claim, what is wrong)."""
    with venue_of("accepts") as venue:
        read_end, write_end = os.pipe()
        pid = os.fork()
        if pid == 0:
            os.close(read_end)
            _in_child(first(paper, venue, point, plant), write_end)
        os.close(write_end)
        if not os.WIFSTOPPED(os.waitpid(pid, os.WUNTRACED)[1]):
            os.close(read_end)
            return "", 0, []
        try:
            status, lines = second(paper, venue)
        finally:
            os.kill(pid, signal.SIGCONT)
        with os.fdopen(read_end, encoding="utf-8", errors="replace") as told:
            own = told.read().splitlines()
        code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        wrong = [] if status == 0 else [f"the second runner: wait status {status}, {lines[-1:]}"]
        if code != Exit.FENCED:
            wrong.append(f"exit status {code}, expected {int(Exit.FENCED)}: {own[-1:]}")
        late, _ = fenced_events(paper.session)
        if late:
            wrong.append(f"{late} events of the fenced runner behind the other's claim")
        where = next(line[2:] for line in own if line.startswith("S "))
        return where, late, wrong + third(paper, venue)


def third(paper: Paper, venue: VenueProcess) -> list[str]:
    """What is wrong after one more start, or more of them while an order is working."""
    found: list[str] = []
    for _ in range(STARTS_MAX):
        ended = paper.run(venue, None)
        if not ended.good:
            return [f"the next start: wait status {ended.status}: {ended.complaint}"]
        found, still_open, _ = paper.examine(venue.ask("GET", "state"))
        if not still_open and all(line.startswith(ORPHAN) for line in found):
            break
    return found


def main(arguments: Sequence[str] | None = None) -> int:
    """The campaign's exit status."""
    options = _parser().parse_args(arguments)
    shared = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
    folder = Path(tempfile.mkdtemp(prefix="refold-alpaca-pause-", dir=shared))
    try:
        told = _campaign(folder, options)
    finally:
        shutil.rmtree(folder)
    lines = [(row[0], row[1], line) for row in told for line in row[3]]
    wrong = [row for row in lines if not row[2].startswith(ORPHAN)]
    for point, where, line in lines:
        what = "violation" if (point, where, line) in wrong else "sent late"
        print(f"{what}  pause {point} ({where}): {line[:700]}", file=sys.stderr)
    counts = [
        f"pauses {len(told)}",
        f"stopped {sum(1 for row in told if row[1])}",
        f"events after the claim {sum(row[2] for row in told)}",
        f"duplicates {sum(line.startswith('duplicate') for _, _, line in lines)}",
        f"orphans {len(lines) - len(wrong)}",
        f"violations {len({point for point, _, _ in wrong})}",
    ]
    print(", ".join(counts))
    return int(bool(wrong))


def _campaign(folder: Path, options: argparse.Namespace) -> list[Any]:
    """[point, where, late events, what is wrong] of every pause."""
    config = alpaca_scenario.write_inputs(folder)
    warm_up(Session(folder_of(folder, "warm"), config))
    ready()
    counted = Paper(Session(folder_of(folder, "counted"), config), "accepts")
    with venue_of("accepts") as venue:
        status, lines = forked(first(counted, venue, None, ""))
    if status:
        message = f"session: expected a sound one, found {status} {lines[-3:]}"
        raise RuntimeError(message)
    calls = int(lines[-1].split()[1])
    draw = random.Random(options.seed)
    points = options.at or [draw.randint(1, calls) for _ in range(options.pauses)]
    print(f"{calls} calls: {len(points)} pauses", file=sys.stderr, flush=True)

    def work(worker: int, tell: Tell) -> None:
        for index in range(worker, len(points), options.workers):
            session = Session(folder_of(folder, f"pause-{index}"), config)
            paper = Paper(session, "accepts")
            tell([points[index], *judge(paper, points[index], options.plant)])
            shutil.rmtree(session.folder)

    return list(shared_out(work, options.workers))


def _parser() -> argparse.ArgumentParser:
    """The options, as the module's docstring lists them."""
    parser = argparse.ArgumentParser(prog="python -m tests.campaign.alpaca_pause")
    parser.add_argument("--pauses", type=int, default=20)
    parser.add_argument("--at", nargs="*", type=int, default=[])
    parser.add_argument("--plant", choices=sorted(PLANTS), default="")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--workers", type=int, default=2 * (os.cpu_count() or 1))
    return parser


if __name__ == "__main__":
    sys.exit(main())
