"""Lists of Alpaca's, whole or not at all: orders, FILL activities, positions.

shape   pages of JSON -> records, or `Failed` and why: a failed list is not an empty one
rules   Orders are paged by id, for times lose ties; FILL activities by day and page token, each id
        once, for rows are missing and repeated at the borders of pages. A page that brings nothing
        new is the last. A row that cannot be read fails the list: it may be one of ours
source  ALPACA.md A2
"""

from collections.abc import Callable, Mapping
from typing import NamedTuple, TypeVar

from core.values import DecimalText
from live.brokers.alpaca.answer import NoAnswer
from live.brokers.alpaca.client import AlpacaClient
from live.brokers.alpaca.reading import Unreadable, read_list
from live.brokers.alpaca.records import (
    FillRecord,
    OrderRecord,
    read_fill,
    read_order,
    read_position,
)

ORDERS_A_PAGE = 500
FILLS_A_PAGE = 100
PAGES_MAX = 40


class Failed(NamedTuple):
    """A list that did not come whole, and why."""

    why: str


_Record = TypeVar("_Record")


def orders(client: AlpacaClient, query: Mapping[str, str]) -> list[OrderRecord] | Failed:
    """Every order the query names, oldest first."""
    found: dict[str, OrderRecord] = {}
    asked = {**query, "limit": str(ORDERS_A_PAGE), "direction": "asc", "nested": "false"}
    for _ in range(PAGES_MAX):
        page = _rows(client, "/orders", asked, read_order)
        if isinstance(page, Failed):
            return page
        new = [order for order in page if order.venue_order_id not in found]
        found.update((order.venue_order_id, order) for order in new)
        if len(page) < ORDERS_A_PAGE or not new:
            return list(found.values())
        asked["after_order_id"] = page[-1].venue_order_id
        asked.pop("after", None)  # Alpaca takes one of both
    return Failed(f"orders: more than {PAGES_MAX * ORDERS_A_PAGE}")


def fills(client: AlpacaClient, day: str) -> list[FillRecord] | Failed:
    """Every FILL activity of a day of New York's."""
    found: dict[str, FillRecord] = {}
    asked = {"date": day, "direction": "asc", "page_size": str(FILLS_A_PAGE)}
    for _ in range(PAGES_MAX):
        page = _rows(client, "/account/activities/FILL", asked, read_fill)
        if isinstance(page, Failed):
            return page
        new = [fill for fill in page if fill.activity_id not in found]
        found.update((fill.activity_id, fill) for fill in new)
        if len(page) < FILLS_A_PAGE or not new:
            return list(found.values())
        asked["page_token"] = page[-1].activity_id
    return Failed(f"activities of {day}: more than {PAGES_MAX * FILLS_A_PAGE}")


def positions(client: AlpacaClient) -> dict[str, DecimalText] | Failed:
    """Signed shares by symbol."""
    rows = _rows(client, "/positions", {}, read_position)
    return rows if isinstance(rows, Failed) else dict(rows)


def _rows(
    client: AlpacaClient,
    path: str,
    query: Mapping[str, str],
    read: Callable[[object], _Record | Unreadable],
) -> list[_Record] | Failed:
    answer = client.get(path, query)
    if isinstance(answer, NoAnswer):
        return Failed(f"{path}: {answer.kind}")
    if answer.status != 200:
        return Failed(f"{path}: HTTP {answer.status}")
    rows = read_list(answer.body)
    if isinstance(rows, Unreadable):
        return Failed(f"{path}: {rows.why}")
    found: list[_Record] = []
    for row in rows:
        record = read(row)
        if isinstance(record, Unreadable):
            return Failed(f"{path}: {record.why}")
        found.append(record)
    return found
