"""An order that takes another's place: whose it is, what is kept, and what is its own.

rules   1. The intent lives on: same intent id, cycle, birth and side. What the successor asks for,
           its ids, status and fills are its own; each order of a chain is an `Intent` of the state.
        2. Only the broker's word "replaced" closes the one before. A successor that is heard first,
           or rejected, changes nothing of it, and until that word both count.
        3. Filled of an intent is the sum over its chain: an order's cumulative quantity begins
           anew with each successor, which may ask for the whole quantity again.
        4. An order that is replaced nobody knows by what is unfollowed: it counts at its worst and
           blocks its symbol, until the successor is heard of or an operator's `resume`.
source  ALPACA.md A1, A2 (Alpaca-API #165, csharp #149)
"""

from collections.abc import Iterator
from decimal import Decimal

from msgspec.structs import replace

from core.events import ObservationEvent, OrderLookedUp, ReplaceAnswered
from core.fills import NO_FILLS
from core.order import OpenStatus
from core.state import Intent, State, Successor

Link = OrderLookedUp | ReplaceAnswered
"""What can tell of a successor."""


def heir_of(event: ObservationEvent) -> str | None:
    """The client order id of the order that `event` names as another's successor."""
    if isinstance(event, OrderLookedUp):
        return event.client_order_id if event.found and event.predecessor is not None else None
    if isinstance(event, ReplaceAnswered) and event.outcome == "accepted":
        return event.successor_client_order_id
    return None


def predecessor_of(state: State, event: ObservationEvent) -> Intent | None:
    """The intent whose place a new order takes; None where `event` says nothing of the kind."""
    heir = heir_of(event)
    if heir is None or state.knows_order(heir):
        return None
    if isinstance(event, ReplaceAnswered):
        before = state.intent(event.client_order_id)
        asked = None if before is None else before.replacement
        return before if asked is not None and asked.client_order_id == heir else None
    assert isinstance(event, OrderLookedUp)
    before = state.intent(event.predecessor or "")
    if before is None or before.stranger:
        return None
    if before.venue_order_id not in (None, event.replaces):
        return None
    same = (event.symbol, event.side) == (before.symbol, before.side)
    whole = None not in (event.status, event.quantity, event.order_type, event.time_in_force)
    return before if same and whole else None


def successor_of(before: Intent, event: Link) -> Intent:
    """The intent under its successor, nothing heard of it yet."""
    limit: Decimal | None
    if isinstance(event, ReplaceAnswered):
        assert before.replacement is not None
        client_order_id, quantity = before.replacement.client_order_id, before.replacement.quantity
        limit = before.replacement.limit_price or before.limit_price
        order_type, time_in_force = before.order_type, before.time_in_force
    else:
        assert event.quantity is not None
        assert event.order_type is not None
        assert event.time_in_force is not None
        client_order_id, quantity = event.client_order_id, Decimal(event.quantity)
        limit = None if event.limit_price is None else Decimal(event.limit_price)
        order_type, time_in_force = event.order_type, event.time_in_force
    return Intent(
        client_order_id=client_order_id,
        intent_id=before.intent_id,
        symbol=before.symbol,
        side=before.side,
        quantity=quantity,
        order_type=order_type,
        limit_price=limit,
        time_in_force=time_in_force,
        closing=before.closing,
        cycle=before.cycle,
        slot=before.slot,
        since=before.since,
        valid_until=before.valid_until,
        worst_price=before.worst_price if limit is None else limit,
        status=OpenStatus.PENDING_SUBMIT,
        outcome="submitted",
        cancel_reason=before.cancel_reason,
        fills=NO_FILLS,
        replaces=before.client_order_id,
    )


def named(before: Intent, event: Link) -> Intent:
    """`before`, its successor named; one the broker itself named is kept."""
    known, told = before.successor, before.replaced_by
    if known is not None and told is not None and known.venue_order_id == told:
        return before
    if isinstance(event, ReplaceAnswered):
        heir = Successor(str(event.successor_client_order_id), event.successor_venue_order_id)
    else:
        heir = Successor(event.client_order_id, event.venue_order_id)
    return replace(before, successor=heir)


def with_followed(state: State, intent: Intent) -> State:
    """`state` with `intent` among the unfollowed, or not, as it is now."""
    key = intent.client_order_id
    if intent.is_unfollowed is (key in state.unfollowed):
        return state
    rest = {other: symbol for other, symbol in state.unfollowed.items() if other != key}
    if intent.is_unfollowed:
        rest[key] = intent.symbol
    return replace(state, unfollowed=rest)


def accepted_as_gone(state: State) -> State:
    """`state` after a person's word that what replaced the unfollowed orders is none of ours."""
    for client_order_id in sorted(state.unfollowed):
        intent = state.closed.get(client_order_id)
        if intent is not None:
            gone = replace(intent, successor=Successor("", intent.replaced_by))
            state = replace(state, closed=state.closed.with_item(client_order_id, gone))
    return replace(state, unfollowed={})


def others_of(state: State, intent: Intent) -> Iterator[Intent]:
    """The other orders of its chain, as far as the state holds them."""
    if intent.replaces is None and intent.successor is None:
        return
    seen = {intent.client_order_id}
    for forward in (False, True):
        at = intent
        while (key := _next(at, forward=forward)) is not None and key not in seen:
            other = state.intent(key)
            if other is None:
                break
            seen.add(key)
            yield other
            at = other


def _next(intent: Intent, *, forward: bool) -> str | None:
    """The client order id of the order behind, or of the one before."""
    if not forward:
        return intent.replaces
    return None if intent.successor is None else intent.successor.client_order_id
