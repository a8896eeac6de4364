"""Gates of the order's own size, and of its size against what the market shows and trades.

rule    Size holds for every order; a position above it is closed in parts. The smallest notional,
        participation and liquidity guard openings alone.
source  SEC 15c3-5(c)(1)(ii); RTS 6 art. 15(1)(b) and (c)
"""

from decimal import Decimal

from core.gates.candidate import BPS, Candidate, above, below, guards_openings, missing, told
from core.reasons import Reason, ReasonCode
from core.values import CONTEXT, ZERO, Side


def numbers_finite(order: Candidate) -> Reason | None:
    """NaN and infinity pass nothing, whoever lets them in."""
    for name in ("quantity", "limit_price", "expected_edge_bps"):
        value = getattr(order, name)
        if value is not None and not value.is_finite():
            return missing(ReasonCode.SIGNAL_INVALID, f"finite {name}")
    return None


def size_below_lot(order: Candidate) -> Reason | None:
    """No order for less than one lot."""
    if order.quantity > ZERO:
        return None
    lot = Decimal(order.state.config.market.lot)
    return told(ReasonCode.SIZE_BELOW_LOT, lot, order.requested_quantity)


def size_quantity(order: Candidate) -> Reason | None:
    """At most so many shares an order."""
    return above(ReasonCode.SIZE_QUANTITY, Decimal(order.risk.order_max_quantity), order.quantity)


def size_notional(order: Candidate) -> Reason | None:
    """At most so much money an order."""
    return above(ReasonCode.SIZE_NOTIONAL, Decimal(order.risk.order_max_notional), order.notional)


@guards_openings
def size_notional_min(order: Candidate) -> Reason | None:
    """At least so much money an opening: a smaller one is eaten by its cost."""
    return below(
        ReasonCode.SIZE_NOTIONAL_MIN, Decimal(order.risk.order_min_notional), order.notional
    )


def position_reversal(order: Candidate) -> Reason | None:
    """A reversal closes now and opens in a later cycle."""
    if order.closing and order.quantity > abs(order.held):
        return told(ReasonCode.POSITION_REVERSAL, abs(order.held), order.quantity)
    return None


@guards_openings
def participation(order: Candidate) -> Reason | None:
    """At most so large a share of the slot's volume."""
    share = Decimal(order.risk.participation_max_bps)
    if not share:
        return None
    if order.quote is None:
        return missing(ReasonCode.LIQUIDITY_PARTICIPATION, "volume")
    limit = CONTEXT.divide(CONTEXT.multiply(Decimal(order.quote.volume), share), BPS)
    return above(ReasonCode.LIQUIDITY_PARTICIPATION, limit, order.quantity)


@guards_openings
def displayed_size(order: Candidate) -> Reason | None:
    """The side we would take from shows at least so many shares."""
    limit = Decimal(order.risk.displayed_size_min)
    if not limit:
        return None
    quote = order.quote
    if quote is None:
        return missing(ReasonCode.LIQUIDITY_DISPLAYED, "displayed size")
    shown = Decimal(quote.ask_size if order.side is Side.BUY else quote.bid_size)
    return below(ReasonCode.LIQUIDITY_DISPLAYED, limit, shown)


@guards_openings
def slot_volume(order: Candidate) -> Reason | None:
    """At least so many shares were traded in the slot."""
    limit = Decimal(order.risk.slot_volume_min)
    if not limit:
        return None
    if order.quote is None:
        return missing(ReasonCode.LIQUIDITY_VOLUME, "volume")
    return below(ReasonCode.LIQUIDITY_VOLUME, limit, Decimal(order.quote.volume))
