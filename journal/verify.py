"""Is a journal as it was written? Bytes, chain, the engine's own structures, and the anchor.

It reads only, needs no key, of an encrypted journal neither, and executes nothing of the journal's
content. The anchor is read before the journal, so a writer at work raises no false alarm.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from journal.anchor import Slot
from journal.codec import PAYLOAD_OFFSET, Codec, Row
from journal.errors import (
    AnchorMissingError,
    BrokenChainError,
    JournalError,
    KeyRingError,
    NotAJournalError,
    RollbackError,
    ServerError,
    StorageError,
    UnfinishedJournalError,
)
from journal.inspection import anchor_problem, codec_of, facts_of, slots_of
from journal.key_ring import numbers_of
from journal.opening import open_journal, open_present
from journal.recorded import GENESIS, Head
from journal.sealing import number_of
from journal.store import Store, head_of
from journal.url import JournalUrl, parse_url


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong, with the first bad sequence where there is one."""

    sequence: int | None
    problem: str


@dataclass(slots=True)
class VerifyReport:
    """`ok`; `events` verified; the `head` of the last verified one; all `problems` found."""

    ok: bool = True
    events: int = 0
    head: Head = GENESIS
    problems: list[Problem] = field(default_factory=list)
    progress: Callable[[int, int], None] | None = None

    def add(self, error: JournalError | str, sequence: int | None = None) -> None:
        """Note a problem."""
        self.ok = False
        sequence = getattr(error, "sequence", sequence)
        self.problems.append(Problem(sequence, str(error)))


PAGE = 512


def verify(
    url: "str | Path | JournalUrl", progress: Callable[[int, int], None] | None = None
) -> VerifyReport:
    """Check everything; raises only when there is nothing that could be a journal, or no server.

    `progress` hears the last sequence that was good and that of the last event there is.
    """
    place = parse_url(url)
    report = VerifyReport(progress=progress)
    local = place.local
    if local is None:
        journal = open_journal(place, read_only=True, sealed=True)
        _verify_store(report, place, journal.store, [], None)
        return report
    slots, missing = slots_of(local)
    reached = slots[0].head.sequence if slots else 0
    try:
        store = open_present(place, local)
        try:
            _verify_store(report, place, store, slots, missing)
        finally:
            store.close()
    except ServerError:
        raise
    except UnfinishedJournalError:
        if reached == 0:
            raise
        report.add(RollbackError(place.where, GENESIS, reached), 1)
    except (RollbackError, NotAJournalError, StorageError) as error:
        if reached == 0 and not isinstance(error, StorageError):
            raise
        report.add(error, report.head.sequence + 1)
    return report


def _verify_store(
    report: VerifyReport,
    place: JournalUrl,
    store: Store,
    slots: list[Slot],
    missing: AnchorMissingError | None,
) -> None:
    found = store.first()
    if found is None:
        if slots and slots[0].head.sequence > 0:
            raise RollbackError(place.where, GENESIS, slots[0].head.sequence)
        raise UnfinishedJournalError(place.where)
    try:
        facts = facts_of(place.where, *found)
    except BrokenChainError as error:
        report.add(error)
        return
    store.bind(found[0])
    codec = codec_of(place.where, facts)
    _verify_chain(report, codec, store)
    sound = report.ok
    if facts.encrypted:
        _verify_ring(report, place.where, store)
    for problem in store.problems():
        report.add(problem)
    if missing is not None:
        report.add(missing)
    head = report.head if sound else head_of(store.last())
    anchored = anchor_problem(slots, facts.journal_id, head, store, codec)
    if anchored is not None:
        report.add(anchored)


def _last(store: Store) -> int:
    """The last event's sequence as the engine tells it; 0 where it cannot."""
    try:
        return head_of(store.last()).sequence
    except StorageError:
        return 0


def _verify_ring(report: VerifyReport, where: str, store: Store) -> None:
    """The key ring is there and whole, and has the data key that sealed the last event."""
    try:
        numbers = numbers_of(store.ring(), where)
    except KeyRingError as error:
        report.add(error)
        return
    last = store.last()
    if last is not None and last[0] > 0:
        number = number_of(last[2][PAYLOAD_OFFSET:])
        if number not in numbers:
            report.add(f"the last event is sealed by data key {number}, which the key ring lacks")


def _verify_chain(report: VerifyReport, codec: Codec, store: Store) -> None:
    """Walk the rows to the first one that is wrong; nothing behind it can be trusted."""
    rows: list[Row] = []
    limit = PAGE
    last = _last(store) if report.progress else 0
    while True:
        try:
            rows = store.scan(report.head.sequence - 1, limit)
            if not rows:
                return
            report.head = codec.decode(rows, report.head)[-1].head
            report.events += len(rows)
            if report.progress:
                report.progress(report.head.sequence, last)
        except ServerError:
            raise
        except StorageError as error:
            if limit == 1:
                report.add(error, report.head.sequence + 1)
                return
            limit = 1
        except BrokenChainError as error:
            good = error.sequence - 1 - report.head.sequence
            if good > 0:
                report.head = codec.decode(rows[:good], report.head)[-1].head
                report.events += good
            report.add(error)
            return
