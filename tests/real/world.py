"""A venue, a folder and a runner between them: what the tests of the whole share.

shape   `drill(folder, …)` -> `Drill`: the venue, its keys and addresses, the words of a run
        `Drill.session(…)` runs the real runner in this process, `Drill.refold(…)` in one of its own
market  recorded minutes of 2024 against a venue of today, quoted at one and the same price
"""

import json
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from decimal import Decimal
from pathlib import Path
from subprocess import Popen
from typing import Any

from core.events import Event
from core.state import State
from live.brokers.real import Real
from live.committer import Listener
from live.configuration import load
from live.inputs import read_inputs, started, what_is_new
from live.opening import opened
from live.realtime import RealtimeRunner
from tests.cli import command
from tests.cli.command import Ran
from tests.cli.world import HEADER
from tests.venue.process import Running, start

KEY_ID = "PKMADEUPOFTHEDRILL01"  # pragma: allowlist secret
SECRET = "MadeUpSecretOfTheDrill/0123456789+x"  # pragma: allowlist secret
KEYS = {"APCA_API_KEY_ID": KEY_ID, "APCA_API_SECRET_KEY": SECRET}
JOURNAL = "sqlite:///j.db"
QUOTE = {"bid": "100.00", "ask": "100.02", "bid_size": 10**6, "ask_size": 10**6}
SYMBOLS = ("AAPL", "MSFT")

PLAN = '''"""Does in each cycle what a table says: {cycle: [(symbol, side, quantity, limit)]}."""

import json

from core.strategy import OrderRequest


class Plan:
    """A table given as text, for a parameter is one value."""

    def __init__(self, plan="{}"):
        self.plan = json.loads(plan)

    def decide(self, view):
        for symbol, side, quantity, limit in self.plan.get(str(view.cycle), []):
            yield OrderRequest(symbol, side, quantity, limit_price=limit)
'''
FLIP = '''"""Buys where flat, sells what is held, at the touch or where it rests."""

from core.strategy import OrderRequest


class Flip:
    """Every third order of a symbol rests where nobody trades."""

    def decide(self, view):
        for symbol in view.symbols:
            if any(intent.symbol == symbol for intent in view.open_intents):
                continue
            held = view.positions.get(symbol, 0)
            quote = view.quotes[symbol]
            if held:
                yield OrderRequest(symbol, "sell", abs(held), limit_price=quote.bid)
            elif view.rng.random() < 0.3:
                yield OrderRequest(symbol, "buy", 1, limit_price=quote.bid - 1)
            else:
                yield OrderRequest(symbol, "buy", 10, limit_price=quote.ask)
'''


