"""The simulated broker: the venue in a broker's words, and what it tells a journal."""

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import NamedTuple

import pytest

from core.events import (
    FillReported,
    Observation,
    OrderReported,
    OrderSubmitFailed,
    OrderSubmitted,
    OrderSubmitUnknown,
    ReconcileMismatched,
    SubmitFailure,
)
from core.sim.types import FaultRates, VenueParameters
from core.values import OrderType, Side, TimeInForce, TimeText, decimal_text
from live.brokers.simulated import SimulatedBroker
from live.brokers.ticket import Ticket
from live.feeds.errors import BadInputError
from tests.sim.build import CLOSE, SESSION, at, closed_with, parameters, quote

JOURNAL = "c12c5552000000000000000000000000"
OURS = "rf-c12c5552-first"
EVENING = TimeText("2026-11-27T23:00:00.000000Z")


class Journal:
    """What a journal knows that heard exactly `heard`: the `Known` of these tests."""

    def __init__(self, *ids: str) -> None:
        self.ids = ids
        self.heard: list[Observation] = []
        self.mismatched: dict[str, str] = {}

    def hear(self, observations: Iterable[Observation]) -> "Journal":
        """The journal after hearing these."""
        for observation in observations:
            self.heard.append(observation)
            if isinstance(observation, ReconcileMismatched):
                self.mismatched[observation.symbol] = observation.what
                if observation.resolved:
                    del self.mismatched[observation.symbol]
        return self

    def open_client_order_ids(self) -> Iterable[str]:
        return self.ids

    def knows_order(self, client_order_id: str) -> bool:
        return client_order_id in self.ids

    def reported_status(self, client_order_id: str) -> str | None:
        told = [o for o in self.heard if isinstance(o, OrderReported | OrderSubmitted)]
        words = [o.status for o in told if o.client_order_id == client_order_id]
        return words[-1] if words else None

    def has_execution(self, client_order_id: str, execution_id: str) -> bool:
        return (client_order_id, execution_id) in {
            (o.client_order_id, o.execution_id) for o in self.heard if isinstance(o, FillReported)
        }

    def has_fill_to(self, client_order_id: str, cumulative: Decimal) -> bool:
        fills = self._fills(client_order_id)
        return cumulative in {Decimal(o.cumulative_quantity or 0) for o in fills}

    def executed(self, client_order_id: str) -> Decimal:
        shares = {o.execution_id: Decimal(o.quantity) for o in self._fills(client_order_id)}
        return sum(shares.values(), Decimal(0))

    filled = executed

    def average_price(self, client_order_id: str) -> Decimal | None:
        return next((Decimal(o.price) for o in self._fills(client_order_id)), None)

    def held(self) -> Iterable[str]:
        symbols = {o.symbol for o in self.heard if isinstance(o, FillReported)}
        return [symbol for symbol in sorted(symbols) if self.position(symbol)]

    def is_stranger(self, _: str) -> bool:
        return False

    def symbol_of(self, client_order_id: str) -> str:
        return next((o.symbol for o in self._fills(client_order_id)), "")

    def _fills(self, client_order_id: str) -> list[FillReported]:
        fills = [o for o in self.heard if isinstance(o, FillReported)]
        return [o for o in fills if o.client_order_id == client_order_id]

    def position(self, symbol: str) -> Decimal:
        seen: dict[str | None, Decimal] = {}
        for o in self.heard:
            if isinstance(o, FillReported) and o.symbol == symbol:
                seen[o.execution_id] = o.side.sign * Decimal(o.quantity)
        return sum(seen.values(), Decimal(0))

    def awaited_successors(self) -> Iterable[tuple[str, str | None]]:
        return []

    def needs_reconcile_since(self) -> TimeText | None:
        return None


