"""A runner that plays every cycle out before it opens the next, so that one seed decides alike.

shape   `PatientRunner`: a `RealtimeRunner` on a recorded market, against a fault venue
rules   Before a slot opens nothing is on its way: the venue has nothing to do, the stream is heard,
        every outcome is known, and the account was compared after the last news. Where only a
        timer is waited for, both clocks leap to it; then to the slot's time, and the venue gets
        the slot's quotes, and all of it once more. So what a cycle is decided on hangs on no race
dies    at the steps of fate.py; the next start goes on from the journal and the venue
"""

import time
from collections.abc import Callable
from decimal import Decimal
from typing import Any

from core.order import OpenStatus
from core.values import TimeText, later_by, micros
from live.brokers.base import RealBroker
from live.chaos.clock import LeapClock
from live.chaos.diary import Diary
from live.chaos.fate import Fate
from live.clock import Waiting
from live.committer import Committer
from live.feeds.base import Feed, MarketSlot
from live.realtime import UNSETTLED, RealtimeRunner

PATIENCE_S = 120.0
"""How long one cycle may take to come to rest, in the machine's time."""
MISMATCHED_MAX = 50
"""How often what does not agree is compared again before the cycle opens all the same."""
LEAPT_MAX_S = 3_600
"""How much of its own time: whoever waits longer for an outcome waits for ever."""
_MOMENT_S = 0.01
_SECOND_US = 1_000_000


class NeverAtRestError(Exception):
    """A cycle that did not come to rest."""


class PatientRunner(RealtimeRunner):
    """The runner of a drill."""

    def __init__(
        self,
        committer: Committer,
        broker: RealBroker,
        feed: Feed,
        *,
        clock: LeapClock,
        waiting: Waiting,
        fate: Fate,
        stopping: Callable[[], bool] = lambda: False,
    ) -> None:
        super().__init__(committer, broker, feed, clock=clock, waiting=waiting, stopping=stopping)
        self.leaping = clock
        self.fate = fate
        self.diary: Diary = fate.diary
        self._compared = -1
        self._mismatched = 0

    def _open_slot(self, slot: MarketSlot) -> None:
        self._come_to_rest()
        self._leap_to(slot.time)
        self._show(slot)
        self._come_to_rest()
        super()._open_slot(slot)

    def rest(self) -> str:
        """Open no cycle, play the last one out; the reason for the end."""
        self._finish()
        return "completed"

    def _finish(self) -> None:
        """What still works gets old, and is canceled; then as any runner ends."""
        self._come_to_rest()
        while timers := self.committer.state.timers:
            self._leap(min(timers.values()))
            self._come_to_rest()
        super()._finish()
        self._come_to_rest()

    def _show(self, slot: MarketSlot) -> None:
        """The slot's quotes, at the venue; not where an order has to rest."""
        held = self.fate.held
        for symbol in [s for s, order in held.items() if order not in self.committer.state.intents]:
            del held[symbol]
        names = ("bid", "ask", "bid_size", "ask_size", "last", "volume")
        quotes = {
            symbol: {name: getattr(quote, name) for name in names}
            for symbol, quote in slot.quotes.items()
            if symbol not in held
        }
        self.fate.ask("POST", "quotes", quotes)

    def _leap_to(self, at: TimeText) -> None:
        """To `at`, with a stop at every timer."""
        while (due := min(self.committer.state.timers.values(), default=at)) < at:
            self._leap(due)
            self._come_to_rest()
        self._leap(at)

    def _leap(self, at: TimeText) -> None:
        """Both clocks to `at`, if it is ahead; the venue's first."""
        by = micros(at) - micros(self.clock.now()) + 1
        if by > 0:
            seconds = Decimal(by) / _SECOND_US
            self.fate.ask("POST", "clock", {"advance_s": f"{seconds:f}"})
            self.leaping.leap(by)

    def _come_to_rest(self) -> None:
        """Act until nothing is on its way any more.

        errors  `NeverAtRestError`
        """
        ends, began = time.monotonic() + PATIENCE_S, self.clock.monotonic()
        while not self.stopping():
            self._hear()
            self._reconcile_if_due()
            rest = self.fate.ask("GET", "rest", None)
            if time.monotonic() > ends or self.clock.monotonic() - began > LEAPT_MAX_S:
                message = f"expected a cycle to come to rest within {PATIENCE_S:g} s, found {rest}"
                raise NeverAtRestError(f"{message}, {self._restless()}")
            if not self._goes_on(rest):
                break
        self.fate.ask("POST", "disarm", {})
        cycle = self.committer.state.cycle
        self.diary.write(settled=0 if cycle is None else cycle.number)

    def _goes_on(self, rest: dict[str, Any]) -> bool:
        """Whether there is something to wait for; what can be done about it is done."""
        for order_id in rest["stuck"]:
            self.fate.ask("POST", "cancel", {"client_order_id": order_id})
        pending = self.real.next_due(self.committer.state.now) is not None
        timers = self.committer.state.timers
        if rest["moving"] or rest["stuck"] or pending or not rest["listening"]:
            self.real.wait(_MOMENT_S)
        elif self._is_in_doubt(rest):
            self._compare()
        elif timers and self._restless():
            self._leap(min(timers.values()))
        else:
            return False
        return True

    def _is_in_doubt(self, rest: dict[str, Any]) -> bool:
        """Whether the account was not compared since the last news, or a fault waits for a list."""
        state = self.committer.state
        lists = any(one["method"] and not one["client_order_id"] for one in rest["armed"])
        mismatched = bool(state.mismatched) and self._mismatched < MISMATCHED_MAX
        return self._compared != self.fate.news or self._is_down() or lists or mismatched

    def _is_down(self) -> bool:
        return any(self.committer.state.streams.values())

    def _compare(self) -> None:
        """The broker's view; while it does not come a second passes, for 429 ends with time."""
        self._compared = self.fate.news
        if self._is_down():
            self._leap(later_by(self.clock.now(), Decimal(1)))
        self._reconcile()
        self._hear()
        self._mismatched = self._mismatched + 1 if self.committer.state.mismatched else 0
        if self._is_down() or self._mismatched:
            self.real.wait(_MOMENT_S)

    def _restless(self) -> list[str]:
        """Orders whose outcome, or whose cancel's, is not known."""
        state = self.committer.state
        return [
            order_id
            for order_id, intent in state.intents.items()
            if intent.status in (*UNSETTLED, OpenStatus.PENDING_CANCEL)
            or intent.cancel_pending
            or (intent.cancel_attempt and f"cancel:{order_id}" in state.timers)
        ]
