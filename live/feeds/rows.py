"""Rows of CSV files, read strictly: every refusal names the file, the line and the mend.

shape   pattern -> files sorted by name -> (line number, columns) of each row, the header checked
        and left out; the sha256 of what was decompressed comes with it
reads   .csv and .csv.gz, UTF-8 with or without a byte order mark, lines ended by LF or CRLF
limits  a line of at most 1000 bytes; memory does not grow with the file
errors  `BadInputError`, one line
"""

import csv
import glob
import gzip
import hashlib
import io
import re
import zlib
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import IO, NamedTuple

from core.values import DecimalText, TimeText, decimal_text, is_time_text
from live.feeds.errors import BadInputError

_LINE_LIMIT = 1_000
FIRST_YEAR, LAST_YEAR = "1971", "9998"
"""Years a market can be of: a runner's own times lie a little around it."""
_TIME = re.compile(
    r"([0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2})(?:\.([0-9]{1,6}))?(?:Z|\+00:00)",
    re.ASCII,
)
_DECIMAL = re.compile(r"-?[0-9]{1,18}(?:\.[0-9]{1,18})?", re.ASCII)
_SYMBOL = re.compile(r"[A-Z0-9./-]{1,16}", re.ASCII)
_MARK = b"\xef\xbb\xbf"


class Signature(NamedTuple):
    """What tells cheaply that a file was touched: size and time of change."""

    size: int
    changed_ns: int


def files_of(pattern: str) -> tuple[Path, ...]:
    """The files a pattern names, sorted by name; a file's own name is a pattern for it."""
    names = _matches(pattern)
    if not names:
        message = (
            f"{pattern}: expected at least one .csv or .csv.gz file, found none; check the path"
        )
        raise BadInputError(message)
    for name in names:
        path = Path(name)
        if path.is_dir():
            message = (
                f"{name}: expected a file, found a directory; give a pattern like {name}/*.csv"
            )
            raise BadInputError(message)
        if path.exists() and not path.is_file():
            message = f"{name}: expected a regular file, found a pipe or device; write a file first"
            raise BadInputError(message)
        if not name.endswith((".csv", ".csv.gz")):
            message = (
                f"{name}: expected a name that ends in .csv or .csv.gz, found another; "
                "rename the file or narrow the pattern"
            )
            raise BadInputError(message)
    return tuple(Path(name) for name in names)


