"""Four processes with the adapter itself, one account, one venue: what the venue's own log says."""

import json
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from subprocess import Popen

from live.venue.clock import SECOND, ns_of
from tests.rate.world import most_in_a_window, spending
from tests.venue.process import Running, start

LIMIT = 24
WINDOW_S = 2
READY_S = 120


@contextmanager
def four(venue: Running, folder: Path, seconds: float) -> Iterator[list["Popen[str]"]]:
    """Four processes that are about to call as fast as they may."""
    with ExitStack() as stack:
        processes = [
            stack.enter_context(
                spending(
                    store=str(folder), limit=LIMIT, window_s=WINDOW_S, seconds=seconds,
                    flight_s=5, url=venue.ready["trading_url"],
                    key_id=venue.ready["key_id"], secret=venue.ready["secret"],
                )
            )
            for _ in range(4)
        ]  # fmt: skip
        for process in processes:
            stack.callback(process.kill)
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
        yield processes


def test_four_processes_keep_the_limit_and_all_heed_one_retry_after(tmp_path: Path) -> None:
    """By the venue's own stamps. The 429 comes in the middle and is told to one of the four."""
    arguments = ("--requests-per-minute", "1000000")
    with (
        start(tmp_path / "venue.db", *arguments) as venue,
        four(venue, tmp_path / "rate", 12) as processes,
    ):
        for process in processes:
            assert process.stdin is not None
            process.stdin.write("go\n")
            process.stdin.flush()
        time.sleep(3.5)
        venue.arm("rate_limited", seconds=7, method="GET", path="/v2/account")
        said = [json.loads(process.communicate(timeout=READY_S)[0]) for process in processes]
        calls = venue.get("calls")

    assert all(process.returncode == 0 for process in processes)
    assert all(answers.get("rate_limited", 0) > 0 for answers in said), said
    assert sum(answers.get("429", 0) for answers in said) == 1
    stamps = [ns_of(call["time"]) for call in calls]
    assert len(stamps) > LIMIT
    assert most_in_a_window(stamps, WINDOW_S * SECOND) <= LIMIT
    (limited,) = [ns_of(call["time"]) for call in calls if call["fault"] == "rate_limited"]
    # one that had left before the 429 was heard may still arrive
    heard = limited + SECOND // 2
    assert [at for at in stamps if heard < at < limited + 7 * SECOND] == []
    assert [at for at in stamps if at >= limited + 7 * SECOND]
