"""Signals of a model from CSV files, handed out up to each slot.

shape   header `time,symbol,value,model,model_version`, a row a time, symbol and model; times never
        go backwards, and go strictly forward between files; `model_hash` = sha256 of the row's file
errors  `BadInputError` as for quotes: everything is checked before anything is handed out
"""

import hashlib
import re
from collections.abc import Iterator
from typing import NamedTuple

from core.events.market import SignalObserved
from core.values import DecimalText, TimeText
from live.feeds.csv_file import CsvFile, changed
from live.feeds.rows import RowReader, files_of, signature_of

HEADER = "time,symbol,value,model,model_version"
_NAME = re.compile(r"[\x21-\x7e](?:[\x20-\x7e]{0,62}[\x21-\x7e])?", re.ASCII)


class Signal(NamedTuple):
    """One row: what a model says of a symbol from `time` on."""

    time: TimeText
    symbol: str
    value: DecimalText
    model: str
    model_version: str
    model_hash: str

    def observed(self, at: TimeText) -> SignalObserved:
        """The observation of this signal, heard at `at`."""
        return SignalObserved(
            observed_at=at,
            source_time=self.time,
            symbol=self.symbol,
            value=self.value,
            model=self.model,
            model_version=self.model_version,
            model_hash=self.model_hash,
        )


class SignalFeed:
    """The signals of the files that `pattern` names, checked when it is made."""

    name = "csv"

    def __init__(self, pattern: str) -> None:
        total = hashlib.sha256()
        files: list[CsvFile] = []
        symbols: set[str] = set()
        before: TimeText | None = None
        for path in files_of(pattern):
            signature = signature_of(path)
            reader = RowReader(path, HEADER).also_hash_into(total)
            first: TimeText | None = None
            for signal in _signals(reader, before, ""):
                first = first or signal.time
                before = signal.time
                symbols.add(signal.symbol)
            assert first is not None
            assert before is not None
            files.append(CsvFile(path, signature, reader.sha256, first, before, {}))
        self.files = tuple(files)
        self.symbols = tuple(sorted(symbols))
        self.data_hash = total.hexdigest()

    def signals(self, after: TimeText | None) -> Iterator[Signal]:
        """The signals later than `after` (all, if None), forward in time."""
        before: TimeText | None = None
        for file in self.files:
            if signature_of(file.path) != file.signature:
                raise changed(file)
            if after is None or file.last_time > after:
                reader = RowReader(file.path, HEADER)
                for signal in _signals(reader, before, file.sha256):
                    if after is None or signal.time > after:
                        yield signal
                if reader.sha256 != file.sha256:
                    raise changed(file)
            before = file.last_time

    def cursor(self, after: TimeText | None) -> "SignalCursor":
        """A cursor that stands behind `after`."""
        return SignalCursor(self.signals(after))


class SignalCursor:
    """Signals handed out once each, up to a slot at a time."""

    def __init__(self, signals: Iterator[Signal]) -> None:
        self._signals = signals
        self._next = next(signals, None)

    def until(self, slot: TimeText) -> list[Signal]:
        """The signals with `time` <= `slot` that were not handed out yet."""
        found: list[Signal] = []
        while self._next is not None and self._next.time <= slot:
            found.append(self._next)
            self._next = next(self._signals, None)
        return found


def _signals(reader: RowReader, before: TimeText | None, model_hash: str) -> Iterator[Signal]:
    """The file's signals, later than `before` and never backwards."""
    time: TimeText | None = None
    seen: set[tuple[str, str]] = set()
    for row in reader.rows():
        at = reader.time(row[0])
        if at != time:
            if time is not None and at < time:
                raise reader.refusal("time", f"{time} or later", row[0], "sort the rows by time")
            if time is None and before is not None and at <= before:
                mend = "name the files so that they sort by time, each row in one of them"
                raise reader.refusal("time", f"later than {before}, the file before", row[0], mend)
            time, seen = at, set()
        symbol = reader.symbol(row[1])
        if (symbol, row[3]) in seen:
            raise reader.refusal(
                "row", "one row a time, symbol and model", ",".join(row), "delete one"
            )
        seen.add((symbol, row[3]))
        for what, text in (("model", row[3]), ("model_version", row[4])):
            if _NAME.fullmatch(text) is None:
                raise reader.refusal(
                    what, "1 to 64 printable ASCII characters", text, "mend the name"
                )
        value = reader.value("value", row[2])
        yield Signal(at, symbol, value, row[3], row[4], model_hash)
