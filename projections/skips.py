"""Every symbol and cycle in which nothing was sent, and the one reason for it.

shape   one row an `OrderSubmitSkipped`, in the order of the journal
"""

import msgspec

from core.events import CycleOpened, Event, OrderSubmitSkipped
from core.values import TimeText
from projections.intent import key_of_sequence
from projections.projection import Projection, Row
from projections.view import Kind, View


class Skip(msgspec.Struct, frozen=True, gc=False):
    """The skip, and the slot of its cycle."""

    time: TimeText
    event: OrderSubmitSkipped


class Slot(msgspec.Struct, frozen=True, gc=False):
    """The cycle opened last."""

    number: int
    slot: TimeText


SKIP = Kind("skip", Skip)
SLOT = Kind("slot", Slot)


def evolve(view: View, sequence: int, event: Event) -> View:
    """`view` after `event`."""
    if isinstance(event, OrderSubmitSkipped):
        slot = view.get(SLOT, "")
        known = slot is not None and slot.number == event.cycle
        time = slot.slot if slot is not None and known else event.decided_at
        view.put(SKIP, key_of_sequence(sequence), Skip(time, event))
    elif isinstance(event, CycleOpened):
        view.put(SLOT, "", Slot(event.number, event.slot))
    return view


def row(view: View, key: str) -> Row | None:
    """The skip at `key`."""
    skip = view.get(SKIP, key)
    if skip is None:
        return None
    event = skip.event
    return {
        "cycle": event.cycle,
        "time": skip.time,
        "symbol": event.symbol,
        "side": None if event.side is None else str(event.side),
        "quantity": event.quantity,
        "reason": str(event.reason.code),
        "limit": event.reason.limit,
        "observed": event.reason.observed,
        "missing": event.reason.missing,
        "detail": event.reason.detail,
    }


SKIPS = Projection(name="skips", version=1, evolve=evolve, shown=SKIP.name, row=row)
