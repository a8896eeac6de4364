"""How a row is measured: ours and the other in turn, in one run, and the medians of both.

shape   Row(name, ours, other, ratio, unit); ratio = ours / other
units   a time ("µs a commit"): less is better, a ratio of 1.2 is a fifth slower than the other
        a rate ("events a CPU-second"): more is better, a ratio of 1.2 is a fifth faster
clocks  WALL where the disk is what is measured, CPU elsewhere: a busy machine disturbs it least
why     absolute times of two runs cannot be compared on a shared machine; two medians whose samples
        were taken in turn, A B A B, can
"""

import time
from collections.abc import Callable
from statistics import median

import msgspec

Clock = Callable[[], int]
Task = Callable[[], object]

WALL: Clock = time.perf_counter_ns
CPU: Clock = time.process_time_ns


class DifferentError(Exception):
    """Ours and the other did not come to the same end, so comparing them says nothing."""


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """One line of the benchmark."""

    name: str
    ours: float
    other: float
    ratio: float
    unit: str


def in_turn(ours: Task, other: Task, *, rounds: int, warm_up: int, clock: Clock) -> tuple[int, int]:
    """The median nanoseconds of each, run A B A B; the first `warm_up` rounds do not count."""

    def taking(task: Task) -> Callable[[], int]:
        def spent() -> int:
            start = clock()
            task()
            return clock() - start

        return spent

    return told_in_turn(taking(ours), taking(other), rounds=rounds, warm_up=warm_up)


def told_in_turn(
    ours: Callable[[], int], other: Callable[[], int], *, rounds: int, warm_up: int
) -> tuple[int, int]:
    """The same of two that say themselves what they took."""
    samples: tuple[list[int], list[int]] = ([], [])
    for number in range(warm_up + rounds):
        for task, taken in zip((ours, other), samples, strict=True):
            spent = task()
            if number >= warm_up:
                taken.append(spent)
    return round(median(samples[0])), round(median(samples[1]))


def times(name: str, taken: tuple[int, int], *, each: int, unit: str) -> Row:
    """A row of times: `taken` nanoseconds for `each` pieces; the unit says ms or µs."""
    scale = (1e6 if unit.startswith("ms") else 1e3) * each
    return row(name, taken[0] / scale, taken[1] / scale, unit)


def rates(name: str, taken: tuple[int, int], *, each: int, unit: str) -> Row:
    """A row of rates: `each` pieces in `taken` nanoseconds."""
    ours, other = (each * 1e9 / max(nanoseconds, 1) for nanoseconds in taken)
    return row(name, ours, other, unit)


def row(name: str, ours: float, other: float, unit: str) -> Row:
    """A row of two numbers, four digits each."""
    ratio = _short(ours / other) if other else 0.0
    return Row(name=name, ours=_short(ours), other=_short(other), ratio=ratio, unit=unit)


def _short(value: float) -> float:
    return float(f"{value:.4g}")
