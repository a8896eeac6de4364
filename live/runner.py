"""The live runner: slot by slot, everything that was due before it, then the cycle.

    start        claim the epoch; tell the venue the slot in force; resolve every attempt without an
                 outcome; reconcile; only then open a cycle
    each slot t  timers and stream messages due up to t, in order of time, timers first
                 reconcile: before a cycle opens, every answer the broker owes is in or unknown
                 one commit: QuotesObserved, signals, AccountReported, RateBudgetReported,
                 CycleOpened and all its decisions; then the calls they ask for
    session end  what was due up to the close; day orders expire; reports; reconcile

dies    anywhere: the journal says which slot was opened last, the venue's file what it accepted.
        A slot is opened at most once; the same intents have the same ids, and fills are a function
        of orders and market alone, so the rest of the session goes on as if nothing had happened.
"""

from collections.abc import Callable, Iterator, Sequence
from decimal import Decimal

from core.events import (
    AccountReported,
    CycleOpened,
    Observation,
    QuotesObserved,
    RunnerStarted,
    RunnerStopped,
    Session,
    TimerElapsed,
)
from core.lockout_facts import BROKER, timer_of
from core.values import TimeText, later_by
from live.actions import Actions
from live.brokers.base import Broker
from live.committer import Committer
from live.feeds.base import Feed, MarketSlot
from live.feeds.signals import SignalFeed

SETTLE_AFTER_CLOSE_S = Decimal(120)
"""How long after a session's close late reports are waited for."""


