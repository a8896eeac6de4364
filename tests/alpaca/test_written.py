"""An order's request is written while its commit waits, leaves behind it, and is the same one POST.

What was written and is not submitted never reaches a server. What a server did meanwhile to the
connection costs no order: the request is written anew into another one.
"""

import socket
import sqlite3
import threading
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from core.decide import advance
from core.events import (
    CycleOpened,
    Decision,
    OrderSubmitAttempted,
    OrderSubmitted,
    QuotesObserved,
    RateBudgetReported,
)
from core.state import State
from core.values import DecimalText, later_by
from journal import open_journal, sqlite_store
from journal.errors import JournalMovedError
from live import rehearsal
from live.actions import Actions
from live.brokers.alpaca.broker import AlpacaBroker
from live.brokers.alpaca.client import AlpacaClient
from live.brokers.alpaca.orders import Orders
from live.brokers.ticket import Ticket, ticket_of
from live.clock import Waiting, WallClock
from live.committer import Committer
from live.feeds.base import MarketSlot
from live.inputs import read_inputs
from live.realtime import RealtimeRunner
from live.rehearsal import rehearse
from tests.alpaca.test_ready import BETRAYALS, Greeter, within
from tests.alpaca.world import NOW, SECRETS, TICKET, client, settings
from tests.bench.busy import Busy
from tests.bench.corpus import QUICK, Corpus, config_of


@pytest.fixture
def server() -> Iterator[Greeter]:
    """A server that takes every order."""
    found = Greeter(lambda _: True)
    yield found
    found.close()


def ready(url: str, permits: int = 1) -> AlpacaClient:
    """A client with a connection and permits for the orders that may be decided."""
    ours = client(url)
    ours.prepare()
    assert ours.hold(permits) == permits
    return ours


def test_what_is_written_leaves_when_it_is_submitted_and_not_before(server: Greeter) -> None:
    ours = ready(server.url)
    orders = Orders(ours)

    orders.write(TICKET)
    before = list(server.requests)
    answer = orders.submit(TICKET, 1, NOW)

    assert not before
    assert isinstance(answer, OrderSubmitted)
    assert (len(server.posts()), server.connections) == (1, 1)
    assert ours.held == 0


def test_what_is_written_is_the_same_to_the_byte_as_what_is_not(server: Greeter) -> None:
    ours = ready(server.url, permits=2)
    orders = Orders(ours)

    orders.write(TICKET)
    orders.submit(TICKET, 1, NOW)
    orders.submit(TICKET, 2, NOW)

    written, not_written = server.posts()
    assert written == not_written


def test_another_order_is_never_sent_in_its_place(server: Greeter) -> None:
    ours = ready(server.url, permits=2)
    orders = Orders(ours)
    other = replace(TICKET, quantity=DecimalText("11"))

    orders.write(TICKET)
    orders.submit(other, 1, NOW)
    ours.close()

    (post,) = server.posts()
    assert b'"qty": "11"' in post.body


def test_what_is_not_submitted_reaches_nobody(server: Greeter) -> None:
    ours = ready(server.url)

    Orders(ours).write(TICKET)
    ours.give_back()

    assert within(lambda: server.ended == 1)
    assert not server.requests


def test_without_a_permit_nothing_is_written(server: Greeter) -> None:
    ours = client(server.url)
    ours.prepare()

    Orders(ours).write(TICKET)
    written = dict(ours._written)
    ours.close()

    assert not written


def test_writing_waits_for_no_other_call(server: Greeter) -> None:
    ours = ready(server.url)

    with ours._locks[id(ours._trading)]:
        Orders(ours).write(TICKET)
    written = dict(ours._written)
    answer = Orders(ours).submit(TICKET, 1, NOW)

    assert not written
    assert isinstance(answer, OrderSubmitted)


@pytest.mark.parametrize("case", BETRAYALS)
def test_a_connection_that_was_betrayed_behind_the_writing_costs_no_order(case: str) -> None:
    def betray(connection: socket.socket) -> bool:
        kept.append(connection)
        return False

    kept: list[socket.socket] = []
    server = Greeter(betray)
    orders = Orders(ready(server.url))
    assert server.greeted.wait(20)
    orders.write(TICKET)
    BETRAYALS[case](kept[0])

    answer = orders.submit(TICKET, 1, NOW)
    kept[0].close()
    server.close()

    assert isinstance(answer, OrderSubmitted), case
    assert len(server.posts()) == 1


