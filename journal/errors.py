"""What can go wrong with a journal: one small tree, one line each, with the mend.

shape   `JournalError` at the root; the numbers of a message are attributes of the error too
use     a caller asks one thing of an error: decide again (`JournalMovedError`), try later
        (`JournalBusyError`), or stop (all others)
"""

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from journal.recorded import Head


class JournalError(Exception):
    """Anything that is wrong with a journal. Concrete ones say what, where, and the mend."""


class JournalUrlError(JournalError):
    """The text names no journal."""

    def __init__(self, text: str, why: str) -> None:
        super().__init__(f"journal {text!r}: {why}")
        self.text = text


class JournalMissingError(JournalError):
    """There is no journal at this place; opening never makes one."""

    def __init__(self, where: str) -> None:
        super().__init__(f"{where}: there is no journal here; check the path, or create one first")
        self.where = where


class JournalExistsError(JournalError):
    """A journal is already there; creating never overwrites one."""

    def __init__(self, where: str) -> None:
        super().__init__(f"{where}: a journal is already here; open it, or choose another path")
        self.where = where


class NotAJournalError(JournalError):
    """The file is something else: another program's, empty, or damaged beyond recognition."""

    def __init__(self, where: str, found: str) -> None:
        super().__init__(
            f"{where}: expected a refold journal, found {found}; check the path, "
            "or restore the file from a copy"
        )
        self.where = where
        self.found = found


class UnfinishedJournalError(NotAJournalError, JournalMissingError):
    """An empty file: where a creation was cut off, or nothing ever was. Creating works here."""

    def __init__(self, where: str, found: str = "an empty file") -> None:
        NotAJournalError.__init__(self, where, found)


class NewerJournalError(JournalError):
    """A newer release wrote this; it verifies and exports here, and nothing more."""

    def __init__(self, where: str, what: str, *, found: object, known: object) -> None:
        super().__init__(
            f"{where}: {what} is {found}, this release knows {known}; "
            "verify and export work here, for anything else use the newer release"
        )
        self.where = where
        self.found = found
        self.known = known


class JournalMovedError(JournalError):
    """Nothing was written: the head is another. Fold the tail and decide again."""

    def __init__(self, expected: "Head", found: "Head") -> None:
        super().__init__(
            f"journal head: expected sequence {expected.sequence} chain {expected.chain[:12]}, "
            f"found sequence {found.sequence} chain {found.chain[:12]}; "
            "nothing was written, read the tail and decide again"
        )
        self.expected = expected
        self.found = found


class JournalBusyError(JournalError):
    """Nothing was written: another process held the write lock for too long."""

    def __init__(self, where: str, waited_s: float) -> None:
        super().__init__(
            f"{where}: another process has held its write lock for {waited_s:g} s; "
            "nothing was written, find the other writer or try again"
        )
        self.where = where
        self.waited_s = waited_s


class DiskFullError(JournalError):
    """Nothing was written: there is no room."""

    def __init__(self, where: str, detail: str) -> None:
        super().__init__(f"{where}: disk is full, {detail}; nothing was written, free some space")
        self.where = where


class ReadOnlyError(JournalError):
    """Nothing was written: the journal, its file or its folder is read-only."""

    def __init__(self, where: str, why: str) -> None:
        super().__init__(f"{where}: {why}; nothing was written")
        self.where = where


class StorageError(JournalError):
    """The engine failed before a commit was begun; nothing was written."""

    def __init__(self, where: str, detail: str) -> None:
        super().__init__(f"{where}: {detail}; check the disk, then run verify")
        self.where = where


class ServerError(StorageError):
    """The database server refused, or was lost before a commit was begun; nothing was written."""

    def __init__(self, where: str, detail: str) -> None:
        JournalError.__init__(
            self, f"{where}: {detail}; nothing was written, mend the server or the URL"
        )
        self.where = where


class CommitUnknownError(JournalError):
    """Nobody knows whether these events are on disk. End the process; the next start reads them.

    Never retry in the same process: after a failed sync the page cache may say yes to what the
    disk does not have.
    """

    def __init__(self, where: str, first: int, last: int, cause: str) -> None:
        super().__init__(
            f"{where}: the commit of sequences {first} to {last} failed ({cause}), so nobody "
            "knows whether they are on disk; stop this process, the next start reads what is there"
        )
        self.where = where
        self.first = first
        self.last = last


class BrokenChainError(JournalError):
    """The stored bytes at `sequence` are not the ones that were appended."""

    def __init__(self, where: str, sequence: int, problem: str) -> None:
        super().__init__(
            f"{where} sequence {sequence}: {problem}; restore the file from a copy, then run verify"
        )
        self.where = where
        self.sequence = sequence
        self.problem = problem


