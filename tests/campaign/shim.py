"""The step counter: every durable step of a process counted, and SIGKILL before, in or after one.

shape   `Steps(point, hear)` counts; `arm(steps)` puts it around SQLite's system calls and around
        those of `os` that the anchor, the lock and the log use
counts  SQLite (journal and venue alike): creating a file, write, pwrite, ftruncate, fallocate,
        unlink, mkdir, rmdir, of whatever file. Python: os.open that may create, write, pwrite,
        fsync, fdatasync, ftruncate, posix_fallocate, rename, replace, unlink, mkdir,
        Path.write_text
kills   "before": nothing of the step happened. "half": the first half of the bytes went through,
        which the kernel may do to a write of several pages. "after": all of it happened
not     SQLite calls fsync and fdatasync directly, where no one can stand between. A killed process
        leaves the same bytes in the page cache before and after a sync, so nothing is left out.
        The WAL index is shared memory: SQLite makes it anew from the WAL after a death
how     `_sqlite3` is linked with the very libsqlite3 that ctypes finds through it; its "unix" VFS
        lets anyone replace a system call by name (xSetSystemCall)
"""

import _sqlite3
import ctypes
import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

BEFORE, HALF, AFTER = "before", "half", "after"
WHENS = (BEFORE, HALF, AFTER)

Hear = Callable[[str], None]


class UnusableShimError(Exception):
    """A build of Python or SQLite that does not let us stand between; the message says why."""


class Point(NamedTuple):
    """Where a process is killed: at its `step`th durable step, and when of it."""

    step: int
    when: str

    def __str__(self) -> str:
        return f"{self.step}:{self.when}"


class Step(NamedTuple):
    """A durable step that was taken: its label, and whether it can be done by half."""

    label: str
    can_half: bool


class Steps:
    """Counts durable steps; kills this process by SIGKILL at `point`, or notes all when None."""

    def __init__(self, point: Point | None, hear: Hear = lambda _: None) -> None:
        """`hear` is told the label of the step that kills, just before."""
        self.point = point
        self.hear = hear
        self.count = 0
        self.taken: list[Step] = []

    def around(
        self, what: Callable[[], str], whole: Callable[[], Any], half: Callable[[], Any] | None
    ) -> Any:
        """The step itself, `whole`, counted; `what` is its label, asked for only when needed."""
        self.count += 1
        point = self.point
        if point is None:
            self.taken.append(Step(what(), half is not None))
            return whole()
        if self.count != point.step:
            return whole()
        self.hear(what())
        try:
            if point.when == HALF and half is not None:
                half()
            elif point.when == AFTER:
                whole()
        finally:
            die()
        return None


def die() -> Any:
    """The end of this process, now, by SIGKILL."""
    os.kill(os.getpid(), signal.SIGKILL)
    while True:
        signal.pause()


def arm(steps: Steps) -> None:
    """Count in this process from now on; for a child that will be killed, never undone."""
    arm_sqlite(steps)
    arm_python(steps)


# -- SQLite's system calls

_int, _size, _pointer, _off = ctypes.c_int, ctypes.c_size_t, ctypes.c_void_p, ctypes.c_int64
_SIGNATURES: dict[str, tuple[Any, ...]] = {
    "open": (_int, ctypes.c_char_p, _int, _int),
    "write": (ctypes.c_ssize_t, _int, _pointer, _size),
    "pwrite": (ctypes.c_ssize_t, _int, _pointer, _size, _off),
    "pwrite64": (ctypes.c_ssize_t, _int, _pointer, _size, _off),
    "ftruncate": (_int, _int, _off),
    "fallocate": (_int, _int, _off, _off),
    "unlink": (_int, ctypes.c_char_p),
    "mkdir": (_int, ctypes.c_char_p, _int),
    "rmdir": (_int, ctypes.c_char_p),
}
"""Result and arguments of the calls that change what is on disk, as os_unix.c declares them."""

_UNUSED = (
    *("xOpen", "xDelete", "xAccess", "xFullPathname", "xDlOpen", "xDlError", "xDlSym", "xDlClose"),
    *("xRandomness", "xSleep", "xCurrentTime", "xGetLastError", "xCurrentTimeInt64"),
)


class _Vfs(ctypes.Structure):
    """sqlite3_vfs of sqlite3.h, version 3."""


_VfsPointer = ctypes.POINTER(_Vfs)
_SetCall = ctypes.CFUNCTYPE(_int, _VfsPointer, ctypes.c_char_p, _pointer)
_GetCall = ctypes.CFUNCTYPE(_pointer, _VfsPointer, ctypes.c_char_p)
_Vfs._fields_ = [
    ("iVersion", _int),
    ("szOsFile", _int),
    ("mxPathname", _int),
    ("pNext", _pointer),
    ("zName", ctypes.c_char_p),
    ("pAppData", _pointer),
    *[(name, _pointer) for name in _UNUSED],
    ("xSetSystemCall", _SetCall),
    ("xGetSystemCall", _GetCall),
    ("xNextSystemCall", _pointer),
]

_kept: list[object] = []
"""What SQLite holds pointers to: must outlive every connection."""


