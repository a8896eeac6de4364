"""What Alpaca has and the journal does not: orders, executions, positions, as observations.

shape   what the journal knows, a time -> fills and statuses of our orders; then, by symbol, what
        is newly mismatched or agrees again; `whole` is false where a list failed
rules   An order of ours that nobody has said anything of yet is told with its parameters, as a
        look-up is: the core compares them. One found to be another is a stranger under our id:
        nothing of it is news, it is foreign.
        Positions are read before orders: a fill between the two is then news of its order, which
        keeps its symbol out of the comparison, never a difference nobody can explain.
        A fact that was read stands even if the next list failed; absence and agreement are
        concluded from whole lists alone.
        An execution REST tells is known by its order's cumulative quantity, for activities have
        no execution id; one that would count more than the order has filled is not told.
        A bust or correction is told by the stream alone: activities name no execution, so from
        REST it is a mismatch that says so, and never taken for one execution or the other.
        An order that takes the place of one of ours is ours: it is told with what it asks for
        before anything else of it (succession.py).
source  ALPACA.md A2, A3
"""

from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import NamedTuple
from zoneinfo import ZoneInfo

from core.events import FillReported, Observation, OrderReported, ReconcileMismatched
from core.order import status_of
from core.state import VANISHED
from core.values import CONTEXT, DecimalText, TimeText, decimal_text, later_by, micros, number
from live.brokers.alpaca import listing
from live.brokers.alpaca.client import AlpacaClient
from live.brokers.alpaca.listing import Failed
from live.brokers.alpaca.lookup import by_id, looked_up
from live.brokers.alpaca.records import FillRecord, OrderRecord
from live.brokers.alpaca.succession import follow
from live.brokers.base import Known
from live.brokers.mismatches import UNFOLLOWED, keep, news_of

SOURCE = "rest"
OVERLAP_S = Decimal(300)
ONE_DAY_S = Decimal(86_400)
LAG_S = Decimal(60)
"""How long activities may lag behind their order before that is a mismatch."""
ROUNDING = Decimal("0.005")
"""How far Alpaca's average may be from ours: it is rounded, nobody says to how many digits."""
SHOWN = Decimal("0.000001")
_NEW_YORK = ZoneInfo("America/New_York")


class Compared(NamedTuple):
    """What one comparison brought; `failed` names the list that did not come.

    `news_since`: when the oldest thing that was news to the journal happened at Alpaca.
    """

    observations: list[Observation]
    orders: list[OrderRecord]
    failed: str | None
    news_since: TimeText | None


def compare(
    client: AlpacaClient,
    tag: str,
    known: Known,
    now: TimeText,
    missing_since: dict[str, TimeText],
    *,
    strangers: set[str],
) -> Compared:
    """What differs; an unknown order whose id begins with `tag` is one of ours.

    `missing_since` remembers, for this process, orders Alpaca had and does not find: they may be
    late. `strangers`: the orders that are known to take the place of none of ours.
    """
    held = listing.positions(client)
    listed, failed = _orders(client, known, now)
    orders, predecessors, unread = follow(client, listed, known, strangers)
    failed = failed or unread
    ours = _ours(orders, predecessors, known)
    found: list[Observation] = []
    missing, failed_fills = _fills(client, ours, known, now)
    failed = failed or failed_fills or (held.why if isinstance(held, Failed) else None)
    news: dict[str, TimeText] = {}
    mismatches: dict[str, ReconcileMismatched] = {}
    for order in ours:
        predecessor = predecessors.get(order.client_order_id)
        rows = missing.get(order.venue_order_id, [])
        heard = _news(client, order, rows, known, now, predecessor=predecessor)
        found += heard
        if heard and order.symbol is not None:
            happened = order.updated_at or now
            news[order.symbol] = min(happened, news.get(order.symbol, happened))
    if failed is None and not isinstance(held, Failed):
        fresh = set(news)
        others = [order for order in orders if order.client_order_id not in predecessors]
        told = [*_mismatches(others, held, tag, known, news=fresh, now=now)]
        told += _unfollowed(known, set(predecessors.values()), now)
        for mismatch in [*told, *_vanished(orders, known, missing_since, now)]:
            keep(mismatches, mismatch)
        found += news_of(mismatches, known, fresh, now)
    return Compared(found, orders, failed, min(news.values(), default=None))


