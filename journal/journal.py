"""The journal: append, read, follow. One object, one account, one strategy.

What if the process dies on each line of `append`
    encode                nothing was written
    store.append          all rows or none are on disk; a commit that fails is an unknown commit:
                          the object is poisoned and refuses everything, the process ends, and the
                          next start reads what is there
    head, anchor.note     the rows are durable; the anchor is one commit behind, which is normal
of `anchor`
    pwrite, fdatasync     the other slots hold; nothing has gone to a broker yet

An append is in doubt from before the engine is asked until it has answered with success or with an
error that means "nothing was written". Whatever else leaves it, a signal's exception too, poisons.
"""

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

from core.events.lifecycle import JournalCreated, RollbackAccepted
from core.values import TimeText, is_time_text, micros
from journal.anchor import Anchor
from journal.aside import Work
from journal.codec import READER, Codec
from journal.errors import (
    BrokenChainError,
    CommitUnknownError,
    ForkError,
    JournalError,
    KeyMissingError,
    NewerJournalError,
    ReadOnlyError,
    RollbackError,
)
from journal.recorded import GENESIS, Head, Recorded, newest_format
from journal.store import Store, head_of
from journal.url import JournalUrl

if TYPE_CHECKING:
    from core.events import Event

PAGE = 256
"""Rows read at once: few enough that what is made of them stays in a processor's own cache."""
_MAX_EPOCH = 2**53 - 1
_REREAD_S = 1.0


