"""A golden encrypted journal: the events of the plain one, under two master keys and data keys.

usage   python -m tests.golden.encrypted.make NAME   from the root; NAME is the release, "v1"
output  NAME.db, NAME.db.anchor and NAME.jsonl in this folder; it refuses to overwrite
how     half of the events, a rotation, the other half. The keys are of a test and guard nothing
"""

import hashlib
import sys
from pathlib import Path

from msgspec.structs import replace

from core.events.lifecycle import JournalCreated
from core.values import time_text
from journal import create_journal, open_journal
from journal.export import export_jsonl
from journal.master_key import MasterKey
from journal.recorded import FORMAT_ENCRYPTED, Recorded
from journal.rotation import rotate

FOLDER = Path(__file__).resolve().parent
FIRST, SECOND = (MasterKey(hashlib.sha256(b"golden" + part).digest()) for part in (b"1", b"2"))


def main(name: str) -> None:
    """Write the three files."""
    path = FOLDER / f"{name}.db"
    if path.exists():
        sys.exit(f"{path}: a golden journal is never written again")
    with open_journal(FOLDER.parent / f"{name}.db", read_only=True) as plain:
        first, *rest = plain.read()
    created = first.event
    assert isinstance(created, JournalCreated)
    created = replace(created, encrypted=True, format=FORMAT_ENCRYPTED)
    create_journal(path, created, recorded_at=time_text(first.recorded_at), key=FIRST).close()
    half = len(rest) // 2
    _append(path, FIRST, rest[:half])
    rotate(path, FIRST, SECOND)
    _append(path, SECOND, rest[half:])
    with (
        open_journal(path, read_only=True, key=SECOND) as journal,
        (FOLDER / f"{name}.jsonl").open("wb") as out,
    ):
        export_jsonl(journal, out)
        print(journal.head)
    for suffix in ("-wal", "-shm", ".lock"):
        (FOLDER / f"{name}.db{suffix}").unlink(missing_ok=True)


def _append(path: Path, key: MasterKey, records: list[Recorded]) -> None:
    with open_journal(path, key=key) as journal:
        for record in records:
            journal.append(
                [record.event],
                expected=journal.head,
                epoch=record.epoch,
                recorded_at=time_text(record.recorded_at),
            )


if __name__ == "__main__":
    main(sys.argv[1])
