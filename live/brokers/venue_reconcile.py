"""What the venue has and the journal does not, as observations with their provenance.

shape   venue, what the journal knows, a time -> fills and statuses of our orders, by id; then, by
        symbol, what is newly mismatched or agrees again; nothing when all agrees
rules   Only what anyone could see at that time: an event of later time has not happened yet.
        A position is compared once its symbol brings no news: counts of a report that came before
        its executions would otherwise be taken for a difference.
errors  `BadInputError` when the venue has lost an order it had accepted: its file is not the one
"""

from core.events import FillReported, Observation, OrderReported, ReconcileMismatched
from core.sim.types import OrderEvent, VenueOrder
from core.values import Side, TimeText, decimal_text
from live.brokers.base import Known
from live.brokers.mismatches import keep, news_of
from live.brokers.venue_file import VenueFile
from live.feeds.errors import BadInputError


def reconcile(
    venue: VenueFile, tag: str, known: Known, now: TimeText, settled: set[str]
) -> list[Observation]:
    """What differs at `now`; an unknown order whose id begins with `tag` is one of ours.

    `settled` remembers, for this process, orders that are over and told whole: a call costs what
    changed, not the day.
    """
    found: list[Observation] = []
    news: set[str] = set()
    mismatches: dict[str, ReconcileMismatched] = {}
    ids = set(venue.changed_since(known.needs_reconcile_since(), now))
    for client_order_id in sorted(ids.union(known.open_client_order_ids()) - settled):
        order = venue.order(client_order_id)
        if order is None:
            if known.reported_status(client_order_id) is not None:
                raise _vanished(venue, client_order_id)
        elif known.knows_order(client_order_id):
            heard = _news(venue, known, order, now)
            found += heard
            if heard:
                news.add(order.symbol)
            elif order.is_over and order.last_event_time <= now:
                settled.add(client_order_id)
        else:
            keep(mismatches, _foreign(venue, tag, order, now))
    for mismatch in _position_mismatches(venue, known, news, now):
        keep(mismatches, mismatch)
    return [*found, *news_of(mismatches, known, news, now)]


def fill_of(order: VenueOrder, event: OrderEvent, source: str, at: TimeText) -> FillReported:
    """The execution of a fill's event, heard at `at`."""
    execution = event.execution
    assert execution is not None
    return FillReported(
        observed_at=at,
        source_time=event.event_time,
        client_order_id=order.client_order_id,
        venue_order_id=order.venue_order_id,
        symbol=order.symbol,
        side=Side(order.side),
        quantity=decimal_text(execution.quantity),
        price=execution.price,
        source=source,
        execution_id=execution.execution_id,
        cumulative_quantity=decimal_text(execution.cumulative_quantity),
    )


def report_of(order: VenueOrder, event: OrderEvent, source: str, at: TimeText) -> OrderReported:
    """The status an event brought the order into, heard at `at`."""
    return OrderReported(
        observed_at=at,
        source_time=event.event_time,
        client_order_id=order.client_order_id,
        venue_order_id=order.venue_order_id,
        status=event.status,
        source=source,
        filled_quantity=decimal_text(event.filled_quantity),
        average_price=event.average_price,
        why=event.why,
    )


def last_of(events: list[OrderEvent]) -> OrderEvent | None:
    """The latest event, None before the first."""
    return events[-1] if events else None


def status_of(event: OrderEvent | None) -> str:
    """The status of an order whose latest event this is."""
    return event.status if event else "pending_new"


def _news(
    venue: VenueFile, known: Known, order: VenueOrder, now: TimeText
) -> list[FillReported | OrderReported]:
    """The executions and the status of our order that the journal has not heard of."""
    found: list[FillReported | OrderReported] = []
    events = venue.events(order.client_order_id, now)
    for event in events:
        execution = event.execution
        if execution is not None and not known.has_execution(
            order.client_order_id, execution.execution_id
        ):
            found.append(fill_of(order, event, "rest", now))
    if events and events[-1].status != known.reported_status(order.client_order_id):
        found.append(report_of(order, events[-1], "rest", now))
    return found


def _foreign(venue: VenueFile, tag: str, order: VenueOrder, now: TimeText) -> ReconcileMismatched:
    """An order the journal does not know; with our tag, a lost journal's or another runner's."""
    status = status_of(last_of(venue.events(order.client_order_id, now)))
    ours = order.client_order_id.startswith(tag)
    return ReconcileMismatched(
        observed_at=now,
        what="foreign-order-with-our-tag" if ours else "foreign-order",
        symbol=order.symbol,
        journal_side="absent",
        broker_side=f"{order.side} {order.quantity} {status}",
        client_order_id=order.client_order_id,
    )


def _position_mismatches(
    venue: VenueFile, known: Known, news: set[str], now: TimeText
) -> list[ReconcileMismatched]:
    """Positions that differ, in symbols without news."""
    _, positions = venue.holdings(now)
    found: list[ReconcileMismatched] = []
    for symbol in sorted((positions.keys() | venue.state.quotes.keys()) - news):
        ours, theirs = known.position(symbol), positions.get(symbol, 0)
        if ours != theirs:
            found.append(
                ReconcileMismatched(
                    observed_at=now,
                    what="position",
                    symbol=symbol,
                    journal_side=decimal_text(ours),
                    broker_side=decimal_text(theirs),
                )
            )
    return found


def _vanished(venue: VenueFile, client_order_id: str) -> BadInputError:
    return BadInputError(
        f"venue file {venue.place}: expected order {client_order_id}, which the venue had "
        "accepted, found none; the file was lost or replaced: put it back"
    )
