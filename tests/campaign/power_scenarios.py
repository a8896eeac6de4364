"""What is recorded for the power-loss campaign: a journal's life, a session's, and planted faults.

shape   SCENARIOS[name](folder, plant) -> the log of record.py, with ("append", sequence, chain)
        before an append, ("head", sequence) when it returned, ("anchored", sequence) when an
        anchor did, and ("accepted", id) when the venue had said that it has an order
why     SQLite copies the WAL back after 1000 pages; here after 12, so that short runs have many
        such moments. Nothing else is changed
"""

import sqlite3
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from bin.cli import __main__ as command_line
from core.events import Event, OrderSubmitted
from core.values import TimeText, micros
from journal import Head, Journal, create_journal, open_journal, opening, sqlite_file
from journal import sqlite as engine
from journal.codec import Codec
from live.brokers.base import SubmitAnswer
from live.brokers.simulated import SimulatedBroker
from live.brokers.ticket import Ticket
from tests.campaign import scenario
from tests.campaign.plants import put
from tests.campaign.record import Entry, Recorder
from tests.journal.sample import at, created, intent, timers

NAME = "main.db"
CHECKPOINT_PAGES = 12
_REOPENED = 3


def synchronous(mode: str) -> Callable[[], None]:
    """SQLite syncs less than asked, as if the setting had been left to chance."""
    return lambda: _configured(f"PRAGMA synchronous={mode}")


def anchor_first() -> None:
    """The anchor is told of a commit before that is durable."""
    real = Journal.append

    def append(journal: Journal, events: list[Event], **named: Any) -> Head:
        anchor = journal._anchor
        if anchor is not None:
            rows = Codec(journal.journal_id, "").encode(
                events,
                named["expected"],
                epoch=named["epoch"],
                recorded_at=micros(named["recorded_at"]),
            )
            anchor.sync(rows[1])
        return real(journal, events, **named)

    put(Journal, "append", append)


PLANTS: dict[str, Callable[[], None]] = {
    "": lambda: None,
    "synchronous-normal": synchronous("NORMAL"),
    "synchronous-off": synchronous("OFF"),
    "anchor-first": anchor_first,
}


def _configured(statement: str) -> None:
    """Run a statement on every writer's connection, behind what the journal sets itself."""
    real = engine.configure

    def configure(connection: sqlite3.Connection, *, writable: bool) -> None:
        real(connection, writable=writable)
        if writable:
            connection.execute(statement).fetchall()

    engine.configure = configure
    put(sqlite_file, "configure", configure)


def _heard(recorder: Recorder) -> None:
    """Note every append and anchor of this process."""
    real_append, real_anchor, real_create = Journal.append, Journal.anchor, sqlite_file.create_file
    real_submit = SimulatedBroker.submit

    def append(journal: Journal, events: list[Event], **named: Any) -> Head:
        recorded_at = micros(named["recorded_at"])
        _, head = Codec(journal.journal_id, "").encode(
            events, named["expected"], epoch=named["epoch"], recorded_at=recorded_at
        )
        recorder.note("append", head.sequence, head.chain)
        found = real_append(journal, events, **named)
        recorder.note("head", found.sequence)
        return found

    def anchor(journal: Journal) -> None:
        real_anchor(journal)
        recorder.note("anchored", journal.head.sequence)

    def create_file(path: Path, originator: Any, row: Any, before_commit: Any, ring: Any) -> None:
        recorder.note("append", 1, row[2][18:50].hex())
        real_create(path, originator, row, before_commit, ring)
        recorder.note("head", 1)

    def submit(
        broker: SimulatedBroker, ticket: Ticket, attempt: int, now: TimeText
    ) -> SubmitAnswer:
        answer = real_submit(broker, ticket, attempt, now)
        if isinstance(answer, OrderSubmitted):
            recorder.note("accepted", ticket.client_order_id)
        return answer

    put(SimulatedBroker, "submit", submit)
    put(Journal, "append", append)
    put(Journal, "anchor", anchor)
    put(opening, "create_file", create_file)


def record_journal(folder: Path, plant: str) -> list[Entry]:
    """A journal made, written in batches of every size, anchored now and then, opened again."""
    place = folder / "journal"
    place.mkdir()
    recorder = _armed(place, plant)
    path = place / NAME
    create_journal(path, created(), recorded_at=at(0)).close()
    number = 0
    for batch in _REOPENED * (_BATCHES,):
        with open_journal(path) as journal:
            for events in _batches(batch, number):
                number += 1
                head = journal.append(
                    events, expected=journal.head, epoch=1, recorded_at=at(number)
                )
                if head.sequence % 3 == 0:
                    journal.anchor()
    return recorder.log


_BATCHES = (1, 2, 1, 5, 1, 12, 3, 1, 30, 1, 1, 4)


def _batches(sizes: tuple[int, ...], number: int) -> Iterator[list[Event]]:
    for size in sizes:
        number += 1
        yield [*timers(number, size), intent(number)] if size % 2 else timers(number, size)


def record_session(folder: Path, plant: str) -> list[Entry]:
    """The kill campaign's session, by the real command, with its venue and log beside it."""
    config = scenario.write_inputs(folder)
    place = folder / "session"
    place.mkdir()
    recorder = _armed(place, plant)
    url = f"sqlite:///{place / NAME}"
    with (folder / "said").open("w", encoding="utf-8") as said:
        sys.stdout = sys.stderr = said
        status = command_line.main(["run", "--config", str(config), "--journal", url, "--json"])
        sys.stdout, sys.stderr = sys.__stdout__, sys.__stderr__
    if status:
        message = f"session: expected exit status 0, found {status}"
        raise RuntimeError(message)
    return recorder.log


def _armed(place: Path, plant: str) -> Recorder:
    _configured(f"PRAGMA wal_autocheckpoint={CHECKPOINT_PAGES}")
    recorder = Recorder(place)
    recorder.arm()
    _heard(recorder)
    PLANTS[plant]()
    return recorder


SCENARIOS: dict[str, Callable[[Path, str], list[Entry]]] = {
    "journal": record_journal,
    "session": record_session,
}
