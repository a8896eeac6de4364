"""Laws of the simulated venue: whatever the market, the orders and the faults are."""

import contextlib
import tempfile
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.events import Quote
from core.sim.types import FaultRates, VenueParameters, VenueRequest
from core.values import TimeText
from live.brokers.venue_file import VenueFile
from tests.sim.build import CLOSE, RICH, Floor, at, parameters, quote, request

MINUTES = 8
SYMBOLS = ("AAPL", "MSFT")
ALWAYS = TimeText("9999-01-01T00:00:00.000000Z")


class World(NamedTuple):
    """A market of some minutes, the orders sent in each, and the minute each is canceled in."""

    market: list[dict[str, Quote]]
    orders: list[tuple[int, VenueRequest]]
    cancels: dict[str, int]
    given: VenueParameters


prices = st.integers(9_990, 10_010)


@st.composite
def quotes(draw: st.DrawFn, minute: int) -> Quote:
    """A quote near 100, now and then crossed, locked, empty or thin."""
    bid = draw(prices)
    spread = draw(st.integers(-1, 4))
    cents = [f"{c // 100}.{c % 100:02d}".rstrip("0").rstrip(".") for c in (bid, bid + spread)]
    last = draw(prices)
    return quote(
        at(minute),
        *cents,
        size=draw(st.sampled_from([0, 1, 100, 10_000])),
        last=f"{last // 100}.{last % 100:02d}".rstrip("0").rstrip("."),
        volume=draw(st.sampled_from([0, 9, 1_000, 100_000])),
    )


@st.composite
def requests(draw: st.DrawFn, number: int) -> VenueRequest:
    """An order near the market."""
    cents = draw(prices)
    limit = draw(
        st.sampled_from([None, f"{cents // 100}.{cents % 100:02d}".rstrip("0").rstrip(".")])
    )
    return request(
        f"order-{number}",
        symbol=draw(st.sampled_from(SYMBOLS)),
        side=draw(st.sampled_from(["buy", "sell"])),
        quantity=draw(st.integers(1, 400)),
        limit=limit,
        time_in_force=draw(st.sampled_from(["day", "gtc", "ioc", "fok"])),
    )


@st.composite
def worlds(draw: st.DrawFn) -> World:
    """A market, orders, cancels and faults."""
    market = [
        {s: draw(quotes(minute)) for s in SYMBOLS if minute == 0 or draw(st.integers(0, 5))}
        for minute in range(MINUTES)
    ]
    count = draw(st.integers(1, 6))
    orders = [(draw(st.integers(0, MINUTES - 1)), draw(requests(n))) for n in range(count)]
    cancels = {
        f"order-{n}": draw(st.integers(0, MINUTES - 1)) for n in range(count) if draw(st.booleans())
    }
    rate = st.sampled_from([Decimal(0), Decimal("0.3")])
    rates = FaultRates(**{name: draw(rate) for name in FaultRates.__struct_fields__})
    return World(market, orders, cancels, parameters(seed=draw(st.integers(0, 99)), rates=rates))


class Played(Floor):
    """A floor on which a world was played to the end, step by step."""

    def __init__(self, world: World, path: Path | None = None) -> None:
        super().__init__(world.given, path)
        self.world = world

    def play(self, *, twice: bool = False, extra: VenueRequest | None = None) -> "Played":
        """The whole world; `twice` gives each slot and order twice."""
        for _ in self.steps(twice=twice, extra=extra):
            pass
        return self

    def steps(self, *, twice: bool = False, extra: VenueRequest | None = None) -> Iterator[None]:
        """One input at a time; lost requests are sent again, as the core does."""
        times = 2 if twice else 1
        for minute, rows in enumerate(self.world.market):
            for _ in range(times):
                self.opens(minute, **rows)
                yield
            if extra is not None and minute == 0:
                self.sends(extra)
            for _, order in [o for o in self.world.orders if o[0] == minute]:
                for _ in range(6 * times):
                    self.sends(order)
                    yield
            for client_order_id, canceled in self.world.cancels.items():
                if canceled == minute:
                    self.venue.cancel(client_order_id, at(minute, "30"))
                    yield
        self.venue.pass_time(CLOSE)

    def executions(self) -> list[dict[str, object]]:
        """All executions as the venue's file has them."""
        names = ("id", "order", "symbol", "side", "quantity", "price", "time", "cumulative")
        return [dict(zip(names, row, strict=True)) for row in self.rows("executions")]

    def of(self, order: VenueRequest) -> list[dict[str, object]]:
        """The executions of one order."""
        return [e for e in self.executions() if e["order"] == order.client_order_id]


