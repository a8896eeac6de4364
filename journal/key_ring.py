"""The key ring: the data keys of one journal, each sealed by the master key, and all bound to it.

A row of its own in the journal's own file or schema, made in the commit that makes the journal. So
it travels with every copy, cannot be lost alone, and is replaced in one transaction or not at all.

Stored: canonical JSON of these fields, a line feed, and sha256 of the JSON in hex

    format      1
    generation  1, and one more with every rotation
    salt        32 hex digits, drawn anew with every rotation
    check       64 hex digits: tells a wrong master key from a damaged ring
    keys        the sealed data keys: [number, nonce, ciphertext and tag], numbers from 1 on
    seal        nonce and tag over all of the above, under the master key: no data key can be added,
                dropped or taken from an older ring

Three keys come of the master key by HKDF-SHA256, salted with `salt` and bound to `binding` (journal
id and the chain of sequence 1): one that is `check`, one that seals the data keys, one for `seal`.
Each seals at most once per data key and rotation, under a random nonce.

Rotation seals every data key anew under the new master key and adds one, which seals all events
from there on. So the old master key opens neither this ring nor, with an old copy of the ring, an
event appended since. What it opened before it opens for ever: no rotation takes that back.
"""

import hmac
import os
from collections.abc import Mapping
from hashlib import sha256
from typing import NamedTuple

import msgspec

from core.canonical import canonical_bytes
from journal.errors import KeyRingError, WrongKeyError
from journal.master_key import MasterKey
from journal.primitives import KEY_BYTES, NONCE_BYTES, Cipher, SealBrokenError, derive

FORMAT = 1
_PURPOSE = b"refold/key-ring/v1/"
_SALT_BYTES = 16


class Place(NamedTuple):
    """Whose ring it is: how messages name the journal, its id, and the chain of sequence 1."""

    where: str
    journal_id: str
    first_chain: str

    @property
    def binding(self) -> bytes:
        """What every key of the ring is bound to."""
        return bytes.fromhex(self.journal_id) + bytes.fromhex(self.first_chain)


class DataKeys(NamedTuple):
    """The opened ring: data keys by number; the newest seals what is appended."""

    by_number: Mapping[int, bytes]
    newest: int

    def __repr__(self) -> str:
        return f"DataKeys({len(self.by_number)}, not shown)"


class _Ring(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    format: int
    generation: int
    salt: str
    check: str
    keys: tuple[tuple[int, str, str], ...]
    seal: str = ""


class _Masters:
    """What a master key is used as, for one ring."""

    def __init__(self, master: MasterKey, salt: bytes, place: Place) -> None:
        purpose = _PURPOSE + place.binding
        self.check = derive(master.secret, salt, b"check/" + purpose).hex()
        self.wrap = Cipher(derive(master.secret, salt, b"wrap/" + purpose))
        self.whole = Cipher(derive(master.secret, salt, b"whole/" + purpose))


def new_ring(master: MasterKey, place: Place) -> bytes:
    """The ring of a new journal, with its first data key."""
    return _sealed(master, place, 1, {1: os.urandom(KEY_BYTES)})


def open_ring(stored: bytes | None, master: MasterKey, place: Place) -> DataKeys:
    """The data keys; `WrongKeyError` for another master key, `KeyRingError` for a harmed ring."""
    return _opened(_parsed(stored, place.where), master, place)


def rotated(stored: bytes | None, old: MasterKey, new: MasterKey, place: Place) -> bytes:
    """The ring under `new`, with one data key more."""
    ring = _parsed(stored, place.where)
    known = _opened(ring, old, place)
    keys = {**known.by_number, known.newest + 1: os.urandom(KEY_BYTES)}
    return _sealed(new, place, ring.generation + 1, keys)


def numbers_of(stored: bytes | None, where: str) -> frozenset[int]:
    """The numbers of the data keys, read without a key; `KeyRingError` where it is no ring."""
    return frozenset(number for number, _, _ in _parsed(stored, where).keys)


def _parsed(stored: bytes | None, where: str) -> _Ring:
    if stored is None:
        raise KeyRingError(where, "none")
    text, _, digest = bytes(stored).rpartition(b"\n")
    if sha256(text).hexdigest().encode() != digest:
        raise KeyRingError(where, "one whose bytes are not those that were written")
    try:
        ring = msgspec.json.decode(text, type=_Ring)
        bytes.fromhex(ring.salt + ring.seal + "".join(n + w for _, n, w in ring.keys))
    except (msgspec.MsgspecError, ValueError) as error:
        raise KeyRingError(where, f"something else ({error})") from None
    if ring.format != FORMAT or not ring.keys:
        raise KeyRingError(where, f"one of format {ring.format} with {len(ring.keys)} keys")
    return ring


def _sealed(master: MasterKey, place: Place, generation: int, keys: Mapping[int, bytes]) -> bytes:
    salt = os.urandom(_SALT_BYTES)
    masters = _Masters(master, salt, place)
    wrapped = []
    for number, key in sorted(keys.items()):
        nonce = os.urandom(NONCE_BYTES)
        sealed = masters.wrap.seal(nonce, key, number.to_bytes(4, "big"))
        wrapped.append((number, nonce.hex(), sealed.hex()))
    ring = _Ring(FORMAT, generation, salt.hex(), masters.check, tuple(wrapped))
    nonce = os.urandom(NONCE_BYTES)
    seal = nonce + masters.whole.seal(nonce, b"", canonical_bytes(ring))
    text = canonical_bytes(msgspec.structs.replace(ring, seal=seal.hex()))
    return text + b"\n" + sha256(text).hexdigest().encode()


def _opened(ring: _Ring, master: MasterKey, place: Place) -> DataKeys:
    masters = _Masters(master, bytes.fromhex(ring.salt), place)
    if not hmac.compare_digest(masters.check, ring.check):
        raise WrongKeyError(place.where, master.fingerprint)
    seal = bytes.fromhex(ring.seal)
    unsealed = canonical_bytes(msgspec.structs.replace(ring, seal=""))
    try:
        masters.whole.unseal(seal[:NONCE_BYTES], seal[NONCE_BYTES:], unsealed)
        keys = {
            number: masters.wrap.unseal(
                bytes.fromhex(nonce), bytes.fromhex(wrapped), number.to_bytes(4, "big")
            )
            for number, nonce, wrapped in ring.keys
        }
    except (SealBrokenError, OverflowError):
        raise KeyRingError(place.where, "one that was changed") from None
    return DataKeys(keys, max(keys))
