"""Does history cost? One append, and one whole cycle, on a long journal against a short one.

clock   CPU: what the disk does for a commit does not depend on what lies before it
cycle   quotes, budget and `CycleOpened` at once, then each order's answer and its fill: commits of
        their own, by the `Committer`, with the benchmarks' strategy. In microseconds an event
"""

from decimal import Decimal
from functools import partial
from itertools import count

from msgspec.structs import replace

from core.events import (
    CalendarObserved,
    CycleOpened,
    FeeReported,
    FillReported,
    OrderSubmitAttempted,
    OrderSubmitted,
    QuotesObserved,
    RateBudgetReported,
    Session,
)
from core.values import DecimalText, TimeText, decimal_text, later_by
from journal import Journal, open_journal
from live.committer import Committer
from tests.bench.busy import Busy
from tests.bench.corpus import Corpus
from tests.bench.measure import CPU, DifferentError, Row, in_turn, times

AT = TimeText("2026-11-27T14:30:00.000000Z")
CENT = DecimalText("0.01")
MINUTE = Decimal(60)
DAY = Decimal(86_400)


def appending(corpus: Corpus, name: str) -> Row:
    """One observation a commit, behind a long history against behind a short one."""
    numbers = count()

    def append(journal: Journal) -> None:
        fee = FeeReported(
            observed_at=AT, fee_id=f"{next(numbers):064}", amount=CENT, kind="regulatory"
        )
        journal.append([fee], expected=journal.head, epoch=1, recorded_at=AT)

    with open_journal(corpus.many) as many, open_journal(corpus.few) as few:
        taken = in_turn(
            partial(append, many),
            partial(append, few),
            rounds=2 * corpus.size.commits,
            warm_up=corpus.size.commits // 2,
            clock=CPU,
        )
    return times(name, taken, each=1, unit="CPU-µs a commit")


def cycling(corpus: Corpus, name: str) -> Row:
    """A cycle with its orders, behind a long history against behind a short one."""
    with open_journal(corpus.many) as many, open_journal(corpus.few) as few:
        markets = Market(Committer(many, Busy)), Market(Committer(few, Busy))
        for market in markets:
            market.settle()
        taken = in_turn(
            markets[0].cycle,
            markets[1].cycle,
            rounds=corpus.size.commits // 4,
            warm_up=corpus.size.commits // 8 + 1,
            clock=CPU,
        )
    if markets[0].made != markets[1].made or not markets[0].made:
        raise DifferentError(name)
    return times(name, taken, each=1, unit="CPU-µs a cycle")


class Market:
    """One long session of a market that stands still and fills every order at once."""

    def __init__(self, committer: Committer) -> None:
        self.committer = committer
        state = committer.state
        assert state.cycle is not None
        self.slot = later_by(state.cycle.slot, DAY)
        self.number = state.cycle.number
        self.quotes = state.quotes
        self.made = 0
        session = Session(date=self.slot[:10], open=self.slot, close=later_by(self.slot, DAY))
        calendar = CalendarObserved(observed_at=self.slot, source="bench", sessions=(session,))
        committer.observe(calendar)

    def settle(self) -> None:
        """Let go of what the history's days left: from here on both journals do the same."""
        for _ in range(3):
            self.cycle()
        self.made = 0

    def cycle(self) -> None:
        """The next minute: decide, and hear of each order that it was taken and filled."""
        self.slot, self.number = later_by(self.slot, MINUTE), self.number + 1
        at, commit = self.slot, self.committer.observe
        quotes = {symbol: replace(quote, time=at) for symbol, quote in self.quotes.items()}
        decisions = commit(
            QuotesObserved(observed_at=at, slot=at, feed="bench", quotes=quotes),
            RateBudgetReported(observed_at=at, limit=1_000, remaining=1_000),
            CycleOpened(observed_at=at, number=self.number, slot=at),
        )
        for decision in decisions:
            if isinstance(decision, OrderSubmitAttempted):
                self.fill(decision.client_order_id, at)

    def fill(self, order: str, at: TimeText) -> None:
        """All of the order's shares, executed at its limit."""
        intent = self.committer.state.intents[order]
        self.made += 1
        self.committer.observe(
            OrderSubmitted(
                observed_at=at, client_order_id=order, venue_order_id=order, attempt=1, status="new"
            )
        )
        self.committer.observe(
            FillReported(
                observed_at=at,
                client_order_id=order,
                venue_order_id=order,
                symbol=intent.symbol,
                side=intent.side,
                quantity=decimal_text(intent.quantity),
                price=decimal_text(intent.worst_price),
                source="stream",
                execution_id=order,
                cumulative_quantity=decimal_text(intent.quantity),
            )
        )
