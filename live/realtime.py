"""The runner against a real broker: the same slots and cycles, in time that passes by itself.

    start        claim the epoch; connect the stream; resolve every attempt without an outcome;
                 reconcile
    while it     what the stream brings, timers that are due, and every `broker.reconcile_every_s`
    waits        (`reconcile_down_every_s` while something is down, at once after the stream
                 changed) a reconciliation
    each slot    when its time has come (a market of its own time), or when the one before is done
                 and `--pace` has passed (a recorded market)
    end          what was refused for now is sent again or expires, and every unknown outcome is
                 waited for, until the core's own timers settle it; what does not agree then is
                 compared again, a few times: an order may show itself late

locked out  nothing is asked, whatever is due, but what the core's timer allows; cycles go on
rule    A reconciliation that failed is no empty one: nothing of it is committed, the account grows
        old, and the gates of the link block openings until one succeeds. A stream's message is
        committed before the next is taken from the queue.
dies    anywhere: as in live/runner.py; what the stream said meanwhile is heard by REST at a start.
"""

from collections.abc import Callable, Iterator, Sequence
from decimal import Decimal

from core.events import (
    CycleOpened,
    Observation,
    QuotesObserved,
    RunnerStarted,
    TimerElapsed,
)
from core.order import OpenStatus
from core.state import ORDER_UPDATES
from core.values import TimeText, seconds_between
from live.brokers.base import RealBroker
from live.clock import Clock, Waiting
from live.committer import Committer
from live.feeds.base import Feed, MarketSlot, PacedFeed
from live.feeds.signals import SignalFeed
from live.rehearsal import rehearse
from live.runner import Runner

STREAM_WAIT_S = Decimal(10)
"""How long a start waits for the stream before it goes on without (and opens nothing)."""
GRACE_S = Decimal(2)
"""How long an end waits for the stream's last words."""
MOMENT_S = Decimal("0.25")
"""How soon a signal to stop is heard."""
AGAIN_S = Decimal(1)
"""The least time from one comparison to the next while the account is in doubt."""
LAST_COMPARISONS = 6
"""How often an end compares while something does not agree that may only be late."""
MAY_BE_LATE = ("order", "position")
"""The mismatches that end by themselves when what is late comes."""
OBEY_S = Decimal(2)
"""How long an operator's process has to send the cancels it asked for, before the runner does."""
LONGEST_WAIT_S = Decimal(60)
"""The longest wait after which the machine's clock is asked again."""
UNSETTLED = (OpenStatus.PENDING_SUBMIT, OpenStatus.SUBMITTING, OpenStatus.UNKNOWN)


