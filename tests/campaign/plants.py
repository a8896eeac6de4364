"""Planted faults: what the campaign must find, or it proves nothing.

Each is put into the children that run the session, the first start and every restart alike; the
ones marked + show in no run that is never killed.
"""

import os
from collections.abc import Callable, Iterator
from typing import Any

from msgspec.structs import replace

from core import cycle, outcomes
from core.decide import advance
from core.events import CycleOpened, Event, OrderLookedUp, OrderSubmitAttempted
from core.values import TimeText, micros
from journal import Head, Journal
from live.brokers.base import SubmitAnswer
from live.brokers.simulated import SimulatedBroker
from live.brokers.ticket import Ticket, ticket_of
from live.committer import Committer
from live.feeds.base import MarketSlot
from live.feeds.csv_file import CsvFeed


def post_before_commit() -> None:
    """Every order goes out before the commit that allows it."""
    early: dict[tuple[str, int], SubmitAnswer] = {}
    brokers: list[SimulatedBroker] = []
    real_init, real_submit = SimulatedBroker.__init__, SimulatedBroker.submit
    real_commit = Committer._commit

    def init(broker: SimulatedBroker, *arguments: Any, **named: Any) -> None:
        real_init(broker, *arguments, **named)
        brokers.append(broker)

    def submit(
        broker: SimulatedBroker, ticket: Ticket, attempt: int, now: TimeText
    ) -> SubmitAnswer:
        answer = early.pop((ticket.client_order_id, attempt), None)
        return real_submit(broker, ticket, attempt, now) if answer is None else answer

    def commit(committer: Committer, observations: Any, epoch: int) -> Any:
        state = committer.state
        for observation in observations:
            state, derived = advance(state, observation, committer.strategy)
            if isinstance(observation, CycleOpened):
                _tell(brokers[-1], state, observation.slot)
            for decision in derived:
                if isinstance(decision, OrderSubmitAttempted):
                    ticket = ticket_of(state.intents[decision.client_order_id])
                    answer = real_submit(brokers[-1], ticket, decision.attempt, state.now)
                    early[ticket.client_order_id, decision.attempt] = answer
        return real_commit(committer, observations, epoch)

    put(SimulatedBroker, "__init__", init)
    put(SimulatedBroker, "submit", submit)
    put(Committer, "_commit", commit)


def acknowledge_early() -> None:
    """+ An append returns before it wrote; it writes when the journal is asked for something."""
    waiting: list[tuple[list[Event], dict[str, Any]]] = []
    real = {name: getattr(Journal, name) for name in ("append", "read_head", "anchor", "close")}
    real["_page"] = Journal._page

    def write(journal: Journal) -> None:
        for events, named in [waiting.pop() for _ in tuple(waiting)]:
            real["append"](journal, events, **named)

    def append(journal: Journal, events: list[Event], **named: Any) -> Head:
        write(journal)
        at = micros(named["recorded_at"])
        expected, epoch = named["expected"], named["epoch"]
        _, head = journal.codec.encode(events, expected, epoch=epoch, recorded_at=at)
        waiting.append((events, named))
        return head

    def after_writing(name: str) -> Callable[..., Any]:
        def call(journal: Journal, *arguments: Any, **named: Any) -> Any:
            write(journal)
            return real[name](journal, *arguments, **named)

        return call

    put(Journal, "append", append)
    for name in ("read_head", "anchor", "close", "_page"):
        put(Journal, name, after_writing(name))


def forget_attempts() -> None:
    """+ A start asks about no attempt that has no answer."""
    put(outcomes, "on_runner_started", lambda _: None)


def slot_twice() -> None:
    """+ A start opens the slot that was opened last once more."""
    real = CsvFeed.slots

    def slots(feed: CsvFeed, after: TimeText | None) -> Iterator[MarketSlot]:
        return (slot for slot in real(feed, None) if after is None or slot.time >= after)

    put(CsvFeed, "slots", slots)


def new_id_each_attempt() -> None:
    """What has no answer is sent again, unasked, under an id with the attempt's number."""
    real_submit = SimulatedBroker.submit

    def submit(
        broker: SimulatedBroker, ticket: Ticket, attempt: int, now: TimeText
    ) -> SubmitAnswer:
        if attempt > 1:
            ticket = replace(ticket, client_order_id=f"{ticket.client_order_id[:-2]}-{attempt}")
        return real_submit(broker, ticket, attempt, now)

    def look_up(_: SimulatedBroker, client_order_id: str, now: TimeText) -> OrderLookedUp:
        return OrderLookedUp(
            observed_at=now,
            client_order_id=client_order_id,
            source="by-id",
            found=False,
            complete=True,
        )

    put(SimulatedBroker, "submit", submit)
    put(SimulatedBroker, "look_up", look_up)


def random_id() -> None:
    """The client order id has a part that is another one in every process."""
    real = cycle.client_order_id
    salt = f"{os.getpid() % 1000:03d}"
    put(cycle, "client_order_id", lambda *arguments: real(*arguments)[:-3] + salt)


PLANTS: dict[str, Callable[[], None]] = {
    "post-before-commit": post_before_commit,
    "acknowledge-early": acknowledge_early,
    "forget-attempts": forget_attempts,
    "slot-twice": slot_twice,
    "new-id-each-attempt": new_id_each_attempt,
    "random-id": random_id,
}


def _tell(broker: SimulatedBroker, state: Any, slot: TimeText) -> None:
    quotes = {symbol: quote for symbol, quote in state.quotes.items() if quote.time == slot}
    broker.open_slot(slot, quotes, state.session_at(slot))


def put(place: Any, name: str, value: Any) -> None:
    """Put a fault in the place of the real thing; in a child, so it is gone with it."""
    setattr(place, name, value)
