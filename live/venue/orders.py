"""An order as it is asked for: the POST's body read, or the words of its refusal.

source  codes and words as in ALPACA.md A4; what this venue does not do is a 422 that says so
"""

import json
from decimal import Decimal, InvalidOperation

from live.venue.answers import Answer, error
from live.venue.book import Order, venue_uuid
from live.venue.engine import Engine
from live.venue.replacing import ACCEPT_NS

CLIENT_ORDER_ID_MAX = 128


class RefusedError(Exception):
    """The body cannot become an order; `answer` says why."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(answer.status)
        self.answer = answer


def body_of(raw: bytes) -> dict[str, object]:
    """The body's JSON object, its numbers as decimals.

    errors  `RefusedError` 400
    """
    try:
        found = json.loads(raw or b"{}", parse_float=Decimal, parse_int=Decimal)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise RefusedError(error(400, 40010000, "request body format is invalid"))
    return found


def order_of(engine: Engine, body: dict[str, object], now: int, number: int) -> Order:
    """The order that the body of a POST asks for, not accepted yet.

    errors  `RefusedError` 422
    """
    symbol = _word(body, "symbol")
    side, kind = _one_of(body, "side", ("buy", "sell")), _one_of(body, "type", ("market", "limit"))
    time_in_force = _one_of(body, "time_in_force", ("day", "gtc", "ioc", "fok"))
    if symbol not in engine.quotes:
        raise RefusedError(error(422, 42210000, f'asset "{symbol}" not found'))
    if body.get("notional") is not None or _extra_class(body):
        raise _invalid("only simple orders by qty are known to this venue")
    quantity = _above_zero(body, "qty")
    limit = _above_zero(body, "limit_price") if body.get("limit_price") is not None else None
    if (kind == "limit") != (limit is not None):
        words = "limit orders require a limit price" if kind == "limit" else (
            "market orders must not have a limit price"
        )  # fmt: skip
        raise _invalid(words)
    if quantity % 1 and time_in_force != "day":
        raise _invalid("fractional orders must be DAY orders")
    _check_tick(limit)
    client_order_id = _client_order_id(engine, body, number)
    held = engine.positions.get(symbol, Decimal(0))
    opens = held * (1 if side == "buy" else -1) >= 0
    return Order(
        number=number,
        id=venue_uuid(engine.seed, "order", client_order_id),
        client_order_id=client_order_id,
        symbol=symbol,
        side=side,
        quantity=quantity,
        order_type=kind,
        limit_price=limit,
        time_in_force=time_in_force,
        extended_hours=body.get("extended_hours") is True,
        position_intent=f"{side}_to_{'open' if opens else 'close'}",
        status="pending_new",
        created=now,
        submitted=now,
        updated=now,
        due=now + ACCEPT_NS,
    )


def successor_of(engine: Engine, order: Order, body: dict[str, object], now: int) -> Order:
    """The order a PATCH asks for in the place of `order`, not accepted yet.

    errors  `RefusedError` 403, 422
    """
    quantity = _above_zero(body, "qty") if body.get("qty") is not None else order.quantity
    limit = order.limit_price
    if body.get("limit_price") is not None:
        limit = _above_zero(body, "limit_price")
    time_in_force = order.time_in_force
    if body.get("time_in_force") is not None:
        time_in_force = _one_of(body, "time_in_force", ("day", "gtc", "ioc", "fok"))
    if (quantity, limit, time_in_force) == (order.quantity, order.limit_price, order.time_in_force):
        raise RefusedError(error(403, 40310000, "order parameters are not changed"))
    if limit is not None and order.limit_price is None:
        raise _invalid("market orders must not have a limit price")
    if quantity % 1 or quantity <= order.filled_quantity:
        raise _invalid("qty must be whole shares above the filled qty")
    _check_tick(limit)
    number = len(engine.orders) + 1
    client_order_id = _client_order_id(engine, body, number)
    return Order(
        number=number,
        id=venue_uuid(engine.seed, "order", client_order_id),
        client_order_id=client_order_id,
        symbol=order.symbol,
        side=order.side,
        quantity=quantity,
        order_type=order.order_type,
        limit_price=limit,
        time_in_force=time_in_force,
        extended_hours=order.extended_hours,
        position_intent=order.position_intent,
        status="pending_new",
        created=now,
        submitted=now,
        updated=now,
        due=now + ACCEPT_NS,
        replaces=order.id,
    )


def _client_order_id(engine: Engine, body: dict[str, object], number: int) -> str:
    """The id that was given, or one of the venue's."""
    found = body.get("client_order_id") or venue_uuid(engine.seed, "client-id", number)
    if isinstance(found, str) and found.isprintable() and len(found) <= CLIENT_ORDER_ID_MAX:
        return found
    raise _invalid(f"client_order_id must be no more than {CLIENT_ORDER_ID_MAX} characters")


def _invalid(words: str) -> RefusedError:
    return RefusedError(error(422, 42210000, words))


def _word(body: dict[str, object], name: str) -> str:
    found = body.get(name)
    if not isinstance(found, str) or not found:
        raise RefusedError(error(422, 40010001, f"{name} is required"))
    return found


def _one_of(body: dict[str, object], name: str, known: tuple[str, ...]) -> str:
    found = _word(body, name)
    if found not in known:
        raise RefusedError(error(422, 40010001, f"invalid {name}"))
    return found


def _above_zero(body: dict[str, object], name: str) -> Decimal:
    found = body.get(name)
    try:
        plain = isinstance(found, Decimal) or (isinstance(found, str) and "_" not in found)
        value = Decimal(str(found)) if plain else Decimal("NaN")
    except InvalidOperation:
        value = Decimal("NaN")
    if not value.is_finite() or value <= 0 or value.adjusted() > 12 or _digits(value) > 9:
        raise RefusedError(error(422, 40010001, f"{name} must be > 0"))
    return value


def _digits(value: Decimal) -> int:
    """Digits behind the point."""
    exponent = value.normalize().as_tuple().exponent
    return max(0, -exponent) if isinstance(exponent, int) else 0


def _check_tick(limit: Decimal | None) -> None:
    if limit is not None and _digits(limit) > (2 if limit >= 1 else 4):
        why = "sub-penny increment does not fulfill minimum pricing criteria"
        raise _invalid(f"invalid limit_price {limit}. {why}")


def _extra_class(body: dict[str, object]) -> bool:
    return body.get("order_class") not in (None, "", "simple")
