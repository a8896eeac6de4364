"""`keys new` and `keys rotate`: the only command that makes a key, and the one that changes it.

dies    new: a file that is whole, or cut, which nothing takes for a key, or none. A second `keys
        new` never writes over one: a cut one is removed by hand
        rotate: journal/rotation.py. The new key lies in its file before and after, so the journal
        opens with the old key or with that one, and the same command again brings it to an end
"""

import argparse
import os
from pathlib import Path

from bin.cli.exits import Exit
from bin.cli.journals import key_of
from bin.cli.output import print_json, print_lines
from bin.cli.problems import CannotRunError
from journal.anchor import sync_directory
from journal.errors import KeyMissingError
from journal.master_key import MasterKey, new_key
from journal.rotation import rotate as rotate_journal
from live.keys import master_key


def new(options: argparse.Namespace) -> int:
    """Draw a key; into `--out`, or, as the only line, to standard output."""
    key = new_key()
    if options.out is not None:
        _write(Path(options.out), key)
    document = {"fingerprint": key.fingerprint, "file": options.out}
    if options.json:
        print_json(document if options.out else {**document, "key": key.text})
    elif options.out is None:
        print_lines([key.text])
    else:
        print_lines([f"keys new  {options.out}  fingerprint {key.fingerprint}; keep a copy"])
    return Exit.GOOD


def rotate(options: argparse.Namespace) -> int:
    """The journal's key ring under the key in `--to`, and a new data key for what is appended."""
    to = master_key({}, key_file=options.to)
    old = key_of(options)
    assert to is not None
    if old is None:
        raise KeyMissingError(f"keys rotate {options.journal}", "the key in force is needed")
    if old == to:
        message = f"keys rotate --to {options.to}: expected another key than the one in force"
        raise CannotRunError(f"{message}, found the same; keys new --out FILE makes one")
    done = rotate_journal(options.journal, old, to)
    if options.json:
        print_json({"rotated": done, "from": old.fingerprint, "to": to.fingerprint})
    else:
        said = "rotated" if done else "had been rotated before"
        print_lines(
            [f"keys rotate  {said}: {old.fingerprint} to {to.fingerprint}; give the new key now"]
        )
    return Exit.GOOD


def _write(path: Path, key: MasterKey) -> None:
    """A new file with the key, mode 600, on disk with its name when it returns."""
    try:
        fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    except FileExistsError:
        message = f"keys new --out {path}: expected no such file, found one; no key is written over"
        raise CannotRunError(message) from None
    try:
        with os.fdopen(fd, "wb") as file:
            os.fchmod(fd, 0o600)
            file.write(key.text.encode("ascii") + b"\n")
            file.flush()
            os.fsync(fd)
    except OSError:
        path.unlink()
        raise
    sync_directory(path.absolute().parent)
