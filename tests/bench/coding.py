"""Encoding and decoding: where msgspec, where orjson, where the standard library is the right one.

ours    what the code does today
other   another way to the same bytes, or, where it says so, to less
"""

import json
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import TypeVar

import msgspec
import orjson

from bin.cli.views import view_of
from core.canonical import canonical_bytes
from core.events import EVENT_BY_TAG, Event
from core.values import time_text
from journal import Recorded, open_journal
from journal.export import jsonl_line
from journal.upcast import decode_event
from projections.registry import named
from tests.bench.corpus import Corpus
from tests.bench.measure import CPU, DifferentError, Row, in_turn, times

T = TypeVar("T")
EVENTS = 2_000
PRETTY = orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE


def encoding_structs(corpus: Corpus, name: str) -> Row:
    """Canonical bytes of our events, against `to_builtins` and `orjson.dumps` with sorted keys."""
    events = [record.event for record in _records(corpus)]
    return _row(corpus, name, events, canonical_bytes, _by_orjson)


def encoding_dicts(corpus: Corpus, name: str) -> Row:
    """The same events as plain dicts, encoded by both: a peer that has no structs to flatten."""
    plain = [msgspec.to_builtins(record.event) for record in _records(corpus)]
    return _row(corpus, name, plain, canonical_bytes, _sorted_by_orjson)


def decoding(corpus: Corpus, name: str) -> Row:
    """Stored bytes to a checked event, against `orjson.loads` to a dict that nobody checked."""
    ours, other = _decode, _loads
    return _row(corpus, name, _records(corpus), ours, other, same=False)


def decoding_to_the_same(corpus: Corpus, name: str) -> Row:
    """Stored bytes to a checked event, against `orjson.loads` and `msgspec.convert`."""
    return _row(corpus, name, _records(corpus), _decode, _loads_and_convert)


def exporting(corpus: Corpus, name: str) -> Row:
    """A line of `export`, against `orjson.dumps` with the stored bytes as a fragment."""
    return _row(corpus, name, _records(corpus), jsonl_line, fragment_line)


def showing_by_msgspec(corpus: Corpus, name: str) -> Row:
    """The document of `show orders --json`, against `msgspec.json.encode` and `format`."""
    return _document_row(corpus, name, lambda found: _formatted(found) + b"\n")


def showing_by_json(corpus: Corpus, name: str) -> Row:
    """The document of `show orders --json`, against the standard library's `json`."""
    return _document_row(
        corpus,
        name,
        lambda found: json.dumps(found, indent=2, ensure_ascii=False).encode() + b"\n",
    )


def fragment_line(recorded: Recorded) -> bytes:
    """What `jsonl_line` gives, by orjson."""
    envelope = {
        "sequence": recorded.sequence,
        "id": recorded.event_id,
        "type": recorded.tag,
        "recorded_at": time_text(recorded.recorded_at),
        "epoch": recorded.epoch,
        "chain": recorded.chain,
        "event": orjson.Fragment(recorded.payload),
    }
    return orjson.dumps(envelope, option=orjson.OPT_APPEND_NEWLINE)


def _row(
    corpus: Corpus,
    name: str,
    pieces: list[T],
    ours: Callable[[T], object],
    other: Callable[[T], object],
    *,
    same: bool = True,
) -> Row:
    """Both over all pieces; with `same` they must give the same for each."""
    if same and any(ours(piece) != other(piece) for piece in pieces):
        raise DifferentError(name)
    taken = in_turn(
        lambda: _drop(map(ours, pieces)),
        lambda: _drop(map(other, pieces)),
        rounds=3 * corpus.size.rounds,
        warm_up=1,
        clock=CPU,
    )
    return times(name, taken, each=len(pieces), unit="µs an event")


def _drop(results: Iterator[object]) -> None:
    """Let each result go at once: keeping them all would measure the heap's growth instead."""
    deque(results, maxlen=0)


def _records(corpus: Corpus) -> list[Recorded]:
    return corpus.records[:EVENTS]


def _by_orjson(event: Event) -> bytes:
    return orjson.dumps(msgspec.to_builtins(event), option=orjson.OPT_SORT_KEYS)


def _sorted_by_orjson(plain: object) -> bytes:
    return orjson.dumps(plain, option=orjson.OPT_SORT_KEYS)


def _decode(record: Recorded) -> Event:
    return decode_event(record.tag, record.payload)


def _loads(record: Recorded) -> object:
    return orjson.loads(record.payload)


def _loads_and_convert(record: Recorded) -> object:
    return msgspec.convert(orjson.loads(record.payload), EVENT_BY_TAG[record.tag])


def _formatted(document: object) -> bytes:
    return msgspec.json.format(msgspec.json.encode(document), indent=2)


def _document_row(corpus: Corpus, name: str, other: Callable[[object], bytes]) -> Row:
    document = _document(corpus)
    if json.loads(other(document)) != json.loads(_by_print_json(document)):
        raise DifferentError(name)
    taken = in_turn(
        lambda: _by_print_json(document),
        lambda: other(document),
        rounds=3 * corpus.size.rounds,
        warm_up=1,
        clock=CPU,
    )
    return times(name, taken, each=1, unit=f"ms for {corpus.size.rows} rows")


def _by_print_json(document: object) -> bytes:
    return orjson.dumps(document, option=PRETTY, default=str)


def _document(corpus: Corpus) -> dict[str, object]:
    """`show orders --json` with as many rows as the size says, the session's over and over."""
    with closing(open_journal(corpus.url, read_only=True)) as journal:
        rows, digest = view_of(journal, named("orders"), None)
    found = [rows[index % len(rows)] for index in range(corpus.size.rows)]
    return {"rows": found, "sequence": len(corpus.records), "digest": digest}
