"""A simulated year: the real core, shell and adapter in the world of soak_world.py, from one seed.

shape   `Year(folder, seed, days).run()` -> `Lived`: violations with their day, probes, counts
judged  every evening, faults off and everything settled: journal and venue agree (replay/
        agreement.py), nothing is mismatched, nothing open without an outcome. At the end: verify
        and replay. At every intent: the venue's own positions and orders are within the limits
killed  by chance at commits and beside calls; the next runner begins on the same journal
"""

import contextlib
from collections import Counter, deque
from collections.abc import Iterator, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple

from msgspec.structs import replace

from core.events import (
    Event,
    FillReported,
    IntentCreated,
    OrderLookedUp,
    OrderSubmitFailed,
    OrderSubmitted,
    OrderSubmitUnknown,
)
from core.order import OpenStatus
from core.rng import rng_from_parts
from core.sim.chance import below
from core.values import TimeText, later_by
from journal import create_journal, open_journal, verify
from journal.errors import JournalMissingError
from journal.genesis import journal_id_from_name
from live.brokers.base import SubmitAnswer
from live.brokers.real import Facts, Real, alpaca_settings
from live.brokers.ticket import Ticket
from live.clock import Waiting
from live.committer import Committer
from live.configuration import load
from live.feeds.base import MarketSlot
from live.feeds.errors import BadInputError
from live.feeds.simulated import SimulatedFeed
from live.inputs import Inputs, created_event, read_inputs, started, what_is_new
from live.rate.opening import drilled_budgets
from live.realtime import RealtimeRunner
from live.snapshots import Snapshots
from live.venue.faults import ARMED_ONLY, ORDER, REQUEST, STREAM, Fault
from replay.agreement import compared
from replay.parity import parity
from tests.campaign.soak_broker import Killed, SoakBroker
from tests.campaign.soak_probes import probes_of
from tests.campaign.soak_world import World

ROOT = Path(__file__).resolve().parents[2]
FIRST_DAY = "2026-11-02"
SYMBOLS = "AAPL,MSFT,NVDA,SPY"
KILL_ONE_IN = 600
ARM_ONE_IN = 40
AMEND_ONE_IN = 12
GROSS_MAX, NOTIONAL_MAX = Decimal(200_000), Decimal(50_000)
RATES = {
    **dict.fromkeys(REQUEST, Decimal("0.004")),
    **dict.fromkeys(STREAM, Decimal("0.01")),
    **dict.fromkeys(ORDER, Decimal("0.02")),
}
for _kind in (*ARMED_ONLY, Fault.BUST, Fault.CORRECT, Fault.REPLACE_REJECTED):
    RATES.pop(_kind, None)  # those without a rate, and what only the stream tells: see `_amend`

REFUSED_MAX = 2_000
START_AGAIN_US = 15_000_000
"""How long whoever starts a runner waits after a refused start."""

SETTINGS = {
    "MODE": "paper", "NAME": "soak", "SYMBOLS": SYMBOLS, "MARKET__SOURCE": "sim",
    "MARKET__FIRST_DAY": FIRST_DAY, "BROKER__KIND": "alpaca",
    "STRATEGY__TARGET": f"{ROOT}/tests/campaign/soak_strategy.py:Restless",
    "BROKER__TRADING_URL": "http://127.0.0.1:1", "BROKER__DATA_URL": "http://127.0.0.1:1",
    "BROKER__TRADING_STREAM_URL": "ws://127.0.0.1:1/stream",
    "BROKER__SETTLE_S": "10", "BROKER__LOOKS": "3", "BROKER__LOOK_INTERVAL_S": "3",
    "BROKER__RECONCILE_EVERY_S": "3600", "BROKER__ACCOUNT_MAX_AGE_S": "7200",
    "BROKER__STREAM_SILENCE_S": "600", "BROKER__SEND_WITHIN_S": "5",
    "RISK__CANCEL_BEFORE_CLOSE_S": "300", "RISK__ORDER_MAX_AGE_S": "5400",
    "RISK__ORDER_MAX_NOTIONAL": str(NOTIONAL_MAX), "RISK__GROSS_EXPOSURE_MAX": str(GROSS_MAX),
    "RATE__PER_MINUTE": "100000", "RATE__RESERVE": "0",
}  # fmt: skip

