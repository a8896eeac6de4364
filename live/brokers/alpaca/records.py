"""What Alpaca says of orders, fills and accounts, read field by field.

shape   a JSON object -> `OrderRecord`, `FillRecord`, `AccountRecord` or `Unreadable`
rules   Fields we do not use may be anything. What identifies must be there; a word we do not know
        (a side, a type, a time in force) is None, a status is kept as it was said, and a number
        that is none, below zero or endless makes the record unreadable, never zero
source  ALPACA.md A1, A2; trading-api.openapi.json
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import NamedTuple, TypeVar

from core.values import DecimalText, OrderType, Side, TimeInForce, TimeText, decimal_text
from live.brokers.alpaca.reading import Unreadable, decimal, moment, quantity, text


class OrderRecord(NamedTuple):
    """An order as Alpaca has it; `status` is Alpaca's word, `filled_quantity` cumulative."""

    client_order_id: str
    venue_order_id: str
    status: str
    symbol: str | None
    side: Side | None
    quantity: DecimalText | None
    order_type: OrderType | None
    limit_price: DecimalText | None
    time_in_force: TimeInForce | None
    filled_quantity: DecimalText | None
    average_price: DecimalText | None
    updated_at: TimeText | None
    replaced_by: str | None
    replaces: str | None


class FillRecord(NamedTuple):
    """A FILL activity: one execution; `cumulative_quantity` is its order's, after it."""

    activity_id: str
    venue_order_id: str
    symbol: str
    side: Side
    quantity: DecimalText
    price: DecimalText
    cumulative_quantity: DecimalText
    time: TimeText | None


class AccountRecord(NamedTuple):
    """The account; `blocked` names the first flag that forbids trading."""

    cash: DecimalText
    equity: DecimalText
    buying_power: DecimalText
    blocked: str | None


_Word = TypeVar("_Word", bound=StrEnum)


def read_order(found: object) -> OrderRecord | Unreadable:
    """One order."""
    if not isinstance(found, dict):
        return Unreadable("an order that is no object")
    venue_order_id, client_order_id = text(found.get("id")), text(found.get("client_order_id"))
    status = text(found.get("status"))
    if venue_order_id is None or client_order_id is None or status is None:
        return Unreadable("an order without id, client_order_id or status")
    amounts = [
        quantity(found.get(name))
        for name in ("qty", "limit_price", "filled_qty", "filled_avg_price")
    ]
    for amount in amounts:
        if isinstance(amount, Unreadable):
            return Unreadable(f"an order with {amount.why}")
    whole, limit_price, filled, average = (a for a in amounts if not isinstance(a, Unreadable))
    return OrderRecord(
        client_order_id=client_order_id,
        venue_order_id=venue_order_id,
        status=status,
        symbol=text(found.get("symbol")),
        side=word(Side, found.get("side")),
        quantity=whole,
        order_type=word(OrderType, found.get("type") or found.get("order_type")),
        limit_price=limit_price,
        time_in_force=word(TimeInForce, found.get("time_in_force")),
        filled_quantity=filled,
        average_price=average,
        updated_at=moment(found.get("updated_at")),
        replaced_by=text(found.get("replaced_by")),
        replaces=text(found.get("replaces")),
    )


def read_fill(found: object) -> FillRecord | Unreadable:
    """One FILL activity."""
    if not isinstance(found, dict):
        return Unreadable("an activity that is no object")
    names = ("id", "order_id", "symbol")
    activity_id, order_id, symbol = (text(found.get(name)) for name in names)
    side = word(Side, found.get("side"))
    shares, price, cumulative = (quantity(found.get(k)) for k in ("qty", "price", "cum_qty"))
    if activity_id is None or order_id is None or symbol is None or side is None:
        return Unreadable("an activity without id, order_id, symbol or side")
    if not isinstance(shares, str) or not isinstance(price, str) or not isinstance(cumulative, str):
        return Unreadable("an activity without qty, price or cum_qty")
    if "0" in (shares, cumulative):
        return Unreadable("an activity of nothing")
    time = moment(found.get("transaction_time"))
    return FillRecord(activity_id, order_id, symbol, side, shares, price, cumulative, time)


def read_account(found: object) -> AccountRecord | Unreadable:
    """The account."""
    if not isinstance(found, dict):
        return Unreadable("an account that is no object")
    cash, equity, power = (decimal(found.get(k)) for k in ("cash", "equity", "buying_power"))
    if not isinstance(cash, str) or not isinstance(equity, str) or not isinstance(power, str):
        return Unreadable("an account without cash, equity or buying_power")
    return AccountRecord(cash, equity, power, _blocked(found))


def read_position(found: object) -> tuple[str, DecimalText] | Unreadable:
    """One position: its symbol and signed shares."""
    if not isinstance(found, dict):
        return Unreadable("a position that is no object")
    symbol, shares = text(found.get("symbol")), decimal(found.get("qty"))
    if symbol is None or not isinstance(shares, str):
        return Unreadable("a position without symbol or qty")
    if found.get("side") == "short" and not shares.startswith("-"):
        shares = decimal_text(f"-{shares}")
    return symbol, shares


def word(kind: type[_Word], found: object) -> _Word | None:
    """A word of ours, or None for one we do not know."""
    return kind(found) if isinstance(found, str) and found in list(kind) else None


def _blocked(found: Mapping[str, object]) -> str | None:
    """The first flag that forbids trading; a status nobody knows forbids it too."""
    status = found.get("status")
    if status != "ACTIVE":
        return f"account status {text(status) or 'unreadable'}"
    for flag in ("account_blocked", "trading_blocked", "trade_suspended_by_user"):
        if found.get(flag) not in (False, None):
            return flag
    return None
