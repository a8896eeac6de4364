"""What the venue speaks of: quotes, orders, executions, and their shapes on the wire.

units   quantities, prices and money as `Decimal`, times in nanoseconds (wire: see clock.py)
source  recordings.json and the OpenAPI's `Order`, `TradingActivities` (ALPACA.md A1, A2)
"""

import hashlib
import uuid
from decimal import Decimal

import msgspec

from core.values import CONTEXT, decimal_text
from live.venue.clock import new_york, ns_text

CLOSED = frozenset({"filled", "canceled", "expired", "rejected", "replaced"})
ZERO = Decimal(0)
_AVERAGE_UNIT = Decimal("0.00000001")


def venue_uuid(seed: int, *parts: object) -> str:
    """An id the venue gives out: a hash of the seed and what it is for, in a uuid's dress."""
    text = "\x1f".join(str(part) for part in (seed, *parts))
    return str(uuid.UUID(bytes=hashlib.sha256(text.encode()).digest()[:16], version=4))


def asset_id(symbol: str) -> str:
    """A symbol's id, the same at every venue."""
    return venue_uuid(0, "asset", symbol)


class Quote(msgspec.Struct, frozen=True, kw_only=True):
    """A symbol's quote and last trade; `version` counts the venue's quotes of it from 1."""

    bid: Decimal
    ask: Decimal
    bid_size: Decimal = Decimal(10_000)
    ask_size: Decimal = Decimal(10_000)
    last: Decimal
    volume: Decimal = Decimal(100_000)
    at: int
    version: int

    @property
    def is_tradable(self) -> bool:
        """Whether orders match against it: it is not crossed."""
        return ZERO < self.bid <= self.ask


class Order(msgspec.Struct, kw_only=True):
    """An order the venue has, whoever sent it.

    `number`: of the venue's orders, from 1. `script`: the faults it will suffer. `due`: when its
    next step is taken. `visible`: from when it is found. `quote_version`: the last quote it took
    from. `foreign`: somebody else's, not sent over REST.
    """

    number: int
    id: str
    client_order_id: str
    symbol: str
    side: str
    quantity: Decimal
    order_type: str
    limit_price: Decimal | None
    stop_price: Decimal | None = None
    time_in_force: str
    extended_hours: bool = False
    position_intent: str
    status: str
    created: int
    submitted: int
    updated: int
    expires: int | None = None
    filled: int | None = None
    canceled: int | None = None
    expired: int | None = None
    failed: int | None = None
    replaced: int | None = None
    replaces: str | None = None
    replaced_by: str | None = None
    filled_quantity: Decimal = ZERO
    notional: Decimal = ZERO
    executions: int = 0
    script: list[str] = []
    due: int
    visible: int = 0
    quote_version: int = 0
    foreign: bool = False

    @property
    def leaves(self) -> Decimal:
        """Shares not executed yet."""
        return self.quantity - self.filled_quantity

    @property
    def is_closed(self) -> bool:
        """Whether nothing more can happen to it but a bust or a correction."""
        return self.status in CLOSED

    @property
    def sign(self) -> int:
        """1 for a buy, -1 for a sell."""
        return 1 if self.side == "buy" else -1


class Execution(msgspec.Struct, kw_only=True):
    """A fill of an order; `busted` ones count for nothing, `previous` is the one it corrects."""

    number: int
    id: str
    order_id: str
    symbol: str
    side: str
    quantity: Decimal
    price: Decimal
    at: int
    cumulative_quantity: Decimal
    leaves_quantity: Decimal
    order_status: str
    busted: bool = False
    previous: str | None = None


def working_status(order: Order) -> str:
    """What an order is that nothing is asked of: as far as it has filled."""
    if order.leaves <= 0:
        return "filled"
    return "partially_filled" if order.filled_quantity else "new"


def text(value: Decimal | None) -> str | None:
    """A number as the venue writes it: decimal text, or null."""
    return None if value is None else decimal_text(value)


def time_or_none(at: int | None) -> str | None:
    """A time as the venue writes it, or null."""
    return None if at is None else ns_text(at)


def average_price(order: Order) -> Decimal | None:
    """Money by shares, to eight digits; None before the first fill."""
    if not order.filled_quantity:
        return None
    average = CONTEXT.divide(order.notional, order.filled_quantity)
    return CONTEXT.quantize(average, _AVERAGE_UNIT)


def order_json(order: Order) -> dict[str, object]:
    """The order as `GET /v2/orders/{id}` shows it: the recorded fields in the recorded order."""
    return {
        "asset_class": "us_equity",
        "asset_id": asset_id(order.symbol),
        "canceled_at": time_or_none(order.canceled),
        "client_order_id": order.client_order_id,
        "created_at": ns_text(order.created),
        "expired_at": time_or_none(order.expired),
        **({} if order.expires is None else {"expires_at": ns_text(order.expires)}),
        "extended_hours": order.extended_hours,
        "failed_at": time_or_none(order.failed),
        "filled_at": time_or_none(order.filled),
        "filled_avg_price": text(average_price(order)),
        "filled_qty": decimal_text(order.filled_quantity),
        "hwm": None,
        "id": order.id,
        "legs": None,
        "limit_price": text(order.limit_price),
        "notional": None,
        "order_class": "",
        "order_type": order.order_type,
        "position_intent": order.position_intent,
        "qty": decimal_text(order.quantity),
        "replaced_at": time_or_none(order.replaced),
        "replaced_by": order.replaced_by,
        "replaces": order.replaces,
        "side": order.side,
        "source": None,
        "status": order.status,
        "stop_price": text(order.stop_price),
        "submitted_at": ns_text(order.submitted),
        "subtag": None,
        "symbol": order.symbol,
        "time_in_force": order.time_in_force,
        "trail_percent": None,
        "trail_price": None,
        "type": order.order_type,
        "updated_at": ns_text(order.updated),
    }


def activity_id(execution: Execution) -> str:
    """The FILL activity's id: New York time to the millisecond, and the execution's id."""
    moment = new_york(execution.at)
    return f"{moment:%Y%m%d%H%M%S}{moment.microsecond // 1000:03d}::{execution.id}"


def activity_json(execution: Execution) -> dict[str, object]:
    """The execution as `GET /v2/account/activities/FILL` shows it: no client order id, no fee."""
    return {
        "activity_type": "FILL",
        "cum_qty": decimal_text(execution.cumulative_quantity),
        "id": activity_id(execution),
        "leaves_qty": decimal_text(execution.leaves_quantity),
        "order_id": execution.order_id,
        "order_status": execution.order_status,
        "price": decimal_text(execution.price),
        "qty": decimal_text(execution.quantity),
        "side": execution.side,
        "symbol": execution.symbol,
        "transaction_time": ns_text(execution.at, 6),
        "type": "partial_fill" if execution.leaves_quantity else "fill",
    }
