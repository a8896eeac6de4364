"""What the tests of the stores share: budgets on them, and processes that spend them."""

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from live.rate.budget import Permit, RateBudget, Refusal
from live.rate.file import FileStore
from live.rate.store import Store
from live.rate.window import SECOND, Rules
from tests.cli.command import ROOT, environment

LIMIT = 10
RESERVE = 3


def budget(store: Store, *, window_s: float = 60, **how: Any) -> RateBudget:
    """A budget of ten calls, three of them reserved."""
    rules = Rules(limit=LIMIT, reserve=RESERVE, window=int(window_s * SECOND))
    return RateBudget(store, rules, "account", **how)


def in_file(folder: Path, **how: Any) -> RateBudget:
    """The same in a file of `folder`, opened anew: as another process has it."""
    return budget(FileStore(folder), **how)


def granted(budget: RateBudget, asked: int = 99, *, reserve: bool = False) -> int:
    """How many permits there are when one asks for `asked` of them, one by one."""
    permits = [budget.take(reserve=reserve) for _ in range(asked)]
    return sum(isinstance(permit, Permit) for permit in permits)


def why(budget: RateBudget, *, reserve: bool = False) -> str:
    """Why there is no permit."""
    refusal = budget.take(reserve=reserve)
    assert isinstance(refusal, Refusal), refusal
    return refusal.why


def spending(**words: object) -> "subprocess.Popen[str]":
    """A process that spends a budget (tests/rate/spender.py)."""
    return subprocess.Popen(
        [sys.executable, "-m", "tests.rate.spender", json.dumps(words)],
        cwd=ROOT,
        env=environment(PYTHONPATH=os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def said(process: "subprocess.Popen[str]") -> list[dict[str, Any]]:
    """Every line of a spender that ended well, or was killed."""
    out, err = process.communicate(timeout=60)
    assert process.returncode in (0, -9), err
    lines = [line for line in out.splitlines(keepends=True) if line.endswith("\n")]
    return [json.loads(line) for line in lines]


def most_in_a_window(stamps: Sequence[int], window: int) -> int:
    """The most stamps in any stretch of `window`, its end not included."""
    ordered = sorted(stamps)
    most = first = 0
    for last, stamp in enumerate(ordered):
        while ordered[first] <= stamp - window:
            first += 1
        most = max(most, last - first + 1)
    return most
