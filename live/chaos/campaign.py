"""One seed's drill from the outside: its venue, and a runner started until it is through.

shape   `drilled(plan)` -> `Drilled`: the venue's last state, what
        the diary holds, how often each process began. The runner is forked: it is a process of its
        own, dies by SIGKILL, and costs no import
rules   A runner that is killed, or that a dying venue refuses, is started again; one that ends
        `REFUSALS_MAX` times in a row for another reason is given up, and that is a broken promise
"""

import os
import signal
import sys
import time
import traceback
from typing import Any, NamedTuple

from live.chaos import session
from live.chaos.session import Plan
from live.chaos.settling import NeverAtRestError
from live.chaos.venue_process import VenueProcess
from live.inputs import make_feed

REFUSALS_MAX = 5
NEVER_AT_REST = 3
STUCK_S = 240.0
"""A runner that writes nothing into its diary for so long is stuck."""


class Drilled(NamedTuple):
    """What came of one seed: `complaint` is why a runner was given up, empty if none was."""

    dump: dict[str, Any]
    diary: list[dict[str, Any]]
    starts: int
    venue_deaths: int
    seconds: float
    complaint: str


def drilled(plan: Plan) -> Drilled:
    """The drill, from its first start to its last word."""
    began = time.monotonic()
    config = plan.config(trading_url="http://127.0.0.1:1")
    opens = make_feed(config.config).calendar()[1][0].open
    venue = VenueProcess(plan.folder / "venue.db", plan.seed, opens, str(config.config.broker.cash))
    venue.start()
    try:
        starts, complaint = _until_done(plan, venue)
        venue.revive()
        dump = venue.ask("GET", "state")
    finally:
        venue.stop()
    seconds = time.monotonic() - began
    return Drilled(dump, plan.diary.lines(), starts, venue.deaths, seconds, complaint)


def _until_done(plan: Plan, venue: VenueProcess) -> tuple[int, str]:
    """How often the runner was started, and why it was given up."""
    starts = refusals = 0
    while True:
        starts += 1
        status = _watched(_forked(plan, venue.port), plan, venue)
        if status == 0:
            return starts, ""
        killed = os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL
        refusals = 0 if killed else refusals + 1
        hopeless = os.WIFEXITED(status) and os.WEXITSTATUS(status) == NEVER_AT_REST
        if hopeless or refusals >= REFUSALS_MAX or starts > 20 + plan.cycles * 4:
            words = (plan.folder / "runner.log").read_text(encoding="utf-8", errors="replace")
            return starts, " ".join(words[-600:].split()) or f"wait status {status}"


def _watched(pid: int, plan: Plan, venue: VenueProcess) -> int:
    """The runner's wait status; the venue is started again where it dies meanwhile."""
    diary, seen, since = plan.diary.path, -1, time.monotonic()
    try:
        while True:
            done, status = os.waitpid(pid, os.WNOHANG)
            if done:
                return status
            venue.revive()
            size = diary.stat().st_size if diary.exists() else 0
            if size != seen:
                seen, since = size, time.monotonic()
            elif time.monotonic() - since > STUCK_S:
                os.kill(pid, signal.SIGABRT)
                since = time.monotonic()
            time.sleep(0.01)
    except BaseException:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        raise


def _forked(plan: Plan, port: int) -> int:
    """The process id of a runner."""
    sys.stdout.flush()
    sys.stderr.flush()
    pid = os.fork()
    if pid:
        return pid
    status = 1
    try:
        log = os.open(plan.folder / "runner.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        os.dup2(log, 1)
        os.dup2(log, 2)
        session.run(plan, port)
        status = 0
    except NeverAtRestError as error:
        sys.stderr.write(f"{error}\n")
        status = NEVER_AT_REST
    except BaseException:  # noqa: BLE001 - a forked process ends here, whatever ends it
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(status)