OUTCOMES = (OrderLookedUp, OrderSubmitFailed, OrderSubmitted, OrderSubmitUnknown)
NIGHT_US = 15 * 3_600_000_000
"""Nights are slept through: the process is asleep, and wakes before the open."""


class Lived(NamedTuple):
    """What came of a year."""

    violations: list[str]
    probes: Counter[str]
    days: int
    cycles: int
    events: int
    orders: int
    kills: int


class MortalSoakBroker(SoakBroker):
    """Dies beside its calls."""

    year: "Year"

    def submit(self, ticket: Ticket, attempt: int, now: TimeText) -> SubmitAnswer:
        """One POST."""
        self.year.maybe_die("submit", 150)
        answer = super().submit(ticket, attempt, now)
        self.year.maybe_die("submitted", 150)
        return answer

    def cancel(self, client_order_id: str, attempt: int, now: TimeText) -> Any:
        """One DELETE."""
        self.year.maybe_die("cancel", 150)
        answer = super().cancel(client_order_id, attempt, now)
        self.year.maybe_die("canceled", 150)
        return answer

    def look_up(self, client_order_id: str, now: TimeText) -> Any:
        """One look."""
        answer = super().look_up(client_order_id, now)
        self.year.maybe_die("looked up", 60)
        return answer


class SoakRunner(RealtimeRunner):
    """The real-time runner; the market of a slot is shown when its time has come."""

    year: "Year"

    def _slots(self, after: TimeText | None) -> Iterator[MarketSlot]:
        last = "" if after is None else after[:10]
        for slot in self.feed.slots(after):
            if last and slot.time[:10] != last:
                self.year.evening(self, last)
            last = slot.time[:10]
            self._wait_until(slot.time)
            self.year.morning_or_noon(slot)
            yield slot
        self.year.evening(self, last)