class RealtimeRunner(Runner):
    """One invocation of the main job, against a broker and a clock that are real."""

    def __init__(
        self,
        committer: Committer,
        broker: RealBroker,
        feed: Feed,
        *,
        clock: Clock,
        waiting: Waiting,
        pace_s: Decimal = Decimal(0),
        signals: SignalFeed | None = None,
        stopping: Callable[[], bool] = lambda: False,
        progress: Callable[[int], None] = lambda _: None,
    ) -> None:
        """`pace_s`: the wait between the cycles of a market that does not set the pace itself.

        `waiting` is how the feed waits: what comes meanwhile is acted on.
        """
        super().__init__(
            committer, broker, feed, signals=signals, stopping=stopping, progress=progress
        )
        self.real = broker
        self.clock = clock
        self.pace_s = pace_s
        self.actions.monotonic = clock.monotonic
        self.actions.write = broker.write
        committer.meanwhile = self.actions.meanwhile
        waiting.until = self._wait_until
        self.reconciled: Decimal | None = None
        self.doubts = 0
        self.was_down: frozenset[str] = frozenset()
        self.told_at: Decimal | None = None
        self.tried_at: Decimal | None = None

    def start(
        self,
        news: Callable[[], Sequence[Observation]],
        started: Callable[[int], RunnerStarted],
    ) -> None:
        """Claim, connect, resolve, reconcile; without a stream or an account nothing is opened."""
        self.committer.journal.make_room()
        decisions = self.committer.claim(news, started)
        if self._locked_out():  # with its first try that succeeds the broker is listened to
            self.actions.carry_out(decisions)
            self.committer.keep()
            return
        self.real.start()
        self.actions.carry_out(decisions)
        self._wait(
            STREAM_WAIT_S, until=lambda: self.committer.state.streams.get(ORDER_UPDATES) == ""
        )
        self._reconcile()
        self.committer.keep()

    def run(self, cycles: int | None = None) -> str:
        """Open up to `cycles` cycles, or all the market has; the reason for the end."""
        last = self.committer.state.cycle
        for opened, slot in enumerate(self._slots(None if last is None else last.slot), 1):
            self._open_slot(slot)
            self.committer.keep()
            self.progress(opened)
            if opened == cycles or self.stopping():
                break
        reason = "signal" if self.stopping() else "completed"
        self._finish()
        self.actions.carry_out(self.committer.take_inherited())  # what came while it ended
        return reason

    def _slots(self, after: TimeText | None) -> Iterator[MarketSlot]:
        """The market's slots when their time has come; a recorded market's one after the other."""
        paced = isinstance(self.feed, PacedFeed)
        for ordinal, slot in enumerate(self.feed.slots(after)):
            if ordinal and not paced:
                self._wait(self.pace_s)
            if self.stopping():
                return
            yield slot

    def _wait_until(self, time: TimeText) -> bool:
        """Whether `time` came before a stop; by the machine's clock, which may be set meanwhile."""
        while (left := seconds_between(self.clock.now(), time)) > 0 and not self.stopping():
            self._wait(min(left, LONGEST_WAIT_S))
        return not self.stopping()

    def _open_slot(self, slot: MarketSlot) -> None:
        self._hear()
        self._reconcile_if_due()
        cycle = self.committer.state.cycle
        number = 1 if cycle is None else cycle.number + 1
        self.real.hold_permits(len(self.committer.state.universe()))
        heard = self._as_good_as(slot, number)
        self.real.prepare(lambda: rehearse(self.committer, heard))
        decisions = self.committer.observe(*self._inputs(slot, number))
        self.actions.carry_out([*self.committer.take_inherited(), *decisions])
        self.real.give_back_permits()
        self._hear()

    def _as_good_as(self, slot: MarketSlot, number: int) -> list[Observation]:
        """What the cycle will be decided on, but for news and signals: enough to rehearse it."""
        now = self.clock.now()
        return [
            self._quotes(slot, now),
            self.broker.rate_budget(now),
            CycleOpened(observed_at=now, number=number, slot=slot.time),
        ]

    def _quotes(self, slot: MarketSlot, now: TimeText) -> QuotesObserved:
        """Those of the symbols that are traded."""
        traded = set(self.committer.state.universe())
        quotes = {symbol: q for symbol, q in sorted(slot.quotes.items()) if symbol in traded}
        return QuotesObserved(observed_at=now, slot=slot.time, feed=self.feed.name, quotes=quotes)

    def _inputs(self, slot: MarketSlot, number: int) -> Iterator[Observation]:
        """What the cycle is decided on; the account came with its reconciliation."""
        now = self.clock.now()
        if isinstance(self.feed, PacedFeed):
            yield from self.feed.news()
        yield self._quotes(slot, now)
        if self.signals is not None:
            for signal in self.signals.until(slot.time):
                yield signal.observed(now)
        yield self.broker.rate_budget(now)
        yield CycleOpened(observed_at=now, number=number, slot=slot.time)

    def _finish(self) -> None:
        """The last words of the stream, every outcome that may still come, and a last look."""
        self._wait(GRACE_S, until=lambda: not self.committer.state.intents)
        self._wait(self._longest_unsent_s(), until=lambda: not self._is_unsent())
        self._wait(self._longest_doubt_s(), until=lambda: not self._in_doubt())
        for _ in range(LAST_COMPARISONS):
            self._reconcile()
            self._hear()
            late = set(MAY_BE_LATE).intersection(self.committer.state.mismatched.values())
            if not late or self.stopping():
                return
            self._wait(AGAIN_S)

    def _in_doubt(self) -> bool:
        if self._locked_out():  # nobody can be asked
            return False
        intents = self.committer.state.intents.values()
        return any(intent.status in UNSETTLED and not intent.stranger for intent in intents)

    def _longest_doubt_s(self) -> Decimal:
        """After this time the core has settled every outcome, unless the broker cannot be asked."""
        broker = self.committer.state.config.broker
        looks = Decimal(broker.look_interval_s) * (broker.looks + 2)
        return Decimal(broker.settle_s) + looks + GRACE_S

    def _is_unsent(self) -> bool:
        intents = self.committer.state.intents.values()
        return any(intent.status is OpenStatus.PENDING_SUBMIT for intent in intents)

    def _longest_unsent_s(self) -> Decimal:
        """After this time what the broker would not take yet was taken, or has expired."""
        config = self.committer.state.config
        return Decimal(config.risk.intent_valid_s) + Decimal(config.broker.retry_after_s) + GRACE_S

    # -- time

    def _wait(self, seconds: Decimal, *, until: Callable[[], bool] = lambda: False) -> None:
        """Let time pass, and act on what it brings, until it is over, `until` holds, or a stop."""
        end = self.clock.monotonic() + seconds
        while True:
            self._hear()
            self._reconcile_if_due()
            left = end - self.clock.monotonic()
            if left <= 0 or until() or self.stopping():
                return
            self.real.wait(float(min(left, self._until_timer(), MOMENT_S)))

    def _until_timer(self) -> Decimal:
        """Seconds to the earliest timer."""
        timers = self.committer.state.timers
        if not timers:
            return MOMENT_S
        return max(Decimal(0), seconds_between(self.clock.now(), min(timers.values())))

    def _hear(self) -> None:
        """What others wrote, timers that are due, what the stream has brought, in its order."""
        self._obey()
        while True:
            now = self.clock.now()
            timers = self.committer.state.timers
            due = min(((due, key) for key, due in timers.items() if due <= now), default=None)
            if due is not None:
                elapsed = TimerElapsed(observed_at=now, key=due[1], due=due[0])
                decisions = self.committer.elapse(elapsed)
                if decisions is not None:
                    self.actions.carry_out(decisions)
                    self._probe_if_due(due[1])
                continue
            messages = self.real.messages(self.heard_until or self.committer.state.now, now)
            self.heard_until = now
            if not messages:
                self._try_keys_again()
                return
            for message in messages:
                self.actions.carry_out(self.committer.observe(message))

    def _obey(self) -> None:
        """Fold what an operator's process appended; do what it asked for and does not do itself."""
        committer = self.committer
        if committer.journal.read_head() != committer.head:
            committer.catch_up()
        if not committer.inherited:
            self.told_at = None
        elif self.told_at is None:
            self.told_at = self.clock.monotonic()
        elif self.clock.monotonic() - self.told_at >= OBEY_S:
            self.told_at = None
            self.actions.carry_out(committer.take_inherited())

    # -- what is true

    def _reconcile_if_due(self) -> None:
        """At the interval of the stream's health; at once, and then ever later, while in doubt.

        A comparison that failed would fail again a moment later, and each costs calls of the
        budget: the wait doubles up to `broker.reconcile_down_every_s`.
        """
        if self.reconciled is None:
            return
        broker = self.committer.state.config.broker
        longest = Decimal(broker.reconcile_down_every_s)
        if (down := frozenset(self.real.down)) != self.was_down:
            self.was_down, self.doubts = down, 0
        every = longest if self.real.down else Decimal(broker.reconcile_every_s)
        if self.real.reconcile_due:
            every = min(AGAIN_S * 2 ** min(self.doubts, 16), longest)
        if self.clock.monotonic() - self.reconciled >= every:
            self._reconcile()
            self.doubts = self.doubts + 1 if self.real.reconcile_due else 0

    def _reconcile(self, _: TimeText | None = None) -> None:
        """The broker's view now, the account last; whatever came of it, the next one has its time.

        What it costs while it fails is one try an interval.
        """
        self.reconciled = self.clock.monotonic()
        super()._reconcile(self.clock.now())
        if self._locked_out():
            return
        account = self.broker.account(self.clock.now())
        if account is not None:
            self.actions.carry_out(self.committer.observe(account))

    def _probe(self) -> None:
        """One read; once the keys hold the broker is listened to and compared, as at a start."""
        self.actions.carry_out(self.committer.observe(self.real.probe(self.clock.now())))
        if not (self._locked_out() or self.real.is_shut):
            self.real.start()
            self._reconcile()

    def _try_keys_again(self) -> None:
        """Another process found that the account answers: whether it does to us is tried at once.

        Refused again, the lockout is in force again; without an answer the next try has its time.
        """
        if self._locked_out() or not self.real.is_shut:
            return
        wait_s = Decimal(self.committer.state.config.broker.probe_after_s)
        now = self.clock.monotonic()
        if self.tried_at is None or now - self.tried_at >= wait_s:
            self.tried_at = now
            self.committer.check()
            self._probe()
