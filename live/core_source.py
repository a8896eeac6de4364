"""Which core folds here: one hash over the names and bytes of all files of core/."""

from functools import cache
from hashlib import sha256
from pathlib import Path

import core


@cache
def core_source_hash() -> str:
    """sha256 over every core/**/*.py, each name and text with its length before it; hex.

    Read once a process, as it starts: what is folded here was imported from these files.
    """
    folder = Path(core.__file__ or "").parent
    digest = sha256(b"refold/core-source/v1\0")
    for path in sorted(folder.rglob("*.py"), key=lambda path: path.relative_to(folder).as_posix()):
        for part in (path.relative_to(folder).as_posix().encode(), path.read_bytes()):
            digest.update(len(part).to_bytes(8, "big"))
            digest.update(part)
    return digest.hexdigest()
