"""The kept state of a journal: a file beside it that spares a start the fold from sequence 1.

place   `<journal>.snapshot`, beside the anchor, of a server's journal in its local folder; a
        journal in memory has none. A file of its own, not a row of the projections: it has another
        writer, who must not wait for a rebuild, and one rename replaces it whole
rules   Only a state whose events are committed is ever handed over. What is read is compared with
        this journal and this core, and with the chain at its sequence; whatever does not agree is
        dropped with one line and the fold starts at 1. Deleting the file changes nothing but time
dies    in a write: `<journal>.snapshot.new` is left, which nobody reads and the next write
        replaces. At the rename: the old one or the new one, both good. Its folder is not synced:
        after a power loss the old one may stand there again
cost    written every `every` events at the least, and never more than BYTES_PER_EVENT bytes for
        each event since the last one, so an event costs the same however large the state is
"""

import contextlib
import os
import stat
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from core import snapshot
from core.snapshot import SnapshotError
from core.state import INITIAL, State
from journal import GENESIS, Head, Journal, JournalUrl
from journal.anchor import beside
from live.core_source import core_source_hash

BYTES_PER_EVENT = 1_000
"""A snapshot of this many bytes takes about as long as one event: some microseconds."""

Say = Callable[[str], None]


class Seal(NamedTuple):
    """How an encrypted journal's snapshot is written and read: the whole file, envelope and all.

    `unseal` raises `ValueError` for what it cannot read.
    """

    seal: Callable[[bytes], bytes]
    unseal: Callable[[bytes], bytes]


PURPOSE = "snapshot"


def seal_of(journal: Journal) -> Seal:
    """As the journal is sealed, so is what lies beside it; a plain one's is plain."""

    def unseal(data: bytes) -> bytes:
        plain = journal.unseal(PURPOSE, data)
        if plain is None:
            message = "it is not sealed by this journal's keys, or not whole"
            raise SnapshotError(message)
        return plain

    return Seal(lambda data: journal.seal(PURPOSE, data), unseal)


def say_to_standard_error(line: str) -> None:
    """One line for people; one that cannot be written stops nothing."""
    with contextlib.suppress(OSError, ValueError):
        sys.stderr.write(f"refold: {line}\n")


class Snapshots:
    """The snapshot of one open journal: what is kept, and when it is kept anew.

    `every`: events, 0 writes none.
    """

    def __init__(
        self, journal: Journal, *, every: int = 0, seal: Seal | None = None, say: Say | None = None
    ) -> None:
        self.journal = journal
        self.path = snapshot_path(journal.url)
        self.every = every
        self.seal = seal_of(journal) if seal is None else seal
        self.say = say_to_standard_error if say is None else say
        self._kept_at = 0
        self._size = 0

    def newest(self) -> tuple[State, Head]:
        """The state to start from and the head it is the fold of; else that of no events."""
        if self.path is None:
            return INITIAL, GENESIS
        try:
            state, head, self._size = self._read(self.path)
        except FileNotFoundError:
            if self.every and self.journal.head.sequence > self.every:
                self._dropped("expected one, found no file")
        except (OSError, ValueError) as error:
            self._dropped(str(error))
        else:
            self._kept_at = head.sequence
            return state, head
        return INITIAL, GENESIS

    def offer(self, state: State, head: Head) -> None:
        """Keep `state`, the fold of the committed events up to `head`, if it is time to."""
        since = head.sequence - self._kept_at
        if self.every and since >= max(self.every, self._size // BYTES_PER_EVENT):
            self.keep(state, head)

    def keep(self, state: State, head: Head) -> None:
        """Keep `state`, the fold of the committed events up to `head`. A failure costs time only.

        It is not tried again before the next one is due.
        """
        if self.path is None or not self.every or head.sequence == self._kept_at:
            return
        plain = snapshot.encode(
            state, sequence=head.sequence, chain=head.chain, source=core_source_hash()
        )
        self._kept_at, self._size = head.sequence, len(plain)
        try:
            write_whole(self.path, self.seal.seal(plain))
        except OSError as error:
            self.say(f"snapshot {self.path}: not written: {error.strerror}; a restart takes longer")

    def discard(self) -> None:
        """Take the file away: what lies before it in the journal is not as it was written.

        dies  before it: the next start is stopped by its full pass again; after it: at its fold
        """
        if self.path is None:
            return
        try:
            self.path.unlink(missing_ok=True)
        except OSError as error:
            self.say(f"snapshot {self.path}: not removed: {error.strerror}; remove it by hand")

    def _read(self, path: Path) -> tuple[State, Head, int]:
        if not stat.S_ISREG(path.stat().st_mode):
            message = "expected a file, found a folder, a pipe or a device"
            raise SnapshotError(message)
        data = self.seal.unseal(path.read_bytes())
        envelope, body = snapshot.opened(
            data, journal_id=self.journal.journal_id, source=core_source_hash()
        )
        chain = self.journal.chain_at(envelope.sequence)
        if chain is None:
            last = self.journal.head.sequence
            message = f"sequence: expected at most {last}, found {envelope.sequence}"
            raise SnapshotError(message)
        if chain != envelope.chain:
            message = f"chain at {envelope.sequence}: expected {chain[:12]}, found "
            raise SnapshotError(message + envelope.chain[:12])
        return snapshot.state_of(body), Head(envelope.sequence, chain), len(data)

    def _dropped(self, why: str) -> None:
        self.say(f"snapshot {self.path}: {why}; not used, the journal is folded from sequence 1")


def snapshot_path(url: JournalUrl) -> Path | None:
    """Where the snapshot of a journal lies; None in memory."""
    return None if url.local is None else beside(url.local, ".snapshot")


def write_whole(path: Path, data: bytes) -> None:
    """Replace the file at `path` by one with `data`, on disk before it gets the name.

    dies  before `replace`: the old file, and a `.new` beside it; after it: the new file
    """
    new = path.with_name(f"{path.name}.new")
    fd = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o644)
    try:
        left = memoryview(data)
        while left:
            left = left[os.write(fd, left) :]
        os.fsync(fd)
    finally:
        os.close(fd)
    os.replace(new, path)  # noqa: PTH105 - beside the other calls of os, which campaigns count