def unix_vfs() -> Any:
    """The default VFS of the libsqlite3 that `_sqlite3` uses, or `UnusableShimError`."""
    file = getattr(_sqlite3, "__file__", None)
    try:
        library = ctypes.CDLL(file)  # None: built in, so the program itself
        find = library.sqlite3_vfs_find
        library.sqlite3_initialize()
    except (OSError, AttributeError) as error:
        message = f"SQLite of {file or 'this Python'}: expected sqlite3_vfs_find, found: {error}"
        raise UnusableShimError(message) from None
    find.restype, find.argtypes = _pointer, [ctypes.c_char_p]
    address = find(None)
    vfs = ctypes.cast(address, _VfsPointer) if address else None
    if vfs is None or vfs.contents.zName != b"unix" or vfs.contents.iVersion < 3:
        name = None if vfs is None else vfs.contents.zName
        message = f"SQLite's default VFS: expected unix, version 3, found {name}"
        raise UnusableShimError(message)
    return vfs


def arm_sqlite(steps: Steps) -> None:
    """Put the counter around SQLite's system calls."""
    vfs = unix_vfs()
    armed = {name for name in _SIGNATURES if _replace(vfs, name, steps)}
    if not {"open", "unlink", "ftruncate"} <= armed or not {"pwrite", "pwrite64"} & armed:
        message = f"SQLite's VFS: expected its write calls to be replaceable, found {sorted(armed)}"
        raise UnusableShimError(message)


def _replace(vfs: Any, name: str, steps: Steps) -> bool:
    """Whether this build has the system call `name`, and now calls us for it."""
    address = vfs.contents.xGetSystemCall(vfs, name.encode())
    if not address:
        return False
    kind = ctypes.CFUNCTYPE(*_SIGNATURES[name], use_errno=True)
    callback = kind(_counted(name, kind(address), steps))
    _kept.append(callback)
    pointer = ctypes.cast(callback, _pointer)
    return int(vfs.contents.xSetSystemCall(vfs, name.encode(), pointer)) == 0


def _counted(name: str, real: Callable[..., Any], steps: Steps) -> Callable[..., Any]:
    """`real` with the counter around it."""

    def opened(path: bytes, flags: int, mode: int) -> Any:
        if not flags & os.O_CREAT or os.path.exists(path):  # noqa: PTH110 - bytes, as C has it
            return real(path, flags, mode)
        return steps.around(
            lambda: f"sqlite create {_name_of(path)}", lambda: real(path, flags, mode), None
        )

    def written(fd: int, data: int, size: int, *offset: int) -> Any:
        return steps.around(
            lambda: f"sqlite {name} {_name_of(fd)} {size} bytes{_at(*offset)}",
            lambda: real(fd, data, size, *offset),
            lambda: real(fd, data, size // 2, *offset),
        )

    def changed(*arguments: Any) -> Any:
        return steps.around(
            lambda: f"sqlite {name} {_name_of(arguments[0])}", lambda: real(*arguments), None
        )

    if name == "open":
        return opened
    return written if name in ("write", "pwrite", "pwrite64") else changed


def _at(*offset: int) -> str:
    return f" at {offset[0]}" if offset else ""


def _name_of(file: int | bytes) -> str:
    """The name of a path or of an open file, for people."""
    if isinstance(file, bytes):
        return Path(os.fsdecode(file)).name
    try:
        return Path(os.readlink(f"/proc/self/fd/{file}")).name  # noqa: PTH115 - no real path
    except OSError:
        return f"file {file}"


# -- Python's

_PLAIN = ("fsync", "fdatasync", "ftruncate", "posix_fallocate", "rename", "replace", "unlink")


def arm_python(steps: Steps) -> None:
    """Put the counter around the calls of `os` and `pathlib` that change what is on disk."""
    real_open, real_write, real_pwrite = os.open, os.write, os.pwrite

    def opened(path: Any, flags: int, *rest: Any, **named: Any) -> int:
        def whole() -> int:
            return real_open(path, flags, *rest, **named)

        creates = flags & os.O_CREAT and not os.path.exists(path)  # noqa: PTH110
        if not creates:
            return whole()
        return int(steps.around(lambda: f"create {path_name(path)}", whole, None))

    def written(fd: int, data: Any) -> int:
        return int(
            steps.around(
                lambda: f"write {_name_of(fd)} {len(data)} bytes",
                lambda: real_write(fd, data),
                lambda: real_write(fd, data[: len(data) // 2]),
            )
        )

    def pwritten(fd: int, data: Any, offset: int) -> int:
        return int(
            steps.around(
                lambda: f"pwrite {_name_of(fd)} {len(data)} bytes at {offset}",
                lambda: real_pwrite(fd, data, offset),
                lambda: real_pwrite(fd, data[: len(data) // 2], offset),
            )
        )

    os.open, os.write, os.pwrite = opened, written, pwritten
    for name in (*_PLAIN, "mkdir"):
        if hasattr(os, name):
            setattr(os, name, _counted_plain(name, getattr(os, name), steps))
    _arm_write_text(steps)


def _counted_plain(name: str, real: Callable[..., Any], steps: Steps) -> Callable[..., Any]:
    def call(*arguments: Any, **named: Any) -> Any:
        first = arguments[0]
        if name == "mkdir" and os.path.exists(first):  # noqa: PTH110
            return real(*arguments, **named)
        label = _name_of(first) if isinstance(first, int) else path_name(first)
        return steps.around(lambda: f"{name} {label}", lambda: real(*arguments, **named), None)

    return call


def _arm_write_text(steps: Steps) -> None:
    real = Path.write_text

    def write_text(self: Path, data: str, *rest: Any, **named: Any) -> Any:
        return steps.around(
            lambda: f"write_text {self.name}",
            lambda: real(self, data, *rest, **named),
            lambda: real(self, data[: len(data) // 2], *rest, **named),
        )

    Path.write_text = write_text  # type: ignore[method-assign]


def path_name(path: Any) -> str:
    """The last part of whatever `os` takes for a path."""
    return Path(os.fsdecode(path)).name
