"""Creating and opening journals: every check that stands before the first append.

What if the process dies on each line of `create_journal`: an empty file, an anchor at sequence 0,
or both may lie there. They count as nothing and the next `create_journal` replaces them. The file's
table and its first row come in one commit, and the anchor lies before it, so from that commit on
the journal is whole. In a server there is no empty file: nothing, or all of it.
"""

import errno
import os
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import UUID

from core.values import is_time_text, micros
from journal.anchor import (
    Anchor,
    anchor_path,
    beside,
    create_anchor,
    read_slots,
    sync_directory,
)
from journal.codec import Codec, Row, is_journal_id, originator_of
from journal.errors import (
    AnchorMissingError,
    CommitUnknownError,
    DiskFullError,
    JournalError,
    JournalExistsError,
    JournalMissingError,
    KeyMissingError,
    NotAJournalError,
    ReadOnlyError,
    RollbackError,
    StorageError,
    UnfinishedJournalError,
)
from journal.inspection import accepted_rollback, anchor_problem, inspect, slots_of
from journal.journal import Facts, Journal
from journal.key_ring import Place, new_ring
from journal.master_key import MasterKey
from journal.memory import memory_store
from journal.recorded import FORMAT, FORMAT_ENCRYPTED, GENESIS, Head
from journal.sqlite_file import create_file, recover
from journal.sqlite_store import SQLiteStore
from journal.store import CommitFailedError, Store
from journal.url import JournalUrl, parse_url

if TYPE_CHECKING:
    from core.events.lifecycle import JournalCreated


def create_journal(
    url: "str | Path | JournalUrl",
    created: "JournalCreated",
    *,
    recorded_at: str,
    key: MasterKey | None = None,
) -> Journal:
    """Make a new journal whose sequence 1 is `created`, and open it.

    `key` is needed if, and only if, it is `created.encrypted`: the key ring is made with it.
    """
    place = parse_url(url)
    if not is_journal_id(created.journal_id) or not is_time_text(recorded_at):
        message = (
            f"expected 32 hex digits and a UTC time, found {created.journal_id!r} "
            f"and {recorded_at!r}"
        )
        raise ValueError(message)
    codec = Codec(created.journal_id, place.where, encrypted=created.encrypted)
    rows, head = codec.encode([created], GENESIS, epoch=0, recorded_at=micros(recorded_at))
    ring = _new_ring(created, Place(place.where, created.journal_id, head.chain), key)
    originator = originator_of(created.journal_id)
    if place.local is None:
        store = memory_store(place, create=True)
        if store.first() is not None:
            raise JournalExistsError(place.where)
        store.bind(originator)
        store.kept_ring = ring
        store.append(rows, GENESIS)
        return _journal(place, store, key, read_only=False, anchor=None)
    _create(place, place.local, originator, rows[0], journal_id=created.journal_id, ring=ring)
    return open_journal(place, key=key)


def _new_ring(created: "JournalCreated", place: Place, key: MasterKey | None) -> bytes | None:
    """The key ring that goes into the commit of sequence 1; None for a plain journal."""
    least = FORMAT_ENCRYPTED if created.encrypted else FORMAT
    if created.format < least or (key is not None and not created.encrypted):
        message = (
            f"expected format {least} and a key only if encrypted, found format {created.format}, "
            f"encrypted {created.encrypted}, {'a' if key else 'no'} key"
        )
        raise ValueError(message)
    if not created.encrypted:
        return None
    if key is None:
        raise KeyMissingError(place.where, "it is to be encrypted")
    return new_ring(key, place)


def _create(
    place: JournalUrl,
    local: Path,
    originator: UUID,
    row: Row,
    *,
    journal_id: str,
    ring: bytes | None,
) -> None:
    def write_anchor() -> None:
        refuse_lost(place, local)
        create_anchor(anchor_path(local), journal_id)

    refuse_lost(place, local)
    try:
        if place.path is None:
            from journal.postgres_store import create_tables

            local.parent.mkdir(parents=True, exist_ok=True)
            create_tables(place, originator, row, write_anchor, ring)
            return
        if not local.parent.is_dir():
            raise StorageError(place.where, "its folder does not exist; make it first")
        create_file(local, originator, row, write_anchor, ring)
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
    key: MasterKey | None = None,
    sealed: bool = False,
) -> Journal:
    """Open the journal at `url`; it is never created here.

    An encrypted one needs its master key; with `sealed`, for reading only, it is left shut, and
    its records hold ciphertext. A plain one needs no key and does not look at it.

    Sequence 1, the last row's bytes and the anchor are checked with a connection that cannot
    write, so a journal that fails is left as it was found. After `accept_rollback` the first event
    appended must be the `RollbackAccepted` that names both heads; only then the anchor is reset.
    """
    assert read_only or not sealed, "what is left shut is never appended to"
    place = parse_url(url)
    local = place.local
    if local is None:
        kept = memory_store(place, create=False)
        return _journal(place, kept, key, read_only=read_only, anchor=None, sealed=sealed)
    slots, missing = slots_of(local)
    try:
        store = open_present(place, local)
        try:
            _, facts, head, codec = inspect(place, store, key, sealed=sealed)
            problem = missing or anchor_problem(slots, facts.journal_id, head, store, codec)
            if read_only:
                opened = _journal(place, store, key, read_only=True, anchor=None, sealed=sealed)
                opened.anchor_error = problem
                return opened
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
        return _open_for_writing(place, local, facts, key, rolled_back_from=slots[0].head)
    elif problem is not None:
        raise problem
    return _open_for_writing(place, local, facts, key)


def _open_for_writing(
    place: JournalUrl,
    local: Path,
    facts: Facts,
    key: MasterKey | None,
    *,
    rolled_back_from: Head | None = None,
) -> Journal:
    store = open_store(place, "rw")
    anchor: Anchor | None = None
    try:
        anchor = Anchor(anchor_path(local), facts.journal_id)
        journal = _journal(place, store, key, read_only=False, anchor=anchor)
        journal.rolled_back_from = rolled_back_from
        if rolled_back_from is None:
            if accepted_rollback(store, journal.codec) is not None:
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
    key: MasterKey | None,
    *,
    read_only: bool,
    anchor: Anchor | None,
    sealed: bool = False,
) -> Journal:
    first, facts, head, codec = inspect(place, store, key, sealed=sealed)
    return Journal(
        place,
        store,
        first,
        facts,
        codec,
        head=head,
        anchor=anchor,
        read_only=read_only,
    )


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
