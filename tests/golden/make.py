"""A golden journal of this release: one event of every kind it writes, two epochs.

usage   python -m tests.golden.make NAME   from the root; NAME is the release, "v1"
output  tests/golden/NAME.db, NAME.db.anchor and NAME.jsonl, which are then never changed again: it
        refuses to overwrite, and what a later release reads differently is that release's fault
how     values are made from the fields' types, every optional one filled, so that it covers all
"""

import sys
import types
from enum import Enum
from pathlib import Path
from typing import Any, Union, get_args, get_origin, get_type_hints

import msgspec

from core.events import EVENT_BY_TAG, Event
from core.events.lifecycle import JournalCreated
from core.reasons import ReasonCode
from core.values import DecimalText, TimeText, time_text
from journal import create_journal
from journal.export import export_jsonl
from journal.genesis import journal_id_from_name

FOLDER = Path(__file__).resolve().parent
START = 1_767_367_800_000_000
CODES = [
    "halt.kill_switch",
    "session.closed",
    "session.unknown",
    "signal.none",
    "signal.failed",
    "signal.invalid",
    "account.missing",
    "rate.no_permit",
    "reconcile.mismatch",
    "outcome.unknown",
    "quote.missing",
    "quote.crossed",
    "quote.stale",
    "size.below_lot",
    "size.quantity",
    "size.notional",
    "price.collar",
    "duplicate.intent",
    "duplicate.opposite",
    "position.reversal",
    "short.disabled",
    "exposure.gross",
    "capital.buying_power",
    "intent.expired",
    "broker.refused",
    "broker.absent",
    "order.max_age",
    "order.before_close",
    "operator.halt",
    "operator.cancel",
    "identity.collision",
]
"""The reasons of v1: a code that is added later changes no event, so it may not change this."""


def value_of(hint: Any, name: str, number: int) -> Any:
    """A value of a field's type, another one for another `number`."""
    if hint is DecimalText:
        return DecimalText(f"{number}.25")
    if hint is TimeText:
        return time_text(START + number * 1_000_001)
    if hint is str:
        return f'{name} {number}: "é\u2028\n"'
    if hint is bool:
        return number % 2 == 0
    if hint is int:
        return number
    if get_origin(hint) in (Union, types.UnionType):
        return value_of(get_args(hint)[0], name, number)
    if get_origin(hint) is dict:
        return {f"k{index}": value_of(get_args(hint)[1], name, index) for index in (2, 1)}
    if get_origin(hint) is tuple:
        return tuple(value_of(get_args(hint)[0], name, number + index) for index in (0, 1))
    if hint is ReasonCode:
        return ReasonCode(CODES[number % len(CODES)])
    if issubclass(hint, Enum):
        return list(hint)[number % len(hint)]
    return struct_of(hint, number)


def struct_of(cls: type[Any], number: int) -> Any:
    """A struct with every field filled."""
    hints = get_type_hints(cls)
    fields = [field.name for field in msgspec.structs.fields(cls)]
    return cls(**{name: value_of(hints[name], name, number + i) for i, name in enumerate(fields)})


def events() -> list[Event]:
    """One of every kind but the first, by tag."""
    kinds = [EVENT_BY_TAG[tag] for tag in sorted(EVENT_BY_TAG)]
    return [struct_of(cls, 2 + n) for n, cls in enumerate(kinds) if cls is not JournalCreated]


def first(name: str) -> JournalCreated:
    """Sequence 1."""
    return JournalCreated(
        observed_at=time_text(START),
        journal_id=journal_id_from_name(name),
        name=name,
        mode="sim",
        account_hash="0" * 64,
        encrypted=False,
        format=1,
        min_reader=1,
    )


def main(name: str, folder: Path = FOLDER) -> str | None:
    """Write the three files, or say why not."""
    path = folder / f"{name}.db"
    lines = folder / f"{name}.jsonl"
    if path.exists() or lines.exists():
        return f"{path.name}: a golden journal is never overwritten; choose another name"
    with create_journal(path, first(name), recorded_at=time_text(START)) as journal:
        head = journal.head
        for number, event in enumerate(events()):
            head = journal.append(
                [event],
                expected=head,
                epoch=1 + number // 20,
                recorded_at=time_text(START + number * 1_000_000),
            )
        with lines.open("xb") as out:
            export_jsonl(journal, out)
    return None


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
