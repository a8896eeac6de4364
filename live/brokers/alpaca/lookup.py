"""Looking an order up: under our id, and where Alpaca says there is none, among its latest orders.

shape   client order id -> `OrderLookedUp`: found, absent (`complete`), or a look that failed
rules   Absent only by Alpaca's own 404 and a whole, readable list without it: a page, a silence or
        half a list is a failed look, which proves nothing.
        Absence is as old as the question: one asked before the settling time is over and answered
        after it proves nothing (the model's mutant SETTLED_WHEN_HEARD)
source  ALPACA.md A2
"""

from collections.abc import Callable
from typing import NamedTuple
from urllib.parse import quote

from core.events import OrderLookedUp
from core.values import TimeText
from live.brokers.alpaca.answer import Answer, NoAnswer, request_id
from live.brokers.alpaca.client import AlpacaClient
from live.brokers.alpaca.errors import is_absence, read_error
from live.brokers.alpaca.reading import Unreadable, read_list, read_object
from live.brokers.alpaca.records import OrderRecord, read_order

LIST_LENGTH_MAX = 500


class Look(NamedTuple):
    """What a look brought: the order, or Alpaca's word that there is none, or neither and why."""

    heard: Answer | NoAnswer
    order: OrderRecord | None = None
    absent: bool = False
    why: str | None = None


def look_up(client: AlpacaClient, client_order_id: str, now: TimeText) -> OrderLookedUp:
    """By id; if Alpaca says there is none, its latest orders are looked through as well."""
    asked = max(now, client.clock())
    source, look = "by-id", by_id(client, client_order_id)
    if look.absent:
        listed = _in_list(client, client_order_id)
        if listed.order is not None or not listed.absent:
            source, look = "list", listed
    if look.order is not None:
        return looked_up(look.order, source, max(now, client.clock()), client.raw)
    whole = None if isinstance(look.heard, NoAnswer) else look.heard
    return OrderLookedUp(
        observed_at=asked,
        client_order_id=client_order_id,
        source=source,
        found=False,
        complete=look.absent,
        detail=look.why,
        status_code=look.heard.status,
        request_id=None if whole is None else request_id(whole),
        raw=None if whole is None else client.raw(whole.body) or None,
    )


def by_id(client: AlpacaClient, client_order_id: str) -> Look:
    """The order under our id, as Alpaca has it."""
    query = {"client_order_id": client_order_id}
    look = _look(client, "/orders:by_client_order_id", query)
    if look.order is not None and look.order.client_order_id != client_order_id:
        return Look(look.heard, why="another order than the one asked for")
    return look


def by_venue_id(client: AlpacaClient, venue_order_id: str) -> Look:
    """The order under Alpaca's own id."""
    look = _look(client, f"/orders/{quote(venue_order_id, safe='')}", {})
    if look.order is not None and look.order.venue_order_id != venue_order_id:
        return Look(look.heard, why="another order than the one asked for")
    return look


def _look(client: AlpacaClient, path: str, query: dict[str, str]) -> Look:
    """One GET of one order."""
    answer = client.get(path, query)
    if isinstance(answer, NoAnswer):
        return Look(answer, why=f"{answer.kind}: {answer.detail}")
    error = read_error(answer.body)
    if is_absence(answer.status, error):
        return Look(answer, absent=True, why=error.message)
    if answer.status != 200:
        return Look(answer, why=f"HTTP {answer.status}")
    order = read_order(read_object(answer.body))
    if isinstance(order, Unreadable):
        return Look(answer, why=why_of(answer.body, order))
    return Look(answer, order)


def _in_list(client: AlpacaClient, client_order_id: str) -> Look:
    """The order among Alpaca's latest: a second index, which may know what the first misses."""
    query = {"status": "all", "limit": str(LIST_LENGTH_MAX), "direction": "desc"}
    answer = client.get("/orders", query)
    if isinstance(answer, NoAnswer):
        return Look(answer, why=f"{answer.kind}: {answer.detail}")
    rows = read_list(answer.body)
    if answer.status != 200 or isinstance(rows, Unreadable):
        return Look(answer, why=f"the list of orders: HTTP {answer.status}")
    for row in rows:
        order = read_order(row)
        if isinstance(order, Unreadable):
            return Look(answer, why=f"the list of orders: {order.why}")
        if order.client_order_id == client_order_id:
            return Look(answer, order)
    return Look(answer, absent=True)


def looked_up(
    order: OrderRecord,
    source: str,
    heard: TimeText,
    raw: Callable[[bytes], str],
    predecessor: str | None = None,
) -> OrderLookedUp:
    """A found order; its raw text is what was read from it: a list's bytes are of others too."""
    return OrderLookedUp(
        observed_at=heard,
        source_time=order.updated_at,
        client_order_id=order.client_order_id,
        source=source,
        found=True,
        complete=True,
        venue_order_id=order.venue_order_id,
        status=order.status,
        symbol=order.symbol,
        side=order.side,
        quantity=order.quantity,
        order_type=order.order_type,
        limit_price=order.limit_price,
        time_in_force=order.time_in_force,
        filled_quantity=order.filled_quantity,
        average_price=order.average_price,
        replaces=order.replaces,
        predecessor=predecessor,
        replaced_by=order.replaced_by,
        raw=raw(repr(tuple(map(str, order))).encode()),
    )


def why_of(body: bytes, found: Unreadable) -> str:
    """The first thing that could not be read."""
    whole = read_object(body)
    return whole.why if isinstance(whole, Unreadable) else found.why
