"""Randomness that replay can repeat: a generator of its own for each named purpose.

shape   parts (seed, "venue", client_order_id, 3) -> sha256 -> integer -> `random.Random`
why     one unrelated draw more or less changes nobody else's numbers, and no global state exists.
        Only `Random.random` and `getrandbits` are promised alike on every Python version.
"""

import hashlib
from random import Random

Part = str | int
__all__ = ["Part", "Random", "rng_from_parts", "stable_sha256_int"]


def stable_sha256_int(*parts: Part) -> int:
    """A 256-bit integer from `parts`, each tagged with its type and length, so none run together.

    ("ab", "c") and ("a", "bc") differ, and so do 1 and "1".
    """
    digest = hashlib.sha256(b"refold/rng/v1\x00")
    for part in parts:
        kind = b"s" if isinstance(part, str) else b"i"
        data = str(part).encode("utf-8")
        digest.update(kind + len(data).to_bytes(8, "big") + data)
    return int.from_bytes(digest.digest(), "big")


def rng_from_parts(seed: int, *parts: Part) -> Random:
    """A generator that depends on `seed` and `parts` and on nothing else."""
    return Random(stable_sha256_int(seed, *parts))