def test_the_order_that_leaves_first_is_written_while_its_commit_waits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    corpus = Corpus(QUICK, tmp_path)
    seen: list[tuple[Ticket, bool]] = []
    written = threading.Event()
    commit = sqlite_store._commit

    def slow_commit(connection: sqlite3.Connection) -> None:
        assert written.wait(20)
        commit(connection)

    with open_journal(corpus.few) as journal, open_journal(corpus.few) as others:
        monkeypatch.setattr(sqlite_store, "_commit", slow_commit)
        committer = Committer(journal, Busy)
        actions = Actions(committer, None, lambda: Decimal(0))  # type: ignore[arg-type]
        before = journal.head

        def told(ticket: Ticket) -> None:
            seen.append((ticket, others.read_head() == before))
            written.set()

        actions.write, committer.meanwhile = told, actions.meanwhile
        decisions = committer.observe(*_cycle(committer.state))
        orders = [one for one in decisions if isinstance(one, OrderSubmitAttempted)]
        intents = committer.state.intents

    assert seen == [(ticket_of(intents[orders[0].client_order_id]), True)]


def test_a_commit_that_is_refused_has_nothing_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    corpus = Corpus(QUICK, tmp_path)
    seen: list[Ticket] = []
    with open_journal(corpus.few) as journal:
        committer = Committer(journal, Busy)
        actions = Actions(committer, None, lambda: Decimal(0))  # type: ignore[arg-type]
        actions.write, committer.meanwhile = seen.append, actions.meanwhile

        def moved(*_: object) -> None:
            raise JournalMovedError(journal.head, journal.head)

        monkeypatch.setattr(journal.store, "_refuse_moved", moved)
        with pytest.raises(JournalMovedError):
            committer._commit(_cycle(committer.state), committer.state.epoch)

    assert not seen


def test_a_rehearsal_leaves_no_trace(tmp_path: Path) -> None:
    corpus = Corpus(QUICK, tmp_path)
    with open_journal(corpus.few) as journal:
        committer = Committer(journal, Busy)
        heard = _cycle(committer.state)
        head, state, token = committer.head, committer.state, journal.store.token()

        rehearse(committer, heard)

        assert (journal.read_head(), committer.head) == (head, head)
        assert committer.state is state
        assert isinstance(token, tuple)
        assert journal.store.last() is not None
        assert not journal.store.problems()
        committer.observe(*heard)
        assert committer.state.cycle is not None


def test_what_a_runner_rehearses_are_orders_as_the_cycle_behind_it_decides_them(
    server: Greeter, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    corpus = Corpus(QUICK, tmp_path)
    clock = WallClock()
    broker = AlpacaBroker(settings(server.url), SECRETS, clock.now, "rf-")
    feed = read_inputs(config_of(2, "memory://")).feed
    decided: list[list[Decision]] = []

    def advanced(*given: Any) -> tuple[State, list[Decision]]:
        state, decisions = advance(*given)
        decided.append(decisions)
        return state, decisions

    monkeypatch.setattr(rehearsal, "advance", advanced)
    with open_journal(corpus.few) as journal:
        committer = Committer(journal, Busy)
        committer.state = replace(committer.state, rate=None)  # as before a runner's first cycle
        quotes, _, _ = _cycle(committer.state)
        found = {**quotes.quotes, "AAA-NOT-TRADED": next(iter(quotes.quotes.values()))}
        runner = RealtimeRunner(committer, broker, feed, clock=clock, waiting=Waiting(clock))
        runner._open_slot(MarketSlot(quotes.slot, found))
    broker.close()

    rehearsed = [one for one in decided[-1] if isinstance(one, OrderSubmitAttempted)]
    assert len(rehearsed) == len(quotes.quotes)


def _cycle(
    state: State,
) -> tuple[QuotesObserved, RateBudgetReported, CycleOpened]:
    assert state.cycle is not None
    at = later_by(state.now, Decimal(60))
    quotes = {symbol: replace(quote, time=at) for symbol, quote in state.quotes.items()}
    return (
        QuotesObserved(observed_at=at, slot=at, feed="bench", quotes=quotes),
        RateBudgetReported(observed_at=at, limit=1_000, remaining=1_000),
        CycleOpened(observed_at=at, number=state.cycle.number + 1, slot=at),
    )