def _orders(
    client: AlpacaClient, known: Known, now: TimeText
) -> tuple[list[OrderRecord], str | None]:
    """Open orders, those since the last day, and each the journal holds open; what failed."""
    since = known.needs_reconcile_since() or later_by(now, -ONE_DAY_S)
    after = later_by(min(since, now), -OVERLAP_S)
    found: dict[str, OrderRecord] = {}
    failed: str | None = None
    for query in ({"status": "all", "after": after}, {"status": "open"}):
        listed = listing.orders(client, query)
        if isinstance(listed, Failed):
            failed = failed or listed.why
        else:
            found.update((order.client_order_id, order) for order in listed)
    for client_order_id in known.open_client_order_ids():
        if client_order_id in found:
            continue
        look = by_id(client, client_order_id)
        if look.order is not None:
            found[client_order_id] = look.order
        elif not look.absent:
            failed = failed or f"order {client_order_id}: {look.why}"
    return list(found.values()), failed


def _fills(
    client: AlpacaClient, ours: Iterable[OrderRecord], known: Known, now: TimeText
) -> tuple[dict[str, list[FillRecord]], str | None]:
    """FILL activities by Alpaca's order id, asked for only where executions are missing."""
    missing = {
        order.venue_order_id: order.updated_at or now
        for order in ours
        if number(order.filled_quantity or "0") > known.executed(order.client_order_id)
    }
    found: dict[str, list[FillRecord]] = {}
    if not missing:
        return found, None
    for day in _days(later_by(min(missing.values()), -ONE_DAY_S), now):
        rows = listing.fills(client, day)
        if isinstance(rows, Failed):
            return found, rows.why
        for row in rows:
            if row.venue_order_id in missing:
                found.setdefault(row.venue_order_id, []).append(row)
    return found, None


def _ours(
    orders: Iterable[OrderRecord], predecessors: dict[str, str], known: Known
) -> list[OrderRecord]:
    """Our orders, each successor behind the order it took the place of."""
    new = {order_id: number for number, order_id in enumerate(predecessors)}
    ours = [o for o in orders if o.client_order_id in new or _is_ours(o, known)]
    return sorted(ours, key=lambda o: (new.get(o.client_order_id, -1), o.client_order_id))


def _is_ours(order: OrderRecord, known: Known) -> bool:
    """Whether the journal knows the order and nobody found it to be another under our id."""
    order_id = order.client_order_id
    return known.knows_order(order_id) and not known.is_stranger(order_id)


def _news(
    client: AlpacaClient,
    order: OrderRecord,
    rows: list[FillRecord],
    known: Known,
    now: TimeText,
    *,
    predecessor: str | None,
) -> list[Observation]:
    """The executions and the status of our order that the journal has not heard of.

    Of an order nobody has told of its parameters come first: what follows counts only if they are
    ours.
    """
    found: list[Observation] = []
    order_id = order.client_order_id
    said = known.reported_status(order_id)
    if said is None:
        found.append(looked_up(order, "list", now, client.raw, predecessor))
    total = number(order.filled_quantity or "0")
    executed = known.executed(order_id)
    for row in sorted(rows, key=lambda row: number(row.cumulative_quantity)):
        shares, cumulative = number(row.quantity), number(row.cumulative_quantity)
        if known.has_fill_to(order_id, cumulative) or executed + shares > total:
            continue
        executed += shares
        found.append(_fill(order, row, now))
    if said is not None and (order.status != said or total > known.filled(order_id)):
        found.append(
            OrderReported(
                observed_at=now,
                source_time=order.updated_at,
                client_order_id=order_id,
                venue_order_id=order.venue_order_id,
                status=order.status,
                source=SOURCE,
                filled_quantity=order.filled_quantity,
                average_price=order.average_price,
                replaced_by=order.replaced_by,
            )
        )
    return found


def _fill(order: OrderRecord, row: FillRecord, now: TimeText) -> FillReported:
    return FillReported(
        observed_at=now,
        source_time=row.time,
        client_order_id=order.client_order_id,
        venue_order_id=order.venue_order_id,
        symbol=row.symbol,
        side=row.side,
        quantity=row.quantity,
        price=row.price,
        source=SOURCE,
        cumulative_quantity=row.cumulative_quantity,
        raw=f"activity {row.activity_id}",
    )


def _mismatches(
    orders: Iterable[OrderRecord],
    held: dict[str, DecimalText],
    tag: str,
    known: Known,
    *,
    news: set[str],
    now: TimeText,
) -> Iterable[ReconcileMismatched]:
    """Foreign orders, orders that lost what they had, positions without news that differ."""
    for order in orders:
        ours = _is_ours(order, known)
        if ours and (order.symbol or "") not in news:
            yield from _amounts(order, known, now)
        elif not ours:
            tagged = bool(tag) and order.client_order_id.startswith(tag)
            tagged = tagged or known.is_stranger(order.client_order_id)
            yield from _foreign(order, now, tagged=tagged)
    for symbol in sorted({*held, *known.held()} - news):
        journal, broker = known.position(symbol), held.get(symbol, DecimalText("0"))
        if journal != number(broker):
            yield _mismatch("position", symbol, decimal_text(journal), broker, now=now)


