"""Journals and events to test with: made-up times, one account, as many events as asked for."""

import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path

from core.events import Event, IntentCreated, TimerElapsed
from core.events.lifecycle import JournalCreated
from core.values import DecimalText, OrderType, Side, TimeInForce, TimeText, time_text
from journal import Head, Journal, create_journal, open_journal
from journal.export import export_jsonl
from journal.genesis import journal_id_from_name

START = 1_767_367_800_000_000
ROOT = Path(__file__).resolve().parent.parent.parent
SIDE_FILES = ("", "-wal", "-shm", ".anchor")


def at(second: int) -> TimeText:
    """A time of the made-up day."""
    return time_text(START + second * 1_000_000)


def created(name: str = "main", *, form: int = 1, min_reader: int = 1) -> JournalCreated:
    """Sequence 1 of the journal called `name`."""
    return JournalCreated(
        observed_at=at(0),
        journal_id=journal_id_from_name(name),
        name=name,
        mode="sim",
        account_hash="0" * 64,
        encrypted=False,
        format=form,
        min_reader=min_reader,
    )


def timer(number: int) -> TimerElapsed:
    """A small event, another one for every number."""
    return TimerElapsed(observed_at=at(number), key=f"timer-{number}", due=at(number))


def timers(first: int, count: int) -> list[Event]:
    """That many small events."""
    return [timer(number) for number in range(first, first + count)]


def intent(number: int) -> IntentCreated:
    """A large event."""
    return IntentCreated(
        decided_at=at(number),
        cause="ab" * 32,
        config="cd" * 32,
        cycle=number,
        ordinal=number,
        client_order_id=f"rf-{number:030d}",
        strategy="sample",
        slot=at(number),
        leg=0,
        symbol="AAPL",
        side=Side.BUY,
        quantity=DecimalText("100"),
        order_type=OrderType.LIMIT,
        limit_price=DecimalText("101.25"),
        time_in_force=TimeInForce.DAY,
        closing=False,
        decision_price=DecimalText("101.2"),
        bid=DecimalText("101.1"),
        ask=DecimalText("101.3"),
        valid_until=at(number + 60),
    )


def add(journal: Journal, count: int, *, batch: int = 1) -> Head:
    """Append `count` small events, `batch` at a time."""
    head = journal.head
    for first in range(head.sequence, head.sequence + count, batch):
        events = timers(first, min(batch, count))
        head = journal.append(events, expected=head, epoch=1, recorded_at=at(first))
    return head


def make(path: Path | str, count: int = 0, name: str = "main") -> Head:
    """A closed journal with `count` events behind its first; its head."""
    with create_journal(path, created(name), recorded_at=at(0)) as journal:
        return add(journal, count) if count else journal.head


def content(path: Path | str) -> bytes:
    """Every event of a journal as JSON lines."""
    out = BytesIO()
    with open_journal(path, read_only=True) as journal:
        export_jsonl(journal, out)
    return out.getvalue()


def copy(source: Path, target: Path, *, without: tuple[str, ...] = ()) -> Path:
    """Copy a journal with its side files, but those `without`."""
    for suffix in SIDE_FILES:
        file = source.with_name(source.name + suffix)
        if suffix not in without and file.exists():
            shutil.copyfile(file, target.with_name(target.name + suffix))
    return target


def side(path: Path, suffix: str) -> Path:
    """A side file of a journal."""
    return path.with_name(path.name + suffix)


def program(name: str, *arguments: object) -> list[str]:
    """The command that runs a program of this folder."""
    return [sys.executable, "-m", f"tests.journal.{name}", *map(str, arguments)]


@contextmanager
def running(command: list[str]) -> Iterator[subprocess.Popen[str]]:
    """A process with its output on a pipe, killed and reaped in the end."""
    with subprocess.Popen(command, cwd=ROOT, text=True, stdout=subprocess.PIPE) as process:
        try:
            yield process
        finally:
            process.kill()