class Forgetful(Journal):
    """A journal that counts forty shares, whatever it heard."""

    def has_fill_to(self, client_order_id: str, cumulative: Decimal) -> bool:
        fills = self._fills(client_order_id)
        return any(o.cumulative_quantity == str(cumulative) for o in fills)

    def executed(self, client_order_id: str) -> Decimal:
        fills = [o for o in self.heard if isinstance(o, FillReported)]
        ours = {o.execution_id: o for o in fills if o.client_order_id == client_order_id}
        return sum((Decimal(o.quantity) for o in ours.values()), Decimal(0))

    def held(self) -> Iterable[str]:
        return sorted({o.symbol for o in self.heard if isinstance(o, FillReported)})

    def symbol_of(self, client_order_id: str) -> str:
        fills = [o for o in self.heard if isinstance(o, FillReported)]
        return next((o.symbol for o in fills if o.client_order_id == client_order_id), "")

    def position(self, symbol: str) -> Decimal:
        assert symbol == "AAPL"
        return Decimal(40)


class Order(NamedTuple):
    """A ticket with defaults."""

    client_order_id: str = OURS
    quantity: str = "100"
    limit: str | None = None
    time_in_force: TimeInForce = TimeInForce.DAY

    def ticket(self) -> Ticket:
        """What the broker is told."""
        return Ticket(
            client_order_id=self.client_order_id,
            symbol="AAPL",
            side=Side.BUY,
            quantity=decimal_text(self.quantity),
            order_type=OrderType.MARKET if self.limit is None else OrderType.LIMIT,
            limit_price=None if self.limit is None else decimal_text(self.limit),
            time_in_force=self.time_in_force,
        )


def broker(given: VenueParameters | None = None) -> SimulatedBroker:
    """A simulated broker in memory, at the open."""
    found = SimulatedBroker(None, given or parameters(), JOURNAL)
    closed_with(found.venue)
    found.open_slot(at(0), {"AAPL": quote(at(0))}, SESSION)
    return found


def send(venue: SimulatedBroker, order: Order | None = None, attempt: int = 1) -> Observation:
    """The answer to an order sent at the open."""
    return venue.submit((order or Order()).ticket(), attempt, at(0))


def test_an_accepted_order_has_both_ids_and_waits_to_be_new() -> None:
    answer = send(broker())

    assert isinstance(answer, OrderSubmitted)
    assert (answer.client_order_id, answer.status, len(answer.venue_order_id)) == (
        OURS,
        "pending_new",
        32,
    )
    assert at(0, "0.02") <= answer.observed_at <= at(0, "0.08")


@pytest.mark.parametrize("fault", ["lost_request", "lost_answer"])
def test_an_answer_that_does_not_come_is_unknown_when_it_would_have_come(fault: str) -> None:
    answer = send(broker(parameters(script={"#1": fault})))

    assert isinstance(answer, OrderSubmitUnknown)
    assert answer.error_class == "timeout"
    assert at(0, "0.02") <= answer.observed_at <= at(0, "0.08")


def test_a_time_out_of_one_order_takes_no_time_from_another() -> None:
    """A runner that was killed does not wait again, so nothing may hang on how long it waited."""
    venue = broker()
    later = at(0, "0.5")

    answer = venue.submit(Order().ticket(), 1, later)

    assert answer.observed_at == later


def test_a_refusal_carries_the_status_and_the_code() -> None:
    answer = send(broker(parameters(script={"#1": "reject"})))

    assert isinstance(answer, OrderSubmitFailed)
    assert (answer.error_class, answer.status_code, answer.error_code) == (
        SubmitFailure.REFUSED,
        403,
        "40310000",
    )


def test_too_many_orders_are_rate_limited_which_is_no_refusal() -> None:
    venue = broker(parameters(requests_per_minute=1))
    send(venue)
    answer = send(venue, Order("o-2"))

    assert isinstance(answer, OrderSubmitFailed)
    assert (answer.error_class, answer.status_code) == (SubmitFailure.RATE_LIMITED, 429)


