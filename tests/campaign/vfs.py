"""A VFS between SQLite and its files: every call is heard, and can be answered without being done.

shape   `install(between)` makes it SQLite's default VFS in this process; `between(call)` returns
        SQLite's result code, mostly that of `call.whole()`
how     a copy of the "unix" VFS with our xOpen and xDelete; a file it opens is unix's own file with
        a copy of its methods, in which ours stand before xRead, xWrite, xTruncate, xSync, xClose
why     sync is in no table of system calls (shim.py), so it can be heard and refused only here
not     the WAL index is shared memory: it is mapped, not written, and never synced
only    for a child process that ends afterwards: it is never undone
"""

import _sqlite3
import ctypes
import os
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tests.campaign.shim import UnusableShimError, unix_vfs

OPEN, READ, WRITE, TRUNCATE, SYNC, DELETE, DIRECTORY, RENAME = (
    *("open", "read", "write", "truncate", "sync", "delete", "directory", "rename"),
)
OK, IOERR, FULL, CANTOPEN = 0, 10, 13, 14
IOERR_OF = {
    READ: IOERR | 1 << 8,
    WRITE: IOERR | 3 << 8,
    SYNC: IOERR | 4 << 8,
    TRUNCATE: IOERR | 6 << 8,
    DELETE: IOERR | 10 << 8,
    OPEN: CANTOPEN,
}
"""The result code of an EIO in each call, as os_unix.c gives it."""

_OPEN_CREATE = 0x4


@dataclass(frozen=True, slots=True)
class Call:
    """One call about one file: `whole` does it, `half` writes the first half of the bytes.

    `data` of a write, and the new path of a rename; `offset` of a write, read or truncate (its new
    size); `flag`: an open that may create, a delete that syncs the directory. Shared by Python's
    own calls (record.py).
    """

    kind: str
    path: str
    whole: Callable[[], Any]
    half: Callable[[], Any] | None = None
    offset: int = 0
    data: bytes = b""
    flag: bool = False


Between = Callable[[Call], int]

_int, _pointer, _i64 = ctypes.c_int, ctypes.c_void_p, ctypes.c_int64
_OpenKind = ctypes.CFUNCTYPE(_int, _pointer, _pointer, _pointer, _int, _pointer)
_DeleteKind = ctypes.CFUNCTYPE(_int, _pointer, ctypes.c_char_p, _int)
_CloseKind = ctypes.CFUNCTYPE(_int, _pointer)
_ReadKind = ctypes.CFUNCTYPE(_int, _pointer, _pointer, _int, _i64)
_TruncateKind = ctypes.CFUNCTYPE(_int, _pointer, _i64)
_SyncKind = ctypes.CFUNCTYPE(_int, _pointer, _int)
_DirectoryKind = ctypes.CFUNCTYPE(_int, ctypes.c_char_p, _pointer, use_errno=True)


class _Methods(ctypes.Structure):
    """sqlite3_io_methods of sqlite3.h, version 3."""

    _fields_ = (
        ("iVersion", _int),
        ("xClose", _CloseKind),
        ("xRead", _ReadKind),
        ("xWrite", _ReadKind),
        ("xTruncate", _TruncateKind),
        ("xSync", _SyncKind),
        ("rest", _pointer * 13),
    )


class _File(ctypes.Structure):
    """sqlite3_file: what a VFS opens; its own part follows."""

    _fields_ = (("pMethods", ctypes.POINTER(_Methods)),)


_kept: list[object] = []
"""What SQLite holds pointers to: must outlive every connection."""


def install(between: Between) -> None:
    """Make it the default VFS of this process, or `UnusableShimError`."""
    unix = unix_vfs()
    library = ctypes.CDLL(getattr(_sqlite3, "__file__", None))
    shim = _Shim(unix, _guarded(between))
    vfs = type(unix.contents)()
    ctypes.memmove(ctypes.byref(vfs), unix, ctypes.sizeof(vfs))
    vfs.zName, vfs.pNext = b"between", None
    vfs.xOpen = ctypes.cast(shim.open_callback, _pointer)
    vfs.xDelete = ctypes.cast(shim.delete_callback, _pointer)
    _kept.extend((shim, vfs))
    library.sqlite3_vfs_register.argtypes = [_pointer, _int]
    if library.sqlite3_vfs_register(ctypes.byref(vfs), 1) != OK:
        message = "SQLite: expected to register a VFS, found that it refuses"
        raise UnusableShimError(message)


