"""The nouns of the simulated venue's tests, with defaults for all a test is not about."""

import weakref
from decimal import Decimal
from pathlib import Path

from core.events import Quote, Session
from core.sim.types import FaultRates, OrderEvent, VenueParameters, VenueRequest
from core.values import DecimalText, TimeText, later_by
from live.brokers.venue_file import VenueFile

OPEN = TimeText("2026-11-27T14:30:00.000000Z")
CLOSE = TimeText("2026-11-27T18:00:00.000000Z")
SESSION = Session(date="2026-11-27", open=OPEN, close=CLOSE, early_close=True)
NEXT_OPEN = TimeText("2026-11-30T14:30:00.000000Z")
NEXT_SESSION = Session(
    date="2026-11-30", open=NEXT_OPEN, close=TimeText("2026-11-30T21:00:00.000000Z")
)
RICH = Decimal(10) ** 12


def at(minute: int, seconds: str = "0") -> TimeText:
    """The time `minute` minutes and `seconds` after the open."""
    return later_by(OPEN, Decimal(60 * minute) + Decimal(seconds))


def text(value: str | int) -> DecimalText:
    """Decimal text, as it is given."""
    return DecimalText(str(value))


def quote(
    time: TimeText,
    bid: str | int = "100",
    ask: str | int = "100.02",
    *,
    size: str | int = 100_000,
    last: str | int | None = None,
    volume: str | int = 100_000_000,
) -> Quote:
    """A deep market, so that only what the test says limits a fill."""
    return Quote(
        bid=text(bid),
        ask=text(ask),
        bid_size=text(size),
        ask_size=text(size),
        last=text(bid if last is None else last),
        volume=text(volume),
        time=time,
    )


def parameters(
    *,
    seed: int = 1,
    cash: Decimal = RICH,
    script: dict[str, str] | None = None,
    rates: FaultRates | None = None,
    multiplier: str = "1",
    symbols: tuple[str, ...] = (),
    requests_per_minute: int = 200,
) -> VenueParameters:
    """A venue without faults and with more money than anybody needs."""
    return VenueParameters(
        seed=seed,
        cash=cash,
        script=script or {},
        rates=rates or FaultRates(),
        multiplier=Decimal(multiplier),
        symbols=symbols,
        requests_per_minute=requests_per_minute,
    )


def request(
    client_order_id: str = "o-1",
    *,
    side: str = "buy",
    quantity: str | int = 100,
    limit: str | int | None = None,
    time_in_force: str = "day",
    symbol: str = "AAPL",
    order_type: str | None = None,
) -> VenueRequest:
    """An order; a limit order if it has a limit."""
    return VenueRequest(
        client_order_id=client_order_id,
        symbol=symbol,
        side=side,
        quantity=str(quantity),
        order_type=order_type or ("market" if limit is None else "limit"),
        limit_price=None if limit is None else str(limit),
        time_in_force=time_in_force,
    )


def closed_with(venue: VenueFile) -> VenueFile:
    """The same venue, whose database is closed when nobody has it any more."""
    weakref.finalize(venue, venue.database.close)
    return venue


class Floor:
    """A venue in memory, or in a file, driven minute by minute from the open."""

    def __init__(self, given: VenueParameters | None = None, path: Path | None = None) -> None:
        self.given = given or parameters()
        self.path = path
        self.venue = closed_with(VenueFile(path, self.given, "journal"))
        self.minute = 0

    def opens(self, minute: int, *quotes: Quote, **others: Quote) -> "Floor":
        """The slot of `minute` is opened with quotes of AAPL and of `others`."""
        self.minute = minute
        rows = {**dict.fromkeys(["AAPL"][: len(quotes)], *quotes), **others}
        time = at(minute)
        self.venue.open_slot(time, rows, SESSION if time <= CLOSE else None)
        return self

    def quotes(self, minute: int, *prices: str | int, **more: str | int) -> "Floor":
        """The slot of `minute` is opened with one quote of AAPL."""
        return self.opens(minute, quote(at(minute), *prices, **more))

    def sends(self, order: VenueRequest, seconds: str = "0.001") -> object:
        """The venue's answer to the order, sent `seconds` into the current slot."""
        return self.venue.submit(order, at(self.minute, seconds))

    def fills(self, client_order_id: str = "o-1") -> list[tuple[int, str]]:
        """(quantity, price) of the order's executions so far."""
        return [
            (event.execution.quantity, event.execution.price)
            for event in self.story(client_order_id)
            if event.execution is not None
        ]

    def story(self, client_order_id: str = "o-1") -> list[OrderEvent]:
        """All events of the order, those still to come included."""
        return self.venue.events(client_order_id, TimeText("9999-01-01T00:00:00.000000Z"))

    def statuses(self, client_order_id: str = "o-1") -> list[str]:
        """The statuses the order went through."""
        return [event.status for event in self.story(client_order_id)]

    def rows(self, table: str) -> list[tuple[object, ...]]:
        """Everything in one of the venue's tables, in order."""
        found = self.venue.database.execute(f"SELECT * FROM {table}").fetchall()
        return sorted(found, key=repr)

    def everything(self) -> dict[str, list[tuple[object, ...]]]:
        """All the venue's file holds."""
        tables = ("meta", "quotes", "positions", "orders", "events", "executions", "messages")
        return {table: self.rows(table) for table in (*tables, "posts")}
