"""What a runner asks of the venue in a minute, its stream healthy and dead, by the venue's own log.

usage   python -m tests.rate.polling [SECONDS]: a table of both, with the default settings
shape   `polled(folder, seconds, dead=…)` -> calls a minute by method and path, once it is started
"""

import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from subprocess import Popen
from typing import Any

from tests.cli.command import ended
from tests.real.world import Drill, drill

STARTED_S = 90


@contextmanager
def running(here: Drill) -> Iterator["Popen[str]"]:
    """A runner on the venue's own market, ended in the end."""
    process = here.started("run", "--config", "c.toml", "--json")
    try:
        yield process
        process.send_signal(signal.SIGTERM)
        assert ended(process).status == 0
    finally:
        process.kill()
        process.wait()


def polled(
    folder: Path, seconds: float, *, dead: bool, cycle_s: int = 60, **broker: Any
) -> Counter[str]:
    """Calls by method and path in `seconds` of a runner that has started."""
    with drill(folder, "--always-open") as here:
        here.keep_quoting()
        here.configure(market="alpaca", broker=broker)
        here.file.write_text(
            here.file.read_text("utf-8").replace("cycle_s = 1\n", f"cycle_s = {cycle_s}\n"), "utf-8"
        )
        if dead:
            here.venue.arm("connect_429", times=1_000_000)
        with running(here):
            _await_start(here, dead=dead)
            before = here.venue.get("calls")[-1]["number"]
            time.sleep(seconds)
            calls = here.venue.get(f"calls?after={before}")
    return Counter(f"{call['method']} {call['path']}" for call in calls)


def _await_start(here: Drill, *, dead: bool) -> None:
    """Until it has compared, and its stream is what it is to be."""
    until = time.monotonic() + STARTED_S
    while True:
        paths = Counter(call["path"] for call in here.venue.get("calls"))
        listening = here.venue.get("state")["listening"]
        if paths["/v2/account"] > 1 and (dead or listening):
            return
        assert time.monotonic() < until, paths
        time.sleep(0.1)


def both(folder: Path, seconds: float, **how: Any) -> tuple[Counter[str], Counter[str]]:
    """(healthy, dead), measured side by side."""
    with ThreadPoolExecutor(2) as pool:
        healthy, dead = (
            pool.submit(polled, folder / f"dead-{is_dead}", seconds, dead=is_dead, **how)
            for is_dead in (False, True)
        )
        return healthy.result(), dead.result()


def main() -> None:
    """The table."""
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 180.0
    defaults = {"reconcile_every_s": "60", "reconcile_down_every_s": "15", "read_timeout_s": "10"}
    with tempfile.TemporaryDirectory() as folder:
        found = both(Path(folder), seconds, **defaults)
    for name, calls in zip(("healthy", "dead"), found, strict=True):
        print(f"{name}: {calls.total() * 60 / seconds:.1f} requests a minute")
        for path, count in sorted(calls.items()):
            print(f"  {count * 60 / seconds:6.1f}  {path}")


if __name__ == "__main__":
    main()
