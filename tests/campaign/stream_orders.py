"""Interleavings: whatever the stream loses, doubles, overtakes or delays, a reconcile mends it.

usage   python -m tests.campaign.stream_orders --cases 10000 [--seed S] [--replaced]
prints  the closing line: cases N, messages N, lost N, seconds N; a failing case, made small by
        hypothesis, and its traceback
shape   `HISTORIES` draws what happens at the venue and what becomes of each message;
        `fold_of(history)` -> (the fold of the clean run, that of the disturbed one, its world)
how     the fault venue's own engine and trading API in memory, asked by the adapter's own code
        (orders.py, updates.py, reconcile.py, lookup.py) without a socket between; time is a step
laws    without busts and corrections: the same positions, executions and statuses, and nothing
        mismatched. With them: the same, or the symbol is mismatched, by name
        With replacements, chains of them and restarts: the same, the views too, and mismatched is
        what a corporate action replaced by nothing
"""

import argparse
import sys
import time
from contextlib import suppress
from decimal import Decimal
from types import SimpleNamespace
from typing import NamedTuple, cast

import hypothesis
from hypothesis import strategies as st
from msgspec import structs
from msgspec.json import Encoder

from core.decide import advance
from core.events import Event, Observation, OrderSubmitted, OrderSubmitUnknown
from core.evolve import evolve
from core.order import OpenStatus
from core.state import INITIAL, State
from core.values import TimeText, time_text
from live.brokers.alpaca.answer import Answer
from live.brokers.alpaca.client import AlpacaClient
from live.brokers.alpaca.orders import Orders
from live.brokers.alpaca.reading import Unreadable, raw_text, read_object
from live.brokers.alpaca.reconcile import LAG_S, compare
from live.brokers.alpaca.updates import Updates
from live.brokers.mismatches import UNFOLLOWED
from live.brokers.ticket import ticket_of
from live.venue import replacing
from live.venue.book import Order, Quote
from live.venue.orders import RefusedError
from live.venue.replacing import NEVER
from live.venue.rest import Call
from live.venue.venue import Setup, Venue
from tests import build
from tests.campaign.stream_views import amounts, summary, views

START_US = 1_795_446_000_000_000
TAG = "rf-0123abcd-"
BEHIND = 99
"""A delay that outlasts the reconcile."""
SIDES = {"AAA": ("buy", "1.01"), "BBB": ("sell", "500.01")}
"""By symbol one side, far from the market: the venue takes no order against another of ours."""
_ENCODER = Encoder(decimal_format="number")


class Act(NamedTuple):
    """One thing that happens at the venue, to the `order`th order, and the fates of its messages.

    A fate is how many steps later each copy of a message comes: () is lost, (0, 2) twice.
    """

    what: str
    order: int
    share: int
    fates: tuple[tuple[int, ...], ...]


class History(NamedTuple):
    """`answered`: of each order, its symbol, its quantity and whether its POST was answered."""

    orders: tuple[tuple[str, int, bool], ...]
    acts: tuple[Act, ...]


_delays = st.sampled_from([0, 0, 0, 1, 2, 3, 5, BEHIND])
_fates = st.lists(_delays, max_size=2).map(tuple)
PLAIN = ("step", "fill", "fill", "cancel", "expire", "reject", "odd", "reconcile")
AMENDED = (*PLAIN, "bust", "correct")
REPLACED = (*PLAIN, "step", "replace", "replace", "replace", "corporate", "restart")


def histories(kinds: tuple[str, ...]) -> st.SearchStrategy[History]:
    """Up to three orders and a dozen acts of these kinds."""
    act = st.builds(
        Act,
        st.sampled_from(kinds),
        st.integers(0, 4),
        st.integers(1, 9),
        st.lists(_fates, min_size=3, max_size=3).map(tuple),
    )
    order = st.tuples(st.sampled_from(sorted(SIDES)), st.integers(1, 20), st.booleans())
    return st.builds(
        History,
        st.lists(order, min_size=1, max_size=3).map(tuple),
        st.lists(act, min_size=1, max_size=12).map(tuple),
    )


HISTORIES = histories(PLAIN)


