"""The first difference of two journals, event by event."""

from collections.abc import Iterable
from itertools import zip_longest

from replay.parity import Record, differences, plain


def first_difference(left: Iterable[Record], right: Iterable[Record]) -> dict[str, object] | None:
    """The first sequence at which two journals hold different events, and their fields; or None."""
    for one, other in zip_longest(left, right):
        if one is not None and other is not None and one.event_id == other.event_id:
            continue
        here = None if one is None else plain(one.event, one.event_id)
        there = None if other is None else plain(other.event, other.event_id)
        sequence = one.sequence if one is not None else other.sequence
        return {
            "sequence": sequence,
            "left": here,
            "right": there,
            "diff": differences(here, there),
        }
    return None