def _guarded(between: Between) -> Between:
    """A fault of the harness ends the process: ctypes would print it and answer 0."""

    def call(asked: Call) -> int:
        try:
            return between(asked)
        except BaseException:  # noqa: BLE001 - nothing may pass in silence
            os.write(2, traceback.format_exc().encode())
            os._exit(98)

    return call


class _Shim:
    """The callbacks of one VFS, and the names of its open files."""

    def __init__(self, unix: Any, between: Between) -> None:
        self.between = between
        self.unix = unix
        self.real_open = ctypes.cast(unix.contents.xOpen, _OpenKind)
        self.real_delete = ctypes.cast(unix.contents.xDelete, _DeleteKind)
        self.open_callback = _OpenKind(self.open)
        self.delete_callback = _DeleteKind(self.delete)
        self.names: dict[int, str] = {}
        self.methods: dict[int, _Methods] = {}
        self._hear_directories()

    def open(self, _vfs: int, name: int, file: int, flags: int, out: int) -> int:
        """Open by unix, and put our methods before its own."""
        path = os.fsdecode(ctypes.string_at(name)) if name else "(temporary)"

        def whole() -> int:
            return int(self.real_open(ctypes.addressof(self.unix.contents), name, file, flags, out))

        # The file is not open until we say so: SQLite must not close what was never opened.
        result = self.between(Call(OPEN, path, whole, flag=bool(flags & _OPEN_CREATE)))
        opened = ctypes.cast(file, ctypes.POINTER(_File)).contents
        if result != OK:
            opened.pMethods = ctypes.POINTER(_Methods)()
            return result
        address = ctypes.addressof(opened.pMethods.contents)
        if address not in self.methods:
            self.methods[address] = self._methods(opened.pMethods.contents)
        opened.pMethods = ctypes.pointer(self.methods[address])
        self.names[file] = path
        return result

    def delete(self, _vfs: int, name: bytes, synced: int) -> int:
        """Remove a file."""

        def whole() -> int:
            return int(self.real_delete(ctypes.addressof(self.unix.contents), name, synced))

        return self.between(Call(DELETE, os.fsdecode(name), whole, flag=bool(synced)))

    def _methods(self, unix: _Methods) -> _Methods:
        """A copy of unix's methods with ours in place of five."""
        copy = _Methods()
        ctypes.memmove(ctypes.byref(copy), ctypes.byref(unix), ctypes.sizeof(copy))
        names, between = self.names, self.between
        close, read, write = unix.xClose, unix.xRead, unix.xWrite
        truncate, sync = unix.xTruncate, unix.xSync

        def closed(file: int) -> int:
            names.pop(file, None)
            return int(close(file))

        def was_read(file: int, data: int, size: int, offset: int) -> int:
            whole = lambda: read(file, data, size, offset)  # noqa: E731 - one line each
            return between(Call(READ, names[file], whole, offset=offset))

        def written(file: int, data: int, size: int, offset: int) -> int:
            whole = lambda: write(file, data, size, offset)  # noqa: E731
            half = lambda: write(file, data, size // 2, offset)  # noqa: E731
            content = ctypes.string_at(data, size)
            return between(Call(WRITE, names[file], whole, half, offset, content))

        def truncated(file: int, size: int) -> int:
            return between(Call(TRUNCATE, names[file], lambda: truncate(file, size), offset=size))

        def synced(file: int, flags: int) -> int:
            return between(Call(SYNC, names[file], lambda: sync(file, flags)))

        copy.xClose, copy.xRead, copy.xWrite = (
            *(_CloseKind(closed), _ReadKind(was_read), _ReadKind(written)),
        )
        copy.xTruncate, copy.xSync = _TruncateKind(truncated), _SyncKind(synced)
        return copy

    def _hear_directories(self) -> None:
        """Be told when SQLite opens a directory: it does so only to sync it."""
        address = self.unix.contents.xGetSystemCall(self.unix, b"openDirectory")
        if not address:
            message = "SQLite's VFS: expected the call openDirectory, found none"
            raise UnusableShimError(message)
        real = _DirectoryKind(address)

        def opened(path: bytes, fd: int) -> int:
            folder = str(os.path.dirname(os.fsdecode(path)))  # noqa: PTH120 - as C has it
            result = int(real(path, fd))
            if result == OK:
                self.between(Call(DIRECTORY, folder, lambda: OK))
            return result

        callback = _DirectoryKind(opened)
        _kept.append(callback)
        pointer = ctypes.cast(callback, _pointer)
        self.unix.contents.xSetSystemCall(self.unix, b"openDirectory", pointer)