class Journal:
    """An open journal. Made by `open_journal` and `create_journal` only.

    `url`; `journal_id`; `path` of its file, None in memory; `head` as last seen.
    `anchor_error`: what is wrong with the anchor of a journal that is open for reading only.
    `rolled_back_from`: the anchored head, where an accepted rollback still has to be written down:
    the first event appended must be the `RollbackAccepted` that names both heads.
    """

    def __init__(
        self,
        url: JournalUrl,
        store: Store,
        first: Recorded,
        facts: "Facts",
        codec: Codec,
        *,
        head: Head,
        anchor: Anchor | None,
        read_only: bool,
        rolled_back_from: Head | None = None,
    ) -> None:
        self.url = url
        self.journal_id = facts.journal_id
        self.path: Path | None = url.path
        self.read_only = read_only
        self.anchor_error: JournalError | None = None
        self.rolled_back_from = rolled_back_from
        self._facts = facts
        self._first = first
        self.store = store
        self.codec = codec
        self._anchor = anchor
        self._head = head
        self._lock = threading.RLock()
        self._in_doubt: CommitUnknownError | None = None
        self._closed = False

    @property
    def head(self) -> Head:
        """The head as this object saw it last; `read_head` asks the engine."""
        return self._head

    @property
    def encrypted(self) -> bool:
        """Whether what stands behind sequence 1 is ciphertext."""
        return self._facts.encrypted

    def seal(self, purpose: str, data: bytes) -> bytes:
        """`data` as it may lie in a file beside the journal: sealed, where the journal is."""
        if not self.encrypted:
            return data
        if self.codec.sealing is None:
            raise KeyMissingError(self.url.where)
        return self.codec.sealing.seal_aside(purpose, data)

    def unseal(self, purpose: str, data: bytes) -> bytes | None:
        """What `seal` was given; None where that is not whole, or was sealed for anything else."""
        if not self.encrypted:
            return data
        if self.codec.sealing is None:
            raise KeyMissingError(self.url.where)
        return self.codec.sealing.unseal_aside(purpose, data)

    @property
    def created(self) -> JournalCreated:
        """The event at sequence 1."""
        event = self._first.event
        if not isinstance(event, JournalCreated):
            raise BrokenChainError(
                self.url.where, 1, f"expected JournalCreated, found {self._first.tag}"
            )
        return event

    def append(
        self,
        events: "Sequence[Event]",
        *,
        expected: Head,
        epoch: int,
        recorded_at: TimeText | str,
        meanwhile: Work | None = None,
    ) -> Head:
        """Write `events` behind `expected`: all or none, on disk when it returns the new head.

        `meanwhile` is done, too, in a thread of its own where the engine waits for its disk.
        """
        if not events:
            message = "expected at least one event to append, found none"
            raise ValueError(message)
        if not is_time_text(recorded_at) or not 0 <= epoch <= _MAX_EPOCH:
            message = f"expected a UTC time and an epoch, found {recorded_at!r} and {epoch!r}"
            raise ValueError(message)
        with self._lock:
            self._refuse_append()
            self._refuse_rolled_back(events[0])
            rows, head = self.codec.encode(
                events, expected, epoch=epoch, recorded_at=micros(recorded_at)
            )
            self._in_doubt = CommitUnknownError(
                self.url.where, expected.sequence + 1, head.sequence, "it was interrupted"
            )
            try:
                self.store.append(rows, expected, meanwhile)
            except JournalError:
                self._in_doubt = None
                raise
            except Exception as error:
                self._in_doubt = CommitUnknownError(
                    self.url.where, expected.sequence + 1, head.sequence, str(error)
                )
                raise self._in_doubt from error
            self._head = head
            self._note(head)
            self._in_doubt = None
            return head

    def _note(self, head: Head) -> None:
        """Write the unsynced slot; if that fails the disk does, so nothing more is written."""
        if self._anchor is None:
            return
        try:
            if self.rolled_back_from is not None:
                self._anchor.reset(head)
                self.rolled_back_from = None
            else:
                self._anchor.note(head)
        except OSError as error:
            self._in_doubt = CommitUnknownError(
                self.url.where, head.sequence, head.sequence, f"its anchor: {error.strerror}"
            )
            raise self._in_doubt from error

    def anchor(self) -> None:
        """Put the head into a synced slot of the anchor: before bytes go to a broker."""
        with self._lock:
            self._refuse_doubt()
            if self.read_only:
                raise ReadOnlyError(self.url.where, "it was opened for reading only")
            if self._anchor is None:
                return
            self._refuse_rolled_back(None)
            try:
                self._anchor.sync(self._head)
            except OSError as error:
                self._in_doubt = CommitUnknownError(
                    self.url.where,
                    self._head.sequence,
                    self._head.sequence,
                    f"its anchor: {error.strerror}",
                )
                raise self._in_doubt from error

    def rehearse(self, events: "Sequence[Event]", recorded_at: TimeText) -> None:
        """Take the way of an append without making one: nothing of the journal's is touched.

        What follows finds that way in the caches. Nothing is sealed, for a seal is used up by it.
        What is wrong with the journal is told by the append, and not by this.
        """
        with self._lock:
            if self.read_only or self._closed or self._in_doubt is not None or self.encrypted:
                return
            rows, _ = self.codec.encode(
                events, self._head, epoch=0, recorded_at=micros(recorded_at)
            )
            with suppress(JournalError):
                self.store.rehearse(rows)
                self.store.last()

    def rest(self) -> None:
        """Nothing is waited for: do what an append would else have to."""
        with self._lock:
            if not self.read_only and not self._closed and self._in_doubt is None:
                self.store.rest()

    def make_room(self) -> None:
        """Many appends will come, each waited for."""
        with self._lock:
            if not self.read_only and not self._closed and self._in_doubt is None:
                self.store.make_room()

    def read(self, after: int | Head = 0, limit: int | None = None) -> Iterator[Recorded]:
        """The events behind `after`, in pages, every byte checked against the chain.

        A `Head` as `after` must lie on this journal. `RollbackError` when `after` is beyond its
        end: whoever read that far once must hear of it.
        """
        for page in self._pages(after, limit):
            yield from page

    def events(
        self, after: int | Head = 0, limit: int | None = None
    ) -> "Iterator[tuple[int, Event]]":
        """(sequence, event) of what `read` gives, for whoever folds and needs no envelope.

        A page is decoded before its first event is told: a processor that goes to and fro between
        reading and folding does both slower, by a tenth over a long journal.
        """
        for page in self._pages(after, limit):
            yield from [(recorded.sequence, recorded.event) for recorded in page]

    def _pages(self, after: int | Head, limit: int | None) -> Iterator[list[Recorded]]:
        head = self._starting_head(after)
        left = limit
        while left is None or left > 0:
            page = self._page(head, PAGE if left is None else min(PAGE, left))
            if not page:
                return
            yield page
            head = page[-1].head
            if left is not None:
                left -= len(page)

    def follow(
        self, after: int | Head, *, stop: Callable[[], bool], poll_s: float = 0.05
    ) -> Iterator[Recorded]:
        """Like `read`, and then what is appended by anyone, until `stop` says so.

        It always polls: the engine's token spares it most queries, a wake-up some waiting.
        """
        head = self._starting_head(after)
        while not stop():
            token = self._token()
            page = self._page(head, PAGE)
            if page:
                yield from page
                head = page[-1].head
                continue
            waited_s = 0.0
            while not stop() and waited_s < _REREAD_S and self._token() == token:
                self.store.wait(poll_s)
                waited_s += poll_s

    def read_head(self) -> Head:
        """The head, asked from the engine."""
        with self._lock:
            self._refuse_doubt()
            self._head = head_of(self.store.last())
            return self._head

    def chain_at(self, sequence: int) -> str | None:
        """The stored chain at `sequence`; None when the journal does not reach it."""
        with self._lock:
            self._refuse_doubt()
            if sequence == 0:
                return GENESIS.chain
            row = self.store.row(sequence - 1)
            return None if row is None else head_of(row).chain

    def close(self) -> None:
        """Give file and connection back; the anchor is synced if nothing is in doubt."""
        with self._lock:
            if self._closed:
                return
            self._closed = True
            if self._anchor is not None:
                try:
                    if self._in_doubt is None and self.rolled_back_from is None:
                        self._anchor.sync(self._head)
                except OSError:
                    pass
                finally:
                    self._anchor.close()
            self.store.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _starting_head(self, after: int | Head) -> Head:
        sequence = after if isinstance(after, int) else after.sequence
        chain = self.chain_at(sequence)
        if chain is None:
            raise RollbackError(self.url.where, self.read_head(), sequence)
        if isinstance(after, Head) and after.chain != chain:
            raise ForkError(
                self.url.where, sequence, f"the chain is {chain[:12]}, expected {after.chain[:12]}"
            )
        return Head(sequence, chain)

    def _page(self, head: Head, limit: int) -> list[Recorded]:
        with self._lock:
            self._refuse_doubt()
            rows = self.store.scan(head.sequence - 1, limit)
        return self.codec.decode(rows, head)

    def _token(self) -> object:
        with self._lock:
            self._refuse_doubt()
            return self.store.token()

    def _refuse_append(self) -> None:
        self._refuse_doubt()
        if self.read_only:
            raise ReadOnlyError(self.url.where, "it was opened for reading only")
        self._facts.refuse_newer(self.url.where)

    def _refuse_rolled_back(self, event: "Event | None") -> None:
        lost = self.rolled_back_from
        if lost is None:
            return
        if isinstance(event, RollbackAccepted):
            named = (
                event.journal_sequence,
                event.journal_chain,
                event.anchor_sequence,
                event.anchor_chain,
            )
            if named == (self._head.sequence, self._head.chain, lost.sequence, lost.chain):
                return
        raise RollbackError(self.url.where, self._head, lost.sequence)

    def _refuse_doubt(self) -> None:
        if self._in_doubt is not None:
            raise self._in_doubt
        if self._closed:
            message = f"{self.url.where}: expected an open journal, found a closed one"
            raise ValueError(message)


class Facts:
    """What sequence 1 says of the journal, readable for every release and without a key."""

    def __init__(
        self, journal_id: str, form: int, min_reader: int, *, encrypted: bool = False
    ) -> None:
        self.journal_id = journal_id
        self.format = form
        self.min_reader = min_reader
        self.encrypted = encrypted

    def refuse_newer(self, where: str) -> None:
        """`NewerJournalError` unless this release may append."""
        known = newest_format(encrypted=self.encrypted)
        if self.format > known:
            raise NewerJournalError(where, "its format", found=self.format, known=known)
        if self.min_reader > READER:
            raise NewerJournalError(where, "its min_reader", found=self.min_reader, known=READER)