def _vanished(
    orders: Iterable[OrderRecord], known: Known, missing_since: dict[str, TimeText], now: TimeText
) -> list[ReconcileMismatched]:
    """Orders Alpaca had accepted and has not found for longer than it may be late."""
    there = {order.client_order_id for order in orders}
    found: list[ReconcileMismatched] = []
    missing: dict[str, TimeText] = {}
    for client_order_id in known.open_client_order_ids():
        said = known.reported_status(client_order_id)
        if client_order_id in there or said is None:
            continue
        missing[client_order_id] = missing_since.get(client_order_id, now)
        if later_by(missing[client_order_id], LAG_S) < now:
            symbol = known.symbol_of(client_order_id)
            vanished = _mismatch(
                VANISHED, symbol, said, "absent", now=now, order_id=client_order_id
            )
            found.append(vanished)
    missing_since.clear()
    missing_since.update(missing)
    return found


def _unfollowed(known: Known, followed: set[str], now: TimeText) -> Iterable[ReconcileMismatched]:
    """Orders that were replaced, and no whole list has what took their place."""
    for client_order_id, named in known.awaited_successors():
        if client_order_id not in followed:
            symbol = known.symbol_of(client_order_id)
            broker = "nothing named" if named is None else f"by {named}, not found"
            yield _mismatch(
                UNFOLLOWED, symbol, "replaced", broker, now=now, order_id=client_order_id
            )


def _amounts(order: OrderRecord, known: Known, now: TimeText) -> Iterable[ReconcileMismatched]:
    """The order's own count against the executions: rows that never came, or a bust unheard."""
    total = number(order.filled_quantity or "0")
    executed = known.executed(order.client_order_id)
    late = order.updated_at is not None and later_by(order.updated_at, LAG_S) < now
    if executed > total or (executed < total and late):
        why = "a bust or correction not told" if executed > total else "executions not listed"
        sides = (f"executed {decimal_text(executed)}", f"filled {decimal_text(total)}: {why}")
        yield _mismatch(
            "order", order.symbol or "", *sides, now=now, order_id=order.client_order_id
        )
    elif total and late:
        yield from _prices(order, known, now)


def _prices(order: OrderRecord, known: Known, now: TimeText) -> Iterable[ReconcileMismatched]:
    """The order's average against ours: a correction of a price that nobody heard."""
    ours = known.average_price(order.client_order_id)
    if ours is None or order.average_price is None:
        return
    theirs = number(order.average_price)
    if CONTEXT.abs(CONTEXT.subtract(ours, theirs)) > ROUNDING:
        shown = ours.quantize(SHOWN, context=CONTEXT)
        sides = (f"average {decimal_text(shown)}", f"average {order.average_price}: not told")
        yield _mismatch(
            "order", order.symbol or "", *sides, now=now, order_id=order.client_order_id
        )


def _foreign(order: OrderRecord, now: TimeText, *, tagged: bool) -> Iterable[ReconcileMismatched]:
    """An order that is not ours: open, or with our tag or id whatever it is."""
    if not tagged and status_of(order.status)[1]:
        return
    what = "foreign-order-with-our-tag" if tagged else "foreign-order"
    broker = f"{order.side} {order.quantity} {order.status}"
    yield _mismatch(
        what, order.symbol or "", "absent", broker, now=now, order_id=order.client_order_id
    )


def _mismatch(
    what: str,
    symbol: str,
    journal: str,
    broker: str,
    *,
    now: TimeText,
    order_id: str | None = None,
) -> ReconcileMismatched:
    return ReconcileMismatched(
        observed_at=now,
        what=what,
        symbol=symbol,
        journal_side=journal,
        broker_side=broker,
        client_order_id=order_id,
    )


def _days(since: TimeText, until: TimeText) -> list[str]:
    """The days of New York that a stretch of time touches."""
    first, last = (_new_york_day(time) for time in (since, until))
    return [(first + timedelta(days=n)).isoformat() for n in range((last - first).days + 1)]


def _new_york_day(time: TimeText) -> date:
    moment = datetime.fromtimestamp(micros(time) // 1_000_000, UTC)
    return moment.astimezone(_NEW_YORK).date()


def news_of_orders(
    client: AlpacaClient, known: Known, now: TimeText, strangers: set[str]
) -> tuple[list[Observation], list[OrderRecord], str | None]:
    """(news of our orders and their successors, all orders read, what failed).

    For whoever stands beside a runner: statuses and what is filled, no executions or positions.
    """
    listed, failed = _orders(client, known, now)
    orders, predecessors, unread = follow(client, listed, known, strangers)
    found: list[Observation] = []
    for order in _ours(orders, predecessors, known):
        predecessor = predecessors.get(order.client_order_id)
        found += _news(client, order, [], known, now, predecessor=predecessor)
    return found, orders, failed or unread
