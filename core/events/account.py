"""Observations of the account, its budget, its stream, and what does not agree."""

from core.events.base import ObservationEvent
from core.values import DecimalText, TimeText


class AccountReported(ObservationEvent, frozen=True, kw_only=True, tag="account-reported.v1"):
    """The broker's statement: cash, equity, buying power in money, positions in signed shares.

    `blocked`: the first flag or status by which the account says that it may not trade.
    """

    cash: DecimalText
    equity: DecimalText
    buying_power: DecimalText
    positions: dict[str, DecimalText]
    blocked: str | None = None


class RateBudgetReported(
    ObservationEvent, frozen=True, kw_only=True, tag="rate-budget-reported.v1"
):
    """The calls left in the current window: a permit is taken before `decide` runs.

    `retry_at`: the broker answered 429, and nothing may leave before this time. `permits`: those
    taken for this cycle's orders, null where none are taken beforehand. `broker_limit`,
    `broker_remaining`: its own word, less what was taken since. `why`: what holds calls back
    besides those that were spent.
    """

    limit: int
    remaining: int
    resets_at: TimeText | None = None
    retry_at: TimeText | None = None
    permits: int | None = None
    broker_limit: int | None = None
    broker_remaining: int | None = None
    why: str | None = None


class FeeReported(ObservationEvent, frozen=True, kw_only=True, tag="fee-reported.v1"):
    """A fee the broker charged, money, positive = cost. `fee_id` counts it once."""

    fee_id: str
    amount: DecimalText
    kind: str
    client_order_id: str | None = None


class ReconcileMismatched(
    ObservationEvent, frozen=True, kw_only=True, tag="reconcile-mismatched.v1"
):
    """Journal and broker disagree, both sides as text.

    `what`: position, foreign-order, foreign-order-with-our-tag, order-vanished (acknowledged, and
    no longer found).
    """

    what: str
    symbol: str
    journal_side: str
    broker_side: str
    client_order_id: str | None = None
    resolved: bool = False


class StreamWentUp(ObservationEvent, frozen=True, kw_only=True, tag="stream-went-up.v1"):
    """A stream is authenticated and listening."""

    stream: str


class StreamWentDown(ObservationEvent, frozen=True, kw_only=True, tag="stream-went-down.v1"):
    """A stream is gone or silent, and why; `raw` is what it said that nobody can read, capped.

    `status_code` and `error_code`: of the answer to a read, where that is why.
    """

    stream: str
    why: str
    raw: str | None = None
    status_code: int | None = None
    error_code: str | None = None


class CostModelCalibrated(
    ObservationEvent, frozen=True, kw_only=True, tag="cost-model-calibrated.v1"
):
    """A cost model was fitted on the journal's sequences up to `fitted_through`."""

    model_version: str
    fitted_through: int
    coefficients: dict[str, DecimalText]
