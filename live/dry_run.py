"""What a run would decide in its next cycle, found out without sending or writing anything.

shape   next_cycle(inputs) -> `DryRun`: the slot, and an intent or a skip for each symbol
reads   the journal, where there is one, read only, and the market; never the simulated venue: its
        account is as last reported, or as configured. A real broker is asked as at a start, by
        reads alone: what it has that the journal has not, and the account. Its stream is taken to
        be up; what the broker would report until the slot is not known
waits   for a slot of a real market that is at most `market.cycle_s` away; a later one is decided
        on what is quoted now
"""

import contextlib
from collections.abc import Iterator
from decimal import Decimal
from typing import TYPE_CHECKING, NamedTuple

from msgspec.structs import replace

from core.contract import Config
from core.cycle import order_tag
from core.decide import advance
from core.events import (
    AccountReported,
    CycleOpened,
    Decision,
    IntentCreated,
    Observation,
    OrderSubmitSkipped,
    QuotesObserved,
    RateBudgetReported,
    StreamWentDown,
    StreamWentUp,
)
from core.evolve import evolve
from core.state import COMPARED, INITIAL, ORDER_UPDATES, TRADING, State
from core.values import DecimalText, TimeText, decimal_text, later_by, seconds_between
from journal import open_journal
from live.committer import later
from live.feeds.base import MarketSlot, PacedFeed
from live.feeds.errors import BadInputError
from live.inputs import Inputs, created_event, started, what_is_new
from live.opening import look_first
from live.snapshots import Snapshots

if TYPE_CHECKING:
    from live.brokers.real import Real

MINUTE_S = Decimal(60)


class DryRun(NamedTuple):
    """A cycle that was decided and not opened; `sequence` is the journal's last, 0 without one."""

    sequence: int
    cycle: int
    slot: TimeText
    intents: list[IntentCreated]
    skips: list[OrderSubmitSkipped]


def next_cycle(inputs: Inputs) -> DryRun:
    """The next slot of the market, decided on what the journal holds."""
    sequence, state = _state_of(inputs)
    last = state.cycle
    if inputs.real is not None:
        _wait_no_longer_than(inputs.real, Decimal(inputs.config.market.cycle_s))
    slot = next(inputs.feed.slots(None if last is None else last.slot), None)
    if slot is None:
        after = "at all" if last is None else f"after {last.slot}"
        message = f"market {inputs.feed.name}: expected a next slot, found none {after}; give more"
        raise BadInputError(message)
    number = 1 if last is None else last.number + 1
    decisions: list[Decision] = []
    for heard in _observations(inputs, state, slot, number):
        observation = replace(heard, observed_at=later(heard.observed_at, state.now))
        state, decisions = advance(state, observation, inputs.strategy)
    return DryRun(
        sequence=sequence,
        cycle=number,
        slot=slot.time,
        intents=[decision for decision in decisions if isinstance(decision, IntentCreated)],
        skips=[decision for decision in decisions if isinstance(decision, OrderSubmitSkipped)],
    )


def _state_of(inputs: Inputs) -> tuple[int, State]:
    """(last sequence, state) of the journal; refused as a run would be."""
    if not look_first(inputs):
        return 0, evolve(INITIAL, created_event(inputs))
    opened = open_journal(inputs.config.journal, read_only=True, key=inputs.key)
    with contextlib.closing(opened) as journal:
        state, head = Snapshots(journal).newest()
        sequence = head.sequence
        for reached, event in journal.events(after=head):
            state, sequence = evolve(state, event), reached
    return sequence, state


def _observations(
    inputs: Inputs, state: State, slot: MarketSlot, number: int
) -> Iterator[Observation]:
    """What a runner would commit up to the cycle, `CycleOpened` last."""
    yield from what_is_new(inputs, state)
    yield started(inputs, lambda: max(inputs.now, state.now))(state.epoch + 1)
    at = slot.time if inputs.real is None else inputs.real.clock.now()
    if inputs.real is not None:
        yield from _compared(inputs.real, state)
    if isinstance(inputs.feed, PacedFeed):
        yield from inputs.feed.news()
    traded = {*inputs.config.symbols, *state.universe()} or set(inputs.feed.symbols)
    quotes = {symbol: quote for symbol, quote in sorted(slot.quotes.items()) if symbol in traded}
    yield QuotesObserved(observed_at=at, slot=slot.time, feed=inputs.feed.name, quotes=quotes)
    if inputs.signals is not None:
        after = None if state.cycle is None else state.cycle.slot
        for signal in inputs.signals.cursor(after).until(slot.time):
            yield signal.observed(at)
    if inputs.real is None and state.account is None:
        yield _account(inputs.config, slot.time)
    yield _budget(inputs, at)
    yield CycleOpened(observed_at=at, number=number, slot=slot.time)


def _compared(real: "Real", state: State) -> Iterator[Observation]:
    """What a start would hear of the broker, by reads alone."""
    broker, now = real.broker, real.clock.now()
    broker.tag = order_tag(state.journal_id)
    account = broker.account(now)
    heard = [*broker.reconcile(state, now), *broker.messages(now, real.clock.now())]
    down = {one.stream for one in heard if isinstance(one, StreamWentDown)}
    yield StreamWentUp(observed_at=now, stream=ORDER_UPDATES)
    yield from heard
    for stream in sorted({COMPARED, TRADING} - down):
        yield StreamWentUp(observed_at=now, stream=stream)
    if account is not None:
        yield account


def _wait_no_longer_than(real: "Real", seconds: Decimal) -> None:
    wait = real.waiting.until

    def until(time: TimeText) -> bool:
        return seconds_between(real.clock.now(), time) > seconds or wait(time)

    real.waiting.until = until


def _budget(inputs: Inputs, at: TimeText) -> RateBudgetReported:
    """The calls left: a real broker's own count, else all of them."""
    if inputs.real is not None:
        return inputs.real.broker.rate_budget(at)
    limit, ends = inputs.config.rate.per_minute, later_by(at, MINUTE_S)
    return RateBudgetReported(observed_at=at, limit=limit, remaining=limit, resets_at=ends)


def _account(config: Config, at: TimeText) -> AccountReported:
    """The account before its first order, as configured."""
    broker = config.broker
    power: DecimalText = decimal_text(
        Decimal(broker.cash) * Decimal(broker.buying_power_multiplier)
    )
    return AccountReported(
        observed_at=at, cash=broker.cash, equity=broker.cash, buying_power=power, positions={}
    )
