"""`tail`: the last events, a line each, and on as they come."""

import argparse
import contextlib
import sys
from collections.abc import Iterator

import orjson

from bin.cli.exits import Exit
from bin.cli.journals import read
from core.values import time_text
from journal import Journal, Recorded
from live.redaction import redact

SHORT = 150


def tail(options: argparse.Namespace) -> int:
    """The last `-n` events; with `-f` until interrupted."""
    journal = read(options)
    with contextlib.closing(journal), contextlib.suppress(KeyboardInterrupt):
        records = list(_last(journal, options.n))
        if options.json:
            documents = b",\n".join(_json(record) for record in records)
            sys.stdout.buffer.write(b'{"events":[' + documents + b"]}\n")
            return Exit.GOOD
        for record in records:
            _say(record)
        if options.follow:
            last = records[-1].sequence if records else 0
            for record in journal.follow(last, stop=lambda: False):
                _say(record)
    return Exit.GOOD


def _last(journal: Journal, count: int) -> Iterator[Recorded]:
    head = journal.read_head()
    return journal.read(after=max(head.sequence - count, 0))


def _say(record: Recorded) -> None:
    text = redact(record.payload.decode("utf-8"))  # before it is cut: half of one is unknown
    shown = text if len(text) <= SHORT else text[: SHORT - 1] + "…"
    at = time_text(record.recorded_at)
    sys.stdout.write(f"{record.sequence:>8}  {at}  {record.event_id[:12]}  {record.tag}  {shown}\n")
    sys.stdout.flush()


def _json(record: Recorded) -> bytes:
    envelope = {
        "sequence": record.sequence,
        "id": record.event_id,
        "type": record.tag,
        "recorded_at": time_text(record.recorded_at),
        "epoch": record.epoch,
        "chain": record.chain,
        "event": orjson.Fragment(record.payload),
    }
    return orjson.dumps(envelope)
