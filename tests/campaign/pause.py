"""The pause campaign: a runner stopped past its claim while another one takes over stays fenced.

usage   python -m tests.campaign.pause [--pauses 40]       at points drawn from the whole run
                                       --all               1,000 of them
            [--plant NAME]              with a planted fault, which must be found
            [--seed S] [--workers N] [--at 1234 …]
prints  violations with their point on standard error; the closing line on standard output:
        pauses N, stopped N, events after the claim N, extra orders N, violations N
status  0 = no violation, 1 = at least one, 2 = cannot run here
each    SIGSTOP at a call of a function between the claim and the last event, but not inside a
        write transaction, where the other one would wait; a second runner claims with --take-over
        and runs some cycles or all; SIGCONT. The first must end with the status of a fenced one,
        have appended nothing behind the claim, have left the other's anchor as high as it was, and
        no order at the venue that is not in a run never stopped; a third start ends the session,
        and it is like one never stopped
points  calls of functions of live/ and journal/, counted by sys.setprofile: repeatable
"""

import argparse
import os
import random
import shutil
import signal
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

from msgspec.structs import replace

import journal
import live
from bin.cli import __main__ as command_line
from bin.cli.exits import Exit
from core.events import RunnerStarted
from journal import open_journal
from journal.anchor import UNSYNCED_SLOT, anchor_path, read_slots
from journal.sqlite_store import SQLiteStore
from live.brokers.simulated import SimulatedBroker
from live.brokers.venue_file import VenueFile
from live.chaos.pool import Tell, shared_out
from live.committer import Committer, FencedError
from live.rate.file import FileStore
from live.runner import Runner
from tests.campaign.facts import differences
from tests.campaign.kill import Campaign, Reference
from tests.campaign.plants import put
from tests.campaign.processes import Session, _in_child, forked

ALL = 1000
PLACES = tuple(str(Path(str(package.__file__)).parent) for package in (journal, live))


class Stops:
    """Counts calls from the claim to the end; at `point`, or as soon as it may, stops."""

    def __init__(self, point: int | None, tell: Callable[[str], None]) -> None:
        self.point = point
        self.tell = tell
        self.count = 0
        self.writing = 0

    def arm(self) -> None:
        """Stand around what begins and ends the stretch, and what writes."""
        real_claim, real_stop = Committer.claim, Runner.stop

        def claim(committer: Committer, *arguments: Any) -> Any:
            decisions = real_claim(committer, *arguments)
            sys.setprofile(self._profile)
            return decisions

        def stop(runner: Runner, reason: str) -> None:
            sys.setprofile(None)
            real_stop(runner, reason)

        put(Committer, "claim", claim)
        put(Runner, "stop", stop)
        real_append, real_input = SQLiteStore.append, VenueFile._input
        real_change = FileStore._change

        def append(store: SQLiteStore, *arguments: Any) -> None:
            with self._written():
                real_append(store, *arguments)

        @contextmanager
        def entered(venue: VenueFile) -> Iterator[None]:
            with self._written(), real_input(venue):
                yield

        def change(store: FileStore, *arguments: Any) -> Any:
            with self._written():
                return real_change(store, *arguments)

        put(FileStore, "_change", change)
        put(SQLiteStore, "append", append)
        put(VenueFile, "_input", entered)

    @contextmanager
    def _written(self) -> Iterator[None]:
        self.writing += 1
        try:
            yield
        finally:
            self.writing -= 1

    def _profile(self, frame: FrameType, event: str, _: Any) -> None:
        if event != "call" or not frame.f_code.co_filename.startswith(PLACES):
            return
        self.count += 1
        if self.point is not None and self.count >= self.point and not self.writing:
            sys.setprofile(None)
            self.tell(f"S {frame.f_code.co_qualname}")
            os.kill(os.getpid(), signal.SIGSTOP)


def runner(session: Session, point: int | None, plant: str) -> Callable[[Callable[..., None]], int]:
    """What the child does that will be stopped."""

    def child(tell: Callable[[str], None]) -> int:
        session._prepare(tell)
        PLANTS[plant]()
        stops = Stops(point, tell)
        stops.arm()
        status = command_line.main(session.command)
        tell(f"C {stops.count}")
        return status

    return child


def second(session: Session, cycles: int | None) -> tuple[int, list[str]]:
    """The runner that takes over."""

    def child(tell: Callable[[str], None]) -> int:
        session._prepare(tell)
        more = [] if cycles is None else ["--cycles", str(cycles)]
        return command_line.main([*session.command, "--take-over", *more])

    return forked(child)


