"""A view: the records a fold keeps, by kind and key, in memory or in front of a table.

shape   `Kind("order", Order)` names records of one struct; `view.get(ORDER, key)` reads one
order   `keys` are in the order of their text, which is also that of their UTF-8 bytes in SQLite
why     a fold sees one record at a time, so the same fold runs in a dict (`show --at`) and in
        front of a table (the store) in constant memory, and writes only what it changed
"""

from collections.abc import Iterator
from typing import Generic, Protocol, TypeVar, cast

import msgspec

Record = TypeVar("Record", bound=msgspec.Struct)


class Kind(Generic[Record]):
    """The name and struct of one kind of record; `decode` reads what `msgspec.json` wrote."""

    def __init__(self, name: str, struct: type[Record]) -> None:
        """`name` is unique in a projection; `struct` is frozen."""
        self.name = name
        self.decode = msgspec.json.Decoder(struct).decode


class Backing(Protocol):
    """Where the records that a view does not hold are read from."""

    def load(self, kind: str, key: str) -> bytes | None:
        """The stored record, or None."""

    def stored_keys(self, kind: str) -> Iterator[str]:
        """The keys of all stored records of a kind."""


class View:
    """Records by kind and key. A record is replaced whole, never changed in place."""

    def __init__(self, backing: Backing | None = None) -> None:
        """An empty view, or one in front of `backing`."""
        self._backing = backing
        self._held: dict[str, dict[str, msgspec.Struct | None]] = {}
        self._changed: dict[str, set[str]] = {}

    def get(self, kind: Kind[Record], key: str) -> Record | None:
        """The record at `key`, or None."""
        held = self._held.setdefault(kind.name, {})
        if key in held:
            return cast(Record | None, held[key])
        if self._backing is None:
            return None
        stored = self._backing.load(kind.name, key)
        record = None if stored is None else kind.decode(stored)
        held[key] = record
        return record

    def put(self, kind: Kind[Record], key: str, record: Record | None) -> None:
        """Replace the record at `key`; None removes it."""
        self._held.setdefault(kind.name, {})[key] = record
        if self._backing is not None:
            self._changed.setdefault(kind.name, set()).add(key)

    def keys(self, kind: str) -> list[str]:
        """The keys of all records of a kind, in order."""
        held = self._held.get(kind, {})
        if self._backing is None:
            return sorted(key for key, record in held.items() if record is not None)
        stored = {key for key in self._backing.stored_keys(kind) if key not in held}
        return sorted(stored.union(key for key, record in held.items() if record is not None))

    def take_changed(self) -> dict[str, dict[str, msgspec.Struct | None]]:
        """What changed since this was last asked: kind -> key -> record, None where removed."""
        changed = {
            kind: {key: self._held[kind][key] for key in sorted(keys)}
            for kind, keys in self._changed.items()
        }
        self._changed = {}
        return changed

    def held(self) -> int:
        """How many records are in memory."""
        return sum(len(records) for records in self._held.values())

    def forget(self) -> None:
        """Drop what is in memory; only with a backing, and only with nothing changed."""
        if self._backing is not None and not self._changed:
            self._held = {}
