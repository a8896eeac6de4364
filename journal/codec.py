"""The stored form of an event, byte by byte, and the chain over it.

A journal is a sequence of rows in the four columns of the `eventsourcing` library:

    originator_id       UUID5(NAMESPACE_URL, "refold:" + journal id as 32 hex digits)
    originator_version  sequence - 1; sequences count from 1 without a gap
    topic               the event's tag, "order-submitted.v1"
    state               the frame

Frame (integers are big-endian)

    offset  size  field
         0     1  format: 0x01, plain; 0x02, the payload is ciphertext
         1     1  flags: bit 0 set = the payload is ciphertext; all other bits are 0
         2     8  recorded_at: signed, microseconds since 1970-01-01T00:00:00Z
        10     8  epoch: unsigned, the writer's; 0 for sequence 1
        18    32  chain of this row
        50     …  payload: the event's canonical bytes (RFC 8785 JSON, UTF-8), or as in
                  sealing.py what they were sealed to

A journal is plain or encrypted as a whole: sequence 1, which says which, is plain in both, and
behind it every frame has format 1 and flags 0, or every frame format 2 and flags 1. One of the
other kind is refused wherever it is read, so nothing plain can be slipped in, or fallen back to.

Chain: sha256 of these, one behind the other; the chain before sequence 1 is 32 zero bytes

    offset  size  input
         0    16  "refold/event/v1" and a zero byte
        16    16  journal id, the raw bytes of its 32 hex digits
        32     8  sequence, unsigned
        40    32  chain of the row before
        72     2  length of the topic, unsigned
        74     n  topic, ASCII
      74+n    18  the frame's bytes 0 to 17: format, flags, recorded_at, epoch
      92+n     4  length of the payload, unsigned
      96+n     …  payload, as stored

Bytes 0 to 49 and the chain are the same in every format, so a journal of a newer release can be
verified and exported by an older one; only the payload is what `format` and `flags` say.

Every input has a fixed width or its length before it, so no two rows have the same input. The
chain is over the bytes as stored and never over a re-encoding: it needs neither a decoder nor a
key. The id of an event is sha256 of its payload's plaintext and stands nowhere in the frame.

Tags are lower case. (One engine of the library, KurrentDB, hides every topic that matches
`.*Snapshot`; that is case-sensitive, so "config-snapshot.v1" is safe, and a tag that is not lower
case is refused here.)
"""

import re
import struct
from collections.abc import Iterable, Sequence
from hashlib import sha256
from typing import TYPE_CHECKING
from uuid import NAMESPACE_URL, UUID, uuid5

from core.canonical import canonical_bytes
from core.events import tag_of
from core.events.lifecycle import JournalCreated
from journal.errors import BrokenChainError, KeyMissingError
from journal.recorded import ENCRYPTED, FORMAT, FORMAT_ENCRYPTED, Head, Recorded
from journal.sealing import Sealing, Slot

if TYPE_CHECKING:
    from core.events import Event

READER = 1
"""The newest `min_reader` this release may append under."""

HEADER_SIZE = 18
PAYLOAD_OFFSET = 50
MAX_PAYLOAD = 2**28
"""Bytes: far above any event, far below what an engine refuses."""

_TAG = b"refold/event/v1\x00"
_ENVELOPE = struct.Struct(">BBqQ32s")
_HEADER = struct.Struct(">BBqQ")
_SEQUENCE = struct.Struct(">Q")
_TAG_PATTERN = re.compile(r"[a-z][a-z0-9-]*\.v[1-9][0-9]*")
_JOURNAL_ID = re.compile(r"[0-9a-f]{32}")

Row = tuple[int, str, bytes]
"""(originator_version, topic, state), as an engine gives it."""


def originator_of(journal_id: str) -> UUID:
    """The originator id of a journal's rows."""
    return uuid5(NAMESPACE_URL, f"refold:{journal_id}")


def is_journal_id(text: object) -> bool:
    """Whether `text` is 32 lower-case hex digits."""
    return isinstance(text, str) and _JOURNAL_ID.fullmatch(text) is not None


def chain_of_state(state: bytes) -> str:
    """The chain a frame carries, hex."""
    return bytes(state[HEADER_SIZE:PAYLOAD_OFFSET]).hex()