@given(world=worlds())
def test_a_limit_is_never_filled_through(world: World) -> None:
    floor = Played(world).play()
    for _, order in world.orders:
        for execution in floor.of(order) if order.limit_price else []:
            price, limit = Decimal(str(execution["price"])), Decimal(str(order.limit_price))

            assert price <= limit if order.side == "buy" else price >= limit


@given(world=worlds())
def test_no_more_is_filled_than_ordered_and_the_executions_add_up(world: World) -> None:
    floor = Played(world).play()
    for _, order in world.orders:
        quantities = [int(str(e["quantity"])) for e in floor.of(order)]
        story = floor.story(order.client_order_id)

        assert all(quantity > 0 for quantity in quantities)
        assert sum(quantities) == (story[-1].filled_quantity if story else 0)
        assert sum(quantities) <= int(order.quantity)
        if story and story[-1].status == "filled":
            assert sum(quantities) == int(order.quantity)


@given(world=worlds())
def test_immediate_orders_are_over_in_the_slot_they_come_in(world: World) -> None:
    floor = Played(world).play()
    for minute, order in world.orders:
        story = floor.story(order.client_order_id)
        if order.time_in_force in ("ioc", "fok") and story:
            assert story[-1].status in ("filled", "canceled", "rejected")
            assert story[-1].event_time < at(minute, "1")
        if order.time_in_force == "fok" and story:
            assert story[-1].filled_quantity in (0, int(order.quantity))
            assert len(floor.of(order)) <= 1


@given(world=worlds())
def test_cash_and_positions_are_the_sum_of_the_executions(world: World) -> None:
    floor = Played(world).play()
    cash, positions = RICH, dict.fromkeys(SYMBOLS, 0)
    for execution in floor.executions():
        signed = int(str(execution["quantity"])) * (1 if execution["side"] == "buy" else -1)
        cash -= signed * Decimal(str(execution["price"]))
        positions[str(execution["symbol"])] += signed

    assert floor.venue.state.cash == cash
    assert floor.venue.state.positions == {s: q for s, q in positions.items() if q}
    assert floor.venue.holdings(ALWAYS) == (cash, floor.venue.state.positions)


@given(world=worlds())
def test_every_fill_is_within_the_size_and_the_volume_of_its_slot(world: World) -> None:
    floor = Played(world).play()
    for execution in floor.executions():
        minute = int(str(execution["time"])[14:16]) - 30
        row = world.market[minute][str(execution["symbol"])]

        assert int(str(execution["quantity"])) <= int(row.volume) // 10
        assert Decimal(row.bid) <= Decimal(row.ask)


@given(world=worlds())
def test_an_order_s_times_go_forward_and_its_messages_come_after_its_events(world: World) -> None:
    floor = Played(world).play()
    for _, order in world.orders:
        times = [event.event_time for event in floor.story(order.client_order_id)]

        assert times == sorted(set(times))
    for message in floor.venue.messages(TimeText(""), ALWAYS):
        assert message.due > message.event.event_time


@given(world=worlds(), other=requests(99))
def test_an_unrelated_order_changes_no_other_order_s_executions(
    world: World, other: VenueRequest
) -> None:
    alone, accompanied = Played(world).play(), Played(world).play(extra=other)

    theirs = [e for e in accompanied.executions() if e["order"] != other.client_order_id]
    assert alone.executions() == theirs


@given(world=worlds())
def test_the_same_inputs_give_the_same_file(world: World) -> None:
    assert Played(world).play().everything() == Played(world).play().everything()


@given(world=worlds())
def test_a_slot_opened_twice_and_an_order_sent_twice_count_once(world: World) -> None:
    once, twice = Played(world).play(), Played(world).play(twice=True)

    tables = ("meta", "quotes", "positions", "orders", "events", "executions", "messages")
    for table in tables:
        assert once.rows(table) == twice.rows(table)


@given(world=worlds())
@settings(max_examples=15)
def test_a_venue_reopened_between_any_two_inputs_goes_on_identically(world: World) -> None:
    with tempfile.TemporaryDirectory() as folder:
        file = Played(world, Path(folder) / "venue")
        for _ in file.steps():
            before = file.venue.state
            file.venue.close()
            file.venue = VenueFile(file.path, world.given, "journal")
            assert file.venue.state == before
        with contextlib.closing(file.venue):
            assert file.everything() == Played(world).play().everything()


@pytest.mark.parametrize("seed", range(4))
def test_orders_of_different_ids_have_different_luck(seed: int) -> None:
    floor = Floor(parameters(seed=seed)).quotes(0, size=100)
    for n in range(30):
        floor.sends(request(f"o-{n}", quantity=100))

    assert len({floor.fills(f"o-{n}")[0][0] for n in range(30)}) > 3
