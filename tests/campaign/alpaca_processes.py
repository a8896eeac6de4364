"""Real processes of one session against the fault venue: the venue, the runner, who looks at both.

shape   `Paper(folder, config, behavior)`: `opened()` -> a venue's process; `run(point)` -> `Ended`;
        `examine(dump)` -> what is wrong. All are forked from a server that has imported everything
why     alpaca-py takes seconds to import, a fork milliseconds; what is tested is the same: the code
        of `python -m live.venue` and of `run` in processes of their own, over sockets of loopback
"""

import json
import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple

from bin.cli import __main__ as command_line
from live import realtime
from live.brokers import real as _real  # noqa: F401 - imported once, here, for every child
from live.brokers.alpaca import sdk as _sdk  # noqa: F401 - the same
from live.brokers.alpaca.client import AlpacaClient
from live.chaos.venue_process import ask_once
from live.venue import __main__ as venue_program
from tests.campaign.alpaca_facts import wrong_of
from tests.campaign.alpaca_plants import PLANTS
from tests.campaign.alpaca_scenario import BEHAVIORS, CASH, PRICES
from tests.campaign.network import ThreadedSteps, arm_network
from tests.campaign.plants import put
from tests.campaign.processes import Ended, Session, forked
from tests.campaign.shim import Point, Step, arm

KEYS = {
    "APCA_API_KEY_ID": "venue-key",
    "APCA_API_SECRET_KEY": "venue-secret",  # pragma: allowlist secret
}


class VenueProcess(NamedTuple):
    """A venue that listens."""

    pid: int
    port: int

    def ask(self, method: str, path: str, body: Any = None) -> Any:
        """The admin side's answer."""
        return ask_once(self.port, method, path, body)


@contextmanager
def venue_of(behavior: str, *more: str) -> Iterator[VenueProcess]:
    """A venue of its own, told how to behave; killed at the end. `more`: arguments besides."""
    read_end, write_end = os.pipe()
    pid = os.fork()
    if pid == 0:
        _be_venue(write_end, more)
    os.close(write_end)
    try:
        with os.fdopen(read_end, encoding="utf-8") as told:
            ready = json.loads(told.readline())
        venue = VenueProcess(pid, int(ready["trading_url"].rpartition(":")[2]))
        kind = BEHAVIORS[behavior]
        venue.ask("POST", "quotes", {
            symbol: dict(zip(("bid", "ask"), PRICES[symbol], strict=True)) for symbol in kind.quoted
        })  # fmt: skip
        if kind.armed:
            venue.ask("POST", "arm", list(kind.armed))
        yield venue
    finally:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)


def _be_venue(write_end: int, more: tuple[str, ...]) -> None:
    """`python -m live.venue`, its line of readiness to the pipe; never returns."""
    status = 97
    try:
        os.dup2(write_end, 1)
        sys.stdout = os.fdopen(1, "w", encoding="utf-8", closefd=False)
        sys.argv = ["venue", "--always-open", "--requests-per-minute", "1000000"]
        sys.argv += ["--cash", str(CASH), *more]
        status = venue_program.main()
    finally:
        os._exit(status)


class Paper(NamedTuple):
    """One journal in `folder` and the account it trades."""

    session: Session
    behavior: str
    plant: str = ""

    def run(
        self, venue: VenueProcess, point: Point | None, taken: list[Step] | None = None
    ) -> Ended:
        """Run the session in a child; it dies at `point`, or counts its steps into `taken`."""

        def child(tell: Callable[[str], None]) -> int:
            steps = ThreadedSteps(point, lambda label: tell(f"K {label}"))
            self._prepare(venue, tell)
            if point is not None or taken is not None:
                arm(steps)
                arm_network(steps)
            status = command_line.main(self.session.command)
            for step in tuple(steps.taken) if taken is not None else ():
                tell(f"S {int(step.can_half)} {step.label}")
            return status

        return self.session._ended(*forked(child), taken)

    def _prepare(self, venue: VenueProcess, tell: Callable[[str], None]) -> None:
        """The venue's places and keys, short waits, and what is planted."""
        self.session._prepare(tell)
        place_in_environment(venue)
        shorten_waits()
        if BEHAVIORS[self.behavior].doubled:
            double_second_post()
        if self.plant:
            PLANTS[self.plant]()

    def examine(self, dump: dict[str, Any]) -> tuple[list[str], int, set[str]]:
        """What is wrong, how many orders are open in the journal, and every head it has."""

        def child(tell: Callable[[str], None]) -> int:
            tell("X " + json.dumps(wrong_of(self.session.url, dump, self.behavior)))
            return 0

        status, lines = forked(child)
        if status or not lines or not lines[-1].startswith("X "):
            return ["examined: " + " ".join(lines)[-1500:]], 0, set()
        wrong, open_orders, heads = json.loads(lines[-1][2:])
        return wrong, open_orders, set(heads)


def warm_up(session: Session) -> None:
    """Run and examine a session in this process, so that no child imports or compiles anything."""
    streams, before = (sys.stdout, sys.stderr), dict(os.environ)
    with venue_of("accepts") as venue, Path(os.devnull).open("w", encoding="utf-8") as nothing:
        sys.stdout = sys.stderr = nothing
        try:
            place_in_environment(venue)
            status = command_line.main(session.command)
        finally:
            sys.stdout, sys.stderr = streams
            os.environ.clear()
            os.environ.update(before)
        wrong = wrong_of(session.url, venue.ask("GET", "state"), "accepts")[0]
    if status or wrong:
        message = f"session: expected a sound one, found exit status {status} and {wrong}"
        raise RuntimeError(message)


def place_in_environment(venue: VenueProcess) -> None:
    """Where the venue is and its keys."""
    http_, stream = f"http://127.0.0.1:{venue.port}", f"ws://127.0.0.1:{venue.port}/stream"
    os.environ.update(KEYS)
    os.environ["REFOLD_BROKER__TRADING_URL"] = os.environ["REFOLD_BROKER__DATA_URL"] = http_
    os.environ["REFOLD_BROKER__TRADING_STREAM_URL"] = stream


def shorten_waits() -> None:
    """The runner's own waits as short as a venue on loopback allows."""
    put(realtime, "GRACE_S", Decimal("0.8"))
    put(realtime, "AGAIN_S", Decimal("0.2"))


def double_second_post() -> None:
    """The second POST of this process leaves twice, as a proxy may send it; the last answer counts.

    The venue refuses the second as a duplicate, and the runner hears nothing else of it.
    """
    real, posted = AlpacaClient.post, [0]

    def post(client: AlpacaClient, path: str, body: Any) -> Any:
        posted[0] += 1
        if posted[0] == 2:
            real(client, path, body)
        return real(client, path, body)

    put(AlpacaClient, "post", post)


def folder_of(parent: Path, name: str) -> Path:
    """A new folder."""
    made = parent / name
    made.mkdir()
    return made
