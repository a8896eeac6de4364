"""The part of `evolve` that is about orders: requests of ours and reports of the venue.

rule    A report of an order the state does not hold changes no position here: `decide` raises an
        alert for it and reconciliation names it. Everything else it says of our orders is counted.
        An order that was never acknowledged and is found with other parameters is a stranger under
        our id, for ever: it is never adopted, whatever is said of it later.
"""

from msgspec.structs import replace

from core import fills as fill_rules
from core import succession
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
    ReplaceAnswered,
    ReplaceAttempted,
    SubmitFailure,
)
from core.fills import Fills
from core.lockout_facts import LOCKOUTS
from core.order import GIVEN_UP, OpenStatus, TerminalStatus, status_of
from core.positions import FLAT, after_trade
from core.rolling import exit_after, with_sent
from core.state import NOT_AT_VENUE, CycleCounts, Intent, Replacement, State
from core.values import CONTEXT, ZERO, TimeText, number

Report = (
    OrderSubmitted
    | OrderSubmitFailed
    | OrderSubmitUnknown
    | OrderLookedUp
    | OrderReported
    | CancelAnswered
    | ReplaceAnswered
    | FillReported
    | FillBusted
    | FillCorrected
)
_LINKS = (OrderLookedUp, ReplaceAnswered)
_OF_ATTEMPTS = (OrderSubmitFailed, OrderSubmitUnknown)
Request = OrderSubmitAttempted | CancelAttempted | ReplaceAttempted | LookupRequested
# Python looks a member of an enum up in a tenth of a microsecond, a name of the module in none.
_PENDING_SUBMIT, _SUBMITTING = OpenStatus.PENDING_SUBMIT, OpenStatus.SUBMITTING
_SUBMITTED, _PARTIALLY_FILLED = OpenStatus.SUBMITTED, OpenStatus.PARTIALLY_FILLED
_OUTCOMES = {TerminalStatus.SKIPPED: "dropped", TerminalStatus.FAILED: "failed"}
"""The outcome of an intent that ends without the broker's word."""


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
        quantity=number(event.quantity),
        order_type=event.order_type,
        limit_price=None if event.limit_price is None else number(event.limit_price),
        time_in_force=event.time_in_force,
        closing=event.closing,
        cycle=event.cycle,
        slot=event.slot,
        since=event.slot if state.mode == "sim" else event.decided_at,
        valid_until=event.valid_until,
        worst_price=number(event.limit_price or (event.ask if event.side == "buy" else event.bid)),
    )
    if cycle is not None:
        cycle = replace(cycle, intents=cycle.intents + 1, universe=cycle.universe + 1)
    return replace(state, cycle=cycle, intents={**state.intents, intent.client_order_id: intent})


def after_request(state: State, event: Request) -> State:
    """A request of ours may now be on its way, counted in the window of what was sent."""
    key = event.client_order_id
    intent = state.intents.get(key)
    if intent is None and isinstance(event, CancelAttempted | LookupRequested):
        intent = state.alive(key)
    if intent is None:
        message = (
            f"intent {event.client_order_id}: expected an open intent for {type(event).__name__}"
        )
        raise ImpossibleDecisionError(message)
    permits, order, asked = state.permits_used, False, intent
    match event:
        case OrderSubmitAttempted():
            permits, order = permits + 1, event.attempt == 1
            asked = replace(intent, status=_SUBMITTING, attempt=event.attempt, unknown_since=None)
        case CancelAttempted():
            asked = replace(
                intent,
                cancel_attempt=event.attempt,
                cancel_pending=True,
                cancel_reason=event.reason,
            )
        case ReplaceAttempted():
            limit = None if event.limit_price is None else number(event.limit_price)
            heir = event.successor_client_order_id
            asked = replace(intent, replacement=Replacement(heir, number(event.quantity), limit))
        case LookupRequested():
            asked = replace(intent, lookups=event.look)
    sent = with_sent(state.sent, event.decided_at, order=order)
    if intent.closed_at is not None:  # an orphan
        closed = state.closed.with_item(intent.client_order_id, asked)
        return replace(state, permits_used=permits, sent=sent, closed=closed)
    intents = {**state.intents, intent.client_order_id: asked}
    return replace(state, permits_used=permits, sent=sent, intents=intents)


def with_closed(state: State, event: IntentClosed) -> State:
    """The intent leaves the open ones, its timers with it; its outcome is counted."""
    key = event.client_order_id
    rest = dict(state.intents)
    intent = rest.pop(key, None)
    if intent is None:
        message = f"intent {key}: expected an open intent to close, found none"
        raise ImpossibleDecisionError(message)
    outcome = intent.outcome or _OUTCOMES.get(event.status, "submitted")
    done = replace(
        intent,
        status=event.status,
        closed_at=event.decided_at,
        cancel_pending=False,
        outcome=outcome,
    )
    own = f":{key}"  # a successor's id is whatever somebody else chose, "rate" or "MSFT" as well
    timers = {
        name: due
        for name, due in state.timers.items()
        if not name.endswith(own) or name.startswith(LOCKOUTS)
    }
    state = replace(
        state,
        cycle=_counted(state.cycle, intent, done),
        intents=rest,
        closed=state.closed.with_item(key, done),
        timers=timers,
    )
    return succession.with_followed(state, done)


