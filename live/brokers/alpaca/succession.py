"""Whose place an order takes: the chains of replacements Alpaca has, followed to orders of ours.

shape   the orders of whole lists -> those orders and the ones between them and ours that the lists
        left out, the predecessor's client order id of each successor, the first of a chain first
rules   A link is Alpaca's own `replaces`; who the predecessor is, its client order id tells. A
        successor of another symbol or side, or one that does not say what it asks for, is a
        stranger's. A predecessor that cannot be read fails the comparison; what is known to lead
        to no order of ours is not asked for again
source  ALPACA.md A2 (replaces, replaced_by)
"""

from collections.abc import Iterable
from typing import NamedTuple

from live.brokers.alpaca.client import AlpacaClient
from live.brokers.alpaca.lookup import by_venue_id
from live.brokers.alpaca.records import OrderRecord
from live.brokers.base import Known

HOPS_MAX = 100
"""A chain longer than this is nobody's."""


class Chains(NamedTuple):
    """`orders`: those given, and those found besides; `predecessors`: by client order id."""

    orders: list[OrderRecord]
    predecessors: dict[str, str]
    failed: str | None


def follow(
    client: AlpacaClient, orders: Iterable[OrderRecord], known: Known, strangers: set[str]
) -> Chains:
    """Every order that leads to one of ours.

    `strangers` remembers, for this process, Alpaca's ids of orders that do not.
    """
    shelf = _Shelf(client, orders, strangers)
    awaited = {named for _, named in known.awaited_successors()}
    awaited.update(one.replaced_by for one in shelf.orders() if _is_news(one, known))
    for named in sorted(filter(None, awaited)):
        following: str | None = named
        for _ in range(HOPS_MAX):
            successor = None if following is None else shelf.get(following)
            following = None if successor is None else successor.replaced_by
    predecessors: dict[str, str] = {}
    for order in shelf.orders():
        predecessors.update(shelf.chain_of(order, known))
    return Chains(shelf.orders(), predecessors, shelf.failed)


class _Shelf:
    """The orders at hand, by Alpaca's id, and those that are asked for besides."""

    def __init__(
        self, client: AlpacaClient, orders: Iterable[OrderRecord], strangers: set[str]
    ) -> None:
        self._client = client
        self._there = {order.venue_order_id: order for order in orders}
        self._listed = set(self._there)
        self._strangers = strangers
        self.failed: str | None = None

    def orders(self) -> list[OrderRecord]:
        return list(self._there.values())

    def get(self, venue_order_id: str) -> OrderRecord | None:
        """The order; None where there is none, it cannot be read, or is known to be a stranger."""
        if venue_order_id not in self._there and venue_order_id not in self._strangers:
            look = by_venue_id(self._client, venue_order_id)
            if look.order is not None:
                self._there[venue_order_id] = look.order
            elif not look.absent:
                self.failed = self.failed or f"order {venue_order_id}: {look.why}"
        return self._there.get(venue_order_id)

    def chain_of(self, order: OrderRecord, known: Known) -> list[tuple[str, str]]:
        """(successor, predecessor) from an order of ours up to this one; empty of a stranger's."""
        chain: list[tuple[str, str]] = []
        passed, at = [order.venue_order_id], order
        while not _is_ours(at, known) and len(chain) < HOPS_MAX:
            before = None if at.replaces is None else self.get(at.replaces)
            if before is None and at.replaces is not None:
                return []  # not there yet, or not read
            if before is None or not _goes_on(before, at):
                self._strangers.update(set(passed) - self._listed)
                return []
            chain.append((at.client_order_id, before.client_order_id))
            passed.append(before.venue_order_id)
            at = before
        return chain[::-1] if _is_ours(at, known) else []


def _is_news(order: OrderRecord, known: Known) -> bool:
    """Whether the order is ours, and replaced since it was last heard of."""
    order_id = order.client_order_id
    return _is_ours(order, known) and known.reported_status(order_id) != order.status


def _is_ours(order: OrderRecord, known: Known) -> bool:
    """Whether the journal has the order, and nobody found it to be another under our id."""
    order_id = order.client_order_id
    return known.knows_order(order_id) and not known.is_stranger(order_id)


def _goes_on(before: OrderRecord, order: OrderRecord) -> bool:
    """Whether one order can be what another became."""
    same = (before.symbol, before.side) == (order.symbol, order.side)
    return same and None not in (order.quantity, order.order_type, order.time_in_force)
