"""One runner at a time on a journal. A courtesy; the epoch is the fence.

file    `<journal>.lock`, left in place; its text is the holder's process id and start, for people
why     the lock is the kernel's (flock), so it is gone with the process however that ended.
        Reading never needs it
server  an advisory lock of the server's: postgres_lock.py
"""

import os
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

from filelock import FileLock, Timeout

from journal.anchor import beside
from journal.errors import LockedError, ReadOnlyError
from journal.url import JournalUrl, parse_url

if TYPE_CHECKING:
    from journal.postgres_lock import AdvisoryLock


class WriterLock:
    """The lock of one journal; nothing to lock in memory. Use as a context, or acquire/release."""

    def __init__(self, url: "str | Path | JournalUrl") -> None:
        place = parse_url(url)
        self.path: Path | None = None
        self._lock: FileLock | None = None
        self._advisory: AdvisoryLock | None = None
        if place.engine == "postgresql":
            from journal import postgres_lock

            self._advisory = postgres_lock.AdvisoryLock(place)
        if place.path is not None:
            self.path = beside(place.path, ".lock")
            self._lock = FileLock(self.path, fallback_to_soft=False)

    def acquire(self) -> None:
        """Take the lock at once, or `LockedError` naming the holder."""
        if self._advisory is not None:
            self._advisory.acquire()
        if self._lock is None or self.path is None:
            return
        try:
            self._lock.acquire(timeout=0)
        except Timeout:
            raise LockedError(self.path, *named_in(self.path)) from None
        except OSError as error:
            raise ReadOnlyError(
                str(self.path), f"the lock cannot be taken ({error.strerror})"
            ) from None
        started = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        self.path.write_text(f"{os.getpid()} {started}\n", encoding="ascii")

    def release(self) -> None:
        """Give the lock back."""
        if self._advisory is not None:
            self._advisory.release()
        if self._lock is not None:
            self._lock.release()

    def __enter__(self) -> Self:
        self.acquire()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.release()


def named_in(path: Path) -> tuple[int | None, str | None]:
    """(process id, since) of the last process that took the lock, as its file says."""
    try:
        pid, started = path.read_text(encoding="ascii").split()
        return int(pid), started
    except (OSError, ValueError):
        return None, None
