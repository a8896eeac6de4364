"""The whole story of an order, or of a cycle and symbol in which none was sent.

shape   explain_order(records, id) / explain_cycle(records, symbol, cycle) -> [step, ...]
        step {"sequence", "at", "what", "says", "event"}: inputs, config, gates with their numbers,
        attempts, answers, fills, and the cost
reads   the journal once, in order; ids may be a client order id, an intent's event id, the venue's
        order id, or the start of one of them (8 characters or more). The story of an intent is that
        of all its orders: a successor's name points to the first
"""

from collections.abc import Iterable, Iterator

import msgspec

from core.events import (
    ConfigSnapshot,
    CycleOpened,
    Event,
    IntentCreated,
    OrderLookedUp,
    OrderSubmitSkipped,
    QuotesObserved,
    SignalObserved,
    StrategyLoaded,
    tag_of,
)
from replay.parity import Record
from replay.story import sentence

SHORTEST_PREFIX = 8
Step = dict[str, object]


class Background(msgspec.Struct):
    """What stood when the cycle was decided: the last of each kind of input."""

    quotes: dict[str, tuple[int, Event]] = {}
    signals: dict[str, tuple[int, Event]] = {}
    config: tuple[int, Event] | None = None
    next_config: tuple[int, Event] | None = None
    strategy: tuple[int, Event] | None = None
    cycle: tuple[int, Event] | None = None

    def take(self, sequence: int, event: Event) -> None:
        """Remember an input."""
        match event:
            case QuotesObserved():
                for symbol in event.quotes:
                    self.quotes[symbol] = (sequence, event)
            case SignalObserved():
                self.signals[event.symbol] = (sequence, event)
            case ConfigSnapshot():
                self.next_config = (sequence, event)
            case StrategyLoaded():
                self.strategy = (sequence, event)
            case CycleOpened():
                self.cycle = (sequence, event)
                self.config = self.next_config or self.config
            case _:
                pass

    def steps(self, symbol: str) -> Iterator[Step]:
        """The inputs of a decision on `symbol`, in the order they were committed."""
        found = [self.config, self.strategy, self.signals.get(symbol), self.quotes.get(symbol)]
        kept = sorted(entry for entry in (*found, self.cycle) if entry is not None)
        for sequence, event in kept:
            yield step(sequence, event, symbol)


def explain_order(records: Iterable[Record], subject: str) -> list[Step]:
    """Everything about one order, or an empty list where no order has this id."""
    background = Background()
    story: list[Step] = []
    created: IntentCreated | None = None
    known: set[str] = set()
    roots: dict[str, str] = {}
    for record in records:
        event = record.event
        if isinstance(event, OrderLookedUp) and event.predecessor is not None:
            heir = event.client_order_id
            roots[heir] = roots.get(event.predecessor, event.predecessor)
            if created is None and _is_named(subject, heir, event.venue_order_id):
                return [{"see": roots[heir]}]
            if roots[heir] in known:
                known.add(heir)
        if (
            created is None
            and isinstance(event, IntentCreated)
            and _is_named(subject, event.client_order_id, record.event_id)
        ):
            created = event
            known.add(event.client_order_id)
            story = [*background.steps(event.symbol), step(record.sequence, event)]
            continue
        order_id = getattr(event, "client_order_id", None)
        venue_id = getattr(event, "venue_order_id", None)
        if created is not None and (order_id in known or _timer_of(event) in known):
            story.append(step(record.sequence, event))
        elif created is None:
            background.take(record.sequence, event)
            if isinstance(venue_id, str) and _is_named(subject, venue_id, None):
                return [{"see": order_id}]
    return story


def explain_cycle(records: Iterable[Record], symbol: str, cycle: int) -> list[Step]:
    """What was decided in `symbol` in cycle number `cycle`, and on what."""
    background = Background()
    open_cycle = 0
    for record in records:
        event = record.event
        background.take(record.sequence, event)
        if isinstance(event, CycleOpened):
            open_cycle = event.number
            if open_cycle > cycle:
                return []
        decided = isinstance(event, OrderSubmitSkipped | IntentCreated) and event.symbol == symbol
        if open_cycle == cycle and decided:
            return [*background.steps(symbol), step(record.sequence, event)]
    return []


def step(sequence: int, event: Event, symbol: str | None = None) -> Step:
    """One line of a story."""
    at = getattr(event, "decided_at", None) or getattr(event, "observed_at", None)
    plain = msgspec.to_builtins(event)
    if isinstance(event, QuotesObserved) and symbol is not None:
        plain["quotes"] = {symbol: plain["quotes"][symbol]}
    if isinstance(event, StrategyLoaded):
        plain["sources"] = sorted(plain.get("sources", {}))
    return {
        "sequence": sequence,
        "at": at,
        "what": tag_of(event),
        "says": sentence(event, symbol),
        "event": plain,
    }


def _timer_of(event: Event) -> str | None:
    key = getattr(event, "key", None)
    return key.partition(":")[2] if isinstance(key, str) else None


def _is_named(subject: str, first: str, second: str | None) -> bool:
    """Whether `subject` is one of the ids, or a long enough start of one."""
    if subject in (first, second):
        return True
    if len(subject) < SHORTEST_PREFIX:
        return False
    return first.startswith(subject) or (second is not None and second.startswith(subject))
