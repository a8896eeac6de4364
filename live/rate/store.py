"""Where the log of an account's calls lies: what every store keeps to, and the one in memory.

shape   `change(name, act)`: the bytes under `name` become what `act(found)` makes of them, as if no
        other process were there; `look(name)` only reads. `act` may be called more than once
stored  sha256 of the rest, then the log in msgpack; what does not fit its sum is damaged
errors  `StoreError`: the store cannot be asked now. Nothing is granted then
"""

import hashlib
import threading
import time
from collections.abc import Callable
from typing import NamedTuple, Protocol, TypeVar

import msgspec

from live.rate.window import Log

_SUM_BYTES = 32
_BOOTTIME = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)


class StoreError(Exception):
    """The store cannot be asked: busy, full, gone, or another program's."""


class Found(NamedTuple):
    """What is under a name, at which time of the store's clock `era`, in microseconds.

    `lost`: what stood here before is not what was left, and why; "" where it is.
    """

    data: bytes | None
    now: int
    era: str = ""
    lost: str = ""


_Made = TypeVar("_Made")
Act = Callable[[Found], tuple[bytes | None, _Made]]
"""From what was found: the new bytes (None leaves them as they are), and what came of it."""


class Store(Protocol):
    """Bytes under names, changed by one process at a time."""

    def change(self, name: str, act: Act[_Made]) -> _Made:
        """What came of `act`, once its bytes are kept."""
        ...

    def look(self, name: str) -> Found:
        """What is under `name` now."""
        ...

    def close(self) -> None:
        """Let go of files and connections."""
        ...


class MemoryStore:
    """A store of one process: it forgets with it."""

    def __init__(self, elapsed: Callable[[], int] | None = None) -> None:
        """`elapsed`: another clock than the machine's, in microseconds."""
        self._elapsed = elapsed or elapsed_us
        self._data: dict[str, bytes] = {}
        self._lock = threading.Lock()

    def change(self, name: str, act: Act[_Made]) -> _Made:
        """What came of `act`."""
        with self._lock:
            data, made = act(Found(self._data.get(name), self._elapsed()))
            if data is not None:
                self._data[name] = data
            return made

    def look(self, name: str) -> Found:
        """What is under `name` now."""
        return Found(self._data.get(name), self._elapsed())

    def close(self) -> None:
        """Nothing."""


class NoStore:
    """A store that could not be made: nothing is granted, but by a process's own count."""

    def __init__(self, why: str) -> None:
        self._why = why

    def change(self, name: str, act: Act[_Made]) -> _Made:  # noqa: ARG002
        """Never: `StoreError`."""
        raise StoreError(self._why)

    def look(self, name: str) -> Found:  # noqa: ARG002
        """Never: `StoreError`."""
        raise StoreError(self._why)

    def close(self) -> None:
        """Nothing."""


def elapsed_us() -> int:
    """Microseconds since the machine started, asleep or not: no clock that anybody can set."""
    return time.clock_gettime_ns(_BOOTTIME) // 1_000


def packed(log: Log) -> bytes:
    """The bytes of a log."""
    return summed(msgspec.msgpack.encode(log))


def unpacked(data: bytes) -> Log | None:
    """The log of these bytes; None where they are no log as it was written."""
    body = unsummed(data)
    if body is None:
        return None
    try:
        log = _DECODER.decode(body)
    except msgspec.MsgspecError:
        return None
    return log if log.last >= 0 and log.last < 1 << 62 else None


def summed(body: bytes) -> bytes:
    """`body` behind its sum."""
    return hashlib.sha256(body).digest() + body


def unsummed(data: bytes) -> bytes | None:
    """What stands behind a sum that fits it, else None."""
    found, body = data[:_SUM_BYTES], data[_SUM_BYTES:]
    return body if found == hashlib.sha256(body).digest() else None


_DECODER = msgspec.msgpack.Decoder(Log)
