"""Canonical bytes (RFC 8785 JSON) and the ids made of them.

shape   struct or plain data -> bytes, keys sorted, no white space, shortest escapes, UTF-8
        id = sha256 of those bytes, 64 lower-case hex digits; `sha256sum` gives the same
limits  keys are ASCII, so byte order is RFC 8785's UTF-16 order; there are no floats to format
"""

import hashlib

import msgspec

_ENCODER = msgspec.json.Encoder(order="sorted")


def canonical_bytes(value: object) -> bytes:
    """RFC 8785 bytes of a struct, or of dicts, lists, strings, integers, booleans and None."""
    return _ENCODER.encode(value)


def sha256_hex(data: bytes) -> str:
    """sha256 of `data`, lower-case hex."""
    return hashlib.sha256(data).hexdigest()


def content_id(value: object) -> str:
    """The id of `value`: sha256 of its canonical bytes."""
    return hashlib.sha256(_ENCODER.encode(value)).hexdigest()
