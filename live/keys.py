"""Where the master key comes from: the environment, a file, or a systemd credential.

shape   `master_key(environ, key_file=…, credential=…)` -> the key, or None where no source is set
sources REFOLD_ENCRYPTION__KEY and its alias MASTER_ENCRYPTION_KEY; encryption.key_file;
        encryption.credential, a name below $CREDENTIALS_DIRECTORY
errors  `KeySourceError`: a source that is set and gives no key is never passed over for another,
        and two that give different keys are refused. No message has a key in it
why     a key is never made here: one that was made silently is one that nobody has kept
"""

import os
import stat
from collections.abc import Mapping
from pathlib import Path

from journal.errors import EncryptionError
from journal.master_key import MasterKey, looks_like_key, read_key
from live.secrets import MASTER

CREDENTIALS = "CREDENTIALS_DIRECTORY"
SIZE_MAX = 4096
"""Bytes of a key file; a key and its line end have some 70."""


class KeySourceError(EncryptionError):
    """A source of the master key that is set and cannot be used."""


def master_key(
    environ: Mapping[str, str], *, key_file: str = "", credential: str = ""
) -> MasterKey | None:
    """The one key that every source that is set agrees on; None where none is set."""
    found: list[tuple[str, MasterKey]] = []
    for name in MASTER:
        if name in environ:
            source = f"environment {name}"
            found.append((source, read_key(environ[name], source)))
    if looks_like_key(key_file) and not Path(key_file).exists():
        message = (
            "master key (key file): expected a file's path, found what looks like a key (not "
            "shown); draw another, and name its file"
        )
        raise KeySourceError(message)
    if key_file:
        found.append((f"file {key_file}", _of_file(key_file)))
    if credential:
        found.append((f"credential {credential}", _of_credential(environ, credential)))
    if not found:
        return None
    first, key = found[0]
    for source, other in found[1:]:
        if other != key:
            message = (
                f"master key: expected the same from {first} and {source}, found two that differ "
                "(values not shown); unset one of them"
            )
            raise KeySourceError(message)
    return key


def _of_file(name: str) -> MasterKey:
    """A key file of the operator's own, which nobody else may read."""
    source = f"file {name}"
    text, mode = _read(Path(name), source)
    if mode & (stat.S_IRWXG | stat.S_IRWXO):
        message = (
            f"master key ({source}): expected a file that only its owner may read, found mode "
            f"{stat.S_IMODE(mode):o}; chmod 600, and rotate if others have read it"
        )
        raise KeySourceError(message)
    return read_key(text, source)


def _of_credential(environ: Mapping[str, str], name: str) -> MasterKey:
    """A credential of the service; who may read it is systemd's business."""
    source = f"credential {name}"
    folder = environ.get(CREDENTIALS)
    if not folder or "/" in name or name in (".", ".."):
        message = (
            f"master key ({source}): expected a name in ${CREDENTIALS}, found "
            f"{'that name' if folder else 'no such folder'}; LoadCredential={name}:… in the unit "
            "gives it"
        )
        raise KeySourceError(message)
    text, _ = _read(Path(folder) / name, source)
    return read_key(text, source)


def _read(path: Path, source: str) -> tuple[str, int]:
    try:
        # A pipe's other end is not waited for.
        fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        with os.fdopen(fd, "rb") as file:
            mode = os.fstat(file.fileno()).st_mode
            data = file.read(SIZE_MAX + 1)
    except (OSError, ValueError) as error:
        said = error.strerror if isinstance(error, OSError) else "no path"
        message = f"master key ({source}): it cannot be read ({said}); put it there, or unset it"
        raise KeySourceError(message) from None
    if not stat.S_ISREG(mode) or len(data) > SIZE_MAX:
        message = f"master key ({source}): expected a file with a key in it, found something else"
        raise KeySourceError(message)
    return data.decode("ascii", "replace"), mode
