"""An order and its successor, from the accepted replace to its end.

shape   the engine's order is `pending_replace` for a few milliseconds, its successor waits as
        `accepted`; then the one is `replaced` and the other goes its way, or the successor is
        rejected and the order is what it was: always where it was over meanwhile
rule    A successor asks for its own quantity anew: fills of the old one do not count for it
        (Alpaca-API #165, the worse reading)
source  ALPACA.md A1, A2; PATCH /v2/orders/{order_id} of the OpenAPI
"""

from typing import TYPE_CHECKING

from live.venue.book import Order, working_status
from live.venue.clock import MILLISECOND
from live.venue.faults import Fault

if TYPE_CHECKING:
    from live.venue.engine import Engine

ACCEPT_NS = 4 * MILLISECOND
REPLACE_NS = 8 * MILLISECOND
NEVER = 1 << 62


def begin(engine: "Engine", order: Order, successor: Order, now: int) -> None:
    """The replace is accepted: the venue has both; what comes of it is a step of the old."""
    order.status, order.updated, order.due = "pending_replace", now, now + REPLACE_NS
    engine.touch(order)
    engine.accept(successor, [], now)
    successor.status, successor.due = "accepted", NEVER
    engine.say("pending_replace", order, now)


def end(engine: "Engine", order: Order, now: int) -> None:
    """The successor takes the order's place, or is rejected."""
    successor = waiting(engine, order)
    if successor is None and not any(o.replaces == order.id for o in engine.orders.values()):
        return  # a tester's word, and not a replace
    if successor is None or engine.takes(order, Fault.REPLACE_REJECTED):
        order.status, order.updated = working_status(order), now
        engine.touch(order)
        reject(engine, order, now)
        return
    order.replaced_by, order.replaced = successor.id, now
    successor.status, successor.due = "pending_new", now + ACCEPT_NS
    if not engine.calendar.is_open(now):
        successor.status = "accepted"
    engine.touch(successor)
    engine.close(order, "replaced", now)


def by_nothing(engine: "Engine", order: Order, now: int, reason: str | None) -> None:
    """A corporate action ends the order as replaced, and names no other."""
    order.replaced = now
    engine.close(order, "replaced", now, reason=reason)


def waiting(engine: "Engine", order: Order) -> Order | None:
    """The successor that waits for the end of the order it replaces."""
    for other in engine.open.values():
        if other.replaces == order.id and other.due == NEVER and other.status == "accepted":
            return other
    return None


def reject(engine: "Engine", order: Order, now: int) -> None:
    """A replace that was under way has failed: its successor is over."""
    successor = waiting(engine, order)
    if successor is not None:
        successor.failed = now
        engine.close(successor, "rejected", now)
        engine.say("order_replace_rejected", order, now, reason="TOO_LATE_TO_CANCEL")
