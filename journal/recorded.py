"""What is read from a journal: a `Head`, and a `Recorded` event with its envelope."""

import hashlib
from typing import TYPE_CHECKING

import msgspec

from journal.errors import KeyMissingError, NewerJournalError
from journal.upcast import decode_event

if TYPE_CHECKING:
    from core.events import Event


class Head(msgspec.Struct, frozen=True, gc=False):
    """Where a journal ends: its last sequence, 0 when empty, and the chain there, 64 hex digits."""

    sequence: int
    chain: str


FORMAT = 1
"""The frame format of a plain journal, and of sequence 1 of every journal."""
FORMAT_ENCRYPTED = 2
"""The frame format of an encrypted journal: a release that cannot open it may not append."""
ENCRYPTED = 0x01
"""The flag of a payload that is ciphertext."""


def newest_format(*, encrypted: bool) -> int:
    """The newest `format` of such a journal that this release knows."""
    return FORMAT_ENCRYPTED if encrypted else FORMAT


GENESIS = Head(0, "0" * 64)
"""The head before sequence 1."""


class Recorded(msgspec.Struct, frozen=True, gc=False):
    """One event as it is stored, with its envelope.

    `payload` is the event's canonical JSON; `recorded_at` µs since 1970; `chain` 64 hex digits.
    `format` and `flags` as in the frame (codec.py). `opened`: the frame holds ciphertext, and
    `payload` is what it opened to; without a key `payload` is the ciphertext, and has no event.
    """

    sequence: int
    tag: str
    payload: bytes
    recorded_at: int
    epoch: int
    chain: str
    format: int = FORMAT
    flags: int = 0
    opened: bool = False

    @property
    def event_id(self) -> str:
        """sha256 of the event's canonical bytes, lower-case hex."""
        if not self.opened and (self.format != FORMAT or self.flags):
            self._refuse()
        return hashlib.sha256(self.payload).hexdigest()

    @property
    def event(self) -> "Event":
        """The event, through the upcasters; the stored bytes and the id stay as they were."""
        if not self.opened and (self.format != FORMAT or self.flags):
            self._refuse()
        return decode_event(self.tag, self.payload)

    @property
    def head(self) -> Head:
        """The journal's head when this event was its last."""
        return Head(self.sequence, self.chain)

    @property
    def encrypted(self) -> bool:
        """Whether the frame holds ciphertext."""
        return bool(self.flags & ENCRYPTED)

    def _refuse(self) -> None:
        if (self.format, self.flags) == (FORMAT_ENCRYPTED, ENCRYPTED):
            raise KeyMissingError(f"journal sequence {self.sequence}")
        raise NewerJournalError(
            f"journal sequence {self.sequence}",
            "the frame's format and flags",
            found=f"{self.format}/{self.flags}",
            known=f"{FORMAT}/0",
        )
