"""The venue of a soak: the real one, in this process, on time that passes when somebody waits.

shape   `World(file, seed, rates)`: `call(HttpCall)` -> `Answered`; `wait_us(us, until)` lets
        time pass, step by step, with all the venue does meanwhile
what    real: the venue's engine, faults, store, REST and trade_updates handlers. In the place of
        asyncio and sockets: a heap of what is due, and frames in a list
"""

import heapq
import itertools
from collections.abc import Callable, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple

from core.events.market import Quote
from core.rng import rng_from_parts
from core.sim.chance import between
from core.values import TimeText, micros, time_text
from live.clock import WallClock
from live.venue.answers import Answer
from live.venue.clock import VenueClock
from live.venue.faults import CONNECT, Armed, Fault, Struck
from live.venue.replacing import NEVER
from live.venue.server import Server
from live.venue.venue import Setup, Venue
from live.venue.wire import _ENCODER, HttpCall, _other_answer, answer_bytes

SECOND = 1_000_000
DOWN_US = (200_000, 3_000_000)
"""How long a venue that died is away."""
LATENCY_US = (1_000, 30_000)
TICK_US = 5_000


class SimClock(WallClock):
    """The runner's clock and the venue's: microseconds that pass by `pass_us` alone."""

    def __init__(self, at: TimeText) -> None:
        super().__init__()
        self.us = micros(at)

    def now(self) -> TimeText:
        """The time."""
        return time_text(self.us)

    def monotonic(self) -> Decimal:
        """Seconds."""
        return Decimal(self.us) / SECOND


class SoakClock(VenueClock):
    """The venue's face of the same time."""

    def __init__(self, clock: SimClock) -> None:
        super().__init__()
        self._clock = clock

    def now(self) -> int:
        """Nanoseconds, later than any time said before."""
        self._last = max(self._clock.us * 1000, self._last + 1)
        return self._last


class VenueDiedError(Exception):
    """The venue's process is gone, before or while it answers."""


class Timer:
    """Something due, until it is taken back."""

    def __init__(self, act: Callable[[], None]) -> None:
        self.act = act

    def cancel(self) -> None:
        """It will not happen."""
        self.act = lambda: None


class Frames:
    """A trade_updates connection: what the venue sends, for the stream to take."""

    packed = False

    def __init__(self) -> None:
        self.frames: list[bytes] = []
        self.deaf = False
        self.alive = True

    def send(self, message: object, *, binary: bool) -> None:
        """A message on its way."""
        del binary
        if self.alive and not self.deaf:
            self.frames.append(_ENCODER.encode(message))

    def reset(self) -> None:
        """The connection is gone."""
        self.alive = False


class Answered(NamedTuple):
    """What a call got: the bytes as they would be on the wire, and what went wrong with them."""

    answer: Answer
    headers: dict[str, str]
    struck: Struck | None

    def bytes(self) -> bytes:
        """The answer that comes whole."""
        if self.struck is None or self.struck.fault is Fault.SLOW:
            return answer_bytes(self.answer, self.headers)
        return _other_answer(self.struck, self.answer, self.headers)


