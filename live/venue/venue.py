"""The venue with its file: everything its faces share, and the one place that writes.

shape   memory (engine, faults, clock, settings) <-> documents of the store; a start reads them all
dies    see store.py: `commit` is one transaction, and it stands before every answer and message
"""

from decimal import Decimal
from pathlib import Path
from typing import NamedTuple

import msgspec

from live.venue.book import Execution, Order, Quote
from live.venue.clock import Calendar, VenueClock
from live.venue.data import DataApi
from live.venue.engine import Engine
from live.venue.faults import Armed, Fault, Faults
from live.venue.rest import TradingApi
from live.venue.store import Call, Store

_ENCODER = msgspec.json.Encoder()


class Money(msgspec.Struct):
    """Cash, shares and what they cost."""

    cash: Decimal
    positions: dict[str, Decimal]
    costs: dict[str, Decimal]


class Door(msgspec.Struct):
    """How right keys are answered while they are refused: 401, 403, or None where they hold."""

    refuses: int | None = None


class Setup(NamedTuple):
    """What a venue is started with; what its file holds wins over `cash` and `start`."""

    seed: int = 1
    path: Path | None = None
    rates: dict[Fault, Decimal] = {}  # noqa: RUF012  # read, never changed
    cash: Decimal = Decimal(100_000)
    always_open: bool = False
    start: int | None = None
    requests_per_minute: int = 200
    key_id: str = "venue-key"
    secret: str = "venue-secret"  # noqa: S105  # made up, and printed when it starts


class Venue:
    """The venue, its memory and its file."""

    def __init__(self, setup: Setup) -> None:
        self.setup = setup
        self.clock = VenueClock(setup.start)
        self.calendar = Calendar(always_open=setup.always_open)
        self.faults = Faults(setup.seed, setup.rates)
        self.engine = Engine(setup.seed, self.calendar, self.faults, setup.cash)
        self.trading = TradingApi(self.engine, self.clock)
        self.data = DataApi()
        self.door = Door()
        self.store = Store(setup.path)
        self._counted: dict[str, int] = {}
        self._restore()

    def authorize(self, key_id: str, secret: str) -> bool:
        """Whether these are the keys, and the door is open to them."""
        known = (key_id, secret) == (self.setup.key_id, self.setup.secret)
        return known and self.door.refuses is None

    def quote(self, symbol: str, quote: Quote) -> None:
        """The market shows a quote of `symbol`."""
        self.engine.quote(symbol, quote)
        self.data.heard(symbol, quote)

    def commit(self, *calls: Call) -> None:
        """Whatever changed, and the calls, in the file when this returns."""
        if self.faults.armed_changed:
            # one that was used up must not strike again in the next process
            self.engine.changed.add(("state", "armed"))
            self.faults.armed_changed = False
        documents = [(kind, key, self._document(kind, key)) for kind, key in self.engine.changed]
        if self.faults.counts != self._counted:
            self._counted = dict(self.faults.counts)
            documents.append(("state", "counts", _ENCODER.encode(self._counted)))
        if documents or calls:
            self.store.commit(documents, calls)
        self.engine.changed.clear()

    def _document(self, kind: str, key: str) -> bytes:
        engine = self.engine
        match kind, key:
            case "order", _:
                return _ENCODER.encode(engine.orders[key])
            case "execution", _:
                return _ENCODER.encode(engine.executions[int(key) - 1])
            case "quote", _:
                return _ENCODER.encode(engine.quotes[key])
            case _, "money":
                return _ENCODER.encode(Money(engine.cash, engine.positions, engine.costs))
            case _, "configurations":
                return _ENCODER.encode(self.trading.configurations)
            case _, "door":
                return _ENCODER.encode(self.door)
            case _, "flags":
                return _ENCODER.encode(self.trading.flags)
            case _, "armed":
                return _ENCODER.encode(self.faults.armed)
            case _, "calendar":
                return _ENCODER.encode(self.calendar.changed)
            case _:
                return _ENCODER.encode(self.clock.setting())

    def _restore(self) -> None:
        """Memory as it was when the file was last written."""
        engine, store = self.engine, self.store
        found = [msgspec.json.decode(body, type=Order) for _, body in store.documents("order")]
        for order in sorted(found, key=lambda order: order.number):
            engine.restore(order)
        for _, body in store.documents("execution"):
            engine.executions.append(msgspec.json.decode(body, type=Execution))
        for symbol, body in store.documents("quote"):
            self.quote(symbol, msgspec.json.decode(body, type=Quote))
        states = dict(store.documents("state"))
        if "money" in states:
            money = msgspec.json.decode(states["money"], type=Money)
            engine.cash, engine.positions = money.cash, money.positions
            engine.costs = money.costs
        if "configurations" in states:
            self.trading.configurations = msgspec.json.decode(states["configurations"])
        if "door" in states:
            self.door = msgspec.json.decode(states["door"], type=Door)
        if "flags" in states:
            self.trading.flags = msgspec.json.decode(states["flags"])
        if "armed" in states:
            self.faults.armed = msgspec.json.decode(states["armed"], type=list[Armed])
        if "calendar" in states:
            days = msgspec.json.decode(states["calendar"], type=dict[str, tuple[str, str] | None])
            self.calendar.change(days)
        if "clock" in states:
            self.clock.take(msgspec.json.decode(states["clock"], type=tuple[int, int | None]))
        if "counts" in states:
            self.faults.counts = msgspec.json.decode(states["counts"], type=dict[str, int])
            self._counted = dict(self.faults.counts)
        engine.changed.clear()
        if "clock" not in states and self.setup.start is not None:
            engine.changed.add(("state", "clock"))
        for _, call in store.calls():
            self.faults.saw(call.method, call.path, call.client_order_id)
            if call.method == "POST" and call.client_order_id:
                self.faults.number_of(call.client_order_id)

    def close(self) -> None:
        """Close the file."""
        self.store.close()
