"""Sessions whose state is kept: run in pieces, in this process, in a folder of the test's own.

shape   session(folder, cycles) runs some more cycles of the folder's journal; `running` gives the
        runner after its start; `folded(url)` is the state folded from sequence 1
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from core.contract import Broker, Config, Projections, Strategy
from core.evolve import evolve
from core.state import INITIAL, State
from core.values import DecimalText
from journal import Head, open_journal
from live.inputs import read_inputs, started, what_is_new
from live.opening import opened
from live.runner import Runner
from tests.sessions import TRADES

EVERY = 60
"""Events: a few cycles of these sessions."""


def url_of(folder: Path) -> str:
    """The journal in a folder."""
    return f"sqlite:///{folder}/main.db"


def snapshot_of(folder: Path) -> Path:
    """Its snapshot."""
    return folder / "main.db.snapshot"


def config_of(folder: Path, url: str | None = None, *, every: int = EVERY) -> Config:
    """A session with faults of the venue; its strategy is written into the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "strategy.py"
    file.write_text(TRADES, encoding="utf-8")
    return Config(
        journal=url_of(folder) if url is None else url,
        symbols=("AAPL", "MSFT"),
        strategy=Strategy(target=f"{file}:Trades"),
        broker=Broker(
            reject_rate=DecimalText("0.05"),
            lost_request_rate=DecimalText("0.05"),
            lost_answer_rate=DecimalText("0.05"),
        ),
        projections=Projections(snapshot_every=every),
    )


@contextmanager
def running(folder: Path, url: str | None = None, *, every: int = EVERY) -> Iterator[Runner]:
    """A runner that has started."""
    inputs = read_inputs(config_of(folder, url, every=every))
    with opened(inputs) as (committer, broker):
        runner = Runner(committer, broker, inputs.feed)
        runner.start(
            lambda: what_is_new(inputs, committer.state),
            started(inputs, lambda: max(inputs.now, committer.state.now)),
        )
        yield runner


def session(folder: Path, cycles: int, url: str | None = None, *, every: int = EVERY) -> Head:
    """Some more cycles; the head behind them."""
    with running(folder, url, every=every) as runner:
        runner.stop(runner.run(cycles))
        return runner.committer.head


def folded(url: str) -> State:
    """The fold of a journal from its first event."""
    state = INITIAL
    with open_journal(url, read_only=True) as journal:
        for recorded in journal.read():
            state = evolve(state, recorded.event)
    return state
