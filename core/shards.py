"""A persistent map for many keys: changing one copies one shard, never the whole.

shape   key (any text) -> value; a shard is keyed by the last character of the key: 32 of them for
        order ids, which end in base 32
why     closed intents stay in the state for two sessions, to amend them by late reports; copying
        one dict of them at every close would make a busy day's fold quadratic. With two characters
        a change would copy 1,024 shards' names: dearer below 20,000 intents
"""

from collections.abc import Iterator, Mapping
from typing import Generic, TypeVar

import msgspec

V = TypeVar("V")


class Shards(msgspec.Struct, Generic[V], frozen=True, gc=False):
    """An immutable map; `with_item` and `without` give changed copies."""

    shards: dict[str, dict[str, V]] = {}

    def get(self, key: str) -> V | None:
        """The value at `key`, or None."""
        shard = self.shards.get(key[-1:])
        return None if shard is None else shard.get(key)

    def with_item(self, key: str, value: V) -> "Shards[V]":
        """A copy with `key` set to `value`."""
        shard = {**self.shards.get(key[-1:], {}), key: value}
        return Shards({**self.shards, key[-1:]: shard})

    def without(self, keys: Mapping[str, object] | set[str]) -> "Shards[V]":
        """A copy without `keys`."""
        kept: dict[str, dict[str, V]] = {}
        for name, shard in self.shards.items():
            rest = {key: value for key, value in shard.items() if key not in keys}
            if rest:
                kept[name] = rest
        return Shards(kept)

    def items(self) -> Iterator[tuple[str, V]]:
        """All pairs, in the order of the keys."""
        pairs = [pair for shard in self.shards.values() for pair in shard.items()]
        return iter(sorted(pairs, key=lambda pair: pair[0]))
