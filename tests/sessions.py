"""Real short sessions: the real runner, feed, venue and journal, in a folder of the test's own.

shape   run_session(folder, cycles=…, strategy=…) -> the journal's URL
        refold("replay", url) -> what `bin/refold` said, as a process with its own hash seed
"""

import json
import os
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from core.contract import Broker, Config, Market, Risk, Strategy
from core.events import Event
from core.events.lifecycle import JournalCreated
from core.values import DecimalText
from journal import create_journal, open_journal
from live.inputs import read_inputs, started, what_is_new
from live.opening import opened
from live.runner import Runner

ROOT = Path(__file__).resolve().parent.parent
CYCLES = 40
TRADES = """
from core.strategy import OrderRequest

class Trades:
    def decide(self, view):
        for place, symbol in enumerate(view.symbols):
            if (view.cycle + place) % 7 == 0:
                continue
            side = "buy" if (view.cycle + place) % 4 < 2 else "sell"
            held = abs(view.positions.get(symbol, 0))
            quantity = held or view.rng.randrange(1, 9) * 10
            yield OrderRequest(symbol, side, quantity, reason="trades")
"""
"""A strategy without fault that trades all the time."""


class Said(NamedTuple):
    """What a process said."""

    status: int
    document: dict[str, object]
    errors: str


def run_session(
    folder: Path,
    *,
    cycles: int = CYCLES,
    source: str = TRADES,
    name: str = "Trades",
    seed: int = 42,
    risk: Risk | None = None,
    signals: str = "",
) -> str:
    """Run a session of `cycles` with the strategy class `name` of `source`; the journal's URL."""
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "strategy.py"
    file.write_text(source, encoding="utf-8")
    url = f"sqlite:///{folder}/main.db"
    config = Config(
        journal=url,
        seed=seed,
        symbols=("AAPL", "MSFT"),
        strategy=Strategy(target=f"{file}:{name}"),
        risk=risk or Risk(),
        market=Market(signals=signals),
        broker=Broker(
            reject_rate=DecimalText("0.05"),
            lost_request_rate=DecimalText("0.05"),
            lost_answer_rate=DecimalText("0.05"),
        ),
    )
    inputs = read_inputs(config)
    with opened(inputs) as (committer, broker):
        runner = Runner(committer, broker, inputs.feed, signals=inputs.signals)
        runner.start(
            lambda: what_is_new(inputs, committer.state),
            started(inputs, lambda: max(inputs.now, committer.state.now)),
        )
        runner.stop(runner.run(cycles))
    return url


def events_of(url: str) -> list[Event]:
    """Every event of a journal."""
    with open_journal(url, read_only=True) as journal:
        return [recorded.event for recorded in journal.read()]


def forge(path: Path, events: Iterable[Event]) -> str:
    """A journal of these events, with a good chain; its URL."""
    first, *rest = events
    assert isinstance(first, JournalCreated)
    url = f"sqlite:///{path}"
    with create_journal(url, first, recorded_at=first.observed_at) as journal:
        journal.append(rest, expected=journal.head, epoch=1, recorded_at=first.observed_at)
    return url


def refold(*words: str) -> Said:
    """`bin/refold WORDS --json` as a process of its own."""
    environment = {name: text for name, text in os.environ.items() if name != "PYTHONHASHSEED"}
    done = subprocess.run(
        [sys.executable, "-m", "bin.cli", *words, "--json"],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    document = json.loads(done.stdout) if done.stdout.strip() else {}
    return Said(done.returncode, document, done.stderr)