def judge(
    point: int, session: Session, reference: Reference, plant: str
) -> tuple[str, int, int, list[str]]:
    """(where it stood, events appended behind the claim, extra orders, what is wrong)."""
    read_end, write_end = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(read_end)
        _in_child(runner(session, point, plant), write_end)
    os.close(write_end)
    if not os.WIFSTOPPED(os.waitpid(pid, os.WUNTRACED)[1]):
        os.close(read_end)
        return "", 0, 0, [f"point {point} is never reached"]
    try:
        cycles = random.Random(point).choice((None, None, 1, 2, 3))
        status, lines = second(session, cycles)
    finally:
        os.kill(pid, signal.SIGCONT)
    with os.fdopen(read_end, encoding="utf-8", errors="replace") as told:
        own = told.read().splitlines()
    code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    wrong = [] if status == 0 else [f"the second runner: wait status {status}, {lines[-1:]}"]
    stopped = next(index for index, line in enumerate(own) if line.startswith("S "))
    if code != Exit.FENCED:
        wrong.append(f"exit status {code}, expected {int(Exit.FENCED)}: {own[-1:]}")
    anchored, reached = anchored_at(session), _last(lines)
    if anchored < reached:
        wrong.append(f"the anchor went back to {anchored}; {reached} was acknowledged and synced")
    ended = session.run(None)
    if not ended.good:
        wrong.append(f"the next start: wait status {ended.status}: {ended.complaint}")
    facts, more, _ = session.examine()
    extra = len(set(facts.get("venue_orders", ())) - set(reference.facts["venue_orders"]))
    late, claim = fenced_events(session)
    if _last(own[stopped:]) > claim:
        wrong.append(f"acknowledged behind the claim, which is {claim}: {_last(own[stopped:])}")
    if late:
        wrong.append(f"{late} events of the fenced runner behind the other's claim")
    wrong += more + (differences(reference.facts, facts, 2) if facts else [])
    return own[stopped][2:], late, extra, wrong


def _last(lines: Sequence[str]) -> int:
    """The last sequence a child acknowledged."""
    return max((int(line.split()[1]) for line in lines if line.startswith("A ")), default=0)


def anchored_at(session: Session) -> int:
    """The highest sequence in the anchor's synced slots."""
    slots = read_slots(anchor_path(session.folder / "run" / "main.db"))
    return max(slot.head.sequence for slot in slots if slot.place != UNSYNCED_SLOT)


def fenced_events(session: Session) -> tuple[int, int]:
    """How many events of an older epoch stand behind a claim; where the second claim stands."""

    def child(tell: Callable[[str], None]) -> int:
        epoch, late, claim = 0, 0, 0
        with open_journal(session.url, read_only=True) as opened:
            for recorded in opened.read():
                if isinstance(recorded.event, RunnerStarted):
                    epoch = recorded.event.epoch
                    claim = recorded.sequence if epoch == 2 else claim
                late += 0 < recorded.epoch < epoch
        tell(f"{late} {claim}")
        return 0

    late, claim = forked(child)[1][-1].split()
    return int(late), int(claim)


# -- planted


def unfenced() -> None:
    """A runner that reads of a newer one goes on."""
    real = Committer.catch_up

    def catch_up(committer: Committer) -> None:
        while True:
            try:
                return real(committer)
            except FencedError:
                continue

    put(Committer, "catch_up", catch_up)


def blind(kind: type) -> None:
    """A runner never looks at the journal again before it calls `kind.submit`, under a new id."""
    unfenced()
    real: Callable[..., Any] = kind.__dict__["submit"]

    def submit(broker: Any, ticket: Any, *rest: Any) -> Any:
        own = f"{ticket.client_order_id[:-4]}{os.getpid() % 10_000:04d}"
        return real(broker, replace(ticket, client_order_id=own), *rest)

    put(kind, "submit", submit)


PLANTS: dict[str, Callable[[], None]] = {
    "": lambda: None,
    "unfenced": unfenced,
    "blind": lambda: blind(SimulatedBroker),
}


def main(arguments: Sequence[str] | None = None) -> int:
    """The campaign's exit status."""
    options = _parser().parse_args(arguments)
    shared = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
    folder = Path(tempfile.mkdtemp(prefix="refold-pause-", dir=shared))
    try:
        told = _campaign(folder, options)
    finally:
        shutil.rmtree(folder)
    for point, where, _, _, wrong in told:
        for line in wrong[:4]:
            print(f"violation  pause {point} ({where}): {line[:500]}", file=sys.stderr)
    late, extra = (sum(row[index] for row in told) for index in (2, 3))
    bad = sum(1 for row in told if row[4])
    stopped = sum(1 for row in told if row[1])
    counts = f"events after the claim {late}, extra orders {extra}, violations {bad}"
    print(f"pauses {len(told)}, stopped {stopped}, {counts}")
    return int(bad > 0)


def _campaign(folder: Path, options: argparse.Namespace) -> list[Any]:
    """[point, where, late events, extra orders, what is wrong] of every point."""
    kill = Campaign(folder, argparse.Namespace(plant="", keep=None, session=0), traced=False)
    reference, wrong = kill.reference()
    status, lines = forked(runner(kill.session("counted"), None, ""))
    if wrong or status:
        message = f"session: expected a sound one, found {wrong} {lines[-3:]}"
        raise RuntimeError(message)
    calls = int(lines[-1].split()[1])
    draw = random.Random(options.seed)
    count = ALL if options.all else options.pauses
    points = options.at or [draw.randint(1, calls) for _ in range(count)]
    print(f"{calls} calls: {len(points)} pauses", file=sys.stderr, flush=True)

    def work(worker: int, tell: Tell) -> None:
        for index in range(worker, len(points), options.workers):
            session = kill.session(f"pause-{index}")
            tell([points[index], *judge(points[index], session, reference, options.plant)])
            shutil.rmtree(session.folder)

    return list(shared_out(work, options.workers))


def _parser() -> argparse.ArgumentParser:
    """The options, as the module's docstring lists them."""
    parser = argparse.ArgumentParser(prog="python -m tests.campaign.pause")
    parser.add_argument("--all", action="store_true")
    parser.add_argument("--pauses", type=int, default=40)
    parser.add_argument("--at", nargs="*", type=int, default=[])
    parser.add_argument("--plant", choices=PLANTS, default="")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--workers", type=int, default=min(4, os.cpu_count() or 1))
    return parser


if __name__ == "__main__":
    sys.exit(main())