class Codec:
    """Rows of one journal <-> events: it holds the journal's id and the parts that never change.

    `encrypted`: every frame behind sequence 1 is ciphertext. Without a `sealing` such frames are
    checked and left shut, and none is made.
    """

    def __init__(
        self,
        journal_id: str,
        where: str,
        *,
        encrypted: bool = False,
        sealing: Sealing | None = None,
    ) -> None:
        self.where = where
        self.encrypted = encrypted
        self.sealing = sealing
        # Every row's hash begins with these bytes. Copying one that has begun takes 0.05 µs less a
        # row than a new one, for which OpenSSL looks its algorithm up again.
        self._begun = sha256(_TAG + bytes.fromhex(journal_id))
        self._topics: dict[str, bytes] = {}

    def encode(
        self, events: "Sequence[Event]", head: Head, *, epoch: int, recorded_at: int
    ) -> tuple[list[Row], Head]:
        """The rows of `events` behind `head`, and the head after them."""
        header = _HEADER.pack(FORMAT, 0, recorded_at, epoch)
        if self.encrypted and not _is_creation(events, head):
            header = _HEADER.pack(FORMAT_ENCRYPTED, ENCRYPTED, recorded_at, epoch)
            if self.sealing is None:
                raise KeyMissingError(self.where)
        chain = bytes.fromhex(head.chain)
        sequence = head.sequence
        rows: list[Row] = []
        for event in events:
            sequence += 1
            tag = tag_of(event)
            payload = canonical_bytes(event)
            if header[0] == FORMAT_ENCRYPTED:
                payload = self._seal(sequence, chain, tag, header, payload)
            if len(payload) > MAX_PAYLOAD:
                message = f"event {tag}: expected at most {MAX_PAYLOAD} bytes, found {len(payload)}"
                raise ValueError(message)
            chain = self._chain(sequence, chain, tag, header, payload)
            rows.append((sequence - 1, tag, header + chain + payload))
        return rows, Head(sequence, chain.hex())

    def _seal(self, sequence: int, before: bytes, tag: str, header: bytes, payload: bytes) -> bytes:
        assert self.sealing is not None
        topic = self._topics.get(tag) or self._topic(tag)
        return self.sealing.seal(Slot(sequence, before, topic, header), payload)

    def decode(self, rows: Iterable[Row], head: Head) -> list[Recorded]:
        """The events of `rows`, which must stand directly behind `head`; every byte is checked."""
        chain = bytes.fromhex(head.chain)
        sequence = head.sequence
        found: list[Recorded] = []
        topics, begun = self._topics, self._begun.copy
        for version, tag, state in rows:
            sequence += 1
            if version != sequence - 1:
                raise BrokenChainError(
                    self.where, sequence, f"expected this sequence, found {version + 1}"
                )
            try:
                form, flags, recorded_at, epoch, stored = _ENVELOPE.unpack_from(state)
                topic = topics.get(tag) or self._topic(tag)
                payload = state[PAYLOAD_OFFSET:]
                before = chain
                place, size = _SEQUENCE.pack(sequence), len(payload).to_bytes(4, "big")
                link = begun()
                link.update(b"".join((place, chain, topic, state[:HEADER_SIZE], size, payload)))
                chain = link.digest()
            except (struct.error, ValueError, TypeError, AttributeError):
                raise BrokenChainError(self.where, sequence, "no frame is stored here") from None
            if chain != stored:
                raise BrokenChainError(
                    self.where,
                    sequence,
                    f"its bytes hash to {chain.hex()[:12]}, its chain is {stored.hex()[:12]}",
                )
            opened = False
            if self.encrypted and sequence > 1:
                self._refuse_plain(sequence, form, flags)
                if self.sealing is not None:
                    slot = Slot(sequence, before, topic, state[:HEADER_SIZE])
                    payload, opened = self.sealing.unseal(slot, payload), True
            found.append(
                Recorded(
                    sequence, tag, payload, recorded_at, epoch, stored.hex(), form, flags, opened
                )
            )
        return found

    def _refuse_plain(self, sequence: int, form: int, flags: int) -> None:
        if (form, flags) != (FORMAT_ENCRYPTED, ENCRYPTED):
            raise BrokenChainError(
                self.where, sequence, "expected ciphertext, found a plain frame in its place"
            )

    def _chain(
        self, sequence: int, before: bytes, tag: str, header: bytes, payload: bytes
    ) -> bytes:
        topic = self._topics.get(tag) or self._topic(tag)
        place, size = _SEQUENCE.pack(sequence), len(payload).to_bytes(4, "big")
        link = self._begun.copy()
        link.update(b"".join((place, before, topic, header, size, payload)))
        return link.digest()

    def _topic(self, tag: str) -> bytes:
        """The tag with its length before it; kept, for there are few of them."""
        if _TAG_PATTERN.fullmatch(tag) is None:
            message = f"expected a tag like order-submitted.v1, found {tag!r}"
            raise ValueError(message)
        data = tag.encode("ascii")
        self._topics[tag] = topic = len(data).to_bytes(2, "big") + data
        return topic


def _is_creation(events: "Sequence[Event]", head: Head) -> bool:
    """Whether this is sequence 1 and nothing else: the one event that is never sealed."""
    return head.sequence == 0 and [type(event) for event in events] == [JournalCreated]