def after_report(state: State, event: Report) -> State:
    """What the venue said of an order of ours; of another's, nothing changes here."""
    if type(event) in _LINKS:
        assert isinstance(event, OrderLookedUp | ReplaceAnswered)
        before = succession.predecessor_of(state, event)
        if before is not None:
            return _with_successor(state, before, event)
    intent = state.intent(event.client_order_id)
    if intent is None or (intent.stranger and not isinstance(event, _OF_ATTEMPTS)):
        return state
    heard = _heard(intent, event)
    if heard is intent:
        return state
    state = _settled(state, intent, heard, event.observed_at)
    if heard.closed_at is None:
        return state
    return succession.with_followed(_with_orphan(state, heard), heard)


def _with_successor(state: State, before: Intent, event: OrderLookedUp | ReplaceAnswered) -> State:
    """The intent lives on under a new order, with what is said of that; the broker has both."""
    after = succession.named(before, event)
    bare = succession.successor_of(before, event)
    if isinstance(event, OrderLookedUp):
        heard = _heard(bare, event)
        if before.closed_at is None:
            after = _accepted(after, event.replaces, None)
    else:
        heard = _accepted(bare, event.successor_venue_order_id, None)
        after = replace(after, replacement=None)
    state = succession.with_followed(_settled(state, before, after, event.observed_at), after)
    return _settled(state, bare, heard, event.observed_at)


def _with_orphan(state: State, intent: Intent) -> State:
    """An order given up is an orphan once the broker has it, until its end."""
    if intent.status not in GIVEN_UP or intent.venue_order_id is None:
        return state
    key = intent.client_order_id
    over = status_of(intent.reported_status or "new")[1] or not intent.leaves
    if (key in state.orphans) is not over:
        return state
    rest = {other: symbol for other, symbol in state.orphans.items() if other != key}
    return replace(state, orphans=rest if over else {**rest, key: intent.symbol})


def _heard(intent: Intent, event: Report) -> Intent:
    """The intent after a report of it."""
    match event:
        case OrderReported():
            heard = _accepted(intent, event.venue_order_id, event.status)
            return _with_cumulative(_replaced(heard, event), event)
        case FillReported():
            cumulative = event.cumulative_quantity
            fills = fill_rules.with_fill(
                intent.fills,
                number(event.quantity),
                number(event.price),
                event.execution_id,
                None if cumulative is None else number(cumulative),
            )
            return _with_fills(_accepted(intent, event.venue_order_id, None), fills)
        case OrderSubmitted():
            return _accepted(intent, event.venue_order_id, event.status)
        case CancelAnswered():
            return replace(intent, cancel_pending=event.outcome == "accepted")
        case ReplaceAnswered():
            over = event.outcome == "refused" and intent.replacement is not None
            return replace(intent, replacement=None) if over else intent
        case OrderSubmitFailed():
            if intent.status is not _SUBMITTING or event.attempt != intent.attempt:
                return intent
            refused = event.error_class is SubmitFailure.REFUSED
            return intent if refused else replace(intent, status=_PENDING_SUBMIT)
        case OrderSubmitUnknown():
            lost = intent.status is _SUBMITTING
            return lost_from_sight(intent, event.observed_at) if lost else intent
        case OrderLookedUp():
            return _looked_up(intent, event)
        case FillBusted():
            busted = fill_rules.with_bust(intent.fills, event.execution_id)
            return _with_fills(_accepted(intent, None, None), busted)
        case FillCorrected():
            corrected = fill_rules.with_correction(
                intent.fills,
                event.execution_id,
                number(event.quantity),
                number(event.price),
                event.correction_id,
            )
            return _with_fills(_accepted(intent, None, None), corrected)


def lost_from_sight(intent: Intent, at: TimeText) -> Intent:
    """The intent with an unknown outcome from `at` on; its looks begin anew."""
    return replace(intent, status=OpenStatus.UNKNOWN, unknown_since=at, absent_looks=0)


