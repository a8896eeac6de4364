"""The nouns of the core's tests beside those of tests/build.py.

shape   settings, a market that is open, strategies that ask for what they are told to ask for,
        and decisions as a test expects them
"""

from collections.abc import Iterable, Mapping
from typing import Any

from core.config import config_hash, flatten
from core.contract import Config
from core.events import (
    AlertCleared,
    AlertRaised,
    CalendarObserved,
    CancelAttempted,
    ConfigSnapshot,
    Event,
    IntentClosed,
    JournalCreated,
    KillSwitchLatched,
    KillSwitchReleased,
    LookupRequested,
    OperatorCommanded,
    OrderSubmitSkipped,
    ReconcileMismatched,
    Session,
    SignalObserved,
    StrategyLoaded,
    StreamWentDown,
    StreamWentUp,
    TimerElapsed,
    TimerSet,
)
from core.events.lifecycle import Setting
from core.reasons import Reason
from core.rules import RULES
from core.strategy import OrderRequest, View
from core.values import decimal_text
from tests.build import (
    ORDER,
    account,
    at,
    attempted,
    closed,
    fill,
    intent,
    quotes,
    rate_budget,
    reason,
)
from tests.build_world import decided
from tests.spec import Outcome

HOUR_S = 3600
CLOSE_S = 6 * HOUR_S
Settings = Mapping[str, Setting]


# -- observations


def journal_created() -> JournalCreated:
    """Sequence 1."""
    return JournalCreated(
        observed_at=at(),
        journal_id="0123456789abcdef" * 2,
        name="main",
        mode="sim",
        account_hash="0" * 64,
        encrypted=False,
        format=1,
        min_reader=1,
    )


def configured(settings: Settings | None = None, *, seconds: float = 0) -> ConfigSnapshot:
    """A snapshot of the default configuration with `settings`; it trades MSFT."""
    flat = {**flatten(Config()), "symbols": ("MSFT",), **(settings or {})}
    return ConfigSnapshot(
        observed_at=at(seconds), config=flat, config_hash=config_hash(flat), rules=RULES
    )


def calendar(*days: int) -> CalendarObserved:
    """Sessions of six hours from the made-up opening, so many days later; today's by default."""
    sessions = tuple(
        Session(
            date=at(day * 24 * HOUR_S)[:10],
            open=at(day * 24 * HOUR_S),
            close=at(day * 24 * HOUR_S + CLOSE_S),
        )
        for day in days or (0,)
    )
    return CalendarObserved(observed_at=at(), source="made up", sessions=sessions)


def strategy_loaded(window: int = 1) -> StrategyLoaded:
    """A strategy's record; the class itself is given to `when`."""
    return StrategyLoaded(
        observed_at=at(),
        name="test",
        class_name="Asking",
        entry="test",
        sources={},
        source_hash="0" * 64,
        window=window,
    )


def elapsed(key: str, *, seconds: float = 0) -> TimerElapsed:
    """A timer was due."""
    return TimerElapsed(observed_at=at(seconds), key=key, due=at(seconds))


def commanded(command: str, *, seconds: float = 0) -> OperatorCommanded:
    """A person's command."""
    return OperatorCommanded(
        observed_at=at(seconds), command=command, who="ann", where="here", why="asked"
    )


def mismatched(
    what: str = "position", symbol: str = "MSFT", *, resolved: bool = False, order: str = ORDER
) -> ReconcileMismatched:
    """Journal and broker disagree, or agree again."""
    return ReconcileMismatched(
        observed_at=at(),
        what=what,
        symbol=symbol,
        journal_side="0",
        broker_side="7",
        client_order_id=order if "order" in what else None,
        resolved=resolved,
    )


def up(*, seconds: float = 0, stream: str = "trade_updates") -> StreamWentUp:
    """It is up: the stream of order updates, or "account" or "trading"."""
    return StreamWentUp(observed_at=at(seconds), stream=stream)


def all_up(*, seconds: float = 0) -> list[Event]:
    """Everything an opening needs of a real broker but the account's report."""
    return [up(seconds=seconds, stream=name) for name in ("trade_updates", "account", "trading")]


