"""Who holds a journal's writer lock, looked at without ever taking it.

shape   `holder_of(url)` -> `Holder` or None: nobody runs on it
why     whoever took the lock to see whether it is free would turn away a runner that starts in that
        moment. Linux lists the locks of files in /proc/locks; a server lists its advisory ones.
        Elsewhere the lock is tried, shared and for an instant, and only if the process named in its
        file is alive
errors  a `JournalError` where a server cannot be asked
"""

import fcntl
import os
from pathlib import Path
from typing import NamedTuple

from journal.anchor import beside
from journal.lock import named_in
from journal.url import JournalUrl, parse_url

_LOCKS = Path("/proc/locks")


class Holder(NamedTuple):
    """The process that holds it; `stopped` where the machine says it gets no time (SIGSTOP)."""

    pid: int | None
    since: str | None
    stopped: bool = False


def holder_of(url: "str | Path | JournalUrl") -> Holder | None:
    """The runner's process, or None."""
    place = parse_url(url)
    if place.engine == "postgresql":
        from journal.postgres_lock import holder_of as holder_in_server  # noqa: PLC0415 - psycopg

        pid, since, held = holder_in_server(place)
        return Holder(pid, since) if held else None
    if place.path is None:
        return None
    path = beside(place.path, ".lock")
    if not path.exists():
        return None
    pid, since = named_in(path)
    return Holder(pid, since, _is_stopped(pid)) if _is_held(path, pid) else None


def _is_held(path: Path, pid: int | None) -> bool:
    listed = _is_listed(path, pid)
    if listed or pid is None or not _is_alive(pid):
        return bool(listed)
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        return True
    finally:
        os.close(descriptor)
    return False


def _is_listed(path: Path, pid: int | None) -> bool:
    """Whether the kernel lists a lock of this file; by its number, for devices may be mapped."""
    try:
        found, lines = path.stat(), _LOCKS.read_text(encoding="ascii").splitlines()
    except OSError:
        return False
    device = f"{os.major(found.st_dev):02x}:{os.minor(found.st_dev):02x}"
    for line in lines:
        words = line.split()
        if len(words) < 6 or words[1] != "FLOCK":
            continue
        where, _, inode = words[5].rpartition(":")
        if inode == str(found.st_ino) and (where == device or words[4] == str(pid)):
            return True
    return False


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except PermissionError:
        return True
    except (OSError, OverflowError):
        return False
    return True


def _is_stopped(pid: int | None) -> bool:
    """Whether the process is stopped by a signal or a debugger."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return False
    return stat.rpartition(")")[2].split()[:1] in (["T"], ["t"])
