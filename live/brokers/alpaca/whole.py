"""An answer's head, whole to its empty line: of one that was cut no header is believed.

shape   `WholeHead` is the response class of `transport.Guarded`; `HalfAnswerError(status)`
why     `http.client` takes the end of the connection for the end of the headers. An answer cut
        within `X-RateLimit-Limit: 1000` then says a limit of 1, a 204 cut behind its first line is
        a success, and a `Retry-After: 120` a wait of 12 s or of 1
"""

from http.client import HTTPResponse
from typing import IO, Any

_EMPTY = (b"\r\n", b"\n")


class HalfAnswerError(Exception):
    """The status came, and the rest did not."""

    def __init__(self, status: int) -> None:
        super().__init__(f"status {status}, cut")
        self.status = status


class WholeHead(HTTPResponse):
    """A response whose head is read as ever, and refused where it has no end."""

    def begin(self) -> None:
        """Read the head; `HalfAnswerError` where the connection ended within it."""
        real = self.fp
        lines = _Lines(real)
        self.fp = lines  # type: ignore[assignment]
        try:
            super().begin()
        finally:
            if self.fp is lines:  # type: ignore[comparison-overlap]
                self.fp = real
        if lines.last not in _EMPTY:
            raise HalfAnswerError(self.status)


class _Lines:
    """A connection's bytes line by line, and the last line that was read."""

    def __init__(self, real: IO[bytes]) -> None:
        self.last = b""
        self._real = real

    def readline(self, limit: int = -1) -> bytes:
        """The next line, empty at the end."""
        self.last = self._real.readline(limit)
        return self.last

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)