def down(*, seconds: float = 0, stream: str = "trade_updates") -> StreamWentDown:
    """The stream is gone."""
    return StreamWentDown(observed_at=at(seconds), stream=stream, why="silent for 30 s")


def signal(*, seconds: float = 0, symbol: str = "MSFT") -> SignalObserved:
    """A model's output, true at that time."""
    return SignalObserved(
        observed_at=at(),
        source_time=at(seconds),
        symbol=symbol,
        value=decimal_text(1),
        model="made up",
        model_version="1",
        model_hash="0" * 64,
    )


def open_market(settings: Settings | None = None) -> list[Event]:
    """Everything a cycle at 0 s needs, for MSFT at 9.99 to 10.01."""
    return [
        journal_created(),
        configured(settings),
        strategy_loaded(),
        calendar(),
        account(),
        rate_budget(),
        quotes(),
    ]


# -- strategies


def asking(*requests: object) -> type:
    """A strategy that returns `requests`, each cycle."""

    class Asking:
        def decide(self, _: View) -> Iterable[object]:
            return requests

    return Asking


def buying(quantity: Any = 100, symbol: str = "MSFT", **fields: Any) -> type:
    """A strategy that wants to buy."""
    return asking(OrderRequest(symbol, "buy", quantity, **fields))


def selling(quantity: Any = 100, symbol: str = "MSFT", **fields: Any) -> type:
    """A strategy that wants to sell."""
    return asking(OrderRequest(symbol, "sell", quantity, **fields))


# -- decisions


def causation(*content: object) -> dict[str, Any]:
    """Fields that `then` does not compare."""
    return decided(0, 1, *content)


def look(count: int = 1, order: str = ORDER) -> LookupRequested:
    """The broker is asked."""
    return LookupRequested(
        **causation("look", order, count),
        client_order_id=order,
        look=count,
    )


def timer(key: str, due: float) -> TimerSet:
    """The core wants to be woken."""
    return TimerSet(**causation("timer", key, due), key=key, due=at(due))


def cancel(code: str, order: str = ORDER, attempt: int = 1, **numbers: str) -> CancelAttempted:
    """A cancel may leave, for this reason."""
    return CancelAttempted(
        **causation("cancel", order, attempt),
        client_order_id=order,
        attempt=attempt,
        reason=reason(code, **numbers),
    )


def latched(code: str, **fields: str) -> KillSwitchLatched:
    """Trading halts."""
    return KillSwitchLatched(**causation("latched", code), reason=reason(code, **fields))


def released(who: str = "ann") -> KillSwitchReleased:
    """Trading may go on."""
    return KillSwitchReleased(**causation("released"), who=who)


def alerted(key: str, code: str, detail: str) -> AlertRaised:
    """A person should look."""
    return AlertRaised(**causation("alert", key), key=key, code=code, detail=detail)


def cleared(key: str) -> AlertCleared:
    """What the alert named is over."""
    return AlertCleared(**causation("cleared", key), key=key)


# -- what is held, and what was told


def held(quantity: int = 100, symbol: str = "MSFT") -> list[Event]:
    """Events that leave so many shares, bought or sold at 10, and no open order."""
    side = "buy" if quantity > 0 else "sell"
    shares = abs(quantity)
    return [
        intent("held", symbol=symbol, quantity=shares, side=side, seconds=-60),
        attempted("held"),
        fill(shares, order="held", symbol=symbol, side=side),
        closed("held", filled=shares),
    ]


def reasons_of(outcome: Outcome, symbol: str | None = None) -> list[Reason]:
    """The reasons that were given; in one symbol, those for which nothing was sent in it."""
    told = (OrderSubmitSkipped, CancelAttempted, KillSwitchLatched, IntentClosed)
    return [
        decision.reason
        for decision in outcome.decisions
        if isinstance(decision, told)
        and decision.reason is not None
        and symbol in (None, getattr(decision, "symbol", None))
    ]


def numbers(limit: str, observed: str) -> dict[str, str]:
    """The limit of a reason, and what was observed."""
    return {"limit": limit, "observed": observed}
