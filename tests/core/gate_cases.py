"""For each gate that is off by default: what passes at its limit, and what is blocked beyond it.

shape   GATE_CASES {code: GateCase(at, beyond, reason)}; a `Situation` is what was recorded, what is
        heard, and the strategy that wants to open 100 MSFT (quoted 9.99 to 10.01, 100 a side,
        1000 traded)
"""

from typing import NamedTuple

from msgspec.structs import replace

from core.events import Event, Observation
from core.events.lifecycle import Setting
from core.reasons import Reason
from tests.build import (
    account,
    at,
    attempted,
    closed,
    cycle_opened,
    fill,
    intent,
    lockout,
    quotes,
    reason,
    reported,
    submitted,
)
from tests.core.world import (
    CLOSE_S,
    Settings,
    all_up,
    buying,
    down,
    held,
    journal_created,
    numbers,
    open_market,
    selling,
    signal,
)

NOW = cycle_opened(1)


class Situation(NamedTuple):
    """What a cycle is decided on."""

    events: list[Event]
    heard: Observation
    strategy: type


class GateCase(NamedTuple):
    """The two sides of a limit, and the reason on the far one."""

    at: Situation
    beyond: Situation
    reason: Reason


def situation(
    settings: Settings | None = None,
    *events: Event,
    heard: Observation = NOW,
    strategy: type | None = None,
) -> Situation:
    """The open market under `settings`, then `events`."""
    return Situation([*open_market(settings), *events], heard, strategy or buying())


def limited(
    setting: str, at: Setting, beyond: Setting, told: Reason, *events: Event, **others: Setting
) -> GateCase:
    """The same order under two limits; `others` are settings of [risk] that hold for both."""
    both = {f"risk.{name}": value for name, value in others.items()}
    first = {**both, f"risk.{setting}": at}
    second = {**both, f"risk.{setting}": beyond}
    return GateCase(situation(first, *events), situation(second, *events), told)


def locked_out(code: str, scope: str) -> GateCase:
    """No lockout, or one of a symbol that is not traded; and one in force."""
    told = reason(code, detail=f"until {at(60)}")
    elsewhere = lockout("lockout.rejects", scope="symbol:IBM", until=60)
    return GateCase(
        situation(None, elsewhere), situation(None, lockout(code, scope=scope, until=60)), told
    )


def sold(price: str, *, seconds: float = -30) -> list[Event]:
    """100 MSFT bought at 10 and sold again."""
    return [
        *held(),
        intent("sold", side="sell", seconds=seconds),
        attempted("sold", seconds=seconds),
        fill(100, price, order="sold", side="sell", execution="sold-1", seconds=seconds),
        closed("sold", filled=100, seconds=seconds),
    ]


def working(symbol: str = "IBM") -> list[Event]:
    """An open order."""
    return [intent("open", symbol=symbol, seconds=-60), attempted("open"), submitted("open")]


def given_up(symbol: str) -> list[Event]:
    """An order that was closed as failed, and is alive."""
    return [
        intent("given up", symbol=symbol, seconds=-60),
        attempted("given up"),
        closed("given up", status="FAILED"),
        reported("given up", status="new"),
    ]


REAL: Settings = {"broker.kind": "alpaca"}
NINE = quotes(MSFT=("8.99", "9.01"))
AFTER_OPEN: Settings = {"risk.blackout_after_open_minutes": "5", "risk.quote_max_age_s": "600"}
BEFORE_CLOSE: Settings = {
    "risk.blackout_before_close_minutes": "5",
    "risk.quote_max_age_s": "86400",
}
ASKS_A_SIGNAL: Settings = {"risk.signal_max_age_s": "30"}
ASKS_AN_EDGE: Settings = {"risk.edge_required": True}
PRICE_TEST: Settings = {"risk.short_price_test": True}

