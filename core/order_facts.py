"""The part of `evolve` that is about orders: requests of ours and reports of the venue.

rule    A report of an order the state does not hold changes no position here: `decide` raises an
        alert for it and reconciliation names it. Everything else it says of our orders is counted.
"""

from decimal import Decimal

from msgspec.structs import replace

from core import fills as fill_rules
from core.canonical import content_id
from core.events import (
    CancelAnswered,
    CancelAttempted,
    FillBusted,
    FillCorrected,
    FillReported,
    IntentClosed,
    IntentCreated,
    LookupRequested,
    OrderLookedUp,
    OrderReported,
    OrderSubmitAttempted,
    OrderSubmitFailed,
    OrderSubmitted,
    OrderSubmitUnknown,
    SubmitFailure,
)
from core.fills import Fills
from core.order import GIVEN_UP, OpenStatus, TerminalStatus, status_of
from core.positions import FLAT, Position, after_trade
from core.rolling import exit_after, with_sent
from core.state import NOT_AT_VENUE, Intent, State
from core.values import CONTEXT, ZERO, TimeText

Report = (
    OrderSubmitted
    | OrderSubmitFailed
    | OrderSubmitUnknown
    | OrderLookedUp
    | OrderReported
    | CancelAnswered
    | FillReported
    | FillBusted
    | FillCorrected
)
Request = OrderSubmitAttempted | CancelAttempted | LookupRequested


class ImpossibleDecisionError(Exception):
    """A decision of ours that this core cannot have made: the journal is another core's."""


def with_intent(state: State, event: IntentCreated) -> State:
    """A new open intent, counted in its cycle."""
    if state.knows_order(event.client_order_id):
        message = f"intent {event.client_order_id}: expected a new id, found one that is known"
        raise ImpossibleDecisionError(message)
    cycle = state.cycle
    intent = Intent(
        client_order_id=event.client_order_id,
        intent_id=content_id(event),
        symbol=event.symbol,
        side=event.side,
        quantity=Decimal(event.quantity),
        order_type=event.order_type,
        limit_price=None if event.limit_price is None else Decimal(event.limit_price),
        time_in_force=event.time_in_force,
        closing=event.closing,
        cycle=event.cycle,
        slot=event.slot,
        since=event.slot if state.mode == "sim" else event.decided_at,
        valid_until=event.valid_until,
        worst_price=Decimal(event.limit_price or (event.ask if event.side == "buy" else event.bid)),
    )
    if cycle is not None:
        cycle = replace(cycle, intents=cycle.intents + 1, universe=cycle.universe + 1)
    return replace(_stored(state, intent), cycle=cycle)


def after_request(state: State, event: Request) -> State:
    """A request of ours may now be on its way."""
    intent = state.alive(event.client_order_id)
    if intent is None:
        message = (
            f"intent {event.client_order_id}: expected an open intent for {type(event).__name__}"
        )
        raise ImpossibleDecisionError(message)
    match event:
        case OrderSubmitAttempted():
            state = replace(state, permits_used=state.permits_used + 1)
            state = _with_request(state, event, order=event.attempt == 1)
            sent = replace(
                intent, status=OpenStatus.SUBMITTING, attempt=event.attempt, unknown_since=None
            )
            return _stored(state, sent)
        case CancelAttempted():
            state = _with_request(state, event, order=False)
            asked = replace(
                intent,
                cancel_attempt=event.attempt,
                cancel_pending=True,
                cancel_reason=event.reason,
            )
            return _stored(state, asked)
        case LookupRequested():
            state = _with_request(state, event, order=False)
            return _stored(state, replace(intent, lookups=event.look))


def _with_request(state: State, event: Request, *, order: bool) -> State:
    """Counted in the window of what was sent."""
    return replace(state, sent=with_sent(state.sent, event.decided_at, order=order))


