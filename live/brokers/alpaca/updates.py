"""A trade update as observations: the execution first, then the order's status and what it counts.

shape   the `data` of a message -> observations in order; what cannot be read in it, in words
        The first is the order with its parameters, as a look-up tells it, unless one of them
        cannot be read: an order that nobody has compared yet is compared before it counts
rules   The order's own status is mapped, by core/order.py alone; the event's name only says what
        else happened. A fill counts by the message's own qty and price, never by the order's
        average, and only with the order's cumulative quantity, by which REST's word for the same
        execution is known. A fill that lacks one of these is left to reconciliation.
        A bust or correction names the execution it amends, or the last correction of it: the fold
        knows an execution by all of these (core/fills.py), after a restart as before it.
        An order that takes another's place is told with what it replaces: whose place that is,
        `Orders.linked` finds out
source  ALPACA.md A1
"""

from collections.abc import Callable
from typing import NamedTuple

from core.events import FillBusted, FillCorrected, FillReported, Observation, OrderReported
from core.values import TimeText
from live.brokers.alpaca.lookup import looked_up
from live.brokers.alpaca.reading import Unreadable, moment, quantity, text
from live.brokers.alpaca.records import OrderRecord, read_order

SOURCE = "stream"
_FILLS = ("fill", "partial_fill")
_AMENDED = ("trade_bust", "trade_correct")


class Update(NamedTuple):
    """What a message says; `unread` is what in it has to be asked for again, None if nothing."""

    event: str
    order: OrderRecord
    observations: tuple[Observation, ...]
    unread: str | None = None


class Updates:
    """Reads messages, each by itself."""

    def __init__(self, raw: Callable[[bytes], str]) -> None:
        """`raw` makes bytes fit for an event."""
        self._raw = raw

    def read(self, data: object, body: bytes, arrived: TimeText) -> Update | Unreadable:
        """One message's `data`; `body` is the whole message as it came."""
        if not isinstance(data, dict):
            return Unreadable("a trade update without data")
        event = text(data.get("event"))
        if event is None:
            return Unreadable("a trade update without an event")
        order = read_order(data.get("order"))
        if isinstance(order, Unreadable):
            return Unreadable(f"a trade update with {order.why}")
        raw = self._raw(body)
        amends = event in _AMENDED
        happened: Observation | Unreadable | None = None
        if event in _FILLS:
            happened = _fill(data, order, raw, arrived)
        elif amends:
            happened = self._amendment(event, data, order, raw, arrived)
        unread = happened.why if isinstance(happened, Unreadable) else None
        first = None if isinstance(happened, Unreadable) else happened
        report = OrderReported(
            observed_at=arrived,
            source_time=moment(data.get("timestamp")) or order.updated_at,
            client_order_id=order.client_order_id,
            venue_order_id=order.venue_order_id,
            status=order.status,
            source=SOURCE,
            filled_quantity=None if amends else order.filled_quantity,
            average_price=None if amends else order.average_price,
            replaced_by=order.replaced_by,
            why=_why(event, order, data),
            raw=raw if first is None else None,
        )
        told = (report,) if first is None else (first, report)
        named = (order.symbol, order.side, order.quantity, order.order_type, order.time_in_force)
        if None in named:
            return Update(event, order, told, unread)
        counted = order._replace(filled_quantity=None, average_price=None) if amends else order
        compared = looked_up(counted, SOURCE, arrived, self._raw)
        return Update(event, order, (compared, *told), unread)

    def _amendment(
        self,
        event: str,
        data: dict[str, object],
        order: OrderRecord,
        raw: str,
        arrived: TimeText,
    ) -> Observation | Unreadable:
        previous, execution_id = (
            text(data.get("previous_execution_id")),
            text(data.get("execution_id")),
        )
        if previous is None:
            return Unreadable(f"a {event} without previous_execution_id")
        if event == "trade_bust":
            return FillBusted(
                observed_at=arrived,
                source_time=moment(data.get("timestamp")),
                client_order_id=order.client_order_id,
                execution_id=previous,
                source=SOURCE,
                raw=raw,
            )
        shares, price = quantity(data.get("qty")), quantity(data.get("price"))
        if not isinstance(shares, str) or not isinstance(price, str):
            return Unreadable("a trade_correct without qty or price")
        return FillCorrected(
            observed_at=arrived,
            source_time=moment(data.get("timestamp")),
            client_order_id=order.client_order_id,
            execution_id=previous,
            quantity=shares,
            price=price,
            source=SOURCE,
            correction_id=execution_id,
            raw=raw,
        )


def _fill(
    data: dict[str, object], order: OrderRecord, raw: str, arrived: TimeText
) -> FillReported | Unreadable:
    execution_id = text(data.get("execution_id"))
    shares, price = quantity(data.get("qty")), quantity(data.get("price"))
    if execution_id is None or not isinstance(shares, str) or not isinstance(price, str):
        return Unreadable("a fill without execution_id, qty or price")
    cumulative = order.filled_quantity
    if "0" in (shares, cumulative or "0") or order.symbol is None or order.side is None:
        return Unreadable("a fill of nothing, or without symbol, side or filled_qty")
    return FillReported(
        observed_at=arrived,
        source_time=moment(data.get("timestamp")),
        client_order_id=order.client_order_id,
        venue_order_id=order.venue_order_id,
        symbol=order.symbol,
        side=order.side,
        quantity=shares,
        price=price,
        source=SOURCE,
        execution_id=execution_id,
        cumulative_quantity=cumulative,
        raw=raw,
    )


def _why(event: str, order: OrderRecord, data: dict[str, object]) -> str | None:
    """The reason, and the event's name where the status does not say it."""
    said = [] if event == order.status or event in _FILLS else [event]
    reason = text(data.get("reason"))
    if reason is not None:
        said.append(reason)
    return ": ".join(said) or None
