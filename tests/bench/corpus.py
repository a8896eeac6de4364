"""What the benchmarks measure on: a busy simulated session, its journal and its events.

shape   `Corpus(size, folder)`; `url` of the journal, `records` in it, `order_events` among them
why     real events of a real session: their kinds, sizes and order are those of the work, and the
        journal folds and replays. All of it is a function of the seed
"""

from functools import cached_property
from pathlib import Path

import msgspec

from core.contract import Broker, Config, Market, Rate, Risk, Strategy
from core.events import Event
from core.state import State
from core.values import DecimalText
from journal import Head, Recorded, open_journal
from live.inputs import read_inputs, started, what_is_new
from live.opening import opened
from live.runner import Runner
from tests.bench.history import extend

ORDER_EVENT_BYTES = range(300, 501)
"""What counts as the size of an order event; the larger and smaller kinds are left out."""

ROOT = Path(__file__).resolve().parent.parent.parent
BUSY = str(Path(__file__).with_name("busy.py")) + ":Busy"


class Size(msgspec.Struct, frozen=True, kw_only=True):
    """How much is measured: of the session, of commits, of rounds, and of rows shown.

    `few`, `some` and `many` are the events of a journal whose length is what is measured.
    """

    symbols: int
    cycles: int | None
    commits: int
    rounds: int
    rows: int
    few: int
    some: int
    many: int


FULL = Size(
    symbols=8,
    cycles=None,
    commits=400,
    rounds=3,
    rows=5_000,
    few=10_000,
    some=100_000,
    many=1_000_000,
)
QUICK = Size(symbols=2, cycles=8, commits=4, rounds=1, rows=50, few=100, some=200, many=1_000)


class Session(msgspec.Struct, frozen=True):
    """What a session left: the journal's head, and the state there."""

    head: Head
    state: State


class Corpus:
    """A session's journal in `folder`, made when it is first asked for."""

    def __init__(self, size: Size, folder: Path) -> None:
        self.size = size
        self.folder = folder
        self._files = 0

    def new_path(self) -> Path:
        """A path in the folder where nothing is yet."""
        self._files += 1
        return self.folder / f"{self._files}.db"

    def run_session(self, url: str) -> Session:
        """One session of the busy strategy on a new journal, as `run` does it."""
        return run_session(self.size, url)

    def long_journal(self, events: int) -> str:
        """The URL of a new journal of at least `events`: a session, and its day again and again."""
        url = f"sqlite:///{self.new_path()}"
        self.run_session(url)
        extend(url, events)
        return url

    @cached_property
    def few(self) -> str:
        """A journal of the fewest events."""
        return self.long_journal(self.size.few)

    @cached_property
    def many(self) -> str:
        """A journal of the most."""
        return self.long_journal(self.size.many)

    @cached_property
    def path(self) -> Path:
        """The journal's file, closed and whole."""
        path = self.new_path()
        self.run_session(f"sqlite:///{path}")
        return path

    @property
    def url(self) -> str:
        """The journal's URL."""
        return f"sqlite:///{self.path}"

    @cached_property
    def records(self) -> list[Recorded]:
        """Everything in the journal."""
        with open_journal(self.url, read_only=True) as journal:
            return list(journal.read())

    @cached_property
    def order_events(self) -> list[Event]:
        """The events about an order that are of an order event's size."""
        return [
            record.event
            for record in self.records
            if len(record.payload) in ORDER_EVENT_BYTES and is_about_order(record.event)
        ]

    @cached_property
    def orders(self) -> int:
        """How many events are about an order."""
        return sum(is_about_order(record.event) for record in self.records)


def is_about_order(event: Event) -> bool:
    """Whether the event names an order."""
    return getattr(event, "client_order_id", None) is not None


def config_of(symbols: int, url: str) -> Config:
    """The configuration of the benchmarks' sessions: the half day after Thanksgiving."""
    return Config(
        journal=url,
        name="bench",
        symbols=tuple(f"S{number:03}" for number in range(symbols)),
        strategy=Strategy(target=BUSY),
        market=Market(days=1),
        broker=Broker(cash=DecimalText("1000000")),
        risk=Risk(gross_exposure_max=DecimalText("1000000")),
        rate=Rate(per_minute=1_000),
    )


def run_session(size: Size, url: str) -> Session:
    """The simulated half day, or its first cycles."""
    config = config_of(size.symbols, url)
    inputs = read_inputs(config)
    with opened(inputs) as (committer, broker):
        runner = Runner(committer, broker, inputs.feed)
        runner.start(
            lambda: what_is_new(inputs, committer.state),
            started(inputs, lambda: max(inputs.now, committer.state.now)),
        )
        runner.stop(runner.run(size.cycles))
        return Session(committer.head, committer.state)
