"""Answers in Alpaca's shapes: account, positions, clock, calendar, assets; and the errors.

source  the OpenAPI's schemas, field by field; errors as in ALPACA.md A4
"""

from datetime import datetime
from decimal import Decimal
from typing import NamedTuple

from core.values import CONTEXT, decimal_text
from live.venue import money
from live.venue.book import ZERO, asset_id, venue_uuid
from live.venue.clock import NEW_YORK, SECOND, Calendar, Day, new_york
from live.venue.engine import Engine

_RATIO = Decimal("0.0000000001")


class Answer(NamedTuple):
    """A status and what is said with it: JSON, or nothing where `body` is None."""

    status: int
    body: object = None


def error(status: int, code: int | None, message: str) -> Answer:
    """A refusal in Alpaca's words; some have no code."""
    body: dict[str, object] = {} if code is None else {"code": code}
    return Answer(status, {**body, "message": message})


UNAUTHORIZED = error(401, None, "unauthorized")
FORBIDDEN = error(403, None, "forbidden.")
NO_ORDER = error(404, 40410000, "order not found")
NO_POSITION = error(404, 40410000, "position does not exist")
NOT_UNIQUE = error(422, 40010001, "client_order_id must be unique")
TOO_MANY = error(429, 42910000, "rate limit exceeded")
NO_ENDPOINT = error(404, 40410000, "endpoint not found")


def account_json(engine: Engine, *, suspended: bool, now: int) -> dict[str, object]:
    """`GET /v2/account`."""
    worth = [money.value(engine, symbol) for symbol in engine.positions]
    power = decimal_text(max(ZERO, money.buying_power(engine)))
    equity = decimal_text(money.equity(engine))
    gross = decimal_text(sum((abs(v) for v in worth), ZERO))
    return {
        "id": venue_uuid(engine.seed, "account"),
        "account_number": account_number(engine.seed),
        "status": "ACTIVE",
        "crypto_status": "ACTIVE",
        "currency": "USD",
        "cash": decimal_text(engine.cash),
        "equity": equity,
        "last_equity": equity,
        "portfolio_value": equity,
        "buying_power": power,
        "regt_buying_power": power,
        "non_marginable_buying_power": power,
        "options_buying_power": power,
        "multiplier": decimal_text(money.MULTIPLIER),
        "long_market_value": decimal_text(sum((v for v in worth if v > 0), ZERO)),
        "short_market_value": decimal_text(sum((v for v in worth if v < 0), ZERO)),
        "initial_margin": gross,
        "maintenance_margin": gross,
        "last_maintenance_margin": "0",
        "sma": "0",
        "accrued_fees": "0",
        "pending_reg_taf_fees": "0",
        "intraday_adjustments": "0",
        "balance_asof": new_york(now).date().isoformat(),
        "created_at": "2026-01-02T14:30:00Z",
        "account_blocked": False,
        "trading_blocked": False,
        "transfers_blocked": False,
        "trade_suspended_by_user": suspended,
        "shorting_enabled": True,
        "options_approved_level": 0,
        "options_trading_level": 0,
    }


def account_number(seed: int) -> str:
    """The account's number; it starts with PA as a paper account's."""
    return "PA" + venue_uuid(seed, "account-number")[:8].upper()


def position_json(engine: Engine, symbol: str) -> dict[str, object]:
    """One of `GET /v2/positions`."""
    held, cost = engine.positions[symbol], engine.costs[symbol]
    worth, price = money.value(engine, symbol), money.last_price(engine, symbol)
    gain = worth - cost
    ratio = CONTEXT.quantize(CONTEXT.divide(gain, abs(cost)), _RATIO) if cost else ZERO
    wanted = money.held_quantity(engine, symbol, "sell" if held > 0 else "buy")
    free = max(ZERO, abs(held) - wanted)
    return {
        "asset_id": asset_id(symbol),
        "symbol": symbol,
        "exchange": "NASDAQ",
        "asset_class": "us_equity",
        "asset_marginable": True,
        "qty": decimal_text(held),
        "qty_available": decimal_text(free if held > 0 else -free),
        "avg_entry_price": decimal_text(CONTEXT.divide(cost, held)),
        "side": "long" if held > 0 else "short",
        "market_value": decimal_text(worth),
        "cost_basis": decimal_text(cost),
        "unrealized_pl": decimal_text(gain),
        "unrealized_plpc": decimal_text(ratio),
        "unrealized_intraday_pl": decimal_text(gain),
        "unrealized_intraday_plpc": decimal_text(ratio),
        "current_price": decimal_text(price),
        "lastday_price": decimal_text(price),
        "change_today": "0",
    }


def clock_json(calendar: Calendar, now: int) -> dict[str, object]:
    """`GET /v2/clock`: New York time with its offset."""
    return {
        "timestamp": _local(now),
        "is_open": calendar.is_open(now),
        "next_open": _local(calendar.next_open(now)),
        "next_close": _local(calendar.next_close(now)),
    }


def day_json(day: Day) -> dict[str, object]:
    """One of `GET /v2/calendar`."""
    return {
        "date": day.date,
        "open": day.open,
        "close": day.close,
        "session_open": "0400",
        "session_close": "2000",
        "settlement_date": day.date,
    }


def asset_json(symbol: str) -> dict[str, object]:
    """One of `GET /v2/assets`."""
    return {
        "id": asset_id(symbol),
        "class": "us_equity",
        "exchange": "NASDAQ",
        "symbol": symbol,
        "name": f"{symbol} of the fault venue",
        "status": "active",
        "tradable": True,
        "marginable": True,
        "shortable": True,
        "easy_to_borrow": True,
        "borrow_status": "easy_to_borrow",
        "fractionable": True,
        "maintenance_margin_requirement": 30,
        "margin_requirement_long": "30",
        "margin_requirement_short": "30",
        "attributes": [],
    }


def _local(at: int) -> str:
    whole, _, zone = datetime.fromtimestamp(at // SECOND, NEW_YORK).isoformat().rpartition("-")
    return f"{whole}.{at % SECOND:09d}-{zone}" if at % SECOND else f"{whole}-{zone}"
