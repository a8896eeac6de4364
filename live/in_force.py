"""The configuration a journal has in force: its last snapshot, read without writing.

errors  a `JournalError` where the journal cannot be read; None where there is no journal yet
cost    every stored byte is checked up to the head, but only the snapshots are decoded
"""

import contextlib

from core.events import ConfigSnapshot
from journal import open_journal
from journal.errors import JournalMissingError
from live.configuration import Loaded
from live.feeds.errors import BadInputError
from live.inputs import make_feed


def snapshot_in_force(url: str) -> tuple[int, ConfigSnapshot] | None:
    """The sequence of the last `ConfigSnapshot` and the snapshot, or None."""
    try:
        journal = open_journal(url, read_only=True, accept_anchor_missing=True)
    except JournalMissingError:
        return None
    tag = ConfigSnapshot.__struct_config__.tag
    with contextlib.closing(journal):
        last = None
        for recorded in journal.read():
            if recorded.tag == tag:
                last = recorded
        if last is None:
            return None
        event = last.event
        assert isinstance(event, ConfigSnapshot)
        return last.sequence, event


def symbols_of_market(loaded: Loaded) -> tuple[str, ...] | None:
    """The symbols an empty `symbols` means; None where the market cannot be read from here."""
    if loaded.config.market.kind not in ("sim", "csv"):
        return None
    try:
        return tuple(make_feed(loaded.config).symbols)
    except BadInputError:
        return None