class World:
    """The venue in memory, the adapter before it, and the two folds."""

    def __init__(self) -> None:
        self.venue = Venue(Setup(always_open=True, cash=Decimal(10_000_000)))
        self.step = 0
        for symbol in SIDES:
            numbers = {"bid": Decimal(100), "ask": Decimal(101), "last": Decimal(100)}
            self.venue.quote(symbol, Quote(at=0, version=1, **numbers))
        self.client = cast(AlpacaClient, SimpleNamespace(
            get=self._get, post=self._post, raw=raw_text, clock=self.now
        ))  # fmt: skip
        self.orders = Orders(self.client)
        self.clean, self.disturbed = INITIAL, INITIAL
        self.told: dict[str, list[Event]] = {"clean": [], "disturbed": []}
        self.readers = {"clean": Updates(raw_text), "disturbed": Updates(raw_text)}
        self.missing_since: dict[str, TimeText] = {}
        self.strangers: set[str] = set()
        self.late: list[tuple[int, int, bytes]] = []
        self.counts = {"messages": 0, "lost": 0}

    # -- the adapter's side, in time

    def now(self) -> TimeText:
        """The runner's time: a second a step."""
        return time_text(START_US + self.step * 1_000_000)

    def _ns(self) -> int:
        return (START_US + self.step * 1_000_000) * 1_000

    def _get(self, path: str, query: dict[str, str] | None = None) -> Answer:
        return self._answer(Call("GET", f"/v2{path}", query or {}, b""))

    def _post(self, path: str, body: dict[str, str]) -> Answer:
        return self._answer(Call("POST", f"/v2{path}", {}, _ENCODER.encode(body)))

    def _answer(self, call: Call) -> Answer:
        found = self.venue.trading.answer(call, self._ns())
        return Answer(found.status, {}, _ENCODER.encode(found.body))

    # -- what happens

    def submit(self, number: int, symbol: str, quantity: int, *, answered: bool) -> None:
        """An order to the venue; the disturbed fold may not hear the answer."""
        order_id, (side, limit) = f"{TAG}{number:04}", SIDES[symbol]
        made = build.intent(
            order_id, symbol=symbol, side=side, quantity=quantity, limit_price=limit,
            decision_price=limit, cycle=number,
        )  # fmt: skip
        for event in (made, build.attempted(order_id)):
            self.clean, self.disturbed = evolve(self.clean, event), evolve(self.disturbed, event)
            for told in self.told.values():
                told.append(event)
        ticket = ticket_of(self.clean.intents[order_id])
        answer = self.orders.submit(ticket, 1, self.now())
        assert isinstance(answer, OrderSubmitted), answer
        self.clean = self._advanced(self.clean, "clean", answer)
        if not answered:
            answer = OrderSubmitUnknown(
                observed_at=self.now(), client_order_id=order_id, attempt=1, error_class="timeout"
            )
        self._hear(answer)

    def act(self, act: Act) -> None:
        """What the venue does by itself, where that is possible."""
        engine, now = self.venue.engine, self._ns()
        order = list(engine.orders.values())[act.order % len(engine.orders)]
        if act.what == "reconcile":
            self.reconcile()
        elif act.what in ("bust", "correct"):
            self._amend(order, act)
        elif act.what == "restart":
            self.restart()
        elif act.what == "step" or order.is_closed or order.due == NEVER:
            engine.advance(now)
        elif act.what == "replace":
            limit = Decimal(SIDES[order.symbol][1]) + Decimal(act.share) / 100
            body = {"qty": str(act.share + 3), "limit_price": str(limit)}
            with suppress(RefusedError):
                self.venue.trading.replaced(order, dict(body), now)
        elif act.what == "corporate":
            replacing.by_nothing(engine, order, now, None)
        elif act.what == "fill":
            shares = min(order.leaves, Decimal(act.share))
            engine.fill(order, shares, Decimal(100 + act.share) / 10, now)
        elif act.what in ("cancel", "odd"):
            if order.status == "pending_replace":
                return
            if act.what == "odd":
                engine.change(order, ("held", "venue_review", "stopped")[act.share % 3], now)
            elif order.status != "pending_cancel":
                engine.cancel(order, now)
        else:
            engine.close(order, {"expire": "expired", "reject": "rejected"}[act.what], now)

    def restart(self) -> None:
        """The runner dies, and another goes on with its journal and nothing else."""
        self.orders, self.readers["disturbed"] = Orders(self.client), Updates(raw_text)
        self.missing_since, self.strangers = {}, set()
        self._hear(structs.replace(build.runner_started(), observed_at=self.now()))

    def _amend(self, order: Order, act: Act) -> None:
        for execution in self.venue.engine.executions:
            if execution.order_id == order.id and not execution.busted:
                nothing = act.what == "bust"
                quantity = Decimal(0) if nothing else execution.quantity
                price = Decimal(0) if nothing else execution.price + 1
                self.venue.engine.amend(execution, self._ns(), quantity, price)
                return

    def publish(self, fates: tuple[tuple[int, ...], ...]) -> None:
        """What the engine said: to the clean fold now, to the other as it is fated."""
        engine = self.venue.engine
        said, engine.outbox = engine.outbox, []
        for index, (_, _, data) in enumerate(said):
            body = _ENCODER.encode({"stream": "trade_updates", "data": data})
            self.clean = self._read(self.clean, "clean", body)
            fate = fates[index] if index < len(fates) else (0,)
            self.counts["messages"] += 1
            self.counts["lost"] += not fate
            for copy, delay in enumerate(fate):
                # of those due at one step the one said last comes first: it overtakes the others
                self.late.append((self.step + delay, -len(self.late) - copy, body))

    def end_replaces(self) -> None:
        """What is being replaced is now, or is not: until then the stream tells of one order."""
        engine = self.venue.engine
        unsaid = ("pending_replace", "accepted", "pending_new")
        for _ in range(3):
            on_their_way = [o for o in engine.open.values() if o.status in unsaid]
            if any(o.status == "pending_replace" or o.replaces for o in on_their_way):
                self.step += 1
                engine.advance(self._ns())
                self.publish(((),) * 100)

    def deliver(self, until: int) -> None:
        """What is due up to a step, to the disturbed fold."""
        due = sorted((row for row in self.late if row[0] <= until), key=lambda row: row[:2])
        self.late = [row for row in self.late if row[0] > until]
        for _, _, body in due:
            self.disturbed = self._read(self.disturbed, "disturbed", body)

    def _read(self, state: State, who: str, body: bytes) -> State:
        found = read_object(body)
        assert isinstance(found, dict)
        update = self.readers[who].read(found["data"], body, self.now())
        assert not isinstance(update, Unreadable), update
        assert update.unread is None, update
        for observation in update.observations:
            state = self._advanced(state, who, self.orders.linked(observation))
        return state

    def _hear(self, *observations: Observation) -> None:
        for observation in observations:
            self.disturbed = self._advanced(self.disturbed, "disturbed", observation)

    def _advanced(self, state: State, who: str, observation: Observation) -> State:
        after, decisions = advance(state, observation)
        self.told[who] += [observation, *decisions]
        return after

    def reconcile(self) -> None:
        """Every unknown order looked up, then the whole comparison, as a runner does at a start."""
        for order_id, intent in list(self.disturbed.intents.items()):
            if intent.status is OpenStatus.UNKNOWN:
                self._hear(self.orders.look_up(order_id, self.now()))
        found = compare(
            self.client, TAG, self.disturbed, self.now(), self.missing_since,
            strangers=self.strangers,
        )  # fmt: skip
        assert found.failed is None, found.failed
        self._hear(*found.observations)

    def settle(self) -> None:
        """Reconcile until nothing is news: what was, keeps its symbol out of one comparison."""
        for _ in range(3):
            self.reconcile()


