"""From the strategy's answer to orders: run it, check what it returned, round it.

shape   wanted_orders(state, strategy, universe) -> {symbol: Wanted | Reason}, every symbol once
rule    A strategy that raises skips every symbol with `signal.failed` and the exception's class.
        What cannot be understood skips its symbol with `signal.invalid` and says why; if it cannot
        even be told which symbol it is for, every symbol is skipped: nothing it says is trusted.
"""

from collections.abc import Iterable
from decimal import Decimal, InvalidOperation, localcontext
from enum import StrEnum
from typing import TypeVar

import msgspec

from core.events import Quote
from core.reasons import Reason, ReasonCode
from core.rng import rng_from_parts
from core.state import State
from core.strategy import LazyMap, OpenIntentView, OrderRequest, QuoteView, View
from core.values import (
    CONTEXT,
    ZERO,
    OrderType,
    Side,
    TimeInForce,
    decimal_text,
    round_to_tick,
    round_toward_zero,
)

W = TypeVar("W", bound=StrEnum)


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """A request that could be understood; quantity and limit are rounded."""

    side: Side
    quantity: Decimal
    requested_quantity: Decimal
    order_type: OrderType
    limit_price: Decimal | None
    time_in_force: TimeInForce
    reason: str
    expected_edge_bps: Decimal | None = None


class InvalidRequestError(ValueError):
    """Something a strategy returned that is no order request."""


def wanted_orders(
    state: State, strategy: type | None, universe: list[str]
) -> dict[str, Wanted | Reason]:
    """What the strategy wants in each symbol of the universe, or why it is not heard."""
    if strategy is None:
        failed = Reason(code=ReasonCode.SIGNAL_FAILED, missing="strategy")
        return dict.fromkeys(universe, failed)
    try:
        with localcontext(CONTEXT):  # what it does to its decimal context ends with it
            by_symbol = _by_symbol(_run(state, strategy), universe)
            understood = {
                symbol: _understood(state, found[0]) for symbol, found in by_symbol.items()
            }
    except InvalidRequestError as error:
        return dict.fromkeys(universe, _invalid(error))
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # noqa: BLE001 - any failure is a reason
        failed = Reason(code=ReasonCode.SIGNAL_FAILED, detail=type(error).__name__)
        return dict.fromkeys(universe, failed)
    wanted: dict[str, Wanted | Reason] = {}
    for symbol in universe:
        found = by_symbol.get(symbol, [])
        if not found:
            wanted[symbol] = Reason(code=ReasonCode.SIGNAL_NONE)
        elif len(found) > 1:
            detail = f"{len(found)} requests for one symbol, at most one is understood"
            wanted[symbol] = Reason(code=ReasonCode.SIGNAL_INVALID, detail=detail)
        else:
            wanted[symbol] = understood[symbol]
    return wanted


def _run(state: State, strategy: type) -> list[object]:
    """The strategy built anew and asked once."""
    parameters = dict(state.config.strategy.parameters)
    takes_parameters = any("__init__" in vars(kind) for kind in strategy.__mro__[:-1])
    built = strategy(**parameters) if takes_parameters else strategy()
    answer = built.decide(_view(state))
    if answer is None:
        return []
    if not isinstance(answer, Iterable) or isinstance(answer, str | bytes):
        message = f"expected OrderRequests, found {type(answer).__name__}"
        raise InvalidRequestError(message)
    return list(_at_most(answer, 10 * len(state.universe()) + 100))


def _at_most(answer: Iterable[object], count: int) -> Iterable[object]:
    """The answer, refused when it does not end."""
    for index, request in enumerate(answer):
        if index >= count:
            message = f"expected at most one OrderRequest a symbol, found more than {count}"
            raise InvalidRequestError(message)
        yield request


def _by_symbol(requests: list[object], universe: list[str]) -> dict[str, list[OrderRequest]]:
    by_symbol: dict[str, list[OrderRequest]] = {}
    for request in requests:
        if not isinstance(request, OrderRequest):
            message = f"expected an OrderRequest, found {type(request).__name__}"
            raise InvalidRequestError(message)
        symbol: object = request.symbol
        if not isinstance(symbol, str) or symbol not in universe:
            message = f"expected a symbol of the universe, found {_shown(symbol)}"
            raise InvalidRequestError(message)
        by_symbol.setdefault(request.symbol, []).append(request)
    return by_symbol