def test_a_taken_id_is_unknown_so_that_it_is_looked_up_and_adopted() -> None:
    venue = broker()
    first = send(venue)
    again = send(venue, attempt=2)
    found = venue.look_up(OURS, at(0, "6"))

    assert isinstance(again, OrderSubmitUnknown)
    assert again.error_class == "duplicate_id"
    assert isinstance(first, OrderSubmitted)
    assert (found.found, found.venue_order_id) == (True, first.venue_order_id)
    assert (found.symbol, found.side, found.quantity, found.limit_price) == (
        "AAPL", "buy", "100", None,
    )  # fmt: skip


def test_a_look_up_shows_what_anyone_could_see_at_that_time() -> None:
    venue = broker()
    send(venue, Order(limit="100.02"))

    early, late = venue.look_up(OURS, at(0)), venue.look_up(OURS, at(0, "1"))

    assert (early.status, early.filled_quantity) == ("pending_new", "0")
    assert (late.status, late.filled_quantity, late.average_price) == ("filled", "100", "100.02")
    assert late.observed_at == at(0, "1")


def test_an_order_that_never_arrived_is_absent_for_certain() -> None:
    found = broker().look_up("nobody", at(0))

    assert (found.found, found.complete, found.source) == (False, True, "by-id")


def test_a_fill_s_message_brings_its_execution_and_then_its_status() -> None:
    venue = broker()
    send(venue)
    messages = venue.messages(at(0), at(1))

    assert [type(m) for m in messages] == [OrderReported, FillReported, OrderReported]
    fill, report = messages[1], messages[2]
    assert isinstance(fill, FillReported)
    assert isinstance(report, OrderReported)
    assert (fill.quantity, fill.price, fill.cumulative_quantity) == ("100", "100.02", "100")
    assert (report.status, report.filled_quantity, report.average_price) == (
        "filled", "100", "100.02",
    )  # fmt: skip
    assert fill.source_time is not None
    assert fill.source_time < fill.observed_at


def test_next_due_leads_from_message_to_message_and_to_the_close() -> None:
    venue = broker()
    send(venue, Order(limit="90"))
    heard, steps = at(0), []
    while (due := venue.next_due(heard)) is not None:
        steps += [(type(m).__name__, m.status) for m in venue.messages(heard, due)
                  if isinstance(m, OrderReported)]  # fmt: skip
        heard = due

    assert steps == [("OrderReported", "new"), ("OrderReported", "expired")]
    assert CLOSE < heard < EVENING


def test_a_cancel_is_accepted_while_the_order_is_open_and_refused_after() -> None:
    venue = broker()
    send(venue, Order(limit="90"))
    answers = [venue.cancel(OURS, n, at(0, "10")) for n in (1, 2)]
    absent = venue.cancel("nobody", 1, at(0, "10"))

    assert [(a.outcome, a.status_code) for a in answers] == [("accepted", None), ("refused", 422)]
    assert (absent.outcome, absent.status_code) == ("refused", 404)
    assert [
        m.status for m in venue.messages(at(0, "10"), at(1)) if isinstance(m, OrderReported)
    ] == ["canceled"]


def test_the_account_shows_no_fill_before_it_happened() -> None:
    venue = broker(parameters(cash=Decimal(20_000)))
    send(venue)
    before, after = venue.account(at(0)), venue.account(at(0, "1"))

    assert (before.cash, before.positions) == ("20000", {})
    assert (after.cash, after.positions) == ("9998", {"AAPL": "100"})
    assert after.equity == "19998"
    assert after.buying_power == "9998"


def test_the_rate_budget_counts_new_orders_of_the_minute_and_no_second_post() -> None:
    venue = broker(parameters(requests_per_minute=5))
    for attempt in (1, 2, 3):
        send(venue, attempt=attempt)
    budget = venue.rate_budget(at(0, "30"))

    assert (budget.limit, budget.remaining, budget.resets_at) == (5, 4, at(1))
    assert venue.rate_budget(at(1)).remaining == 5


