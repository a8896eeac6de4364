"""An intent as the journal tells it, kept by every projection that is about orders.

shape   `INTENT`: creation sequence -> `IntentRecord`; `BY_ID`: client order id -> that key;
        `IN_FLIGHT`: the ids whose attempt has no answer yet
        An order that took another's place is a record of its own, made by the event that told of
        it; `root` is the key of its chain's first, which is the intent's
rule    What a report means for an order is said once, in `core.order_facts`, and asked there: a
        projection that told it a second time would drift from what the core decided on.
        A late report amends a closed intent at any age; its status stays what it was closed with.
reads   decisions and reports of orders, and RunnerStarted (a lost attempt becomes UNKNOWN)
"""

from decimal import Decimal
from typing import NamedTuple

import msgspec
from msgspec.structs import replace

from core import order_facts
from core.canonical import content_id
from core.events import (
    CancelAnswered,
    CancelAttempted,
    Event,
    FillBusted,
    FillCorrected,
    FillReported,
    IntentClosed,
    IntentCreated,
    OrderLookedUp,
    OrderReported,
    OrderSubmitAttempted,
    OrderSubmitFailed,
    OrderSubmitted,
    OrderSubmitUnknown,
    ReplaceAnswered,
    ReplaceAttempted,
    RunnerStarted,
)
from core.fills import NO_FILLS, Fills
from core.order import OpenStatus, Status, TerminalStatus
from core.shards import Shards
from core.state import Intent, Replacement, State, Successor
from core.succession import heir_of
from core.values import OrderType, Side, TimeInForce, TimeText
from projections.view import Kind, View

_STATUS: dict[str, Status] = {str(status): status for status in (*OpenStatus, *TerminalStatus)}


class IntentRecord(msgspec.Struct, frozen=True, kw_only=True, gc=False, omit_defaults=True):
    """One intent: what was decided, how far it is, and what was filled of it."""

    client_order_id: str
    intent: str
    symbol: str
    side: Side
    quantity: Decimal
    order_type: OrderType
    limit_price: Decimal | None
    time_in_force: TimeInForce
    closing: bool
    cycle: int
    slot: TimeText
    valid_until: TimeText
    decision_price: Decimal
    created_at: TimeText
    status: str = "PENDING_SUBMIT"
    outcome: str = ""
    reported_status: str | None = None
    venue_order_id: str | None = None
    attempts: int = 0
    cancel_pending: bool = False
    stranger: bool = False
    fills: Fills = NO_FILLS
    reason: str | None = None
    closed_at: TimeText | None = None
    replaces: str | None = None
    replaced_by: str | None = None
    successor: Successor | None = None
    replacement: Replacement | None = None
    root: str | None = None

    @property
    def awaits_successor(self) -> bool:
        """Whether it is over, replaced, and its successor was not told of yet."""
        return self.closed_at is not None and _as_intent(self).is_unfollowed


class Key(msgspec.Struct, frozen=True, gc=False):
    """Where the record of a client order id stands."""

    key: str


class Ids(msgspec.Struct, frozen=True, gc=False):
    """Client order ids, sorted."""

    ids: tuple[str, ...] = ()


class Change(NamedTuple):
    """One intent that an event changed; `before` is None when it is new."""

    key: str
    before: IntentRecord | None
    after: IntentRecord


INTENT = Kind("intent", IntentRecord)
BY_ID = Kind("by-id", Key)
IN_FLIGHT = Kind("in-flight", Ids)

_ORDER_EVENTS = (
    OrderSubmitAttempted,
    OrderSubmitted,
    OrderSubmitFailed,
    OrderSubmitUnknown,
    OrderLookedUp,
    OrderReported,
    CancelAttempted,
    CancelAnswered,
    ReplaceAttempted,
    ReplaceAnswered,
    FillReported,
    FillBusted,
    FillCorrected,
    IntentClosed,
)
_OrderEvent = (
    OrderSubmitAttempted
    | OrderSubmitted
    | OrderSubmitFailed
    | OrderSubmitUnknown
    | OrderLookedUp
    | OrderReported
    | CancelAttempted
    | CancelAnswered
    | ReplaceAttempted
    | ReplaceAnswered
    | FillReported
    | FillBusted
    | FillCorrected
    | IntentClosed
)


_REQUESTS = (OrderSubmitAttempted, CancelAttempted, ReplaceAttempted)


def key_of_sequence(sequence: int) -> str:
    """A key whose text order is the order of the sequences."""
    return f"{sequence:016d}"


def find(view: View, client_order_id: str) -> IntentRecord | None:
    """The intent of this id, or None."""
    at = view.get(BY_ID, client_order_id)
    return None if at is None else view.get(INTENT, at.key)


def fold_intents(view: View, sequence: int, event: Event) -> tuple[Change, ...]:
    """Fold `event` into the intents of `view`; the intents it changed."""
    if isinstance(event, OrderLookedUp | ReplaceAnswered) and heir_of(event) is not None:
        adopted = _adopted(view, sequence, event)
        if adopted:
            return adopted
    if isinstance(event, _ORDER_EVENTS):
        at = view.get(BY_ID, event.client_order_id)
        before = None if at is None else view.get(INTENT, at.key)
        if at is None or before is None:
            return ()
        return _stored(view, at.key, before, _after(before, event))
    if isinstance(event, IntentCreated):
        if view.get(BY_ID, event.client_order_id) is not None:
            return ()
        key = key_of_sequence(sequence)
        view.put(BY_ID, event.client_order_id, Key(key))
        return _stored(view, key, None, _created(event))
    if isinstance(event, RunnerStarted):
        return _lost_attempts(view)
    return ()


