"""Journals in this process's memory, for tests: by name, gone with the process."""

from eventsourcing.persistence import InfrastructureFactory
from eventsourcing.utils import Environment

from journal.codec import Row
from journal.errors import JournalMissingError
from journal.store import RecorderStore
from journal.url import JournalUrl

_STORES: dict[str, "MemoryStore"] = {}


class MemoryStore(RecorderStore):
    """The generic store; one journal a recorder, so its notification n is the row n - 1."""

    def scan(self, after: int, limit: int) -> list[Row]:
        """See `Store`; the recorder's own selection would walk the whole journal for each page."""
        found = self._recorder.select_notifications(start=after + 2, limit=limit)
        return [(event.originator_version, event.topic, event.state) for event in found]


def memory_store(url: JournalUrl, *, create: bool) -> MemoryStore:
    """The store of `url`'s name; an anonymous one is always new and never found again."""
    if not create:
        if not url.name or url.name not in _STORES:
            raise JournalMissingError(url.where)
        return _STORES[url.name]
    store = _STORES.get(url.name) if url.name else None
    if store is None:
        environment = Environment("journal", {"PERSISTENCE_MODULE": "eventsourcing.popo"})
        store = MemoryStore(InfrastructureFactory.construct(environment).application_recorder())
        if url.name:
            _STORES[url.name] = store
    return store


def forget(name: str) -> None:
    """Drop a journal from memory."""
    _STORES.pop(name, None)