class Runner:
    """One invocation of the main job on one journal."""

    def __init__(
        self,
        committer: Committer,
        broker: Broker,
        feed: Feed,
        *,
        signals: SignalFeed | None = None,
        pause: Callable[[], None] = lambda: None,
        stopping: Callable[[], bool] = lambda: False,
        progress: Callable[[int], None] = lambda _: None,
    ) -> None:
        """`pause` waits between cycles; `stopping` says a signal came; `progress` counts."""
        self.committer = committer
        self.broker = broker
        self.feed = feed
        last = committer.state.cycle
        self.signals = None if signals is None else signals.cursor(last.slot if last else None)
        self.pause = pause
        self.stopping = stopping
        self.progress = progress
        self.actions = Actions(committer, broker, stopped_clock)
        self.heard_until: TimeText | None = None

    def start(
        self,
        news: Callable[[], Sequence[Observation]],
        started: Callable[[int], RunnerStarted],
    ) -> None:
        """Claim the journal and resolve what the last runner left open."""
        state = self.committer.state
        decisions = self.committer.claim(news, started)
        self.heard_until = self.committer.state.now
        if state.cycle is not None:
            self._tell_venue(state.cycle.slot)
        self.actions.carry_out(decisions)
        self._reconcile()
        self.committer.keep()

    def run(self, cycles: int | None = None) -> str:
        """Open up to `cycles` cycles, or all the market has; the reason for the end."""
        last = self.committer.state.cycle
        slots = self.feed.slots(None if last is None else last.slot)
        opened = 0
        upcoming = next(slots, None)
        while upcoming is not None and (cycles is None or opened < cycles):
            if self.stopping():
                return "signal"
            if opened:
                self.pause()
            self._open_slot(upcoming)
            self.committer.keep()
            opened += 1
            self.progress(opened)
            upcoming = next(slots, None)
        if upcoming is None:
            self._end_session()
        else:
            self._until(upcoming.time)
            self._reconcile()
        return "completed"

    def stop(self, reason: str) -> None:
        """The last event of this runner, anchored, on a journal that was verified; its snapshot."""
        if self.committer.full_pass is not None:
            self.committer.full_pass.join()
        epoch = self.committer.state.epoch
        self.committer.observe(
            RunnerStopped(observed_at=self.committer.state.now, epoch=epoch, reason=reason)
        )
        self.committer.journal.anchor()
        self.committer.keep(stopping=True)

    # -- one slot

    def _open_slot(self, slot: MarketSlot) -> None:
        cycle = self.committer.state.cycle
        if cycle is not None and self._session_of(cycle.slot) != self._session_of(slot.time):
            self._end_session()
        self._until(slot.time)
        self._reconcile(slot.time)
        number = 1 if cycle is None else cycle.number + 1
        decisions = self.committer.observe(*self._inputs(slot, number))
        self._tell_venue(slot.time)
        self.actions.carry_out([*self.committer.take_inherited(), *decisions])

    def _inputs(self, slot: MarketSlot, number: int) -> Iterator[Observation]:
        """What the cycle is decided on, `CycleOpened` last."""
        traded = set(self.committer.state.universe())
        quotes = {symbol: q for symbol, q in sorted(slot.quotes.items()) if symbol in traded}
        yield QuotesObserved(
            observed_at=slot.time, slot=slot.time, feed=self.feed.name, quotes=quotes
        )
        if self.signals is not None:
            for signal in self.signals.until(slot.time):
                yield signal.observed(slot.time)
        account = None if self._locked_out() else self.broker.account(slot.time)
        if account is not None and _changed(account, self.committer.state.account):
            yield account
        yield self.broker.rate_budget(slot.time)
        yield CycleOpened(observed_at=slot.time, number=number, slot=slot.time)

    def _tell_venue(self, slot: TimeText) -> None:
        """The venue sees the market the cycle was decided on; telling it twice changes nothing."""
        state = self.committer.state
        quotes = {symbol: q for symbol, q in state.quotes.items() if q.time == slot}
        self.broker.open_slot(slot, quotes, self._session_of(slot))

    def _end_session(self) -> None:
        """Up to the close and a little after: expiries, late reports, a last look."""
        cycle = self.committer.state.cycle
        session = None if cycle is None else self._session_of(cycle.slot)
        if cycle is None or session is None:
            return
        self._until(session.close)
        if cycle.slot < session.close:
            self.broker.open_slot(session.close, {}, session)
        end = later_by(session.close, SETTLE_AFTER_CLOSE_S)
        self._until(end)
        self._reconcile(end)

    # -- what is due, and what is true

    def _until(self, time: TimeText) -> None:
        """Timers and stream messages due up to `time`, earliest first, a timer before a message."""
        while True:
            timers = self.committer.state.timers
            timer = min(((due, key) for key, due in timers.items() if due <= time), default=None)
            heard_until = self.heard_until or self.committer.state.now
            message_due = self.broker.next_due(heard_until)
            if message_due is not None and message_due > time:
                message_due = None
            if timer is not None and (message_due is None or timer[0] <= message_due):
                elapsed = TimerElapsed(observed_at=timer[0], key=timer[1], due=timer[0])
                decisions = self.committer.elapse(elapsed)
                if decisions is not None:
                    self.actions.carry_out(decisions)
                    self._probe_if_due(timer[1])
            elif message_due is not None:
                for message in self.broker.messages(heard_until, message_due):
                    self.actions.carry_out(self.committer.observe(message))
                self.heard_until = message_due
            else:
                break
        if self.heard_until is None or self.heard_until < time:
            self.heard_until = time

    def _locked_out(self) -> bool:
        """Whether the broker refuses our keys, and nothing is asked but by `_probe`."""
        return BROKER in self.committer.state.lockouts

    def _probe_if_due(self, timer: str) -> None:
        """The core let a locked-out account be tried: one read, whose answer is heard."""
        if timer == timer_of(BROKER) and self._locked_out():
            self.committer.check()
            self._probe()

    def _probe(self) -> None:
        """Simulated keys hold whenever they are tried."""
        account = self.broker.account(self.committer.state.now)
        if account is not None:
            self.actions.carry_out(self.committer.observe(account))

    def _reconcile(self, time: TimeText | None = None) -> None:
        """The broker's view now; what differs is committed as observations."""
        self.committer.check()
        if self._locked_out():
            return
        state = self.committer.state
        now = state.now if time is None else time
        for observation in self.broker.reconcile(state, now):
            self.actions.carry_out(self.committer.observe(observation))

    def _session_of(self, slot: str) -> Session | None:
        """The session a slot belongs to; a slot at the close belongs to it as well."""
        for session in self.committer.state.sessions:
            if session.open <= slot <= session.close:
                return session
        return None


def stopped_clock() -> Decimal:
    """Simulated time stands still between a commit and the call it allows."""
    return Decimal(0)


def _changed(account: AccountReported, known: AccountReported | None) -> bool:
    """Whether the account says anything the journal does not have."""
    if known is None:
        return True
    return (account.cash, account.equity, account.buying_power, account.positions) != (
        known.cash,
        known.equity,
        known.buying_power,
        known.positions,
    )
