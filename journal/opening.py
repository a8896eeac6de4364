"""Creating and opening journals: every check that stands before the first append.

What if the process dies on each line of `create_journal`: an empty file, an anchor at sequence 0,
or both may lie there. They count as nothing and the next `create_journal` replaces them. The file's
table and its first row come in one commit, and the anchor lies before it, so from that commit on
the journal is whole. In a server there is no empty file: nothing, or all of it.
"""

import errno
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import UUID

import msgspec

from core.events.lifecycle import RollbackAccepted
from core.values import is_time_text, micros
from journal.anchor import (
    Anchor,
    Slot,
    anchor_path,
    beside,
    create_anchor,
    read_slots,
    sync_directory,
)
from journal.codec import PAYLOAD_OFFSET, Codec, Row, is_journal_id, originator_of
from journal.errors import (
    AnchorMissingError,
    BrokenChainError,
    CommitUnknownError,
    DiskFullError,
    ForkError,
    JournalError,
    JournalExistsError,
    JournalMissingError,
    NotAJournalError,
    ReadOnlyError,
    RollbackError,
    StorageError,
    UnfinishedJournalError,
)
from journal.journal import Facts, Journal
from journal.memory import memory_store
from journal.recorded import GENESIS, Head, Recorded
from journal.sqlite_store import SQLiteStore, create_file, recover
from journal.store import CommitFailedError, Store, head_of
from journal.upcast import decode_event
from journal.url import JournalUrl, parse_url

if TYPE_CHECKING:
    from core.events.lifecycle import JournalCreated

ROLLBACK_ACCEPTED = "rollback-accepted.v1"


def create_journal(
    url: "str | Path | JournalUrl", created: "JournalCreated", *, recorded_at: str
) -> Journal:
    """Make a new journal whose sequence 1 is `created`, and open it."""
    place = parse_url(url)
    if not is_journal_id(created.journal_id) or not is_time_text(recorded_at):
        message = (
            f"expected 32 hex digits and a UTC time, found {created.journal_id!r} "
            f"and {recorded_at!r}"
        )
        raise ValueError(message)
    codec = Codec(created.journal_id, place.where)
    rows, _ = codec.encode([created], GENESIS, epoch=0, recorded_at=micros(recorded_at))
    originator = originator_of(created.journal_id)
    if place.local is None:
        store = memory_store(place, create=True)
        if store.first() is not None:
            raise JournalExistsError(place.where)
        store.bind(originator)
        store.append(rows, GENESIS)
        return _journal(place, store, read_only=False, anchor=None)
    _create(place, place.local, originator, rows[0], created.journal_id)
    return open_journal(place)


def _create(place: JournalUrl, local: Path, originator: UUID, row: Row, journal_id: str) -> None:
    def write_anchor() -> None:
        refuse_lost(place, local)
        create_anchor(anchor_path(local), journal_id)

    refuse_lost(place, local)
    try:
        if place.path is None:
            from journal.postgres_store import create_tables

            local.parent.mkdir(parents=True, exist_ok=True)
            create_tables(place, originator, row, write_anchor)
            return
        if not local.parent.is_dir():
            raise StorageError(place.where, "its folder does not exist; make it first")
        create_file(local, originator, row, write_anchor)
        sync_directory(local.parent)
    except CommitFailedError as error:
        raise CommitUnknownError(place.where, 1, 1, str(error)) from error
    except OSError as error:
        raise _of_os(place.where, error) from None


def refuse_lost(place: JournalUrl, local: Path) -> None:
    """An anchor beyond sequence 0 without its journal: the journal was lost, not never made."""
    try:
        slots = read_slots(anchor_path(local))
    except AnchorMissingError:
        return
    if slots[0].head.sequence > 0 and not _has_rows(place):
        raise RollbackError(place.where, GENESIS, slots[0].head.sequence)


def _has_rows(place: JournalUrl) -> bool:
    """Whether a journal is there, so that "it exists" is the better answer."""
    try:
        store = open_store(place, "ro")
    except JournalMissingError:
        return False
    try:
        return store.first() is not None
    finally:
        store.close()


