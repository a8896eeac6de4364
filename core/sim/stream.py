"""When the venue's stream delivers an event: usually soon and once, sometimes late, twice or never.

shape   an event -> its deliveries: due time and number of the copy; no due time = dropped
why     faults are drawn for each message of each order, so a dropped report drops no other's
"""

from typing import NamedTuple

from core.sim.chance import between, happens, venue_bits
from core.sim.types import OrderEvent, VenueParameters
from core.values import TimeText, micros, time_text


class Delivery(NamedTuple):
    """One copy of a message on its way, due None when it is lost."""

    due: TimeText | None
    copy: int
    fault: str | None


def deliveries(
    parameters: VenueParameters, script: tuple[str, ...], event: OrderEvent, now: TimeText
) -> tuple[Delivery, ...]:
    """The deliveries of `event`, none before `now`: a message is sent when it is known."""
    rates = parameters.rates
    bits = venue_bits(parameters.seed, event.client_order_id, "message", event.n)
    transit = between(bits, 5_000, 25_000)
    dropped = happens(bits, rates.drop_rate) or "drop" in script
    delayed = happens(bits, rates.delay_rate) or "delay" in script
    delay = between(bits, 1_000_000, 90_000_000)
    reordered = happens(bits, rates.reorder_rate) or "reorder" in script
    overtaken = between(bits, 200_000, 900_000)
    doubled = happens(bits, rates.duplicate_rate) or "duplicate" in script
    echo = between(bits, 1_000, 2_000_000)
    if dropped:
        return (Delivery(None, 1, "drop"),)
    due = micros(max(event.event_time, now)) + transit
    fault = None
    if delayed:
        due, fault = due + delay, "delay"
    elif reordered:
        due, fault = due + overtaken, "reorder"
    first = Delivery(time_text(due), 1, fault)
    return (first, Delivery(time_text(due + echo), 2, "duplicate")) if doubled else (first,)
