"""The payload of an encrypted frame, byte by byte, and what it is bound to.

Payload of a frame of format 2 with flag bit 0 set (codec.py has what stands before it)

    offset  size  field
         0     4  number of the data key, unsigned, big-endian
         4    12  nonce, random
        16     n  AES-256-GCM ciphertext of: the event's id (32 raw bytes), its canonical bytes
      16+n    16  tag

Bound to it (the additional data), one behind the other

    offset  size  input
         0    17  "refold/sealed/v1" and a zero byte
        17    16  journal id
        33     8  sequence
        41    32  chain of the row before
        73     2  length of the topic
        75     m  topic, ASCII
      75+m    18  the frame's bytes 0 to 17: format, flags, recorded_at, epoch
      93+m     4  number of the data key

So a ciphertext opens at its own place in its own journal, behind the very rows it was written
behind, and nowhere else: not swapped with another, not under another type, time or epoch, not in a
copy whose past was changed. The id is checked against the plaintext after it opened.

Nonces. A data key is never used itself: each 2^20 sequences have a key of their own, derived by
HKDF from data key, journal id and segment. Under such a key at most 2^20 events are kept, and a
nonce is drawn from the system's generator for every sealing, also when an append was refused and is
sealed again, also after a fork. Even with 2^12 refused attempts an event that is 2^32 nonces of 96
bits, and the chance that two are equal stays below 2^-32 (the limit of NIST SP 800-38D). No counter
has to survive a crash, and no data key ever runs out.

What can be seen without a key: how many events there are, the type, time and epoch of each, its
length to the byte, which data key sealed it, and all of sequence 1 (name, mode, account's hash).
"""

import os
from hashlib import sha256
from typing import NamedTuple

from journal.errors import BrokenChainError
from journal.key_ring import DataKeys, Place
from journal.primitives import NONCE_BYTES, TAG_BYTES, Cipher, SealBrokenError, derive

SEGMENT_BITS = 20
"""A key seals 2^20 sequences."""
_TAG = b"refold/sealed/v1\x00"
_NUMBER_BYTES = 4
_ID_BYTES = 32
_NONCE_AT = _NUMBER_BYTES
_SEALED_AT = _NUMBER_BYTES + NONCE_BYTES
OVERHEAD = _SEALED_AT + _ID_BYTES + TAG_BYTES
"""Bytes that a payload is longer than its event."""


class Slot(NamedTuple):
    """Where an event stands: what its ciphertext is bound to. `topic` has its length before it."""

    sequence: int
    before: bytes
    topic: bytes
    header: bytes


class Sealing:
    """Seals and opens the payloads of one journal."""

    def __init__(self, place: Place, keys: DataKeys) -> None:
        self._where = place.where
        self._journal_id = bytes.fromhex(place.journal_id)
        self._keys = keys
        self._segments: dict[tuple[int, int], Cipher] = {}
        self._aside: dict[tuple[int, str], Cipher] = {}

    def seal(self, slot: Slot, plaintext: bytes) -> bytes:
        """The payload of `plaintext` at `slot`, under the newest data key."""
        number = self._keys.newest.to_bytes(_NUMBER_BYTES, "big")
        nonce = os.urandom(NONCE_BYTES)
        cipher = self._segment(self._keys.newest, slot.sequence)
        whole = sha256(plaintext).digest() + plaintext
        return number + nonce + cipher.seal(nonce, whole, self._bound(slot, number))

    def unseal(self, slot: Slot, payload: bytes) -> bytes:
        """The plaintext of `payload`, or `BrokenChainError` that says what it is not."""
        number = payload[:_NUMBER_BYTES]
        key = int.from_bytes(number, "big")
        if len(payload) < OVERHEAD:
            raise self._broken(slot, "its ciphertext is cut")
        if key not in self._keys.by_number:
            raise self._broken(slot, f"the key ring has no data key {key}")
        try:
            whole = self._segment(key, slot.sequence).unseal(
                payload[_NONCE_AT:_SEALED_AT], payload[_SEALED_AT:], self._bound(slot, number)
            )
        except SealBrokenError:
            raise self._broken(
                slot, "its ciphertext was changed, or was not written for this place"
            ) from None
        plaintext = whole[_ID_BYTES:]
        if sha256(plaintext).digest() != whole[:_ID_BYTES]:
            raise self._broken(slot, "its id is not that of its plaintext")
        return plaintext

    def seal_aside(self, purpose: str, plaintext: bytes) -> bytes:
        """`plaintext` for a file beside the journal, bound to the journal and to `purpose`."""
        number = self._keys.newest.to_bytes(_NUMBER_BYTES, "big")
        nonce = os.urandom(NONCE_BYTES)
        cipher = self._beside(self._keys.newest, purpose)
        return number + nonce + cipher.seal(nonce, plaintext, number)

    def unseal_aside(self, purpose: str, sealed: bytes) -> bytes | None:
        """What `seal_aside` was given; None where it is not whole, or not this journal's."""
        number = sealed[:_NUMBER_BYTES]
        key = int.from_bytes(number, "big")
        if key not in self._keys.by_number or len(sealed) < _SEALED_AT + TAG_BYTES:
            return None
        try:
            return self._beside(key, purpose).unseal(
                sealed[_NONCE_AT:_SEALED_AT], sealed[_SEALED_AT:], number
            )
        except SealBrokenError:
            return None

    def _segment(self, number: int, sequence: int) -> Cipher:
        place = (number, sequence >> SEGMENT_BITS)
        cipher = self._segments.get(place)
        if cipher is None:
            purpose = _TAG + self._journal_id + b"".join(part.to_bytes(8, "big") for part in place)
            cipher = Cipher(derive(self._keys.by_number[number], b"", purpose))
            self._segments[place] = cipher
        return cipher

    def _beside(self, number: int, purpose: str) -> Cipher:
        cipher = self._aside.get((number, purpose))
        if cipher is None:
            bound = b"refold/aside/v1\x00" + self._journal_id + purpose.encode("utf-8")
            cipher = Cipher(derive(self._keys.by_number[number], b"", bound))
            self._aside[number, purpose] = cipher
        return cipher

    def _bound(self, slot: Slot, number: bytes) -> bytes:
        sequence = slot.sequence.to_bytes(8, "big")
        return b"".join(
            (_TAG, self._journal_id, sequence, slot.before, slot.topic, slot.header, number)
        )

    def _broken(self, slot: Slot, problem: str) -> BrokenChainError:
        return BrokenChainError(self._where, slot.sequence, problem)


def number_of(payload: bytes) -> int:
    """The data key that a payload names."""
    return int.from_bytes(payload[:_NUMBER_BYTES], "big")
