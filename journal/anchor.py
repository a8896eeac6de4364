"""The head kept outside the journal: without it a lost tail cannot be told from an older state.

A flipped bit in a WAL makes SQLite drop every commit behind it, and what is left has a sound file
and a sound chain. So has a restored backup. Only a second place that says how far the journal had
been can tell.

File `<journal>.anchor`, 12288 bytes, written once in full and then only in place, never renamed

    offset  size  slot
         0  4096  0, synced: `sync` writes 0 and 1 in turn, with one fdatasync each,
      4096  4096  1, synced: so a torn write never costs more than one
      8192  4096  2, written after every commit, not synced: survives SIGKILL, and is never ahead

Slot (integers are big-endian; the rest of its 4096 bytes is zero)

    offset  size  field
         0     8  magic: "refoldA1"
         8    16  journal id, raw
        24     8  sequence
        32    32  chain at that sequence
        64     8  counter: goes up with every write to the file
        72    32  sha256 of bytes 0 to 71

A slot that does not hash is ignored as long as another one is valid. All valid slots must lie on
the journal's chain; the one with the highest sequence says how far the journal has been.

What if the process dies on each line of a write? Before `pwrite`: the slot is as it was. Within:
the slot does not hash and the other two hold. After: it is newer, and the commit it names was
durable before `pwrite` was called, so no slot is ever ahead of the journal.

Nor does one go back: a runner that was paused, or that closes after it was fenced, finds the newer
one's slots and leaves them. (Between its look and its write it can still be paused; then the other
slots hold, and the next write of the newer runner mends it.) Only `reset` writes less.
"""

import fcntl
import os
import struct
import sys
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

from journal.errors import AnchorMissingError
from journal.recorded import GENESIS, Head

SLOT_SIZE = 4096
SLOTS = 3
UNSYNCED_SLOT = 2
_MAGIC = b"refoldA1"
_BODY = struct.Struct(">8s16sQ32sQ")
_SIZE = _BODY.size + 32


class Slot(NamedTuple):
    """One valid slot."""

    place: int
    journal_id: str
    head: Head
    counter: int


def anchor_path(journal: Path) -> Path:
    """Where the anchor of a journal file lies."""
    return beside(journal, ".anchor")


def beside(journal: Path, suffix: str) -> Path:
    """The side file of a journal, beside the real file and not a link, as SQLite does it."""
    real = Path(os.path.realpath(journal))
    return real.with_name(real.name + suffix)


def read_slots(path: Path) -> list[Slot]:
    """The valid slots of an anchor file, highest sequence first; `AnchorMissingError` if none."""
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        raise AnchorMissingError(path, "no file") from None
    except OSError as error:
        raise AnchorMissingError(path, f"a file that cannot be read ({error.strerror})") from None
    pieces = (data[index * SLOT_SIZE : index * SLOT_SIZE + _SIZE] for index in range(SLOTS))
    slots = [slot for index, piece in enumerate(pieces) if (slot := _slot(piece, index))]
    if not slots:
        raise AnchorMissingError(path, "a file without one valid slot")
    return sorted(slots, key=lambda slot: (slot.head.sequence, slot.counter), reverse=True)


class Anchor:
    """An open anchor file. `note` after every commit, `sync` before bytes go to a broker."""

    def __init__(self, path: Path, journal_id: str) -> None:
        """Open the file of this journal; all its valid slots must have been checked before."""
        self._journal_id = bytes.fromhex(journal_id)
        self.path = path
        counters = {slot.place: slot.counter for slot in read_slots(path)}
        self._counter = max(counters.values())
        self._next_slot = min((0, 1), key=lambda index: counters.get(index, -1))
        self._synced: Head | None = None
        self._written = [(b"", 0)] * SLOTS  # what was read once need not be hashed again
        self._fd = os.open(path, os.O_RDWR | os.O_CLOEXEC)

    def note(self, head: Head) -> None:
        """Write the third slot, unsynced."""
        self._write(UNSYNCED_SLOT, head)

    def sync(self, head: Head) -> None:
        """Write a synced slot and wait for the disk; nothing if the head is there already."""
        if head == self._synced:
            return
        self._write(self._next_slot, head)
        sync_data(self._fd)
        self._next_slot ^= 1
        self._synced = head

    def reset(self, head: Head) -> None:
        """Write every slot: a rollback was accepted. A death in between is mended at open."""
        self._synced = head
        for index in range(SLOTS):
            self._write(index, head, lower=True)
            sync_data(self._fd)

    def close(self) -> None:
        """Close the file."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def _write(self, index: int, head: Head, *, lower: bool = False) -> None:
        """Write a slot; one that says more is a newer runner's, and stays."""
        found, ours = os.pread(self._fd, _SIZE, index * SLOT_SIZE), self._written[index]
        there = ours[1] if found == ours[0] else _sequence(_slot(found, index))
        if there > head.sequence and not lower:
            return
        self._counter += 1
        data = _pack(self._journal_id, head, self._counter)
        if os.pwrite(self._fd, data, index * SLOT_SIZE) != len(data):
            raise OSError(f"{self.path}: expected to write {len(data)} bytes in one piece")
        self._written[index] = data, head.sequence


def create_anchor(path: Path, journal_id: str, head: Head = GENESIS) -> None:
    """Write a whole new anchor file at `head`, on disk with its directory entry when it returns."""
    slot = _pack(bytes.fromhex(journal_id), head, 1).ljust(SLOT_SIZE, b"\0")
    fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        os.pwrite(fd, slot * SLOTS, 0)
        os.ftruncate(fd, SLOT_SIZE * SLOTS)
        os.fsync(fd)
    finally:
        os.close(fd)
    sync_directory(path.parent)


def sync_data(fd: int) -> None:
    """Wait until the bytes of a file are on the disk."""
    if sys.platform == "darwin":
        fcntl.fcntl(fd, fcntl.F_FULLFSYNC)
    else:
        os.fdatasync(fd)


def sync_directory(path: Path) -> None:
    """Make the names in a directory durable."""
    fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def _pack(journal_id: bytes, head: Head, counter: int) -> bytes:
    body = _BODY.pack(_MAGIC, journal_id, head.sequence, bytes.fromhex(head.chain), counter)
    return body + sha256(body).digest()


def _sequence(slot: Slot | None) -> int:
    return 0 if slot is None else slot.head.sequence


def _slot(piece: bytes, index: int) -> Slot | None:
    if len(piece) < _SIZE or sha256(piece[: _BODY.size]).digest() != piece[_BODY.size :]:
        return None
    magic, journal_id, sequence, chain, counter = _BODY.unpack_from(piece)
    if magic != _MAGIC:
        return None
    return Slot(index, journal_id.hex(), Head(sequence, chain.hex()), counter)