class UndecodableEventError(JournalError):
    """The bytes are as appended, and yet not the event that their tag names."""

    def __init__(self, tag: str, detail: str) -> None:
        super().__init__(
            f"event {tag}: {detail}; the bytes are intact, so a release with another definition "
            "of this tag wrote them: use that release and report this"
        )
        self.tag = tag


class RollbackError(JournalError):
    """The journal is shorter than it has been: a lost WAL, a cut tail, a restored copy."""

    def __init__(self, where: str, journal: "Head", anchor_sequence: int) -> None:
        super().__init__(
            f"ROLLBACK {where}: sequence {anchor_sequence} was committed once, the journal now "
            f"ends at {journal.sequence}; restore the newest copy (file and -wal), or, if "
            "there is none, bin/refold accept-rollback"
        )
        self.where = where
        self.journal = journal
        self.anchor_sequence = anchor_sequence


class ForkError(JournalError):
    """The journal is not the one that was anchored: another chain, another id, another file."""

    def __init__(self, where: str, sequence: int, detail: str) -> None:
        super().__init__(
            f"FORK {where}: at sequence {sequence} {detail}; one of the two is not this account's "
            "history: restore the journal that belongs to the anchor"
        )
        self.where = where
        self.sequence = sequence


class AnchorMissingError(JournalError):
    """The head kept outside the journal is gone, so a lost tail could not be noticed."""

    def __init__(self, where: Path, found: str) -> None:
        super().__init__(
            f"ANCHOR_MISSING {where}: expected the journal's anchor, found {found}; put it back, "
            "or accept that it is missing to have it made anew"
        )
        self.where = where


class LockedError(JournalError):
    """Another runner holds this journal's lock."""

    def __init__(self, where: Path | str, pid: int | None, started: str | None) -> None:
        holder = "another process" if pid is None else f"process {pid}, since {started}"
        super().__init__(
            f"{where}: held by {holder}; one runner a journal: stop that one, or take over"
        )
        self.where = where
        self.pid = pid
        self.started = started


class EncryptionError(JournalError):
    """Anything that keeps an encrypted journal shut, or a plain one from standing in for it."""


class KeyTextError(EncryptionError):
    """What was given as the master key is none; its value is never shown."""

    def __init__(self, source: str, found: str) -> None:
        super().__init__(
            f"master key ({source}): expected 32 bytes in base64 or hex, found {found}; "
            "bin/refold keys new makes one"
        )
        self.source = source


class KeyMissingError(EncryptionError):
    """The journal is encrypted, or is to be, and no master key was given."""

    def __init__(self, where: str, why: str = "it is encrypted") -> None:
        super().__init__(
            f"{where}: {why}, and no master key was given; set MASTER_ENCRYPTION_KEY, "
            "encryption.key_file or encryption.credential"
        )
        self.where = where


class WrongKeyError(EncryptionError):
    """The master key is another than the one this journal's key ring was made with."""

    def __init__(self, where: str, fingerprint: str) -> None:
        super().__init__(
            f"{where}: its key ring does not open under the master key {fingerprint}; give the "
            "key of this journal, or after keys rotate the new one"
        )
        self.where = where


class KeyRingError(EncryptionError):
    """The data keys are not there, or not as they were written: no event can be read."""

    def __init__(self, where: str, found: str) -> None:
        super().__init__(
            f"{where}: expected the key ring of this journal, found {found}; restore the journal "
            "from a copy, its key ring lies in it"
        )
        self.where = where


class KeyRingMovedError(EncryptionError):
    """Nothing was written: somebody else rotated the keys meanwhile."""

    def __init__(self, where: str) -> None:
        super().__init__(
            f"{where}: its key ring was rotated by somebody else meanwhile; nothing was written, "
            "look which key opens it"
        )
        self.where = where


class CipherUnusableError(EncryptionError):
    """The library `cryptography` cannot be used, so nothing can be sealed or opened."""

    def __init__(self, detail: str) -> None:
        super().__init__(
            f"encryption: the library cryptography cannot be used ({detail}); "
            "remove the environment .venv, bin/refold makes it anew"
        )


class EncryptionMismatchError(EncryptionError):
    """A plain journal where an encrypted one is expected, or the reverse."""

    def __init__(self, where: str, *, encrypted: bool) -> None:
        kinds = ("a plain journal", "an encrypted journal")
        expected, found = kinds if encrypted else kinds[::-1]
        super().__init__(
            f"{where}: expected {expected}, found {found}; use another journal, or set "
            f"encryption.enabled = {str(encrypted).lower()} if that is meant"
        )
        self.where = where
        self.encrypted = encrypted
