"""The one door to the library `cryptography`: an authenticated cipher and a key derivation.

shape   `seal` and `unseal` are AES-256-GCM with a 96-bit nonce and a 128-bit tag; `derive` is
        HKDF-SHA256 to 32 bytes
errors  `CipherUnusableError` where the library is missing, broken, or gives wrong answers: known
        ones are asked for before its first use. `SealBrokenError` where a tag does not fit
why     imported when first needed: verify, and any plain journal, live without it
"""

from collections.abc import Callable
from functools import cache
from typing import Any, NamedTuple

from journal.errors import CipherUnusableError

NONCE_BYTES = 12
TAG_BYTES = 16
KEY_BYTES = 32

_ZEROS = bytes(16)
_KNOWN_SEAL = bytes.fromhex(
    "cea7403d4d606b6e074ec5d3baf39d18"  # the GCM specification's test case 14: all zero
    "d0d1c8a799996bf0265b98b5d48ab919"
)
_KNOWN_KEY = bytes.fromhex(
    "3cb25f25faacd57a90434f64d0362f2a"  # RFC 5869's test case 1, its first 32 bytes
    "2d2d0a90cf1a5a4c5db02d56ecc4c5bf"
)


class SealBrokenError(Exception):
    """A ciphertext is not the one that was sealed with this key for this place."""


class _Library(NamedTuple):
    cipher: Callable[[bytes], Any]
    derive: Callable[[bytes, bytes, bytes], bytes]
    invalid: type[Exception]


class Cipher:
    """AES-256-GCM under one key."""

    __slots__ = ("_cipher", "_invalid")

    def __init__(self, key: bytes) -> None:
        library = _library()
        self._cipher = library.cipher(key)
        self._invalid = library.invalid

    def seal(self, nonce: bytes, plaintext: bytes, bound: bytes) -> bytes:
        """Ciphertext and tag of `plaintext`, bound to `bound`."""
        sealed: bytes = self._cipher.encrypt(nonce, plaintext, bound)
        return sealed

    def unseal(self, nonce: bytes, sealed: bytes, bound: bytes) -> bytes:
        """What was sealed, or `SealBrokenError`."""
        try:
            plaintext: bytes = self._cipher.decrypt(nonce, sealed, bound)
        except (self._invalid, ValueError):
            raise SealBrokenError from None
        return plaintext


def derive(key: bytes, salt: bytes, purpose: bytes) -> bytes:
    """A key of its own for `purpose`."""
    return _library().derive(key, salt, purpose)


def must_be_usable() -> None:
    """`CipherUnusableError` unless the library is there and gives the known answers."""
    _library()


@cache
def _library() -> _Library:
    try:
        library = _imported()
        problem = _wrong_answer(library)
    except (KeyboardInterrupt, SystemExit, MemoryError):
        raise
    except BaseException as error:  # noqa: BLE001 - a broken build panics past Exception
        text = " ".join(str(error).split())[:120]
        raise CipherUnusableError(f"{type(error).__name__}: {text}") from None
    if problem:
        raise CipherUnusableError(problem)
    return library


def _imported() -> _Library:
    from cryptography.exceptions import InvalidTag
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM
    from cryptography.hazmat.primitives.hashes import SHA256
    from cryptography.hazmat.primitives.kdf.hkdf import HKDF

    def hkdf(key: bytes, salt: bytes, purpose: bytes) -> bytes:
        return HKDF(algorithm=SHA256(), length=KEY_BYTES, salt=salt, info=purpose).derive(key)

    return _Library(AESGCM, hkdf, InvalidTag)


def _wrong_answer(library: _Library) -> str:
    cipher = library.cipher(_ZEROS * 2)
    if cipher.encrypt(_ZEROS[:NONCE_BYTES], _ZEROS, None) != _KNOWN_SEAL:
        return "its AES-GCM gives a wrong answer"
    for place in (0, len(_KNOWN_SEAL) - 1):
        changed = bytearray(_KNOWN_SEAL)
        changed[place] ^= 1
        try:
            cipher.decrypt(_ZEROS[:NONCE_BYTES], bytes(changed), None)
        except library.invalid:
            continue
        return "its AES-GCM opens what was changed"
    if library.derive(b"\x0b" * 22, bytes(range(13)), bytes(range(0xF0, 0xFA))) != _KNOWN_KEY:
        return "its HKDF gives a wrong answer"
    return ""