class RowReader:
    """The rows of one file, once: iterate, then ask `sha256`."""

    def __init__(self, path: Path, header: str) -> None:
        self.path = path
        self.line = 0
        self.row_count = 0
        self._header = header
        self._digest = hashlib.sha256()
        self._totals: list[hashlib._Hash] = []

    def also_hash_into(self, total: "hashlib._Hash") -> "RowReader":
        """Feed another hash with the same bytes: that of the whole stream of files."""
        self._totals.append(total)
        return self

    @property
    def sha256(self) -> str:
        """sha256 of the decompressed bytes read so far, hex."""
        return self._digest.hexdigest()

    def refusal(self, what: str, expected: str, found: object, mend: str) -> BadInputError:
        """The error of this line: file:line: what, expected, found, mend."""
        shown = repr(found)[:80]
        return BadInputError(
            f"{self.path}:{self.line}: {what}: expected {expected}, found {shown}; {mend}"
        )

    def rows(self) -> Iterator[list[str]]:
        """The columns of each row; `line` is the row's line number meanwhile."""
        width = self._header.count(",") + 1
        reader = csv.reader(self._lines(), strict=True)
        seen_header = False
        while True:
            try:
                row = next(reader)
            except StopIteration:
                break
            except csv.Error as error:
                raise self.refusal(
                    "row", "plain comma-separated values", str(error), "mend the line"
                ) from None
            if not seen_header:
                seen_header = True
                if row != self._header.split(","):
                    raise self.refusal(
                        "header", self._header, ",".join(row), "write the header as expected"
                    )
                continue
            if len(row) != width:
                raise self.refusal(
                    "row",
                    f"{width} columns",
                    f"{len(row)}: {','.join(row)}",
                    "mend or delete the line",
                )
            self.row_count += 1
            yield row
        if not seen_header:
            self.line = 1
            raise self.refusal(
                "file", f"the header {self._header}", "an empty file", "fill or remove the file"
            )
        if not self.row_count:
            raise self.refusal(
                "file", "at least one row", "a header only", "fill or remove the file"
            )

    def _lines(self) -> Iterator[str]:
        """The file's lines as text, hashed as they pass."""
        try:
            with _opened(self.path) as stream:
                while True:
                    self.line += 1
                    raw = stream.readline(_LINE_LIMIT + 1)
                    if not raw:
                        self.line -= 1
                        return
                    self._digest.update(raw)
                    for total in self._totals:
                        total.update(raw)
                    yield self._text(raw)
        except (EOFError, zlib.error, gzip.BadGzipFile) as error:
            raise self.refusal(
                "file", "a whole .gz file", str(error), "copy the file again"
            ) from None
        except OSError as error:
            raise _unreadable(self.path, error) from None

    def _text(self, raw: bytes) -> str:
        if len(raw) > _LINE_LIMIT:
            raise self.refusal("line", f"at most {_LINE_LIMIT} bytes", raw[:40], "mend the line")
        if b"\x00" in raw:
            raise self.refusal("line", "text", raw.rstrip(), "remove the NUL byte")
        if self.line == 1 and raw.startswith(_MARK):
            raw = raw[len(_MARK) :]
        try:
            return raw.decode("utf-8")
        except UnicodeDecodeError:
            raise self.refusal("line", "UTF-8", raw.rstrip(), "save the file as UTF-8") from None

    def time(self, text: str) -> TimeText:
        """A row's time in canonical form."""
        found = _time(text)
        if found is None:
            raise self.refusal(
                "time", "an RFC 3339 UTC time such as 2013-10-07T13:31:00Z", text, "write it in UTC"
            )
        return found

    def symbol(self, text: str) -> str:
        """A row's symbol."""
        if _SYMBOL.fullmatch(text) is None:
            raise self.refusal("symbol", "1 to 16 of A-Z 0-9 . / -", text, "mend the symbol")
        return text

    def price(self, what: str, text: str) -> DecimalText:
        """A row's price: a plain decimal above zero."""
        found = _decimal(text)
        if found is None or found == "0" or found[0] == "-":
            raise self.refusal(what, "a plain decimal above zero", text, "mend the price")
        return found

    def size(self, what: str, text: str) -> DecimalText:
        """A row's size or volume: a plain decimal of at least zero."""
        found = _decimal(text)
        if found is None or found[0] == "-":
            raise self.refusal(what, "a plain decimal of at least zero", text, "mend the number")
        return found

    def value(self, what: str, text: str) -> DecimalText:
        """A row's number, of either sign."""
        found = _decimal(text)
        if found is None:
            raise self.refusal(what, "a plain decimal", text, "mend the number")
        return found


def signature_of(path: Path) -> Signature:
    """The file's signature; refuses one that cannot be read."""
    try:
        status = path.stat()
    except OSError as error:
        raise _unreadable(path, error) from None
    return Signature(status.st_size, status.st_mtime_ns)


def _matches(pattern: str) -> list[str]:
    try:
        if Path(pattern).exists():
            return [pattern]
        # Path.glob takes no absolute pattern
        return sorted(glob.glob(pattern, recursive=True))  # noqa: PTH207
    except (OSError, ValueError):
        return []  # a name that no file can have


def _unreadable(path: Path, error: OSError) -> BadInputError:
    return BadInputError(
        f"{path}: expected a readable file, found {error.strerror or error}; "
        "check the path and its permissions"
    )


def _opened(path: Path) -> IO[bytes]:
    if path.name.endswith(".gz"):
        return io.BufferedReader(gzip.open(path, "rb"), 1 << 16)
    return path.open("rb", buffering=1 << 16)


@lru_cache(maxsize=16)
def _time(text: str) -> TimeText | None:
    match = _TIME.fullmatch(text)
    if match is None:
        return None
    whole = f"{match[1]}.{(match[2] or '').ljust(6, '0')}Z"
    in_range = FIRST_YEAR <= whole[:4] <= LAST_YEAR
    return TimeText(whole) if in_range and is_time_text(whole) else None


@lru_cache(maxsize=16_384)
def _decimal(text: str) -> DecimalText | None:
    return decimal_text(text) if _DECIMAL.fullmatch(text) else None