def _accepted(intent: Intent, venue_order_id: str | None, word: str | None) -> Intent:
    """The broker has the order: whoever says so, and whatever was thought before."""
    status, terminal, _ = status_of(word or "new")
    if intent.closed_at is not None:
        if not terminal and intent.status not in GIVEN_UP:
            word = None  # a late message, overtaken by the order's end
        status, outcome = intent.status, intent.outcome
    else:
        outcome = intent.outcome or "submitted"
        if word is None or terminal:
            status = intent.status if intent.at_venue else _SUBMITTED
        elif status in NOT_AT_VENUE:  # "submitting", said by a venue: it has the order
            status = _SUBMITTED
        if status is _SUBMITTED and intent.filled:
            status = _PARTIALLY_FILLED
    return replace(
        intent,
        venue_order_id=venue_order_id or intent.venue_order_id,
        reported_status=word or intent.reported_status,
        status=status,
        outcome=outcome,
        unknown_since=None,
    )


def _looked_up(intent: Intent, event: OrderLookedUp) -> Intent:
    if event.found and same_order(intent, event):
        heard = _accepted(intent, event.venue_order_id, event.status)
        return _with_cumulative(_replaced(heard, event), event)
    if event.found:
        acknowledged = intent.venue_order_id is not None or intent.reported_status is not None
        return intent if acknowledged else replace(intent, stranger=True)
    if not event.complete or intent.unknown_since is None:
        return intent
    return replace(intent, absent_looks=intent.absent_looks + 1)


def _replaced(intent: Intent, event: OrderReported | OrderLookedUp) -> Intent:
    """A replaced order's successor, as the broker names it; before the end it may be another."""
    if event.replaced_by is None or event.status is None:
        return intent
    over = status_of(event.status)[0] is TerminalStatus.REPLACED
    return replace(intent, replaced_by=event.replaced_by) if over else intent


def same_order(intent: Intent, found: OrderLookedUp) -> bool:
    """Whether what the broker has under our id is what we meant to send."""
    limit = None if found.limit_price is None else number(found.limit_price)
    quantity = None if found.quantity is None else number(found.quantity)
    return (
        (found.symbol, found.side, quantity) == (intent.symbol, intent.side, intent.quantity)
        and (found.order_type, limit) == (intent.order_type, intent.limit_price)
        and found.time_in_force == intent.time_in_force
    )


def _with_cumulative(intent: Intent, event: OrderReported | OrderLookedUp) -> Intent:
    if event.filled_quantity is None:
        return intent
    quantity = number(event.filled_quantity)
    if event.average_price is None or quantity <= intent.filled:
        return intent
    average = number(event.average_price)
    return _with_fills(intent, fill_rules.with_report(intent.fills, quantity, average))


def _with_fills(intent: Intent, fills: Fills) -> Intent:
    """The order's fills are now `fills`."""
    if fills is intent.fills:
        return intent
    status = intent.status
    if status is _SUBMITTED and fill_rules.filled(fills) > ZERO:
        status = _PARTIALLY_FILLED
    elif status is _PARTIALLY_FILLED and not fill_rules.filled(fills):
        status = _SUBMITTED
    return replace(intent, fills=fills, status=status)


def _settled(state: State, before: Intent, after: Intent, at: TimeText) -> State:
    """`state` with an intent as it is `after` a report: its outcome counted, its fills moved."""
    key, intents, closed = after.client_order_id, state.intents, state.closed
    if after.closed_at is None:
        intents = {**intents, key: after}
    else:
        closed = closed.with_item(key, after)
    cycle = state.cycle
    if after.outcome != before.outcome:
        cycle = _counted(cycle, before, after)
    state = replace(state, intents=intents, closed=closed, cycle=cycle)
    return state if after.fills is before.fills else _moved(state, before, after, at)


def _moved(state: State, before: Intent, after: Intent, at: TimeText) -> State:
    """The position moves by what fills changed; an intent's first is one of the strategy's."""
    known, known_money = fill_rules.totals(before.fills)
    filled, money = fill_rules.totals(after.fills)
    quantity, money = CONTEXT.subtract(filled, known), CONTEXT.subtract(money, known_money)
    if not quantity and not money:
        return state
    sign, symbol = after.side.sign, after.symbol
    held = state.positions.get(symbol, FLAT)
    moved = after_trade(held, CONTEXT.multiply(quantity, sign), CONTEXT.multiply(money, sign))
    left, exits = state.exits.get(symbol), state.exits
    exit_now = exit_after(left, held, moved, at)
    if exit_now is not None and exit_now is not left:
        exits = {**exits, symbol: exit_now}
    first = not known and not any(one.filled for one in succession.others_of(state, after))
    return replace(
        state,
        exits=exits,
        positions={**state.positions, symbol: moved},
        executions=state.executions + first,
    )


def _counted(cycle: CycleCounts | None, before: Intent, after: Intent) -> CycleCounts | None:
    """The open cycle's tally after an intent of it came from `before` to its first outcome."""
    if after.outcome == before.outcome or cycle is None:
        return cycle
    if cycle.number != before.cycle or cycle.closed:
        return cycle
    return replace(cycle, **{after.outcome: getattr(cycle, after.outcome) + 1})
