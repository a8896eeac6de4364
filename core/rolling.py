"""What the gates remember of what was sent, what was left and how the day went: bounded windows.

shape   `Sent`: one entry a second of the last sixty in which something was sent, oldest first
        `Exit`: one a symbol ever traded: when it last realized a loss, when it was last left
        `Day`: the marks of the running session, one a cycle
why     state holds only what `decide` needs; history is a projection
"""

from collections.abc import Mapping
from decimal import Decimal

import msgspec

from core.events import Quote
from core.positions import Position
from core.strategy import mid_of
from core.values import CONTEXT, ZERO, TimeText, whole_seconds

WINDOW_S = 60


class Sent(msgspec.Struct, frozen=True, gc=False):
    """What left in one second: orders by their first attempt; messages count every request."""

    second: int
    orders: int
    messages: int


class Exit(msgspec.Struct, frozen=True, gc=False):
    """When a symbol last realized a loss, and when its position was last closed."""

    lost_at: TimeText | None = None
    flat_at: TimeText | None = None


class Day(msgspec.Struct, frozen=True, gc=False):
    """The profit since the journal began, as marked in one session: at its start, best, and last.

    `start` is the last mark before the session, so that a gap over night counts. `unpriced` is a
    position without a quote: then the last mark could not be made.
    """

    session: str
    start: Decimal
    peak: Decimal
    profit: Decimal
    unpriced: str | None = None


def with_sent(sent: tuple[Sent, ...], at: TimeText, *, order: bool) -> tuple[Sent, ...]:
    """`sent` after one more request at `at`; seconds that have left the window are let go."""
    second = whole_seconds(at[:19])
    first, end = 0, len(sent)
    while first < end and sent[first].second <= second - WINDOW_S:
        first += 1
    if first == end or sent[-1].second < second:
        return (*sent[first:], Sent(second, int(order), 1))
    last = sent[-1]
    return (*sent[first:-1], Sent(last.second, last.orders + order, last.messages + 1))


def sent_lately(sent: tuple[Sent, ...], now: TimeText) -> tuple[int, int]:
    """(orders, messages) of the sixty seconds up to `now`, by whole seconds."""
    oldest = whole_seconds(now[:19]) - WINDOW_S
    within = [one for one in sent if one.second > oldest]
    return sum(one.orders for one in within), sum(one.messages for one in within)


def exit_after(known: Exit | None, before: Position, after: Position, at: TimeText) -> Exit | None:
    """What a trade at `at` that made `after` of `before` adds to what is known of exits."""
    lost = after.realized < before.realized
    left = bool(before.quantity) and (
        not after.quantity or (after.quantity > ZERO) != (before.quantity > ZERO)
    )
    if not lost and not left:
        return known
    known = known or Exit()
    return Exit(at if lost else known.lost_at, at if left else known.flat_at)


def marked(
    day: Day | None, session: str, positions: Mapping[str, Position], quotes: Mapping[str, Quote]
) -> Day:
    """`day` after the mark of one more cycle of `session`."""
    before = ZERO if day is None else day.profit
    if day is None or day.session != session:
        day = Day(session, before, before, before)
    profit = ZERO
    for symbol in sorted(positions):
        position = positions[symbol]
        profit = CONTEXT.add(profit, position.realized)
        if not position.quantity:
            continue
        quote = quotes.get(symbol)
        if quote is None:
            return Day(session, day.start, day.peak, day.profit, symbol)
        value = CONTEXT.multiply(position.quantity, mid_of(quote))
        profit = CONTEXT.add(profit, CONTEXT.subtract(value, position.cost))
    return Day(session, day.start, max(day.peak, profit), profit)