def forget(view: View, change: Change) -> None:
    """Drop the intent from `view`; later reports of it are not heard any more.

    Of a successor the id stays: told of once more it is not another one.
    """
    view.put(INTENT, change.key, None)
    if change.after.root is None:
        view.put(BY_ID, change.after.client_order_id, None)


def _adopted(
    view: View, sequence: int, event: OrderLookedUp | ReplaceAnswered
) -> tuple[Change, ...]:
    """The order before, its successor named, and the successor; nothing where there is no link."""
    replaced = event.predecessor if isinstance(event, OrderLookedUp) else event.client_order_id
    heir = heir_of(event) or ""
    at = view.get(BY_ID, replaced or "")
    before = None if at is None else view.get(INTENT, at.key)
    if at is None or before is None or view.get(BY_ID, heir) is not None:
        return ()
    state = order_facts.after_report(_alone(before), event)
    named, new = state.intent(before.client_order_id), state.intent(heir)
    if named is None or new is None:
        return ()
    key = key_of_sequence(sequence)
    view.put(BY_ID, heir, Key(key))
    bare = replace(
        before,
        client_order_id=heir,
        quantity=new.quantity,
        order_type=new.order_type,
        limit_price=new.limit_price,
        time_in_force=new.time_in_force,
        reason=None,
        replaces=new.replaces,
        root=before.root or at.key,
    )
    return (
        *_stored(view, at.key, before, _moved(before, named)),
        *_stored(view, key, None, _moved(bare, new)),
    )


def _stored(
    view: View, key: str, before: IntentRecord | None, after: IntentRecord
) -> tuple[Change, ...]:
    if after == before:
        return ()
    view.put(INTENT, key, after)
    flying = after.status == OpenStatus.SUBMITTING
    if flying != (before is not None and before.status == OpenStatus.SUBMITTING):
        known = view.get(IN_FLIGHT, "") or Ids()
        ids = set(known.ids) ^ {after.client_order_id}
        view.put(IN_FLIGHT, "", Ids(tuple(sorted(ids))))
    return (Change(key, before, after),)


def _lost_attempts(view: View) -> tuple[Change, ...]:
    """A new runner: nobody knows what became of the attempts without an answer."""
    flight = view.get(IN_FLIGHT, "") or Ids()
    changes: list[Change] = []
    for client_order_id in flight.ids:
        at = view.get(BY_ID, client_order_id)
        before = None if at is None else view.get(INTENT, at.key)
        if at is not None and before is not None:
            lost = replace(before, status=str(OpenStatus.UNKNOWN))
            changes.extend(_stored(view, at.key, before, lost))
    return tuple(changes)


def _created(event: IntentCreated) -> IntentRecord:
    return IntentRecord(
        client_order_id=event.client_order_id,
        intent=content_id(event),
        symbol=event.symbol,
        side=event.side,
        quantity=Decimal(event.quantity),
        order_type=event.order_type,
        limit_price=None if event.limit_price is None else Decimal(event.limit_price),
        time_in_force=event.time_in_force,
        closing=event.closing,
        cycle=event.cycle,
        slot=event.slot,
        valid_until=event.valid_until,
        decision_price=Decimal(event.decision_price),
        created_at=event.decided_at,
    )


def _after(record: IntentRecord, event: _OrderEvent) -> IntentRecord:
    if isinstance(event, IntentClosed):
        reason = None if event.reason is None else str(event.reason.code)
        closed = _folded(record, event)
        return replace(closed, reason=reason)
    if record.closed_at is not None and isinstance(event, _REQUESTS):
        return record
    return _folded(record, event)


def _folded(record: IntentRecord, event: _OrderEvent) -> IntentRecord:
    """`record` after `event`, by the core's own rules on a state that holds this intent alone."""
    state = _alone(record)
    if isinstance(event, IntentClosed):
        if record.closed_at is not None:
            return record
        state = order_facts.with_closed(state, event)
    elif isinstance(event, _REQUESTS):
        state = order_facts.after_request(state, event)
    else:
        state = order_facts.after_report(state, event)
    after = state.intent(record.client_order_id)
    return record if after is None else _moved(record, after)


def _alone(record: IntentRecord) -> State:
    """A state that holds this intent alone."""
    client_order_id, intent = record.client_order_id, _as_intent(record)
    if record.closed_at is None:
        return State(intents={client_order_id: intent})
    return State(closed=Shards[Intent]().with_item(client_order_id, intent))


def _as_intent(record: IntentRecord) -> Intent:
    return Intent(
        client_order_id=record.client_order_id,
        intent_id=record.intent,
        symbol=record.symbol,
        side=record.side,
        quantity=record.quantity,
        order_type=record.order_type,
        limit_price=record.limit_price,
        time_in_force=record.time_in_force,
        closing=record.closing,
        cycle=record.cycle,
        slot=record.slot,
        since=record.created_at,
        valid_until=record.valid_until,
        worst_price=record.decision_price,
        status=_STATUS[record.status],
        outcome=record.outcome,
        reported_status=record.reported_status,
        venue_order_id=record.venue_order_id,
        attempt=record.attempts,
        cancel_pending=record.cancel_pending,
        stranger=record.stranger,
        closed_at=record.closed_at,
        fills=record.fills,
        replaces=record.replaces,
        replaced_by=record.replaced_by,
        successor=record.successor,
        replacement=record.replacement,
    )


def _moved(record: IntentRecord, after: Intent) -> IntentRecord:
    return replace(
        record,
        status=str(after.status),
        outcome=after.outcome,
        reported_status=after.reported_status,
        venue_order_id=after.venue_order_id,
        attempts=after.attempt,
        cancel_pending=after.cancel_pending,
        stranger=after.stranger,
        closed_at=after.closed_at,
        fills=after.fills,
        replaced_by=after.replaced_by,
        successor=after.successor,
        replacement=after.replacement,
    )
