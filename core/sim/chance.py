"""Integers by chance, the same on every machine.

shape   a draw is named by its purpose: (seed, "venue", client_order_id, purpose, n) has a generator
        of its own, so an order's luck depends on no other order and on no attempt number
units   latencies in microseconds, rates as decimals from 0 to 1
why     only `getrandbits` is used: no float is ever rounded, and none can differ by platform
"""

from decimal import Decimal
from typing import Protocol

from core.rng import Part, rng_from_parts, stable_sha256_int
from core.values import CONTEXT

_RATE_BITS = 32


class Bits(Protocol):
    """A source of random bits, such as `random.Random`."""

    def getrandbits(self, k: int, /) -> int:
        """`k` random bits as an integer."""
        ...


def below(bits: Bits, limit: int) -> int:
    """An integer from 0 to `limit` - 1; the bias is under `limit` / 2^64."""
    return bits.getrandbits(64) % limit


def between(bits: Bits, low: int, high: int) -> int:
    """An integer from `low` to `high`, both included."""
    return low + below(bits, high - low + 1)


def happens(bits: Bits, rate: Decimal) -> bool:
    """Whether something of probability `rate` happens; draws once whatever the rate."""
    return bits.getrandbits(_RATE_BITS) < int(CONTEXT.multiply(rate, Decimal(1 << _RATE_BITS)))


def venue_bits(seed: int, client_order_id: str, purpose: str, n: Part) -> Bits:
    """The generator of one purpose of one order, and of nothing else."""
    return rng_from_parts(seed, "venue", client_order_id, purpose, n)


def venue_id(seed: int, client_order_id: str, purpose: str, n: int) -> str:
    """An id the venue gives out: 32 hex digits, a hash and never a counter."""
    return f"{stable_sha256_int(seed, 'venue', client_order_id, purpose, n):064x}"[:32]
