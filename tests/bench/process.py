"""Benchmarks that need a process of their own: how long a start takes, how much memory a fold.

use     python -m tests.bench.process start URL SYMBOLS | fold URL EVENTS
says    start: the clock when the first append was durable, ns; what comes behind it (the runner's
        end, which keeps a snapshot) is not measured. fold: the peak of resident memory, bytes
"""

import resource
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

from core.evolve import evolve
from core.state import INITIAL
from journal import open_journal
from live.inputs import read_inputs, started, what_is_new
from live.opening import opened
from live.runner import Runner
from tests.bench.corpus import ROOT, Corpus, Size, config_of
from tests.bench.measure import Row, row, times, told_in_turn

MEGABYTE = 1e6


def restarting(corpus: Corpus, name: str, *, many: bool) -> Row:
    """From exec to the first durable append, against the same on no journal at all."""
    url = corpus.many if many else corpus.few
    taken = told_in_turn(
        partial(_start, corpus.size, url),
        lambda: _start(corpus.size, f"sqlite:///{corpus.new_path()}"),
        rounds=(corpus.size.rounds + 1) // 2,
        warm_up=1,
    )
    return times(name, taken, each=1, unit="ms from exec to append")


def remembering(corpus: Corpus, name: str) -> Row:
    """The peak of a process that folds all of a long journal, against one that folds its start."""
    ours, other = (_said("fold", corpus.many, n) for n in (corpus.size.many, corpus.size.some))
    return row(name, ours / MEGABYTE, other / MEGABYTE, "MB resident, peak")


def _start(size: Size, url: str) -> int:
    begun = time.perf_counter_ns()
    return _said("start", url, size.symbols) - begun


def _said(*words: object) -> int:
    """The number that this module says as a process of its own."""
    command = [sys.executable, "-m", __name__, *map(str, words)]
    done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True)
    return int(done.stdout)


def start(url: str, symbols: int) -> None:
    """Open as `run` does, claim the journal, say when, and stop."""
    config = config_of(symbols, url)
    inputs = read_inputs(config)
    with opened(inputs) as (committer, broker):
        runner = Runner(committer, broker, inputs.feed)
        begins = started(inputs, lambda: max(inputs.now, committer.state.now))
        committer.claim(lambda: what_is_new(inputs, committer.state), begins)
        print(time.perf_counter_ns(), flush=True)
        runner.stop("completed")


def fold(url: str, events: int) -> None:
    """Fold the first `events` of a journal, every byte checked, and say the peak."""
    state = INITIAL
    with open_journal(url, read_only=True) as journal:
        for _, event in journal.events(limit=events):
            state = evolve(state, event)
    print(peak_bytes())


def peak_bytes() -> int:
    """The peak of this process's resident memory.

    Linux counts in `ru_maxrss` what the parent had before exec; its own peak is in /proc.
    """
    status = Path("/proc/self/status")
    if status.exists():
        lines = status.read_text(encoding="ascii").splitlines()
        (line,) = (line for line in lines if line.startswith("VmHWM:"))
        return int(line.split()[1]) * 1024
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak * (1 if sys.platform == "darwin" else 1024)


if __name__ == "__main__":
    {"start": start, "fold": fold}[sys.argv[1]](sys.argv[2], int(sys.argv[3]))