def open_journal(
    url: "str | Path | JournalUrl",
    *,
    read_only: bool = False,
    accept_anchor_missing: bool = False,
    accept_rollback: bool = False,
) -> Journal:
    """Open the journal at `url`; it is never created here.

    Sequence 1, the last row's bytes and the anchor are checked with a connection that cannot
    write, so a journal that fails is left as it was found. After `accept_rollback` the first event
    appended must be the `RollbackAccepted` that names both heads; only then the anchor is reset.
    """
    place = parse_url(url)
    local = place.local
    if local is None:
        return _journal(place, memory_store(place, create=False), read_only=read_only, anchor=None)
    slots, missing = slots_of(local)
    try:
        store = open_present(place, local)
        try:
            _, facts, head = inspect(place, store)
            problem = missing or anchor_problem(place.where, slots, facts.journal_id, head, store)
            if read_only:
                return _journal(place, store, read_only=True, anchor=None, anchor_error=problem)
        except BaseException:
            store.close()
            raise
    except UnfinishedJournalError:
        refuse_lost(place, local)
        raise
    store.close()
    if isinstance(problem, AnchorMissingError) and accept_anchor_missing:
        _write_anchor(place, local, facts.journal_id, head)
    elif isinstance(problem, RollbackError) and accept_rollback:
        return _open_for_writing(place, local, facts, rolled_back_from=slots[0].head)
    elif problem is not None:
        raise problem
    return _open_for_writing(place, local, facts)


def _open_for_writing(
    place: JournalUrl, local: Path, facts: Facts, *, rolled_back_from: Head | None = None
) -> Journal:
    store = open_store(place, "rw")
    anchor: Anchor | None = None
    try:
        anchor = Anchor(anchor_path(local), facts.journal_id)
        journal = _journal(place, store, read_only=False, anchor=anchor)
        journal.rolled_back_from = rolled_back_from
        if rolled_back_from is None:
            if _accepted(store) is not None:
                anchor.reset(journal.head)
            journal.anchor()
    except BaseException as error:
        if anchor is not None:
            anchor.close()
        store.close()
        if isinstance(error, OSError):
            raise _of_os(place.where, error) from None
        raise
    return journal


def _journal(
    place: JournalUrl,
    store: Store,
    *,
    read_only: bool,
    anchor: Anchor | None,
    anchor_error: JournalError | None = None,
) -> Journal:
    first, facts, head = inspect(place, store)
    return Journal(
        place,
        store,
        first,
        facts,
        head=head,
        anchor=anchor,
        read_only=read_only,
        anchor_error=anchor_error,
    )


def inspect(place: JournalUrl, store: Store) -> tuple[Recorded, Facts, Head]:
    """Sequence 1, what it says, and the head; first and last row are checked byte by byte."""
    found = store.first()
    if found is None:
        slots, _ = slots_of(place.local) if place.local is not None else ([], None)
        if slots and slots[0].head.sequence > 0:
            raise RollbackError(place.where, GENESIS, slots[0].head.sequence)
        found_instead = "an empty file" if place.path is not None else "a table without rows"
        raise UnfinishedJournalError(place.where, found_instead)
    originator, row = found
    facts = facts_of(place.where, originator, row)
    store.bind(originator)
    codec = Codec(facts.journal_id, place.where)
    first = codec.decode([row], GENESIS)[0]
    last = store.last()
    if last is None:
        raise BrokenChainError(place.where, 1, "the index does not have this row")
    if last[0] > 0:
        codec.decode([last], head_of(store.row(last[0] - 1)))
    return first, facts, head_of(last)


