"""Whether a journal is one that the submission protocol writes; the first event that leaves it.

shape   `rejected(records)` -> `Problem` or None; records as `journal.read()` gives them
reads   replay/protocol.py's table and DESIGN §4, and nothing of what decides: neither `decide` nor
        `evolve`. Only amounts are added up by core/fills.py
sees    the stages of every order, spacing and number of looks, ids, attempts, slots, epochs, the
        kill switch, and orders of ours at the broker that nobody decided on
blind   to what only the broker knows: a POST that left before its commit, or twice; a fill that
        nobody told. A journal cut short at a commit is a journal of the protocol as well: what it
        lost is the anchor's to tell, and the broker's
"""

from collections.abc import Iterable
from typing import NamedTuple, Protocol

from core.events import Event, tag_of
from replay.reading import Reader, Refusal


class Record(Protocol):
    """What is needed of a recorded event: its place, itself, and the epoch it was written under."""

    @property
    def sequence(self) -> int:
        """Its place in the journal."""
        ...

    @property
    def event(self) -> Event:
        """The event."""
        ...

    @property
    def epoch(self) -> int:
        """The writer's epoch."""
        ...


class Problem(NamedTuple):
    """The first event that leaves the protocol, and why."""

    sequence: int
    type: str
    client_order_id: str
    why: str

    def __str__(self) -> str:
        of = f" of {self.client_order_id}" if self.client_order_id else ""
        return f"sequence {self.sequence}, {self.type}{of}: {self.why}"


def rejected(records: Iterable[Record]) -> Problem | None:
    """What leaves the protocol first; None: the journal is one of its."""
    reader = Reader()
    sequence, event = 0, None
    try:
        for record in records:
            sequence, event = record.sequence, record.event
            reader.read(event, record.epoch)
        reader.end_commit()
    except Refusal as refusal:
        named = "" if event is None else tag_of(event)
        return Problem(sequence, named, refusal.client_order_id, refusal.why)
    return None