def _understood(state: State, request: OrderRequest) -> Wanted | Reason:
    """The request in our own types, rounded, or `signal.invalid`."""
    try:
        side = _word(Side, request.side)
        order_type = _word(OrderType, request.order_type)
        time_in_force = _word(TimeInForce, request.time_in_force)
        quantity = _number(request.quantity, "quantity")
        limit = _limit(state, request, side, order_type)
        reason = _text(request.reason)
        edge = _edge(request.expected_edge_bps)
    except ValueError as error:
        return _invalid(error)
    lot = Decimal(state.config.market.lot)
    return Wanted(
        side=side,
        quantity=round_toward_zero(quantity, lot),
        requested_quantity=quantity,
        order_type=order_type,
        limit_price=limit,
        time_in_force=time_in_force,
        reason=reason,
        expected_edge_bps=edge,
    )


def _limit(
    state: State, request: OrderRequest, side: Side, order_type: OrderType
) -> Decimal | None:
    if order_type is OrderType.MARKET:
        if request.limit_price is not None:
            message = "expected no limit price on a market order"
            raise InvalidRequestError(message)
        return None
    tick = Decimal(state.config.market.tick)
    if request.limit_price is None:
        quote: Quote | None = state.quotes.get(request.symbol)
        if quote is None:
            return None
        return round_to_tick(Decimal(quote.ask if side is Side.BUY else quote.bid), tick, side)
    limit = round_to_tick(_number(request.limit_price, "limit_price"), tick, side)
    if limit <= ZERO:
        message = f"limit_price: expected at least one tick, found {_shown(request.limit_price)}"
        raise InvalidRequestError(message)
    return limit


def _word(kind: type[W], value: object) -> W:
    """The member of `kind` that a strategy wrote, in whatever case."""
    if isinstance(value, str):
        member = kind._value2member_map_.get(value.lower())
        if isinstance(member, kind):
            return member
    message = f"expected {' or '.join(kind)}, found {_shown(value)}"
    raise InvalidRequestError(message)


def _number(value: object, name: str) -> Decimal:
    """A finite positive number of whatever numeric type a strategy computes with."""
    number = _finite(value, name)
    if number <= ZERO:
        message = f"{name}: expected a number above 0, found {_shown(value)}"
        raise InvalidRequestError(message)
    return number


def _edge(value: object) -> Decimal | None:
    """The edge expected, of either sign, or None where the strategy names none."""
    return None if value is None else _finite(value, "expected_edge_bps")


def _finite(value: object, name: str) -> Decimal:
    try:
        number = Decimal("NaN") if isinstance(value, bool) else Decimal(str(value))
        return Decimal(decimal_text(number))
    except (InvalidOperation, ValueError):
        message = f"{name}: expected a finite number, found {_shown(value)}"
        raise InvalidRequestError(message) from None


def _shown(value: object) -> str:
    """A value as a reason shows it: never an address in memory, which replay could not repeat."""
    if isinstance(value, str | float | Decimal) or type(value) is bool:
        return repr(str(value)[:40])
    return type(value).__name__


def _text(value: object) -> str:
    """At most 200 characters that have bytes: a lone surrogate, which has none, is written out."""
    if not isinstance(value, str):
        message = f"reason: expected text, found {type(value).__name__}"
        raise InvalidRequestError(message)
    return value[:200].encode("utf-8", "backslashreplace").decode("utf-8")


def _view(state: State) -> View:
    cycle = state.cycle
    assert cycle is not None
    name = "" if state.strategy is None else state.strategy.name
    return View(
        time=cycle.slot,
        cycle=cycle.number,
        symbols=tuple(state.universe()),
        quotes=LazyMap(dict(state.quotes), QuoteView),
        window=LazyMap(dict(state.windows), lambda quotes: tuple(map(QuoteView, quotes))),
        signals=LazyMap(dict(state.signals), lambda signal: signal),
        positions={
            symbol: state.positions[symbol].quantity
            for symbol in sorted(state.positions)
            if state.positions[symbol].quantity
        },
        open_intents=tuple(
            OpenIntentView(
                intent.client_order_id,
                intent.symbol,
                intent.side,
                intent.quantity,
                intent.leaves,
                intent.limit_price,
                str(intent.status),
                intent.slot,
            )
            for intent in (state.intents[key] for key in sorted(state.intents))
        ),
        cash=ZERO if state.account is None else Decimal(state.account.cash),
        parameters=dict(state.config.strategy.parameters),
        rng=rng_from_parts(state.seed, "strategy", name, cycle.slot),
    )


def _invalid(error: Exception) -> Reason:
    return Reason(code=ReasonCode.SIGNAL_INVALID, detail=_text(str(error).replace("\n", " ")))