def facts_of(where: str, originator: UUID, row: Row) -> Facts:
    """What sequence 1 says, read leniently: a newer release may have added to it."""
    version, topic, state = row
    try:
        plain = msgspec.json.decode(bytes(state[PAYLOAD_OFFSET:]))
        facts = Facts(plain["journal_id"], int(plain["format"]), int(plain["min_reader"]))
    except (msgspec.MsgspecError, ValueError, TypeError, LookupError):
        raise NotAJournalError(
            where, f"an event store of another program (topic {topic!r})"
        ) from None
    if not topic.startswith("journal-created.v") or not is_journal_id(facts.journal_id):
        raise NotAJournalError(where, f"a first event {topic!r}")
    if version != 0 or originator != originator_of(facts.journal_id):
        raise BrokenChainError(where, 1, "the row's key is not this journal's")
    return facts


def anchor_problem(
    where: str, slots: Sequence[Slot], journal_id: str, head: Head, store: Store
) -> JournalError | None:
    """What the anchor says against the journal; the slots were read before the head was."""
    accepted = _accepted(store)
    for slot in slots:
        sequence, chain = slot.head.sequence, slot.head.chain
        if slot.journal_id != journal_id:
            return ForkError(
                where,
                sequence,
                f"the anchor is of journal {slot.journal_id[:12]}, this is {journal_id[:12]}",
            )
        if accepted and accepted.journal_sequence < sequence <= accepted.anchor_sequence:
            continue
        if sequence > head.sequence:
            return RollbackError(where, head, sequence)
        found = head_of(store.row(sequence - 1) if sequence else None)
        if found != slot.head:
            return ForkError(
                where, sequence, f"the chain is {found.chain[:12]}, the anchor has {chain[:12]}"
            )
    return None


def _accepted(store: Store) -> RollbackAccepted | None:
    """The rollback that the journal's last event accepts.

    While it is the last, the anchor may still name the lost branch: the process died between that
    commit and the anchor's reset.
    """
    row = store.last()
    if row is None or row[1] != ROLLBACK_ACCEPTED:
        return None
    event = decode_event(row[1], row[2][PAYLOAD_OFFSET:])
    return event if isinstance(event, RollbackAccepted) else None


def slots_of(path: Path) -> tuple[list[Slot], AnchorMissingError | None]:
    """The anchor's slots, or why there are none."""
    try:
        return read_slots(anchor_path(path)), None
    except AnchorMissingError as error:
        return [], error


def _write_anchor(place: JournalUrl, local: Path, journal_id: str, head: Head) -> None:
    try:
        if place.path is None:
            local.parent.mkdir(parents=True, exist_ok=True)
        create_anchor(anchor_path(local), journal_id, head)
    except OSError as error:
        raise _of_os(place.where, error) from None


def open_present(place: JournalUrl, local: Path) -> Store:
    """The store of a journal, for reading: a `RollbackError` where it is gone but was anchored."""
    try:
        return open_store(place, "ro")
    except UnfinishedJournalError:
        raise
    except JournalMissingError:
        refuse_lost(place, local)
        raise


def open_store(place: JournalUrl, mode: str) -> Store:
    """The store of a journal that is there, in a file or a server; `JournalMissingError` if not."""
    if place.path is None:
        from journal.postgres_store import PostgresStore

        return PostgresStore(place, mode)
    if not place.path.exists():
        raise JournalMissingError(place.where)
    return file_store(place.path, mode)


def file_store(path: Path, mode: str) -> SQLiteStore:
    """The store of an existing file; a folder nobody can write to is read as it lies there."""
    if not path.is_file():
        raise NotAJournalError(str(path), "a folder" if path.is_dir() else "no file")
    if beside(path, "-journal").exists():
        recover(path)
    wal = beside(path, "-wal")
    if path.stat().st_size == 0 and not wal.exists():
        raise UnfinishedJournalError(str(path))
    if mode == "ro" and not os.access(path.parent, os.W_OK) and not wal.exists():
        mode = "immutable"
    return SQLiteStore(path, mode)


def _of_os(where: str, error: OSError) -> JournalError:
    if error.errno in (errno.EROFS, errno.EACCES, errno.EPERM):
        return ReadOnlyError(where, f"its folder cannot be written ({error.strerror})")
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return DiskFullError(where, str(error.strerror))
    return StorageError(where, str(error.strerror))