class World:
    """Time, the venue in it, and what is due."""

    def __init__(self, file: Path, seed: int, rates: Mapping[Fault, Decimal], at: TimeText) -> None:
        self.clock = SimClock(at)
        self.file = file
        self.seed = seed
        self.rates = dict(rates)
        self.bits = rng_from_parts(seed, "soak", "world")
        self.due: list[tuple[int, int, Timer]] = []
        self._numbers = itertools.count()
        self.away_until = 0
        self.deaths = 0
        self.steps = 0
        self.hear: Callable[[], None] = lambda: None
        self.lost: dict[str, int] = {}
        self._begin()

    def _begin(self) -> None:
        """A venue on what its file holds."""
        setup = Setup(
            seed=self.seed, path=self.file, always_open=True, requests_per_minute=1_000_000,
            cash=Decimal(1_000_000),
        )  # fmt: skip
        self.venue = Venue(setup)
        self.venue.clock = SoakClock(self.clock)
        self.venue.trading.clock = self.venue.clock
        self.venue.faults.rates = dict(self.rates)
        self.server = Server(self.venue)
        self.server.updates.later = self._later_at_the_venue

    def loud(self, *, faults: bool) -> None:
        """With faults, or without."""
        self.venue.faults.rates = dict(self.rates) if faults else {}
        if not faults:
            self.venue.faults.armed = []

    def later(self, seconds: float, function: Callable[..., None], *arguments: object) -> Timer:
        """`function` is called so much later."""
        timer = Timer(lambda: function(*arguments))
        at = self.clock.us + round(seconds * SECOND)
        heapq.heappush(self.due, (at, next(self._numbers), timer))
        return timer

    def _later_at_the_venue(
        self, seconds: float, function: Callable[..., None], *arguments: object
    ) -> Timer:
        """As `later`, unless the venue dies before."""
        life = self.deaths

        def act() -> None:
            if self.deaths == life:
                function(*arguments)

        return self.later(seconds, act)

    # -- time

    def pass_us(self, us: int) -> None:
        """Time passes, whatever it brings."""
        end = self.clock.us + us
        while (at := self._next_at()) <= end:
            self.clock.us = max(at, self.clock.us)
            self._step()
        self.clock.us = end
        self._step()

    def wait_us(self, us: int, until: Callable[[], bool]) -> bool:
        """Time passes up to `us`, or until something is there; whether it is."""
        end = self.clock.us + us
        while not until():
            at = self._next_at()
            if at > end:
                self.clock.us = end
                self._step()
                return until()
            self.clock.us = max(at, self.clock.us)
            self._step()
        return True

    def _next_at(self) -> int:
        """When something happens next."""
        engine = self.venue.engine
        now = self.clock.us
        dues = [due // 1000 + 1 for due in engine.amends.values()]
        for order in engine.open.values():
            if order.expires is not None:
                dues.append(order.expires // 1000 + 1)
            if engine._is_moving(order):
                dues.append(max(order.due // 1000 + 1, now + 1))
        if self.due:
            dues.append(self.due[0][0])
        return max(min(dues, default=NEVER), now + 1)

    def _step(self) -> None:
        """What is due now."""
        self.steps += 1
        while self.due and self.due[0][0] <= self.clock.us:
            heapq.heappop(self.due)[2].act()
        self.venue.engine.advance(self.venue.clock.now())
        self.venue.commit()
        self.server.publish()
        self.hear()

    # -- the venue

    def call(self, call: HttpCall) -> Answered:
        """One call, with its way there and back.

        errors  `VenueDiedError`: sent where `away` is false
        """
        self.pass_us(between(self.bits, *LATENCY_US) // 2)
        if self.clock.us < self.away_until:
            raise VenueDiedError("away")
        answer, headers, struck = self.server.handled(call)
        if struck is not None and struck.fault is Fault.DIE_AFTER:
            self.die()
            raise VenueDiedError("died")
        self.server.publish()
        self.pass_us(between(self.bits, *LATENCY_US) // 2)
        return Answered(answer, headers, struck)

    def die(self) -> None:
        """The venue's process is killed; another begins on its file a little later."""
        self.deaths += 1
        counts = dict(self.venue.faults.counts)
        numbers, seen = self.venue.faults._numbers, self.venue.faults._seen
        for socket in list(self.server.updates.listening):
            socket.reset()
        self.venue.close()
        self._begin()
        self.venue.faults.counts, self.venue.faults._numbers = counts, numbers
        self.venue.faults._seen = seen
        self.away_until = self.clock.us + between(self.bits, *DOWN_US)

    def show(self, quotes: Mapping[str, Quote]) -> None:
        """The market's quotes."""
        names = ("bid", "ask", "bid_size", "ask_size", "last", "volume")
        for symbol, quote in quotes.items():
            numbers = {name: Decimal(getattr(quote, name)) for name in names}
            self.server.admin.show(symbol, self.venue.clock.now(), numbers)
        self._step()

    def arm_by_chance(self) -> None:
        """Now and then one of the faults that have no rate."""
        kinds = (*CONNECT, Fault.DIE_AFTER, Fault.STUCK_CANCEL)
        kind = kinds[between(self.bits, 0, len(kinds) - 1)]
        arms = [Armed(fault=kind)]
        if kind in CONNECT:
            arms.append(Armed(fault=Fault.STREAM_DISCONNECT))
        for armed in arms:
            self.venue.faults.arm(armed)

    def end_stuck(self) -> None:
        """What is stuck in its cancel is canceled at last."""
        engine, now = self.venue.engine, self.venue.clock.now()
        for order in list(engine.open.values()):
            if order.due >= NEVER:
                order.canceled = now
                engine.close(order, "canceled", now)
        self._step()

    def state(self) -> dict[str, Any]:
        """The venue's own state, as its admin side tells it."""
        return self.server.admin.state(HttpCall("GET", "/_venue/state", {}, {}, b"", b""))

    def forget(self, keep: Callable[[str], bool]) -> None:
        """Closed orders nobody asks about any more leave memory and file: a year is long."""
        engine = self.venue.engine
        gone = [o for o in engine.orders.values() if o.is_closed and not keep(o.client_order_id)]
        for order in gone:
            del engine.orders[order.id]
            engine.by_client_id.pop(order.client_order_id, None)
            engine.amends.pop(order.id, None)
        engine.executions = [e for e in engine.executions if e.order_id in engine.orders]
        for number, execution in enumerate(engine.executions, start=1):
            execution.number = number
        connection = self.venue.store._connection
        connection.execute("DELETE FROM request")
        connection.execute("DELETE FROM document WHERE kind IN ('order', 'execution')")
        engine.changed |= {("order", order_id) for order_id in engine.orders}
        engine.changed |= {("execution", f"{e.number:09d}") for e in engine.executions}
        self.venue.commit()
