"""Gates of what stands open: mismatches, unknown outcomes, duplicates, and how many orders.

rule    An unknown outcome and an open order in the symbol block closing orders too: two orders that
        close one position would open the other side. The rest guards openings alone.
source  SEC 15c3-5(c)(1)(ii) (duplicates); RTS 6 art. 13 (self-trade)
"""

from decimal import Decimal

from core.gates.candidate import Candidate, above, guards_openings
from core.order import OpenStatus
from core.reasons import Reason, ReasonCode


@guards_openings
def reconcile_mismatch(order: Candidate) -> Reason | None:
    """No opening where something at the broker is not ours or does not agree."""
    what = order.state.mismatched.get(order.symbol)
    return None if what is None else Reason(code=ReasonCode.RECONCILE_MISMATCH, detail=what)


def outcome_unknown(order: Candidate) -> Reason | None:
    """Nothing in a symbol where an order's outcome is unknown, or what replaced it."""
    for intent in order.working:
        if intent.status in (OpenStatus.UNKNOWN, OpenStatus.SUBMITTING):
            return Reason(code=ReasonCode.OUTCOME_UNKNOWN, detail=intent.client_order_id)
    for client_order_id, symbol in sorted(order.state.unfollowed.items()):
        if symbol == order.symbol:
            return Reason(code=ReasonCode.OUTCOME_UNKNOWN, detail=client_order_id)
    return None


@guards_openings
def orphan(order: Candidate) -> Reason | None:
    """No opening where an order that was given up is alive."""
    for client_order_id, symbol in sorted(order.state.orphans.items()):
        if symbol == order.symbol:
            return Reason(code=ReasonCode.ORDER_ORPHAN, detail=client_order_id)
    return None


@guards_openings
def open_orders(order: Candidate) -> Reason | None:
    """At most so many orders are open at once."""
    limit = order.risk.open_orders_max
    if not limit:
        return None
    return above(ReasonCode.ORDERS_OPEN, Decimal(limit), Decimal(len(order.state.intents) + 1))


@guards_openings
def open_orders_symbol(order: Candidate) -> Reason | None:
    """At most so many orders are open at once in one symbol."""
    limit = order.risk.open_orders_symbol_max
    if not limit:
        return None
    return above(ReasonCode.ORDERS_OPEN_SYMBOL, Decimal(limit), Decimal(len(order.working) + 1))


def duplicate_intent(order: Candidate) -> Reason | None:
    """One open intent a side and symbol."""
    for intent in order.working:
        if intent.side is order.side:
            return Reason(code=ReasonCode.DUPLICATE_INTENT, detail=intent.client_order_id)
    return None


def duplicate_opposite(order: Candidate) -> Reason | None:
    """No order against an open one of ours (self trade)."""
    for intent in order.working:
        if intent.side is not order.side:
            return Reason(code=ReasonCode.DUPLICATE_OPPOSITE, detail=intent.client_order_id)
    return None
