"""The nouns of tests, first half: times, the market, the cycle and the account."""

from core.canonical import sha256_hex
from core.events import (
    AccountReported,
    CostModelCalibrated,
    CycleClosed,
    CycleOpened,
    FeeReported,
    Quote,
    QuotesObserved,
    RateBudgetReported,
    RunnerStarted,
)
from core.values import DecimalText, TimeText, decimal_text, time_text

DAY = 1_381_152_600_000_000
"""2013-10-07T13:30:00Z, in microseconds: the made-up day's opening."""
ORDER = "order-1"
CAUSE = sha256_hex(b"cause")
CONFIG = sha256_hex(b"config")

Number = str | int


def at(seconds: float = 0) -> TimeText:
    """The time so many seconds after the opening."""
    return time_text(DAY + round(seconds * 1_000_000))


def money_text(value: Number | None) -> DecimalText | None:
    """Decimal text, or None."""
    return None if value is None else decimal_text(value)


def decided(seconds: float, cycle: int, *content: object) -> dict[str, object]:
    """Causation fields; the ordinal is a function of the content."""
    ordinal = int(sha256_hex(repr((seconds, cycle, content)).encode())[:12], 16)
    return {
        "decided_at": at(seconds),
        "cause": CAUSE,
        "config": CONFIG,
        "cycle": cycle,
        "ordinal": ordinal,
    }


def quote(bid: Number = "9.99", ask: Number = "10.01", *, seconds: float = 0) -> Quote:
    """A quote of 100 shares a side."""
    hundred = decimal_text(100)
    return Quote(
        bid=decimal_text(bid),
        ask=decimal_text(ask),
        bid_size=hundred,
        ask_size=hundred,
        last=decimal_text(bid),
        volume=decimal_text(1000),
        time=at(seconds),
    )


def quotes(*, seconds: float = 0, **by_symbol: tuple[Number, Number]) -> QuotesObserved:
    """Quotes by symbol, `quotes(MSFT=("9.99", "10.01"))`; MSFT's default where none is named."""
    named = by_symbol or {"MSFT": ("9.99", "10.01")}
    made = {symbol: quote(bid, ask, seconds=seconds) for symbol, (bid, ask) in named.items()}
    return QuotesObserved(observed_at=at(seconds), slot=at(seconds), feed="sim", quotes=made)


def cycle_opened(number: int = 1, *, seconds: float = 0) -> CycleOpened:
    """A slot is opened."""
    return CycleOpened(observed_at=at(seconds), number=number, slot=at(seconds))


def cycle_closed(number: int = 1, *, seconds: float = 0, **counts: int) -> CycleClosed:
    """A cycle is over; its counts are 0 unless named."""
    names = ("universe", "intents", "skipped", "submitted", "failed", "unknown", "dropped")
    return CycleClosed(
        **decided(seconds, number, "cycle-closed"),  # type: ignore[arg-type]
        number=number,
        **{name: counts.get(name, 0) for name in names},  # type: ignore[arg-type]
    )


def rate_budget(remaining: int = 200, *, seconds: float = 0) -> RateBudgetReported:
    """The calls left."""
    return RateBudgetReported(observed_at=at(seconds), limit=200, remaining=remaining)


def account(*, seconds: float = 0, **positions: Number) -> AccountReported:
    """The broker's statement: 100 000 in cash, and positions by symbol."""
    money = decimal_text(100_000)
    held = {symbol: decimal_text(quantity) for symbol, quantity in positions.items()}
    return AccountReported(
        observed_at=at(seconds), cash=money, equity=money, buying_power=money, positions=held
    )


def runner_started(epoch: int = 1, *, seconds: float = 0) -> RunnerStarted:
    """A runner claims the journal."""
    return RunnerStarted(observed_at=at(seconds), epoch=epoch, seed=42)


def fee(
    amount: Number = "1", *, fee_id: str = "fee-1", order: str | None = ORDER, seconds: float = 0
) -> FeeReported:
    """A fee of an order."""
    return FeeReported(
        observed_at=at(seconds),
        fee_id=fee_id,
        amount=decimal_text(amount),
        kind="commission",
        client_order_id=order,
    )


def cost_model(version: str = "model-1", **coefficients: Number) -> CostModelCalibrated:
    """A fitted cost model."""
    return CostModelCalibrated(
        observed_at=at(),
        model_version=version,
        fitted_through=1,
        coefficients={name: decimal_text(value) for name, value in coefficients.items()},
    )
