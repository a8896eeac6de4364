"""Rotating a journal's keys: the ring under a new master key, and a new data key from there on.

No event is touched. The ring is replaced in one transaction, so whatever the process dies on, the
journal opens with the old master key or with the new one, and never with neither or with both.

dies    before the transaction's COMMIT: the old key opens it, rotate again
        behind it: the new key opens it, and a second rotation finds that it is done
needs   the journal's lock. An operator's command that had opened the journal before may still
        append one commit under the data key before; it opens like any other
"""

from pathlib import Path

from journal.codec import originator_of
from journal.errors import CommitUnknownError, EncryptionMismatchError, WrongKeyError
from journal.inspection import inspect
from journal.key_ring import Place, open_ring, rotated
from journal.lock import WriterLock
from journal.master_key import MasterKey
from journal.opening import open_journal, open_store
from journal.primitives import must_be_usable
from journal.recorded import Head
from journal.store import CommitFailedError, Store, head_of
from journal.url import JournalUrl, parse_url


def rotate(url: "str | Path | JournalUrl", old: MasterKey, new: MasterKey) -> bool:
    """Put the ring under `new`; False where it is there already, so that it can be run again."""
    place = parse_url(url)
    must_be_usable()
    with WriterLock(place):
        if _is_done(place, old, new):
            return False
        open_journal(place, key=old).close()
        _replace(place, old, new)
        open_journal(place, key=new, read_only=True).close()
    return True


def _is_done(place: JournalUrl, old: MasterKey, new: MasterKey) -> bool:
    """Whether the new key opens it; `WrongKeyError` where neither does."""
    with open_journal(place, read_only=True, sealed=True) as journal:
        if not journal.encrypted:
            raise EncryptionMismatchError(place.where, encrypted=False)
        stored, ring_of = journal.store.ring(), _place_of(place, journal.journal_id, journal.store)
    try:
        open_ring(stored, new, ring_of)
    except WrongKeyError:
        open_ring(stored, old, ring_of)
        return False
    return True


def _replace(place: JournalUrl, old: MasterKey, new: MasterKey) -> None:
    store = open_store(place, "rw")
    try:
        _, facts, head, _ = inspect(place, store, old)
        stored = store.ring()
        assert stored is not None
        store.bind(originator_of(facts.journal_id))
        ring = rotated(stored, old, new, _place_of(place, facts.journal_id, store))
        _put(place, store, stored, ring, head)
    finally:
        store.close()


def _put(place: JournalUrl, store: Store, stored: bytes, ring: bytes, head: Head) -> None:
    try:
        store.replace_ring(stored, ring)
    except CommitFailedError as error:
        raise CommitUnknownError(
            f"{place.where} key ring", head.sequence, head.sequence, str(error)
        ) from error


def _place_of(place: JournalUrl, journal_id: str, store: Store) -> Place:
    return Place(place.where, journal_id, head_of(store.row(0)).chain)
