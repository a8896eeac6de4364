"""The intents that still need attention, and how long they have.

shape   one row an open intent, in the order of creation; a closed one is gone. An intent that was
        replaced stands under its successor: the same intent, that order's id and leaves
units   `leaves_quantity` in shares, never below zero; `age_s` in whole seconds, from the decision
        to the time of the last event folded
"""

import msgspec

from core.events import Event
from core.events.base import DecisionEvent
from core.fills import filled
from core.values import CONTEXT, ZERO, TimeText, decimal_text, micros
from projections.intent import INTENT, fold_intents, forget
from projections.projection import Projection, Row
from projections.view import Kind, View


class Now(msgspec.Struct, frozen=True, gc=False):
    """The time of the last event folded."""

    now: TimeText


NOW = Kind("now", Now)


def evolve(view: View, sequence: int, event: Event) -> View:
    """`view` after `event`."""
    time = event.decided_at if isinstance(event, DecisionEvent) else event.observed_at
    before = view.get(NOW, "")
    if before is None or before.now < time:
        view.put(NOW, "", Now(time))
    for change in fold_intents(view, sequence, event):
        if change.after.closed_at is not None and not change.after.awaits_successor:
            forget(view, change)
    return view


def row(view: View, key: str) -> Row | None:
    """The open intent at `key`."""
    intent = view.get(INTENT, key)
    now = view.get(NOW, "")
    if intent is None or now is None or intent.closed_at is not None:
        return None
    leaves = max(CONTEXT.subtract(intent.quantity, filled(intent.fills)), ZERO)
    return {
        "intent": intent.intent,
        "client_order_id": intent.client_order_id,
        "symbol": intent.symbol,
        "side": str(intent.side),
        "quantity": decimal_text(intent.quantity),
        "leaves_quantity": decimal_text(leaves),
        "status": intent.status,
        "age_s": (micros(now.now) - micros(intent.created_at)) // 1_000_000,
        "source_id": None,
    }


OPEN_INTENTS = Projection(
    name="open_intents", version=2, evolve=evolve, shown=INTENT.name, row=row, restless=True
)