GATE_CASES: dict[str, GateCase] = {
    "mode.mismatch": GateCase(
        situation(),
        situation(None, replace(journal_created(), mode="paper")),
        reason("mode.mismatch", detail="the journal is paper, the configuration sim"),
    ),
    "mode.closing_only": limited("closing_only", False, True, reason("mode.closing_only")),
    "throttle.executions": limited(
        "executions_max", 2, 1, reason("throttle.executions", **numbers("1", "1")), *held()
    ),
    "lockout.unauthorized": locked_out("lockout.unauthorized", "broker"),
    "lockout.forbidden": locked_out("lockout.forbidden", "broker"),
    "lockout.rate_limited": locked_out("lockout.rate_limited", "rate"),
    "lockout.account": locked_out("lockout.account", "account"),
    "lockout.rejects": locked_out("lockout.rejects", "symbol:MSFT"),
    "session.after_open": GateCase(
        situation(AFTER_OPEN, heard=cycle_opened(1, seconds=300)),
        situation(AFTER_OPEN, heard=cycle_opened(1, seconds=299.4)),
        reason("session.after_open", **numbers("5", "4.99")),
    ),
    "session.before_close": GateCase(
        situation(BEFORE_CLOSE, heard=cycle_opened(1, seconds=CLOSE_S - 300)),
        situation(BEFORE_CLOSE, heard=cycle_opened(1, seconds=CLOSE_S - 299.4)),
        reason("session.before_close", **numbers("5", "4.99")),
    ),
    "symbol.restricted": limited(
        "restricted", ("IBM",), ("IBM", "MSFT"), reason("symbol.restricted", detail="MSFT")
    ),
    "quote.spread": limited(
        "spread_max_bps", "20", "19.99", reason("quote.spread", **numbers("19.99", "20"))
    ),
    "signal.missing": GateCase(
        situation(ASKS_A_SIGNAL, signal()),
        situation(ASKS_A_SIGNAL, signal(symbol="IBM")),
        reason("signal.missing", missing="signal"),
    ),
    "signal.stale": GateCase(
        situation(ASKS_A_SIGNAL, signal(seconds=-30)),
        situation(ASKS_A_SIGNAL, signal(seconds=-31)),
        reason("signal.stale", **numbers("30", "31")),
    ),
    "size.notional_min": limited(
        "order_min_notional",
        "1001",
        "1001.01",
        reason("size.notional_min", **numbers("1001.01", "1001")),
    ),
    "short.unavailable": GateCase(
        situation({"risk.not_shortable": ("IBM",)}, strategy=selling()),
        situation({"risk.not_shortable": ("MSFT",)}, strategy=selling()),
        reason("short.unavailable", detail="MSFT"),
    ),
    "short.price_test": GateCase(
        situation(PRICE_TEST, strategy=selling(limit_price="10")),
        situation(PRICE_TEST, strategy=selling(limit_price="9.99")),
        reason("short.price_test", **numbers("9.99", "9.99")),
    ),
    "exposure.symbol": limited(
        "symbol_exposure_max",
        "1001",
        "1000.99",
        reason("exposure.symbol", **numbers("1000.99", "1001")),
    ),
    "exposure.net": limited(
        "net_exposure_max",
        "1001",
        "1000.99",
        reason("exposure.net", **numbers("1000.99", "1001")),
    ),
    "exposure.group": limited(
        "group_exposure_max",
        "1001",
        "1000.99",
        reason("exposure.group", **numbers("1000.99", "1001")),
        groups="MSFT=technology",
    ),
    "loss.daily": limited(
        "daily_loss_max",
        "100",
        "99.99",
        reason("loss.daily", **numbers("99.99", "100")),
        *held(),
        NINE,
    ),
    "loss.drawdown": limited(
        "drawdown_max",
        "100",
        "99.99",
        reason("loss.drawdown", **numbers("99.99", "100")),
        *held(),
        NINE,
    ),
    "liquidity.participation": limited(
        "participation_max_bps",
        "1000",
        "999",
        reason("liquidity.participation", **numbers("99.9", "100")),
    ),
    "liquidity.displayed": limited(
        "displayed_size_min", "100", "101", reason("liquidity.displayed", **numbers("101", "100"))
    ),
    "liquidity.volume": limited(
        "slot_volume_min", "1000", "1001", reason("liquidity.volume", **numbers("1001", "1000"))
    ),
    "cost.edge": GateCase(
        situation(ASKS_AN_EDGE, strategy=buying(expected_edge_bps="15")),
        situation(ASKS_AN_EDGE, strategy=buying(expected_edge_bps="14.99")),
        reason("cost.edge", **numbers("15", "14.99")),
    ),
    "orders.open": limited(
        "open_orders_max", 2, 1, reason("orders.open", **numbers("1", "2")), *working()
    ),
    "orders.open_symbol": GateCase(
        situation({"risk.open_orders_symbol_max": 1}, *working("IBM")),
        situation({"risk.open_orders_symbol_max": 1}, *working("MSFT")),
        reason("orders.open_symbol", **numbers("1", "2")),
    ),
    "stream.down": GateCase(
        situation(REAL, *all_up(), account()),
        situation(REAL, *all_up(), account(), down()),
        reason("stream.down", detail="silent for 30 s"),
    ),
    "account.unreconciled": GateCase(
        situation(REAL, *all_up(), account(seconds=-180)),
        situation(REAL, *all_up(), account(seconds=-181)),
        reason("account.unreconciled", **numbers("180", "181")),
    ),
    "account.blocked": GateCase(
        situation(REAL, *all_up(), account()),
        situation(REAL, *all_up(), account(), down(stream="trading")),
        reason("account.blocked", detail="silent for 30 s"),
    ),
    "order.orphan": GateCase(
        situation(None, *given_up("IBM")),
        situation(None, *given_up("MSFT")),
        reason("order.orphan", detail="given up"),
    ),
    "cooldown.loss": limited(
        "loss_cooldown_s", "30", "31", reason("cooldown.loss", **numbers("31", "30")), *sold("9.99")
    ),
    "cooldown.reentry": limited(
        "reentry_cooldown_s",
        "30",
        "31",
        reason("cooldown.reentry", **numbers("31", "30")),
        *sold("10"),
    ),
    "rate.orders": limited(
        "orders_per_minute_max", 2, 1, reason("rate.orders", **numbers("1", "2")), *held()
    ),
    "rate.messages": limited(
        "messages_per_minute_max", 2, 1, reason("rate.messages", **numbers("1", "2")), *held()
    ),
}