class Year:
    """One seed's year."""

    def __init__(self, folder: Path, seed: int, days: int, cycle_s: int) -> None:
        self.folder = folder
        self.seed = seed
        settings = {
            **SETTINGS, "SEED": str(seed), "JOURNAL": f"sqlite:///{folder}/soak.db",
        }  # fmt: skip
        self.feed = SimulatedFeed(
            seed=seed, symbols=tuple(SYMBOLS.split(",")), first_day=FIRST_DAY, days=days,
            cycle_s=cycle_s,
        )  # fmt: skip
        environ = {f"REFOLD_{name}": value for name, value in settings.items()}
        environ |= {"APCA_API_KEY_ID": "venue-key"}
        environ |= {"APCA_API_SECRET_KEY": "venue-secret"}  # pragma: allowlist secret
        self.loaded = load(None, environ, {})
        self.world = World(
            folder / "venue.db", seed, RATES, TimeText(f"{FIRST_DAY}T14:00:00.000000Z")
        )
        self.bits = rng_from_parts(seed, "soak", "year")
        self.violations: list[str] = []
        self.probes: Counter[str] = Counter()
        self.recent: deque[list[Event]] = deque([[]], maxlen=5)
        self.last_word: dict[str, Event] = {}
        self.by_stream: set[str] = set()
        self.loud = True
        self.days = self.kills = self.events = self.cycles = 0
        self.ours: set[str] = set()
        self.no_kill_until = 0
        self.ended = ""

    def run(self) -> Lived:
        """From the first morning to the last evening."""
        done = False
        while not done:
            try:
                done = self._session()
            except Killed as killed:
                self.kills += 1
                self.probes[f"killed: {killed}"] += 1
            except BadInputError as refused:
                self.probes["start refused"] += 1
                if self.probes["start refused"] > REFUSED_MAX:
                    self.violations.append(f"a start is refused again and again: {refused}")
                    break
                self.world.pass_us(START_AGAIN_US)
            if self.kills > 20_000:
                self.violations.append("killed too often to get on")
                break
        self._prove()
        for kind, count in self.world.venue.faults.counts.items():
            self.probes[f"fault: {kind}"] += count
        return Lived(
            self.violations, self.probes, self.days, self.cycles, self.events, len(self.ours),
            self.kills,
        )  # fmt: skip

    def _session(self) -> bool:
        """One runner, from its start; true where it came to the end of the year."""
        inputs, broker = self._inputs()
        url = self.loaded.config.journal
        with contextlib.ExitStack() as stack:
            stack.callback(broker.close)
            try:
                journal = open_journal(url)
            except JournalMissingError:
                created = replace(
                    created_event(inputs), journal_id=journal_id_from_name(f"soak-{self.seed}")
                )
                journal = create_journal(url, created, recorded_at=created.observed_at)
            stack.callback(journal.close)
            broker.tag = f"rf-{journal.journal_id[:8]}-"
            committer = Committer(
                journal, inputs.strategy, self.heard, Snapshots(journal, every=400)
            )
            assert inputs.real is not None
            runner = SoakRunner(
                committer, broker, inputs.feed, clock=inputs.real.clock,
                waiting=inputs.real.waiting,
            )  # fmt: skip
            runner.year = self
            runner.start(
                lambda: what_is_new(inputs, committer.state),
                started(inputs, lambda: max(inputs.now, committer.state.now)),
            )
            runner.run()
            return True

    def _inputs(self) -> tuple[Inputs, MortalSoakBroker]:
        config, clock = self.loaded.config, self.world.clock
        budgets = drilled_budgets(config, clock).pair
        settings, secrets = alpaca_settings(config), self.loaded.secrets
        broker = MortalSoakBroker(settings, secrets, clock.now, budgets=budgets)
        broker.year = self
        broker.live_in(self.world)
        facts = Facts("soak", {}, "soak")
        real = Real(broker, clock, Waiting(clock), broker.identity(), facts)
        inputs = read_inputs(config, self.loaded.secrets, None, real)
        return inputs._replace(feed=self.feed, sessions=self.feed.calendar()), broker

    # -- chance

    def maybe_die(self, where: str, one_in: int) -> None:
        """By chance the runner is dead from here on."""
        if (
            self.loud
            and self.world.clock.us >= self.no_kill_until
            and below(self.bits, one_in) == 0
        ):
            raise Killed(where)

    def heard(self, events: Sequence[Event]) -> None:
        """A commit: what it holds is counted, and it may be the runner's last."""
        self.events += len(events)
        self.recent[-1] += events
        for event in events:
            for probe in probes_of(event):
                self.probes[probe] += 1
            if isinstance(event, OUTCOMES):
                self.last_word[event.client_order_id] = event
            elif isinstance(event, FillReported) and event.execution_id is not None:
                self.by_stream.add(event.execution_id)
            elif isinstance(event, IntentCreated):
                self.ours.add(event.client_order_id)
                self._check_limits(event)
        self.maybe_die("commit", KILL_ONE_IN)

    def morning_or_noon(self, slot: MarketSlot) -> None:
        """The slot's quotes at the venue, and what chance adds."""
        self.cycles += 1
        self.world.end_stuck()
        self.world.show(slot.quotes)
        if below(self.bits, ARM_ONE_IN) == 0:
            self.world.arm_by_chance()
        if below(self.bits, AMEND_ONE_IN) == 0:
            self._amend()

    def _amend(self) -> None:
        """A bust or a correction, told to a stream that hears: nobody else ever tells of one."""
        engine, updates = self.world.venue.engine, self.world.server.updates
        hears = any(not socket.deaf and socket.alive for socket in updates.listening)
        known = [e for e in engine.executions[-8:] if not e.busted and e.id in self.by_stream]
        if not hears or not known or not self.loud:
            return
        self.world.loud(faults=False)
        execution, now = known[-1], self.world.venue.clock.now()
        order = engine.orders[execution.order_id]
        if below(self.bits, 2):
            engine.amend(execution, now, Decimal(0), Decimal(0))
            engine.faults.count(Fault.BUST)
        else:
            price = execution.price + order.sign * Decimal("0.01")
            engine.amend(execution, now, execution.quantity, price)
            engine.faults.count(Fault.CORRECT)
        self.world._step()
        self.world.loud(faults=True)
        self.no_kill_until = self.world.clock.us + 60_000_000

    # -- judged

    def _check_limits(self, intent: IntentCreated) -> None:
        """The venue's own view of what is at stake, with the order that was just decided."""
        engine = self.world.venue.engine
        price = Decimal(intent.limit_price or intent.ask)
        worth = Decimal(intent.quantity) * price
        if worth > NOTIONAL_MAX * Decimal("1.01"):
            self._violated(f"limit: {intent.client_order_id} is worth {worth}")
        if intent.closing:
            return
        gross = worth
        for symbol, held in engine.positions.items():
            quote = engine.quotes[symbol]
            gross += abs(held) * (quote.bid + quote.ask) / 2
        if gross > GROSS_MAX * Decimal("1.02"):
            self._violated(f"limit: gross {gross} with {intent.client_order_id}")

    def evening(self, runner: SoakRunner, day: str) -> None:
        """After the close, faults off: everything must agree. Then the night; a day has one.

        A runner that dies between it and the first slot comes here again.
        """
        if day <= self.ended:
            return
        self.loud = False
        self.world.loud(faults=False)
        state = runner.committer.state
        close = next(session.close for session in state.sessions if session.date == day)
        runner._wait_until(later_by(close, Decimal(600)))
        self.world.end_stuck()
        for _ in range(4):
            runner._wait_until(later_by(self.world.clock.now(), Decimal(300)))
            runner._reconcile()
            runner._hear()
        # one that was just lost comes back within moments, if it is to come at all
        runner._wait(Decimal(120), until=lambda: not any(runner.committer.state.streams.values()))
        self._judge(runner, day)
        self.days += 1
        self.recent.append([])
        self.world.pass_us(NIGHT_US)
        self.ended = day
        self.loud = True
        self.world.loud(faults=True)

    def _judge(self, runner: SoakRunner, day: str) -> None:
        state = runner.committer.state
        known = {*state.intents, *(order_id for order_id, _ in state.closed.items())}
        self.world.forget(lambda order_id: order_id in known or order_id not in self.ours)
        old = [self.last_word[order_id] for order_id in known if order_id in self.last_word]
        events = [*old, *(event for part in self.recent for event in part)]
        for line in compared(state, events, self.world.state()):
            self._violated(f"{day}: {line}")
        for order_id, intent in state.intents.items():
            if intent.status in (OpenStatus.UNKNOWN, OpenStatus.PENDING_SUBMIT):
                self._violated(f"{day}: stuck: {order_id} is {intent.status} in the evening")
        down = [name for name, why in state.streams.items() if why]
        if down:
            self._violated(f"{day}: still down in the evening: {down}")

    def _violated(self, line: str) -> None:
        if len(self.violations) < 50:
            self.violations.append(f"seed {self.seed} {line}")

    def _prove(self) -> None:
        """The journal proves itself."""
        url = self.loaded.config.journal
        report = verify(url)
        self.violations += [f"seed {self.seed} verify: {found}" for found in report.problems]
        with open_journal(url, read_only=True) as journal:
            found = parity(journal.read(), disturb=lambda: None)
        if found.parity is not True:
            self.violations.append(f"seed {self.seed} replay: {found.divergence}")