def test_there_is_nothing_to_reconcile_when_all_was_heard() -> None:
    venue, journal = broker(), Journal(OURS)
    journal.hear([send(venue), *venue.messages(at(0), at(1))])

    assert venue.reconcile(journal, at(1)) == []


def test_reconciling_brings_what_the_stream_dropped_once() -> None:
    venue = broker(parameters(rates=FaultRates(drop_rate=Decimal(1))))
    journal = Journal(OURS).hear([send(venue)])
    assert venue.messages(at(0), at(1)) == []

    found = venue.reconcile(journal, at(1))

    assert [(type(o), o.source) for o in found if isinstance(o, FillReported | OrderReported)] == [
        (FillReported, "rest"),
        (OrderReported, "rest"),
    ]
    assert venue.reconcile(journal.hear(found), at(2)) == []


def test_reconciling_shows_no_fill_before_it_happened() -> None:
    venue = broker()

    assert venue.reconcile(Journal(OURS).hear([send(venue)]), at(0)) == []


@pytest.mark.parametrize(
    ("order", "what"),
    [("rf-c12c5552-stranger", "foreign-order-with-our-tag"), ("by-hand", "foreign-order")],
)
def test_an_order_the_journal_does_not_know_is_named_until_it_does(order: str, what: str) -> None:
    venue, journal = broker(), Journal()
    send(venue, Order(order, limit="90"))

    (named,) = venue.reconcile(journal, at(1))

    assert isinstance(named, ReconcileMismatched)
    assert (named.what, named.symbol, named.client_order_id) == (what, "AAPL", order)
    assert named.broker_side == "buy 100 new"
    journal.hear([named])
    assert venue.reconcile(journal, at(2)) == []
    journal.ids = (order,)
    news = venue.reconcile(journal, at(2))
    resolved = venue.reconcile(journal.hear(news), at(3))
    assert [o.resolved for o in resolved if isinstance(o, ReconcileMismatched)] == [True]


def test_a_position_that_differs_is_named_and_resolved_when_it_agrees() -> None:
    venue, journal = broker(), Journal(OURS)
    journal.hear([send(venue), *venue.messages(at(0), at(1))])
    fills = [o for o in journal.heard if isinstance(o, FillReported)]
    forgetful = Forgetful(OURS).hear(journal.heard)

    (named,) = venue.reconcile(forgetful, at(1))

    assert isinstance(named, ReconcileMismatched)
    assert (named.what, named.journal_side, named.broker_side) == ("position", "40", "100")
    assert len(fills) == 1
    mended = Journal(OURS).hear(journal.heard).hear([named])
    (resolved,) = venue.reconcile(mended, at(2))
    assert isinstance(resolved, ReconcileMismatched)
    assert resolved.resolved


def test_a_venue_that_lost_an_accepted_order_is_refused() -> None:
    """Its file was swapped: an absent order would be sent again, and filled twice."""
    journal = Journal(OURS).hear([send(broker())])

    with pytest.raises(BadInputError, match="the file was lost or replaced"):
        broker().reconcile(journal, at(1))


@pytest.mark.parametrize("fault", ["", "lost_answer", "lost_request", "partial_fill"])
def test_a_second_post_of_an_order_changes_nothing_in_how_it_ends(fault: str) -> None:
    def end(posts: int) -> tuple[Mapping[str, str], str | None, list[tuple[object, ...]]]:
        venue = broker(parameters(script={"#1": fault} if fault else {}))
        for attempt in range(1, posts + 1):
            venue.submit(Order().ticket(), attempt, at(0, str(attempt)))
        for minute in range(1, 30):
            venue.open_slot(at(minute), {"AAPL": quote(at(minute))}, SESSION)
        executions = venue.venue.database.execute("SELECT * FROM executions").fetchall()
        return venue.account(EVENING).positions, venue.look_up(OURS, EVENING).status, executions

    assert end(2) == end(5)
    if fault != "lost_request":
        assert end(1) == end(2)
