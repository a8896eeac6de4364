"""What the stream heard and the runner has not taken yet: in order, bounded, stamped on arrival.

rules   Nothing that was put is dropped. `put` says when the inbox is full: then the stream closes
        its socket and connects again only when the runner has taken half, so what is missing is
        what Alpaca could not send, and reconciliation brings it.
        `take(after, until)` is (after, until] as the runner asks for it; what arrived before
        `after`, while it was busy, comes as if it had arrived just after, never not at all
"""

import threading
from collections import deque
from collections.abc import Callable

from msgspec.structs import replace

from core.events import Observation
from core.values import TimeText, micros, time_text


class Inbox:
    """Observations from one thread to another."""

    def __init__(self, capacity: int, clock: Callable[[], TimeText]) -> None:
        """`clock` is the runner's: called from both threads, it never runs backwards."""
        self.capacity = capacity
        self.clock = clock
        self._waiting: deque[Observation] = deque()
        self._changed = threading.Condition()

    def __len__(self) -> int:
        return len(self._waiting)

    def put(self, *heard: Observation) -> bool:
        """Keep what was heard, whole; false where there is no room for more after it."""
        with self._changed:
            self._waiting.extend(heard)
            self._changed.notify_all()
            return len(self._waiting) < self.capacity

    def next_due(self, after: TimeText) -> TimeText | None:
        """When the oldest is due, later than `after`; None while nothing waits."""
        with self._changed:
            if not self._waiting:
                return None
            return max(self._waiting[0].observed_at, _just_after(after))

    def take(self, after: TimeText, until: TimeText) -> list[Observation]:
        """What is due up to `until`, stamped later than `after`, oldest first."""
        earliest = _just_after(after)
        taken: list[Observation] = []
        with self._changed:
            while self._waiting and max(self._waiting[0].observed_at, earliest) <= until:
                heard = self._waiting.popleft()
                late = heard.observed_at < earliest
                taken.append(replace(heard, observed_at=earliest) if late else heard)
            self._changed.notify_all()
        return taken

    def wait(self, timeout_s: float) -> bool:
        """Wait until something is there, at most `timeout_s`; whether there is."""
        with self._changed:
            return self._changed.wait_for(lambda: bool(self._waiting), timeout_s)

    def wait_for_room(self, timeout_s: float) -> bool:
        """Wait until half of the room is free, at most `timeout_s`; whether it is."""
        with self._changed:
            return self._changed.wait_for(
                lambda: len(self._waiting) <= self.capacity // 2, timeout_s
            )


def _just_after(time: TimeText) -> TimeText:
    return time_text(micros(time) + 1)
