"""Gates of exposure: what is held at the mid, open orders at their worst, and this order.

shape   symbol and group: long and short added, of one symbol or of one of `risk.groups`
        gross: of everything; net: long less short, in the direction of the order
rule    All guard openings alone. Open orders count whole, of an unknown
        outcome too (RTS 6 art. 15(2)); net counts those of the order's own side, closing ones
        included: that is its worst case.
errors  a position without a quote blocks openings and is named
"""

from collections.abc import Collection, Iterator
from decimal import Decimal

from core.contract_risk import groups_of
from core.gates.candidate import Candidate, above, guards_openings, missing
from core.reasons import Reason, ReasonCode
from core.state import State
from core.strategy import mid_of
from core.values import CONTEXT, ZERO


class UnpricedError(Exception):
    """A position that has no quote: its symbol."""


@guards_openings
def exposure_symbol(order: Candidate) -> Reason | None:
    """The exposure in the order's symbol stays within its limit."""
    limit = Decimal(order.risk.symbol_exposure_max)
    return _added(order, ReasonCode.EXPOSURE_SYMBOL, limit, {order.symbol}) if limit else None


@guards_openings
def exposure_group(order: Candidate) -> Reason | None:
    """The exposure in the symbols of the order's group stays within the limit of a group."""
    limit = Decimal(order.risk.group_exposure_max)
    if not limit:
        return None
    groups = groups_of(order.risk.groups)
    group = groups.get(order.symbol)
    if group is None:
        return missing(ReasonCode.EXPOSURE_GROUP, f"group of {order.symbol}")
    symbols = {symbol for symbol, other in groups.items() if other == group}
    return _added(order, ReasonCode.EXPOSURE_GROUP, limit, symbols)


@guards_openings
def exposure_gross(order: Candidate) -> Reason | None:
    """Positions at the mid, open openings at their worst, and this order, within the limit."""
    return _added(order, ReasonCode.EXPOSURE_GROSS, Decimal(order.risk.gross_exposure_max), None)


@guards_openings
def exposure_net(order: Candidate) -> Reason | None:
    """Long less short, with all that is open on the order's side filled, within the limit."""
    limit = Decimal(order.risk.net_exposure_max)
    if not limit:
        return None
    sign = Decimal(order.side.sign)
    total = order.notional
    try:
        for value in _values(order.state, None):
            total = CONTEXT.add(total, CONTEXT.multiply(value, sign))
    except UnpricedError as error:
        return missing(ReasonCode.EXPOSURE_NET, f"quote of {error}")
    for intent in order.state.working():
        if intent.side is order.side:
            total = CONTEXT.add(total, CONTEXT.multiply(intent.leaves, intent.worst_price))
    return above(ReasonCode.EXPOSURE_NET, limit, total)


def working_notional(state: State, symbols: Collection[str] | None = None) -> Decimal:
    """Open openings (in `symbols`) at their worst: every share left, at the worst price."""
    total = ZERO
    for intent in state.working():
        if not intent.closing and (symbols is None or intent.symbol in symbols):
            total = CONTEXT.add(total, CONTEXT.multiply(intent.leaves, intent.worst_price))
    return total


def _added(
    order: Candidate, code: ReasonCode, limit: Decimal, symbols: Collection[str] | None
) -> Reason | None:
    """Long and short added, in `symbols` or in all, against `limit`."""
    total = order.notional
    try:
        for value in _values(order.state, symbols):
            total = CONTEXT.add(total, abs(value))
    except UnpricedError as error:
        return missing(code, f"quote of {error}")
    return above(code, limit, CONTEXT.add(total, working_notional(order.state, symbols)))


def _values(state: State, symbols: Collection[str] | None) -> Iterator[Decimal]:
    """The signed value of each position at the mid, by symbol."""
    for symbol in sorted(state.positions):
        quantity = state.positions[symbol].quantity
        if not quantity or (symbols is not None and symbol not in symbols):
            continue
        quote = state.quotes.get(symbol)
        if quote is None:
            raise UnpricedError(symbol)
        yield CONTEXT.multiply(quantity, mid_of(quote))