def with_closed(state: State, event: IntentClosed) -> State:
    """The intent leaves the open ones, its timers with it; its outcome is counted."""
    intent = state.intents.get(event.client_order_id)
    if intent is None:
        message = f"intent {event.client_order_id}: expected an open intent to close, found none"
        raise ImpossibleDecisionError(message)
    outcome = "submitted"
    if event.status is TerminalStatus.SKIPPED:
        outcome = "dropped"
    elif event.status is TerminalStatus.FAILED:
        outcome = "failed"
    state, intent = _with_outcome(state, intent, outcome)
    done = replace(intent, status=event.status, closed_at=event.decided_at, cancel_pending=False)
    rest = {key: value for key, value in state.intents.items() if key != intent.client_order_id}
    timers = {
        key: due
        for key, due in state.timers.items()
        if key.partition(":")[2] != intent.client_order_id
    }
    closed = state.closed.with_item(intent.client_order_id, done)
    return replace(state, intents=rest, closed=closed, timers=timers)


def after_report(state: State, event: Report) -> State:
    """What the venue said of an order of ours; of another's, nothing changes here."""
    intent = state.intent(event.client_order_id)
    if intent is None:
        return state
    state = _after_report(state, intent, event)
    return state if intent.closed_at is None else _with_orphan(state, intent.client_order_id)


def _after_report(state: State, intent: Intent, event: Report) -> State:
    match event:
        case OrderSubmitted():
            return _accepted(state, intent, event.venue_order_id, event.status)
        case OrderSubmitFailed():
            if intent.status is not OpenStatus.SUBMITTING or event.attempt != intent.attempt:
                return state
            status = OpenStatus.PENDING_SUBMIT
            if event.error_class is SubmitFailure.REFUSED:
                status = OpenStatus.SUBMITTING
            return _stored(state, replace(intent, status=status))
        case OrderSubmitUnknown():
            if intent.status is not OpenStatus.SUBMITTING:
                return state
            return _stored(state, lost_from_sight(intent, event.observed_at))
        case OrderLookedUp():
            return _looked_up(state, intent, event)
        case OrderReported():
            state = _accepted(state, intent, event.venue_order_id, event.status)
            return _with_cumulative(state, event)
        case CancelAnswered():
            return _stored(state, replace(intent, cancel_pending=event.outcome == "accepted"))
        case FillReported():
            cumulative = event.cumulative_quantity
            fills = fill_rules.with_fill(
                intent.fills,
                Decimal(event.quantity),
                Decimal(event.price),
                event.execution_id,
                None if cumulative is None else Decimal(cumulative),
            )
            state = _accepted(state, intent, event.venue_order_id, None)
            return _with_fills(state, event, fills)
        case FillBusted():
            busted = fill_rules.with_bust(intent.fills, event.execution_id)
            state = _accepted(state, intent, None, None)
            return _with_fills(state, event, busted)
        case FillCorrected():
            corrected = fill_rules.with_correction(
                intent.fills, event.execution_id, Decimal(event.quantity), Decimal(event.price)
            )
            state = _accepted(state, intent, None, None)
            return _with_fills(state, event, corrected)


def lost_from_sight(intent: Intent, at: TimeText) -> Intent:
    """The intent with an unknown outcome from `at` on; its looks begin anew."""
    return replace(intent, status=OpenStatus.UNKNOWN, unknown_since=at, absent_looks=0)


def _accepted(state: State, intent: Intent, venue_order_id: str | None, word: str | None) -> State:
    """The broker has the order: whoever says so, and whatever was thought before."""
    over = intent.closed_at is not None and intent.status not in GIVEN_UP
    if over and not status_of(word or "new")[1]:
        word = None  # a late message, overtaken by the order's end
    known = replace(
        intent,
        venue_order_id=venue_order_id or intent.venue_order_id,
        reported_status=word or intent.reported_status,
        unknown_since=None,
    )
    if known.closed_at is not None:
        return _stored(state, known)
    status, terminal, _ = status_of(word or "new")
    if word is None or terminal:
        status = known.status if known.at_venue else OpenStatus.SUBMITTED
    elif status in NOT_AT_VENUE:  # "submitting", said by a venue: it has the order
        status = OpenStatus.SUBMITTED
    if status is OpenStatus.SUBMITTED and known.filled:
        status = OpenStatus.PARTIALLY_FILLED
    state, known = _with_outcome(state, replace(known, status=status), "submitted")
    return _stored(state, known)