class Drill:
    """One folder, one account."""

    def __init__(self, folder: Path, venue: Running, symbols: Sequence[str] = SYMBOLS) -> None:
        self.folder = folder
        self.venue = venue
        self.symbols = symbols
        self.events: list[Event] = []

    @property
    def file(self) -> Path:
        """The configuration's file."""
        return self.folder / "c.toml"

    def configure(self, *, mode: str | None = "paper", market: str = "", **tables: Any) -> Path:
        """Write c.toml: the venue's four endpoints, short times, and what is asked besides."""
        url = self.venue.ready["trading_url"]
        broker = {
            "trading_url": url, "data_url": url,
            "trading_stream_url": self.venue.ready["trading_stream_url"],
            "data_stream_url": url.replace("http", "ws", 1),
            "connect_timeout_s": "1", "read_timeout_s": "0.4", "settle_s": "0.6", "looks": 2,
            "look_interval_s": "0.2", "retry_after_s": "0.3", "reconcile_every_s": "1",
            "send_within_s": "20",
            "reconcile_down_every_s": "1",
        }  # fmt: skip
        whole: dict[str, dict[str, Any]] = {
            "market": {"source": market} if market else {},
            "strategy": {"target": f"{self.folder}/plan.py:Plan"},
            "broker": broker,
            "rate": {"per_minute": 100_000},
        }
        if market == "alpaca":
            whole["market"]["cycle_s"] = 1
        for name, table in tables.items():
            whole.setdefault(name, {}).update(table)
        top = [f'mode = "{mode}"'] if mode else []
        top += [
            f'journal = "sqlite:///{self.folder}/j.db"',
            f"symbols = {json.dumps(self.symbols)}",
        ]
        lines = [*top]
        for name, table in whole.items():
            lines += [f"[{name}]", *(f"{key} = {_toml(value)}" for key, value in table.items())]
        self.file.write_text("\n".join(lines) + "\n", encoding="utf-8")
        return self.file

    def plan(self, plan: dict[int, list[tuple[str, str, int, str]]], **tables: Any) -> None:
        """A run of recorded minutes that does this, cycle by cycle."""
        parameters = {"parameters": {"plan": json.dumps(plan)}}
        target = {"target": f"{self.folder}/plan.py:Plan", **parameters}
        self.configure(market=f"csv:{self.folder}/quotes.csv", strategy=target, **tables)

    def session(
        self,
        cycles: int | None = 1,
        listener: Listener = lambda _: None,
        stopping: Callable[[], bool] = lambda: False,
    ) -> State:
        """The real runner, in this process, from its start to its end; the state it ends with."""
        loaded = load(str(self.file), KEYS, {})
        inputs = read_inputs(loaded.config, loaded.secrets, None)
        assert isinstance(inputs.real, Real)

        def hear(events: Sequence[Event]) -> None:
            self.events.extend(events)
            listener(events)

        with opened(inputs, listener=hear) as (committer, _):
            runner = RealtimeRunner(
                committer, inputs.real.broker, inputs.feed,
                clock=inputs.real.clock, waiting=inputs.real.waiting, stopping=stopping,
            )  # fmt: skip
            runner.start(
                lambda: what_is_new(inputs, committer.state),
                started(inputs, lambda: max(inputs.now, committer.state.now)),
            )
            runner.stop(runner.run(cycles))
            return committer.state

    def refold(self, *words: object, **env: str) -> Ran:
        """One command in a process of its own, given the keys."""
        return command.refold(*words, cwd=self.folder, env={**KEYS, **env})

    def started(self, *words: object, **env: str) -> "Popen[str]":
        """A command that is not waited for."""
        return command.started(*words, cwd=self.folder, env={**KEYS, **env})

    def run(self, *more: object, **env: str) -> Ran:
        """`run` of the configuration."""
        return self.refold("run", "--config", "c.toml", "--json", *more, **env)

    def rows(self, *show: object) -> list[dict[str, Any]]:
        """The rows of a projection, by the command line."""
        ran = self.refold("show", *show, "--journal", JOURNAL, "--json")
        assert ran.status == 0, ran
        rows: list[dict[str, Any]] = ran.json["rows"]
        return rows

    def assert_sound(self) -> None:
        """The journal verifies and replays to the same decisions."""
        command.assert_sound(self.folder, JOURNAL)

    def assert_agrees(self, state: State) -> None:
        """Journal and venue say the same of every order, its fills, its end, and the positions."""
        truth = self.venue.get("state")
        theirs = {one["client_order_id"]: one for one in truth["orders"]}
        known = {**state.intents, **dict(state.closed.items())}
        assert set(theirs) <= set(known), "an order the journal does not know"
        for order_id, intent in known.items():
            order = theirs.get(order_id)
            if order is None:
                assert intent.filled == 0, intent
                assert intent.reported_status is None, intent
                continue
            assert intent.filled == Decimal(order["filled_qty"]), (order, intent)
            assert intent.reported_status == order["status"], (order, intent)
        held = {s: Decimal(q) for s, q in truth["positions"].items() if Decimal(q)}
        assert {s: state.position(s) for s in state.held()} == held

    def orders(self) -> list[dict[str, Any]]:
        """The venue's orders."""
        orders: list[dict[str, Any]] = self.venue.get("state")["orders"]
        return orders

    def venue_status(self, order_id: str) -> str:
        """The status of one order by the venue's own id."""
        (found,) = [one for one in self.orders() if one["id"] == order_id]
        status: str = found["status"]
        return status

    def keep_quoting(self) -> None:
        """Quotes as fresh as the venue's clock, until the venue ends."""
        own = Running(self.venue.process, self.venue.ready)

        def quote() -> None:
            with suppress(OSError, AssertionError):
                while own.process.poll() is None:
                    own.post("quotes", {symbol: dict(QUOTE) for symbol in self.symbols})
                    time.sleep(1)

        threading.Thread(target=quote, daemon=True).start()

    def posts(self) -> dict[str, int]:
        """How often each client order id was posted."""
        posts: dict[str, int] = self.venue.get("state")["posts"]
        return posts

    def writes(self) -> list[dict[str, Any]]:
        """Every call at the venue that is no GET."""
        return [call for call in self.venue.get("calls") if call["method"] != "GET"]


def minutes(count: int, symbols: Sequence[str] = SYMBOLS) -> str:
    """A market file: the same quotes, a minute after a minute."""
    lines = [HEADER]
    for slot in range(count):
        time = f"2024-03-04T{14 + slot // 60:02d}:{slot % 60:02d}:00Z"
        lines += [
            f"{time},{symbol},{QUOTE['bid']},{QUOTE['ask']},900,800,{QUOTE['bid']},5000"
            for symbol in symbols
        ]
    return "\n".join(lines) + "\n"


@contextmanager
def drill(
    folder: Path, *arguments: str, slots: int = 60, symbols: Sequence[str] = SYMBOLS
) -> Iterator[Drill]:
    """A venue beside a folder, quoting; where one died, it goes on."""
    folder.mkdir(exist_ok=True)
    (folder / "plan.py").write_text(PLAN, encoding="utf-8")
    (folder / "flip.py").write_text(FLIP, encoding="utf-8")
    (folder / "quotes.csv").write_text(minutes(slots, symbols), encoding="utf-8")
    keys = ("--key-id", KEY_ID, "--secret", SECRET, "--requests-per-minute", "1000000")
    outside = folder.parent / f"{folder.name}-venue"
    outside.mkdir(exist_ok=True)
    with ExitStack() as stack:
        running = stack.enter_context(start(outside / "venue.db", *keys, *arguments, quotes=False))
        running.post("quotes", {symbol: dict(QUOTE) for symbol in symbols})
        yield Drill(folder, running, symbols)


def _toml(value: object) -> str:
    if isinstance(value, dict):
        inner = ", ".join(f"{key} = {_toml(one)}" for key, one in value.items())
        return f"{{ {inner} }}"
    return json.dumps(value)
