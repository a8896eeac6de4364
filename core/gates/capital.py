"""Gates of capital: the account, its buying power, the day's loss and drawdown, cost against edge.

rule    All guard openings alone. Profit is the core's own: realized and at the mid, fees left out,
        marked once a cycle (`core.rolling.Day`).
source  SEC 15c3-5(c)(1)(i); TCA.md B1 for the cost floor
"""

from decimal import Decimal

from core.gates.candidate import BPS, Candidate, above, below, guards_openings, missing
from core.gates.exposure import working_notional
from core.reasons import Reason, ReasonCode
from core.rolling import Day
from core.strategy import mid_of
from core.values import CONTEXT, ZERO

TWO = Decimal(2)


@guards_openings
def account_missing(order: Candidate) -> Reason | None:
    """No opening before the broker has reported the account."""
    if order.state.account is None:
        return missing(ReasonCode.ACCOUNT_MISSING, "account")
    return None


@guards_openings
def capital_buying_power(order: Candidate) -> Reason | None:
    """The buying power reported, less the reserve, covers open openings and the order."""
    account = order.state.account
    if account is None:
        return None
    reserve = Decimal(order.risk.buying_power_reserve)
    limit = max(CONTEXT.subtract(Decimal(account.buying_power), reserve), ZERO)
    needed = CONTEXT.add(order.notional, working_notional(order.state))
    return above(ReasonCode.CAPITAL_BUYING_POWER, limit, needed)


@guards_openings
def loss_daily(order: Candidate) -> Reason | None:
    """The loss since the last mark of the session before is within the limit."""
    limit = Decimal(order.risk.daily_loss_max)
    if not limit:
        return None
    day = _marked(order, ReasonCode.LOSS_DAILY)
    if isinstance(day, Reason):
        return day
    return above(ReasonCode.LOSS_DAILY, limit, CONTEXT.subtract(day.start, day.profit))


@guards_openings
def loss_drawdown(order: Candidate) -> Reason | None:
    """The loss since the session's best mark is within the limit."""
    limit = Decimal(order.risk.drawdown_max)
    if not limit:
        return None
    day = _marked(order, ReasonCode.LOSS_DRAWDOWN)
    if isinstance(day, Reason):
        return day
    return above(ReasonCode.LOSS_DRAWDOWN, limit, CONTEXT.subtract(day.peak, day.profit))


def _marked(order: Candidate, code: ReasonCode) -> Day | Reason:
    """The session's marks, or what stands in their way."""
    day = order.state.day
    if day is None:
        return missing(code, "a mark of this session")
    if day.unpriced is not None:
        return missing(code, f"quote of {day.unpriced}")
    return day


@guards_openings
def cost_edge(order: Candidate) -> Reason | None:
    """The edge the strategy expects is at least the order's cost floor."""
    if not order.risk.edge_required:
        return None
    if order.expected_edge_bps is None:
        return missing(ReasonCode.COST_EDGE, "expected_edge_bps")
    floor = cost_floor_bps(order)
    if floor is None:
        return missing(ReasonCode.COST_EDGE, "quote")
    return below(ReasonCode.COST_EDGE, floor, order.expected_edge_bps)


def cost_floor_bps(order: Candidate) -> Decimal | None:
    """Half the spread times the expected E/Q, fees, and half a tick, in basis points of the mid."""
    quote = order.quote
    if quote is None:
        return None
    config, mid = order.state.config, mid_of(quote)
    spread = max(CONTEXT.subtract(Decimal(quote.ask), Decimal(quote.bid)), ZERO)
    half = CONTEXT.multiply(CONTEXT.divide(spread, TWO), Decimal(config.cost.effective_over_quoted))
    guard = CONTEXT.divide(Decimal(config.market.tick), TWO)
    money = CONTEXT.add(CONTEXT.add(half, guard), Decimal(config.cost.fee_per_share))
    return CONTEXT.add(
        CONTEXT.divide(CONTEXT.multiply(money, BPS), mid), Decimal(config.cost.fee_bps)
    )
