"""Quotes from CSV files: several files form one stream, checked whole before it is used.

shape   header `time,symbol,bid,ask,bid_size,ask_size,last,volume`, a row a symbol and time; rows of
        one time stand together, times never go backwards, and go strictly forward between files
passes  the first reads everything in constant memory: rows, hash, symbols, sessions. The second
        streams the slots, checks again, and refuses files that changed in between
calendar  a session a UTC date with rows: it opens at the date's first slot and closes at its last,
        open <= t < close, so the cycle at the close is out of session; no early closes are known
last    an empty `last` with no volume is a minute without a trade: the trade before it stays the
        last; until a symbol's first trade its rows give no quote
errors  `BadInputError`, one line: file:line: what, expected, found, mend. A quote that can be read
        is never refused: crossed and locked ones and zero sizes are the gates' business
"""

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from core.events.lifecycle import Session
from core.events.market import Quote
from core.values import DecimalText, TimeText
from live.feeds.base import MarketSlot
from live.feeds.errors import BadInputError
from live.feeds.rows import RowReader, Signature, files_of, signature_of

HEADER = "time,symbol,bid,ask,bid_size,ask_size,last,volume"


class CsvFile(NamedTuple):
    """What the first pass found in one file; `lasts`: each symbol's last trade before it."""

    path: Path
    signature: Signature
    sha256: str
    first_time: TimeText
    last_time: TimeText
    lasts: dict[str, DecimalText]


class CsvFeed:
    """The market of the files that `pattern` names, checked when it is made."""

    name = "csv"
    paced = False

    def __init__(self, pattern: str) -> None:
        symbols: set[str] = set()
        days: dict[str, tuple[TimeText, TimeText]] = {}
        total = hashlib.sha256()
        files: list[CsvFile] = []
        lasts: dict[str, DecimalText] = {}
        self.row_count = self.slot_count = 0
        before: TimeText | None = None
        for path in files_of(pattern):
            signature = signature_of(path)
            reader = RowReader(path, HEADER).also_hash_into(total)
            first: TimeText | None = None
            lasts_before = dict(lasts)
            for slot in _slots(reader, before, lasts, symbols):
                first = first or slot.time
                day = slot.time[:10]
                days[day] = (days[day][0] if day in days else slot.time, slot.time)
                self.slot_count += 1
                before = slot.time
            assert first is not None and before is not None  # noqa: PT018 - no row is refused
            self.row_count += reader.row_count
            files.append(CsvFile(path, signature, reader.sha256, first, before, lasts_before))
        self.files = tuple(files)
        self.symbols = tuple(sorted(symbols))
        self.data_hash = total.hexdigest()
        self._sessions = tuple(
            Session(date=day, open=first, close=last) for day, (first, last) in days.items()
        )

    def calendar(self) -> tuple[str, tuple[Session, ...]]:
        """A session for each UTC date: first slot to last."""
        return "csv", self._sessions

    def slots(self, after: TimeText | None) -> Iterator[MarketSlot]:
        """The slots later than `after`; files that end before it are not read again."""
        before: TimeText | None = None
        for file in self.files:
            if signature_of(file.path) != file.signature:
                raise changed(file)
            if after is None or file.last_time > after:
                reader = RowReader(file.path, HEADER)
                for slot in _slots(reader, before, dict(file.lasts), set()):
                    if slot.time > file.last_time:
                        raise changed(file)
                    if after is None or slot.time > after:
                        yield slot
                if reader.sha256 != file.sha256:
                    raise changed(file)
            before = file.last_time


def _slots(
    reader: RowReader, before: TimeText | None, lasts: dict[str, DecimalText], symbols: set[str]
) -> Iterator[MarketSlot]:
    """The file's slots: rows of one time together, later than `before` and strictly forward.

    Notes each symbol's last trade in `lasts` and each symbol in `symbols` as it goes.
    """
    time: TimeText | None = None
    quotes: dict[str, Quote] = {}
    seen: set[str] = set()
    for row in reader.rows():
        at = reader.time(row[0])
        if at != time:
            if time is not None:
                if at < time:
                    raise reader.refusal(
                        "time", f"{time} or later", row[0], "sort the rows by time"
                    )
                yield MarketSlot(time, quotes)
            elif before is not None and at <= before:
                mend = "name the files so that they sort by time, each row in one of them"
                raise reader.refusal("time", f"later than {before}, the file before", row[0], mend)
            time, quotes = at, {}
            symbols |= seen
            seen = set()
        symbol = reader.symbol(row[1])
        if symbol in seen:
            found = f"{row[0]},{symbol} again"
            raise reader.refusal("row", "one row a symbol and time", found, "delete one")
        seen.add(symbol)
        quote = _quote(reader, row, at, lasts.get(symbol))
        if quote is not None:
            quotes[symbol] = quote
            lasts[symbol] = quote.last
    symbols |= seen
    if time is not None:
        yield MarketSlot(time, quotes)


def _quote(
    reader: RowReader, row: list[str], time: TimeText, last_before: DecimalText | None
) -> Quote | None:
    """The row's quote; None where its symbol has not traded yet."""
    volume = reader.size("volume", row[7])
    no_trade = row[6] == "" and volume == "0"
    last = last_before if no_trade else reader.price("last", row[6])
    fields = {
        "bid": reader.price("bid", row[2]),
        "ask": reader.price("ask", row[3]),
        "bid_size": reader.size("bid_size", row[4]),
        "ask_size": reader.size("ask_size", row[5]),
    }
    return None if last is None else Quote(**fields, last=last, volume=volume, time=time)


def changed(file: CsvFile) -> BadInputError:
    """The error for a file that is no longer what the first pass read."""
    return BadInputError(
        f"{file.path}: expected the content it had when it was checked ({file.sha256[:16]}), "
        "found another; let nothing write to it during a run, and start again"
    )
