"""What lies in a store, looked at before anything is appended: sequence 1, the head, the anchor.

shape   `inspect(place, store, key)` -> sequence 1, what it says, the head, the codec of the journal
errors  the first and last row are checked byte by byte; an encrypted journal's key ring must open
"""

from collections.abc import Sequence
from pathlib import Path
from uuid import UUID

import msgspec

from core.events.lifecycle import RollbackAccepted
from journal.anchor import Slot, anchor_path, read_slots
from journal.codec import PAYLOAD_OFFSET, Codec, Row, is_journal_id, originator_of
from journal.errors import (
    AnchorMissingError,
    BrokenChainError,
    ForkError,
    JournalError,
    KeyMissingError,
    NotAJournalError,
    RollbackError,
    UnfinishedJournalError,
)
from journal.journal import Facts
from journal.key_ring import Place, open_ring
from journal.master_key import MasterKey
from journal.primitives import must_be_usable
from journal.recorded import FORMAT_ENCRYPTED, GENESIS, Head, Recorded
from journal.sealing import Sealing
from journal.store import Store, head_of
from journal.url import JournalUrl

ROLLBACK_ACCEPTED = "rollback-accepted.v1"


def inspect(
    place: JournalUrl, store: Store, key: MasterKey | None = None, *, sealed: bool = False
) -> tuple[Recorded, Facts, Head, Codec]:
    """Sequence 1, what it says, the head, and the codec; first and last row are checked.

    With a key the ring must open, and so must the last row.
    """
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
    codec = codec_of(place.where, facts)
    first = codec.decode([row], GENESIS)[0]
    if facts.encrypted and not sealed:
        facts.refuse_newer(place.where)
        codec.sealing = _sealing(Place(place.where, facts.journal_id, first.chain), store, key)
    last = store.last()
    if last is None:
        raise BrokenChainError(place.where, 1, "the index does not have this row")
    if last[0] > 0:
        codec.decode([last], head_of(store.row(last[0] - 1)))
    return first, facts, head_of(last), codec


def codec_of(where: str, facts: Facts) -> Codec:
    """The codec of a journal; it leaves ciphertext shut."""
    known = facts.encrypted and facts.format <= FORMAT_ENCRYPTED
    return Codec(facts.journal_id, where, encrypted=known)


def _sealing(place: Place, store: Store, key: MasterKey | None) -> Sealing:
    """What seals and opens; refused without a key, with a wrong one, and without the ring."""
    if key is None:
        raise KeyMissingError(place.where)
    must_be_usable()
    return Sealing(place, open_ring(store.ring(), key, place))


def facts_of(where: str, originator: UUID, row: Row) -> Facts:
    """What sequence 1 says, read leniently: a newer release may have added to it."""
    version, topic, state = row
    try:
        plain = msgspec.json.decode(bytes(state[PAYLOAD_OFFSET:]))
        facts = Facts(
            plain["journal_id"],
            int(plain["format"]),
            int(plain["min_reader"]),
            encrypted=plain.get("encrypted") is True,
        )
    except (msgspec.MsgspecError, ValueError, TypeError, LookupError, AttributeError):
        raise NotAJournalError(
            where, f"an event store of another program (topic {topic!r})"
        ) from None
    if not topic.startswith("journal-created.v") or not is_journal_id(facts.journal_id):
        raise NotAJournalError(where, f"a first event {topic!r}")
    if version != 0 or originator != originator_of(facts.journal_id):
        raise BrokenChainError(where, 1, "the row's key is not this journal's")
    if facts.encrypted and facts.format < FORMAT_ENCRYPTED:
        raise BrokenChainError(where, 1, f"encrypted in format {facts.format}, which has no cipher")
    return facts


def anchor_problem(
    slots: Sequence[Slot], journal_id: str, head: Head, store: Store, codec: Codec
) -> JournalError | None:
    """What the anchor says against the journal; the slots were read before the head was.

    Without a key a rollback that was accepted in an encrypted journal, by a process that died
    before it reset the anchor, is told as a rollback still: the next opening with the key mends it.
    """
    where = codec.where
    accepted = accepted_rollback(store, codec)
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


def accepted_rollback(store: Store, codec: Codec) -> RollbackAccepted | None:
    """The rollback that the journal's last event accepts.

    While it is the last, the anchor may still name the lost branch: the process died between that
    commit and the anchor's reset.
    """
    row = store.last()
    if row is None or row[1] != ROLLBACK_ACCEPTED or (codec.encrypted and codec.sealing is None):
        return None
    before = head_of(store.row(row[0] - 1) if row[0] else None)
    event = codec.decode([row], before)[0].event
    return event if isinstance(event, RollbackAccepted) else None


def slots_of(path: Path) -> tuple[list[Slot], AnchorMissingError | None]:
    """The anchor's slots, or why there are none."""
    try:
        return read_slots(anchor_path(path)), None
    except AnchorMissingError as error:
        return [], error