def _with_orphan(state: State, client_order_id: str) -> State:
    """An order given up is an orphan once the broker has it, until its end."""
    intent = state.closed.get(client_order_id)
    if intent is None or intent.status not in GIVEN_UP or intent.venue_order_id is None:
        return state
    over = status_of(intent.reported_status or "new")[1] or not intent.leaves
    if (client_order_id in state.orphans) is not over:
        return state
    rest = {k: symbol for k, symbol in state.orphans.items() if k != client_order_id}
    return replace(state, orphans=rest if over else {**rest, client_order_id: intent.symbol})


def _looked_up(state: State, intent: Intent, event: OrderLookedUp) -> State:
    if event.found and same_order(intent, event):
        state = _accepted(state, intent, event.venue_order_id, event.status)
        return _with_cumulative(state, event)
    if event.found or not event.complete or intent.unknown_since is None:
        return state
    return _stored(state, replace(intent, absent_looks=intent.absent_looks + 1))


def same_order(intent: Intent, found: OrderLookedUp) -> bool:
    """Whether what the broker has under our id is what we meant to send."""
    limit = None if found.limit_price is None else Decimal(found.limit_price)
    quantity = None if found.quantity is None else Decimal(found.quantity)
    return (
        (found.symbol, found.side, quantity) == (intent.symbol, intent.side, intent.quantity)
        and (found.order_type, limit) == (intent.order_type, intent.limit_price)
        and found.time_in_force == intent.time_in_force
    )


def _with_cumulative(state: State, event: OrderReported | OrderLookedUp) -> State:
    intent = state.intent(event.client_order_id)
    if intent is None or event.filled_quantity is None:
        return state
    average = None if event.average_price is None else Decimal(event.average_price)
    fills = fill_rules.with_report(intent.fills, Decimal(event.filled_quantity), average)
    return _with_fills(state, event, fills)


def _with_fills(state: State, event: Report, fills: Fills) -> State:
    """The order's fills are now `fills`; the position moves by the difference."""
    intent = state.intent(event.client_order_id)
    if intent is None or fills is intent.fills:
        return state
    quantity = CONTEXT.subtract(fill_rules.filled(fills), intent.filled)
    money = CONTEXT.subtract(fill_rules.notional(fills), fill_rules.notional(intent.fills))
    status = intent.status
    if status is OpenStatus.SUBMITTED and fill_rules.filled(fills) > ZERO:
        status = OpenStatus.PARTIALLY_FILLED
    elif status is OpenStatus.PARTIALLY_FILLED and not fill_rules.filled(fills):
        status = OpenStatus.SUBMITTED
    state = _stored(state, replace(intent, fills=fills, status=status))
    if not quantity and not money:
        return state
    sign = intent.side.sign
    held = state.positions.get(intent.symbol, FLAT)
    moved = after_trade(held, CONTEXT.multiply(quantity, sign), CONTEXT.multiply(money, sign))
    return _moved(state, intent, held, moved, event.observed_at)


def _moved(state: State, intent: Intent, before: Position, after: Position, at: TimeText) -> State:
    """The position is now `after`; an order's first fill is an execution of the strategy."""
    known = state.exits.get(intent.symbol)
    left = exit_after(known, before, after, at)
    if left is not None and left is not known:
        state = replace(state, exits={**state.exits, intent.symbol: left})
    first = not intent.filled
    return replace(
        state,
        positions={**state.positions, intent.symbol: after},
        executions=state.executions + first,
    )


def _with_outcome(state: State, intent: Intent, outcome: str) -> tuple[State, Intent]:
    """The intent's first outcome, counted in its cycle while that is open."""
    if intent.outcome:
        return state, intent
    cycle = state.cycle
    if cycle is not None and cycle.number == intent.cycle and not cycle.closed:
        counted = {outcome: getattr(cycle, outcome) + 1}
        state = replace(state, cycle=replace(cycle, **counted))
    return state, replace(intent, outcome=outcome)


def _stored(state: State, intent: Intent) -> State:
    if intent.closed_at is not None:
        return replace(state, closed=state.closed.with_item(intent.client_order_id, intent))
    return replace(state, intents={**state.intents, intent.client_order_id: intent})