def play(history: History) -> World:
    """The world after a history, its messages up to the end delivered, and a reconcile."""
    world = World()
    for number, (symbol, quantity, answered) in enumerate(history.orders, start=1):
        world.submit(number, symbol, quantity, answered=answered)
    for act in history.acts:
        world.step += 1
        world.act(act)
        world.publish(act.fates)
        world.deliver(world.step)
    world.step += 1
    world.end_replaces()
    world.deliver(BEHIND // 2)
    world.settle()
    return world


def check(history: History) -> World:
    """The law of histories without amendments."""
    world = play(history)
    expected, mismatched = summary(world.clean), dict.fromkeys(_unfollowed(world), UNFOLLOWED)
    assert summary(world.disturbed) == expected
    assert world.disturbed.mismatched == mismatched
    world.deliver(world.step + BEHIND)  # what was overtaken by the reconcile itself
    assert amounts(world.disturbed) == amounts(world.clean)
    world.settle()
    assert summary(world.disturbed) == expected
    assert world.disturbed.mismatched == mismatched
    assert views(world.told["disturbed"]) == views(world.told["clean"])
    return world


def _unfollowed(world: World) -> list[str]:
    """The symbols of orders that a corporate action replaced by nothing."""
    return sorted(world.clean.unfollowed.values())


def check_amended(history: History) -> World:
    """The law of histories with busts and corrections: the same, or mismatched by name."""
    world = play(history)
    world.step += 2 * int(LAG_S)  # a correction may be on its way for so long
    world.settle()
    expected, found = amounts(world.clean), amounts(world.disturbed)
    for order_id, shares in expected["filled"].items():
        intent = world.disturbed.intent(order_id)
        assert intent is not None
        prices = [state.average_price(order_id) for state in (world.clean, world.disturbed)]
        if found["filled"][order_id] != shares or prices[0] != prices[1]:
            assert intent.symbol in world.disturbed.mismatched, (order_id, expected, found, prices)
    for symbol in SIDES:
        if found["positions"].get(symbol) != expected["positions"].get(symbol):
            assert symbol in world.disturbed.mismatched, (symbol, expected, found)
    return world


def main() -> int:
    """The campaign's exit status."""
    parser = argparse.ArgumentParser(prog="python -m tests.campaign.stream_orders")
    parser.add_argument("--cases", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--replaced", action="store_true", help="with replacements and restarts")
    options = parser.parse_args()
    began, done, totals = time.monotonic(), 0, {"messages": 0, "lost": 0}

    @hypothesis.seed(options.seed)
    @hypothesis.settings(
        max_examples=options.cases,
        deadline=None,
        database=None,
        suppress_health_check=list(hypothesis.HealthCheck),
    )
    @hypothesis.given(histories(REPLACED) if options.replaced else HISTORIES)
    def law(history: History) -> None:
        nonlocal done
        world = check(history)
        done += 1
        for name, count in world.counts.items():
            totals[name] += count

    law()
    took = f"seconds {int(time.monotonic() - began)}"
    print(f"cases {done}, messages {totals['messages']}, lost {totals['lost']}, {took}")
    return int(done < options.cases)


if __name__ == "__main__":
    sys.exit(main())
