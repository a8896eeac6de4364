"""A cycle: the strategy runs, every symbol of the universe gets an intent or the reason for none.

rule    intents + skips = universe, exactly one event a symbol, in the order of the symbols.
        `CycleClosed` follows the last outcome, at once if there is none; an intent whose outcome
        is still unknown when the next cycle opens is counted as unknown.
"""

import base64
import hashlib
from decimal import Decimal

from core.emit import Emitter
from core.events import (
    CycleClosed,
    IntentCreated,
    OrderSubmitAttempted,
    OrderSubmitSkipped,
    TimerSet,
)
from core.gates import Candidate, cycle_blocked, first_failing
from core.reasons import Reason, ReasonCode
from core.request import Wanted, wanted_orders
from core.state import CycleCounts, State
from core.strategy import mid_of
from core.values import (
    CONTEXT,
    OrderType,
    Side,
    TimeText,
    decimal_text,
    later_by,
    seconds_between,
)


def open_cycle(emit: Emitter, strategy: type | None) -> None:
    """All decisions of a `CycleOpened`."""
    if emit.state.unsettled is not None:
        _close(emit, emit.state.unsettled)
    slot = emit.state.cycle.slot if emit.state.cycle else emit.state.now
    universe = emit.state.universe()
    blocked = cycle_blocked(emit.state, slot)
    if blocked is not None:
        for symbol in universe:
            emit(OrderSubmitSkipped, symbol=symbol, reason=blocked)
    else:
        wanted = wanted_orders(emit.state, strategy, universe)
        for symbol in universe:
            _decide_symbol(emit, symbol, wanted[symbol], slot)
    close_if_settled(emit)


def close_if_settled(emit: Emitter) -> None:
    """`CycleClosed` once no intent of the open cycle waits for its outcome."""
    counts = emit.state.cycle
    if counts is not None and not counts.closed and not counts.waiting:
        _close(emit, counts)


def _close(emit: Emitter, counts: CycleCounts) -> None:
    emit(
        CycleClosed,
        number=counts.number,
        universe=counts.universe,
        intents=counts.intents,
        skipped=counts.skipped,
        submitted=counts.submitted,
        failed=counts.failed,
        unknown=counts.waiting,
        dropped=counts.dropped,
    )


def client_order_id(state: State, slot: str, symbol: str, leg: int) -> str:
    """The id of a decision slot: the same for whichever runner decides it, at most 48 characters.

    rf-TTTTTTTT-HHHHHHHHHHHHHHHHHHHHHHHHHHHHHHHH: 8 hex digits of the journal's id, and 160 bits of
    sha256 over (journal id, strategy name, slot, symbol, leg) in base 32.
    """
    name = "" if state.strategy is None else state.strategy.name
    parts = (state.journal_id, name, slot, symbol, str(leg))
    digest = hashlib.sha256(b"refold/order/v1")
    for part in parts:
        data = part.encode("utf-8")
        digest.update(len(data).to_bytes(8, "big") + data)
    text = base64.b32encode(digest.digest()[:20]).decode("ascii").lower()
    return order_tag(state.journal_id) + text


def order_tag(journal_id: str) -> str:
    """What the client order ids of a journal begin with."""
    return f"rf-{journal_id[:8]}-"


def _decide_symbol(emit: Emitter, symbol: str, wanted: Wanted | Reason, slot: TimeText) -> None:
    if isinstance(wanted, Reason):
        emit(OrderSubmitSkipped, symbol=symbol, reason=wanted)
        return
    order = Candidate(
        state=emit.state,
        symbol=symbol,
        side=wanted.side,
        quantity=wanted.quantity,
        order_type=wanted.order_type,
        limit_price=wanted.limit_price,
        requested_quantity=wanted.requested_quantity,
        expected_edge_bps=wanted.expected_edge_bps,
    )
    reason = first_failing(order)
    order_id = client_order_id(emit.state, slot, symbol, 0)
    if reason is None and emit.state.knows_order(order_id):  # the slot was opened before
        reason = Reason(code=ReasonCode.DUPLICATE_INTENT, detail=order_id)
    if reason is not None:
        emit(
            OrderSubmitSkipped,
            symbol=symbol,
            side=wanted.side,
            quantity=decimal_text(wanted.requested_quantity),
            reason=reason,
        )
        return
    _create(emit, order, wanted, slot, order_id)


def _create(emit: Emitter, order: Candidate, wanted: Wanted, slot: TimeText, order_id: str) -> None:
    """The intent, its first attempt, and the timer that ends its working time."""
    state = emit.state
    quote = order.quote
    assert quote is not None
    limit = order.limit_price
    emit(
        IntentCreated,
        client_order_id=order_id,
        strategy="" if state.strategy is None else state.strategy.name,
        slot=slot,
        leg=0,
        symbol=order.symbol,
        side=Side(order.side),
        quantity=decimal_text(order.quantity),
        order_type=OrderType(order.order_type),
        limit_price=None if limit is None else decimal_text(limit),
        time_in_force=wanted.time_in_force,
        closing=order.closing,
        decision_price=decimal_text(mid_of(quote)),
        bid=quote.bid,
        ask=quote.ask,
        valid_until=later_by(state.runner_time(slot), Decimal(state.config.risk.intent_valid_s)),
        strategy_reason=wanted.reason or None,
    )
    emit(OrderSubmitAttempted, client_order_id=order_id, attempt=1)
    due = cancel_due(state, slot, state.runner_time(slot))
    if due is not None:
        emit(TimerSet, key=f"cancel:{order_id}", due=due)


def cancel_due(state: State, slot: TimeText, since: TimeText) -> TimeText | None:
    """When an order working `since` then is canceled: at its greatest age, or before the close."""
    risk = state.config.risk
    dues: list[TimeText] = []
    if Decimal(risk.order_max_age_s):
        dues.append(later_by(since, Decimal(risk.order_max_age_s)))
    now = state.session_at(slot)
    before_close = Decimal(risk.cancel_before_close_s)
    if now is not None and before_close:
        left = seconds_between(slot, now.close)
        dues.append(later_by(since, CONTEXT.subtract(left, before_close)))
    return min(dues, default=None)
