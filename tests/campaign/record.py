"""What a process did to its files, call by call, and the disks a power loss may leave of it.

shape   `Recorder(folder).arm()` in a child; its `log` is a list of plain tuples. `Disk` plays a
        log back: `apply(entry)` in order, `state(choice)` = {name: bytes} after a loss just now
model   a write, truncate or name is on disk for sure once its file, or its folder, was synced. Of
        the others any part may be: none, all, a prefix, any subset, a write in 512-byte sectors
log     ("create", name, file) ("delete", name) ("rename", old name, new name) ("directory",)
        ("write", file, offset, bytes)
        ("truncate", file, size) ("sync", file) and whatever `note` is told; `file` is a number,
        for a name may stand for one file after the other
"""

import os
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.campaign import vfs
from tests.campaign.vfs import Call

SECTOR = 512
NAMING = ("create", "delete", "rename")
"""The entries that a sync of the folder makes sure."""
Entry = tuple[Any, ...]
State = dict[str, bytes]


def arm_python(between: Callable[[Call], Any]) -> None:
    """Put `between` around the calls of `os` that anchor, snapshot and the folders' syncs make."""
    real_open, real_pwrite, real_ftruncate = os.open, os.pwrite, os.ftruncate
    real_write, real_replace = os.write, os.replace

    def opened(path: Any, flags: int, *rest: Any, **named: Any) -> int:
        def whole() -> int:
            return real_open(path, flags, *rest, **named)

        creates = bool(flags & os.O_CREAT)
        return int(between(Call(vfs.OPEN, os.fsdecode(path), whole, flag=creates)))

    def pwritten(fd: int, data: Any, offset: int) -> int:
        def half() -> int:
            return real_pwrite(fd, data[: len(data) // 2], offset)

        def whole() -> int:
            return real_pwrite(fd, data, offset)

        return int(between(Call(vfs.WRITE, path_of(fd), whole, half, offset, bytes(data))))

    def written(fd: int, data: Any) -> int:
        path = Path(path_of(fd))
        if not path.is_file():
            return real_write(fd, data)
        offset = os.lseek(fd, 0, os.SEEK_CUR)

        def half() -> int:
            return real_write(fd, data[: len(data) // 2])

        def whole() -> int:
            return real_write(fd, data)

        return int(between(Call(vfs.WRITE, str(path), whole, half, offset, bytes(data))))

    def replaced(old: Any, new: Any) -> None:
        names = os.fsencode(new)
        between(Call(vfs.RENAME, os.fsdecode(old), lambda: real_replace(old, new), data=names))

    def truncated(fd: int, size: int) -> None:
        between(Call(vfs.TRUNCATE, path_of(fd), lambda: real_ftruncate(fd, size), offset=size))

    def synced(real: Callable[[int], None]) -> Callable[[int], None]:
        def call(fd: int) -> None:
            path = path_of(fd)
            kind = vfs.DIRECTORY if Path(path).is_dir() else vfs.SYNC
            between(Call(kind, path, lambda: real(fd)))

        return call

    os.open, os.pwrite, os.ftruncate = opened, pwritten, truncated
    os.write, os.replace = written, replaced  # type: ignore[assignment]
    os.fsync, os.fdatasync = synced(os.fsync), synced(os.fdatasync)  # type: ignore[assignment]


def path_of(fd: int) -> str:
    """The path of an open file."""
    try:
        return os.readlink(f"/proc/self/fd/{fd}")  # noqa: PTH115 - it may be gone
    except OSError:
        return f"file {fd}"


class Recorder:
    """Writes down what is done to the files of one folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.log: list[Entry] = []
        self.files: dict[str, int] = {}
        self._count = 0

    def arm(self) -> None:
        """Record from now on; for a child, never undone."""
        vfs.install(self.between)
        arm_python(self.between)

    def note(self, *entry: Any) -> None:
        """An entry of the caller's own: what was acknowledged, mostly."""
        self.log.append(entry)

    def between(self, call: Call) -> Any:
        """The call itself, and what it did."""
        if call.kind == vfs.DIRECTORY:
            result = call.whole()
            if Path(call.path) == self.folder:
                self.log.append(("directory",))
            return result
        path = Path(call.path)
        name = path.name if path.parent == self.folder else ""
        existed = path.exists()
        result = call.whole()
        if not name or name.endswith("-shm"):
            return result
        if call.kind == vfs.OPEN:
            if not existed and path.exists():
                self._count += 1
                self.files[name] = self._count
                self.log.append(("create", name, self._count))
        elif call.kind == vfs.DELETE:
            if existed and not path.exists():
                self.log.append(("delete", name))
                if call.flag:
                    self.log.append(("directory",))
        elif call.kind == vfs.WRITE:
            self.log.append(("write", self.files[name], call.offset, call.data))
        elif call.kind == vfs.RENAME:
            new = Path(os.fsdecode(call.data)).name
            self.files[new] = self.files.pop(name)
            self.log.append(("rename", name, new))
        elif call.kind == vfs.TRUNCATE:
            self.log.append(("truncate", self.files[name], call.offset))
        elif call.kind == vfs.SYNC:
            self.log.append(("sync", self.files[name]))
        return result


class Disk:
    """A disk as far as a log was played: what is on it for sure, and what may be."""

    def __init__(self) -> None:
        self.names: dict[str, int] = {}
        self.contents: dict[int, bytearray] = {}
        self.pending: list[Entry] = []

    def apply(self, entry: Entry) -> bool:
        """Play one entry; whether it was one about the disk."""
        kind = entry[0]
        if kind == "sync":
            self._settle(lambda known: known[0] in ("write", "truncate") and known[1] == entry[1])
        elif kind == "directory":
            self._settle(lambda known: known[0] in NAMING)
        elif kind in ("write", "truncate", *NAMING):
            self.pending.append(entry)
        else:
            return False
        return True

    def _settle(self, durable: Callable[[Entry], bool]) -> None:
        """Make the pending entries of one kind sure, in order."""
        for entry in self.pending:
            if durable(entry):
                if entry[0] in NAMING:
                    _rename(self.names, entry)
                else:
                    _change(self.contents.setdefault(entry[1], bytearray()), entry)
        self.pending = [entry for entry in self.pending if not durable(entry)]

    def state(self, chance: random.Random, choice: int) -> State:
        """The files after a power loss now; 0 keeps nothing unsynced, 1 all of it, then chance."""
        names = dict(self.names)
        changes: dict[int, list[Entry]] = {}
        for entry in _kept(self.pending, chance, choice):
            if entry[0] in NAMING:
                _rename(names, entry)
            else:
                changes.setdefault(entry[1], []).append(entry)
        found: State = {}
        for name, file in names.items():
            content = self.contents.get(file, bytearray())
            if file in changes:
                content = bytearray(content)
                for entry in changes[file]:
                    _change(content, entry)
            found[name] = bytes(content)
        return found


KINDS = ("none", "all", "prefix", "subset", "torn", "all but one", "torn prefix")
"""How the unsynced part is chosen; `choice` counts through them, the first two only once."""


def kind_of(choice: int) -> str:
    """The name of a choice."""
    return KINDS[choice] if choice < 2 else KINDS[2 + (choice - 2) % (len(KINDS) - 2)]


def _kept(pending: list[Entry], chance: random.Random, choice: int) -> list[Entry]:
    kind = kind_of(choice)
    if kind == "none" or not pending:
        return []
    if kind == "all":
        return pending
    if kind == "prefix":
        return pending[: chance.randrange(len(pending) + 1)]
    if kind == "all but one":
        left_out = chance.randrange(len(pending))
        return [entry for index, entry in enumerate(pending) if index != left_out]
    if kind == "torn prefix":
        end = chance.randrange(len(pending))
        return [*pending[:end], *_torn(pending[end], chance)]
    share = chance.choice((0.2, 0.5, 0.8))
    kept = [entry for entry in pending if chance.random() < share]
    if kind == "subset":
        return kept
    return [piece for entry in kept for piece in _torn(entry, chance)]


def _torn(entry: Entry, chance: random.Random) -> list[Entry]:
    """The sectors of a write that reached the disk; whatever else it was is whole."""
    if entry[0] != "write":
        return [entry]
    _, file, offset, data = entry
    pieces: list[Entry] = []
    at = 0
    while at < len(data):
        end = min(len(data), at + SECTOR - (offset + at) % SECTOR)
        if chance.random() < 0.5:
            pieces.append(("write", file, offset + at, data[at:end]))
        at = end
    return pieces


def _rename(names: dict[str, int], entry: Entry) -> None:
    if entry[0] == "create":
        names[entry[1]] = entry[2]
    elif entry[0] == "rename":
        if entry[1] in names:
            names[entry[2]] = names.pop(entry[1])
    else:
        names.pop(entry[1], None)


def _change(content: bytearray, entry: Entry) -> None:
    if entry[0] == "truncate":
        size = entry[2]
        content[size:] = b"" if len(content) >= size else bytes(size - len(content))
        return
    _, _, offset, data = entry
    if len(content) < offset:
        content.extend(bytes(offset - len(content)))
    content[offset : offset + len(data)] = data
