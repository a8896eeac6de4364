"""The master key: 32 bytes a person keeps, which open a journal's key ring and nothing else.

shape   `MasterKey` holds them and shows only a fingerprint; `read_key(text, source)` reads one
forms   base64 (with + / or - _; 44 characters), or hex (64); white space around it does not count
errors  `KeyTextError`, which never has the text in it
why     a word a person can remember is no key: it is refused for its length, never stretched
"""

import base64
import binascii
import hmac
import os
import re
from hashlib import sha256
from typing import NoReturn

from journal.errors import KeyTextError

KEY_BYTES = 32
_HEX = re.compile(r"[0-9a-fA-F]{64}")
_BASE64 = re.compile(r"[A-Za-z0-9+/]{43}=|[A-Za-z0-9_-]{43}=?")
_FEW = 8
"""A random key has some 30 distinct bytes; one with fewer than this was typed by hand."""


class MasterKey:
    """A master key; its text, its repr and a pickle of it give nothing away."""

    __slots__ = ("_key",)

    def __init__(self, key: bytes) -> None:
        if len(key) != KEY_BYTES:
            message = f"master key: expected {KEY_BYTES} bytes, found {len(key)}"
            raise ValueError(message)
        self._key = key

    @property
    def secret(self) -> bytes:
        """The 32 bytes."""
        return self._key

    @property
    def fingerprint(self) -> str:
        """12 hex digits by which people tell keys apart; nothing about the key follows from it."""
        return sha256(b"refold/master-key/v1\x00" + self._key).hexdigest()[:12]

    @property
    def text(self) -> str:
        """The key as `keys new` writes it: base64."""
        return base64.b64encode(self._key).decode("ascii")

    def __eq__(self, other: object) -> bool:
        return isinstance(other, MasterKey) and hmac.compare_digest(self._key, other._key)

    def __hash__(self) -> int:
        return hash(self.fingerprint)

    def __repr__(self) -> str:
        return f"MasterKey({self.fingerprint}, not shown)"

    def __reduce__(self) -> NoReturn:
        message = "master key: expected to stay in this process, found an attempt to pickle it"
        raise TypeError(message)


def new_key() -> MasterKey:
    """A key drawn from the system's generator; only `keys new` asks for one."""
    return MasterKey(os.urandom(KEY_BYTES))


def looks_like_key(text: str) -> bool:
    """Whether `text` has the form of a key, whatever its bytes are."""
    text = text.strip()
    return bool(_HEX.fullmatch(text) or _BASE64.fullmatch(text))


def read_key(text: str, source: str) -> MasterKey:
    """The key that `text`, from `source`, writes."""
    text = text.strip()
    if _HEX.fullmatch(text):
        key = bytes.fromhex(text)
    elif _BASE64.fullmatch(text):
        padded = text.rstrip("=") + "="
        try:
            key = base64.b64decode(padded.translate(str.maketrans("-_", "+/")), validate=True)
        except binascii.Error:
            raise KeyTextError(source, "another text") from None
    else:
        found = f"{len(text)} characters that are neither" if text else "nothing"
        raise KeyTextError(source, found)
    if len(set(key)) < _FEW:
        raise KeyTextError(source, "a key that was not drawn at random")
    return MasterKey(key)
