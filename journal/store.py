"""What a journal asks of an engine, and the answer for any recorder of `eventsourcing`.

shape   `Store` is fifteen methods over one originator's rows; `RecorderStore` gives them on top of
        any `ApplicationRecorder`. An engine that can do better has a module of its own (sqlite.py)
rules   an append goes to the recorder once and is never run again: the library's `@retry` turns an
        insert whose acknowledgement was lost into a conflict
"""

import threading
import time
from collections.abc import Sequence
from typing import Protocol
from uuid import UUID

from eventsourcing.persistence import ApplicationRecorder, IntegrityError, StoredEvent

from journal.aside import Aside, Work
from journal.codec import Row, chain_of_state
from journal.errors import JournalMovedError, KeyRingMovedError
from journal.recorded import GENESIS, Head


class CommitFailedError(Exception):
    """COMMIT itself failed; whether the rows are on disk nobody knows."""


class Store(Protocol):
    """The rows of one journal in one engine. Versions are sequence - 1."""

    def first(self) -> tuple[UUID, Row] | None:
        """The originator and the row of sequence 1; None when nothing was created yet."""

    def bind(self, originator: UUID) -> None:
        """Say whose rows all other methods are about."""

    def row(self, version: int) -> Row | None:
        """One row."""

    def last(self) -> Row | None:
        """The row with the highest version."""

    def scan(self, after: int, limit: int) -> list[Row]:
        """Up to `limit` rows with a version above `after`, in order."""

    def append(self, rows: Sequence[Row], expected: Head, meanwhile: Work | None = None) -> None:
        """Write `rows` durably, all or none, only if the head is `expected`.

        `meanwhile` is done beside the wait for the disk, see `Aside`.
        Raises `JournalMovedError`, or another error that means "nothing was written" (one of
        `DEFINITE`). Anything else means that nobody knows.
        """

    def token(self) -> object:
        """Something cheap that is another one when rows were added."""

    def wait(self, timeout_s: float) -> None:
        """Return after `timeout_s`, or sooner where the engine says that there may be more."""

    def rest(self) -> None:
        """Nothing is waited for: do what an append would else have to. It never fails."""

    def make_room(self) -> None:
        """Many appends will come, each waited for: have their room made. It never fails."""

    def rehearse(self, rows: Sequence[Row]) -> None:
        """Take the way of an append, as far as that can be done beside the journal."""

    def problems(self) -> list[str]:
        """What is wrong with the engine's own structures; a full pass."""

    def ring(self) -> bytes | None:
        """The key ring that was made with the journal; None where none was."""

    def replace_ring(self, old: bytes, new: bytes) -> None:
        """Put `new` in the place of `old`, durably, in one transaction.

        Raises `KeyRingMovedError` where `old` is not there any more, another `JournalError` that
        means "nothing was written", or `CommitFailedError`: then it is the one or the other.
        """

    def close(self) -> None:
        """Give everything back."""


def head_of(row: Row | None) -> Head:
    """The head a journal has whose last row is `row`."""
    if row is None:
        return GENESIS
    return Head(row[0] + 1, chain_of_state(row[2]))


class RecorderStore:
    """A `Store` over any `ApplicationRecorder`."""

    def __init__(self, recorder: ApplicationRecorder) -> None:
        self._recorder = recorder
        self._originator: UUID | None = None
        self.kept_ring: bytes | None = None
        self._lock = threading.Lock()
        self._aside = Aside()

    def first(self) -> tuple[UUID, Row] | None:
        """See `Store`."""
        found = self._recorder.select_notifications(start=None, limit=1)
        if not found:
            return None
        originator = found[0].originator_id
        return (originator if isinstance(originator, UUID) else UUID(originator)), _row(found[0])

    def bind(self, originator: UUID) -> None:
        """See `Store`."""
        self._originator = originator

    def row(self, version: int) -> Row | None:
        """See `Store`."""
        found = self._select(gt=version - 1, lte=version, limit=1)
        return found[0] if found else None

    def last(self) -> Row | None:
        """See `Store`."""
        found = self._select(desc=True, limit=1)
        return found[0] if found else None

    def scan(self, after: int, limit: int) -> list[Row]:
        """See `Store`."""
        return self._select(gt=after, limit=limit)

    def append(self, rows: Sequence[Row], expected: Head, meanwhile: Work | None = None) -> None:
        """See `Store`. A row that is there already and equal to ours is our own lost answer."""
        assert self._originator is not None
        events = [StoredEvent(self._originator, *row) for row in rows]
        with self._lock:
            found = head_of(self.last())
            if found != expected:
                raise JournalMovedError(expected, found)
            try:
                with self._aside.doing(meanwhile):
                    self._recorder.insert_events(events)
            except IntegrityError:
                if self.scan(expected.sequence - 1, len(rows)) != list(rows):
                    raise JournalMovedError(expected, head_of(self.last())) from None

    def token(self) -> object:
        """See `Store`."""
        return self._recorder.max_notification_id()

    def wait(self, timeout_s: float) -> None:
        """See `Store`."""
        time.sleep(timeout_s)

    def rest(self) -> None:
        """See `Store`."""

    def make_room(self) -> None:
        """See `Store`."""

    def rehearse(self, rows: Sequence[Row]) -> None:
        """See `Store`."""

    def problems(self) -> list[str]:
        """See `Store`: nothing is known of an engine in general."""
        return []

    def ring(self) -> bytes | None:
        """See `Store`: it lives and dies with this object, as a journal in memory does."""
        return self.kept_ring

    def replace_ring(self, old: bytes, new: bytes) -> None:
        """See `Store`."""
        with self._lock:
            if self.kept_ring != old:
                raise KeyRingMovedError("a journal in memory")
            self.kept_ring = new

    def close(self) -> None:
        """See `Store`."""
        self._aside.close()

    def _select(
        self,
        *,
        gt: int | None = None,
        lte: int | None = None,
        desc: bool = False,
        limit: int | None = None,
    ) -> list[Row]:
        assert self._originator is not None
        found = self._recorder.select_events(
            self._originator, gt=gt, lte=lte, desc=desc, limit=limit
        )
        return [_row(event) for event in found]


def _row(event: StoredEvent) -> Row:
    return event.originator_version, event.topic, event.state
