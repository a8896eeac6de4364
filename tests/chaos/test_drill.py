"""`refold chaos`, whole: real venue, real runners, real deaths, and what its report says."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.cli.command import ROOT, Ran, refold

BUSY = '''"""Trades every cycle: buys where flat, sells what is held, at the touch."""

from core.strategy import OrderRequest


class Busy:
    window = 1

    def decide(self, view):
        for symbol in view.symbols:
            if symbol in view.quotes and not any(i.symbol == symbol for i in view.open_intents):
                held, quote = view.positions.get(symbol, 0), view.quotes[symbol]
                if held:
                    yield OrderRequest(symbol, "sell", abs(held), limit_price=quote.bid)
                else:
                    yield OrderRequest(symbol, "buy", 10, limit_price=quote.ask)


class Raises:
    window = 1

    def decide(self, view):
        raise ZeroDivisionError


class Idle:
    window = 1

    def decide(self, view):
        return []
'''
FAULTS = "reset_after,error_before,error_after,html,late_visible,partial_fill,late_reject"


def busy(folder: Path, name: str = "Busy") -> str:
    """The target of a strategy in a file of the user's own."""
    (folder / "busy.py").write_text(BUSY, encoding="utf-8")
    return f"{folder}/busy.py:{name}"


def drill(folder: Path, *words: object) -> Ran:
    """`chaos` of a user's own strategy, small."""
    return refold("chaos", *words, "--symbols", "AAPL,MSFT", "--json", cwd=folder)


def equal_part(ran: Ran) -> dict[str, Any]:
    """The report without what hangs on the machine's speed."""
    document: dict[str, Any] = ran.json
    return {name: value for name, value in document.items() if name != "times"}


def test_a_drill_keeps_every_promise_and_one_seed_tells_the_same_twice(tmp_path: Path) -> None:
    words = ("--strategy", busy(tmp_path), "--seed", 6, "--cycles", 8, "--faults", FAULTS)
    first = drill(tmp_path, *words)
    assert first.status == 0, first
    report = first.json
    assert report["never"] == []
    assert report["kills"] > 0
    assert (report["duplicates"], report["lost_orders"], report["lost_fills"]) == (0, 0, 0)
    (row,) = report["rows"]
    assert (row["verify"], row["replay"], row["unresolved"]) == (True, True, 0)
    assert equal_part(drill(tmp_path, *words)) == equal_part(first)


def test_a_fresh_id_for_what_was_not_answered_is_found(tmp_path: Path) -> None:
    words = ["--plant", "fresh-id", "--strategy", busy(tmp_path), "--seeds", "6-6"]
    words += ["--cycles", "3", "--faults", "error_after", "--json"]
    done = subprocess.run(
        [sys.executable, "-m", "tests.campaign.chaos", *words],
        cwd=ROOT, capture_output=True, text=True, timeout=280, check=False,
    )  # fmt: skip
    assert done.returncode == 1, done.stderr
    assert json.loads(done.stdout)["duplicates"] > 0


def test_a_strategy_that_raises_or_asks_for_nothing_is_told_in_one_line(tmp_path: Path) -> None:
    words = ("--strategy", busy(tmp_path, "Raises"), "--strategy", busy(tmp_path, "Idle"))
    ran = drill(tmp_path, *words, "--seed", 6, "--cycles", 3, "--faults", "html")
    assert ran.status == 1
    raises, idle = sorted(ran.json["problems"][:2], key=lambda line: "Idle" in line)
    assert "nothing was tested: the strategy raised" in raises
    assert "signal.failed" in raises
    assert "signal.none" in idle


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--strategy", "nowhere.py:None"), "expected a Python file or module"),
        (("--seeds", "9-3"), "expected FIRST-LAST"),
        (("--faults", "tsunami"), "found tsunami"),
        (("--market", "alpaca"), "found alpaca"),
    ],
)
def test_what_cannot_run_is_refused_before_anything_starts(
    words: tuple[str, ...], told: str, tmp_path: Path
) -> None:
    ran = drill(tmp_path, *words)
    assert ran.status == 2
    assert told in " ".join(ran.complaints)
