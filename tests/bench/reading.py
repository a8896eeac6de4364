"""Reading: verify, fold and replay a session's journal, in events a CPU-second.

ours    what the commands do: every byte checked against the chain
other   named at each; both sides must come to the same end, or there is no row
"""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from hashlib import sha256
from uuid import UUID

from eventsourcing.persistence import ApplicationRecorder, InfrastructureFactory
from eventsourcing.utils import Environment

from core.evolve import evolve
from core.state import INITIAL, State
from journal import open_journal
from journal.codec import PAYLOAD_OFFSET, originator_of
from journal.journal import PAGE
from journal.upcast import decode_event
from journal.verify import verify
from replay.parity import parity
from tests.bench.corpus import Corpus
from tests.bench.measure import CPU, DifferentError, Row, Task, in_turn, rates, told_in_turn

UNIT = "events a CPU-second"


def verifying(corpus: Corpus, name: str) -> Row:
    """`verify` against one sha256 over all stored bytes, read by a bare scan."""

    def ours() -> None:
        report = verify(corpus.url)
        if not report.ok or report.events != len(corpus.records):
            raise DifferentError(name)

    return _row(corpus, name, ours, lambda: bare_scan(corpus))


def bare_scan(corpus: Corpus) -> str:
    """sha256 of every stored byte, a page at a time."""
    digest = sha256()
    with closing(sqlite3.connect(corpus.path)) as connection:
        cursor = connection.execute("SELECT state FROM stored_events ORDER BY rowid")
        while page := cursor.fetchmany(PAGE):
            digest.update(b"".join(state for (state,) in page))
    return digest.hexdigest()


def folding(corpus: Corpus, name: str) -> Row:
    """Read, check, decode and evolve, against the library's reader with the same decode and fold.

    The library's reader checks nothing: it has no chain.
    """
    if fold(corpus) != library_fold(corpus):
        raise DifferentError(name)
    return _row(corpus, name, lambda: fold(corpus), lambda: library_fold(corpus))


def folding_long(corpus: Corpus, name: str) -> Row:
    """A long journal folded, against a short one."""

    def spent(url: str) -> int:
        """CPU nanoseconds for a thousand million events."""
        start = CPU()
        events = _events_folded(url)
        return (CPU() - start) * 10**9 // events

    taken = told_in_turn(lambda: spent(corpus.many), lambda: spent(corpus.few), rounds=2, warm_up=0)
    return rates(name, taken, each=10**9, unit=UNIT)


def _events_folded(url: str) -> int:
    state = INITIAL
    with open_journal(url, read_only=True) as journal:
        for _, event in journal.events():
            state = evolve(state, event)
        return journal.read_head().sequence


def replaying(corpus: Corpus, name: str) -> Row:
    """Every decision derived again and compared, against only folding the recorded ones."""

    def ours() -> None:
        with open_journal(corpus.url, read_only=True) as journal:
            report = parity(journal.read())
        if report.parity is not True or report.events != len(corpus.records):
            raise DifferentError(name)

    return _row(corpus, name, ours, lambda: fold(corpus))


def fold(corpus: Corpus) -> State:
    """The state at the journal's end."""
    state = INITIAL
    with open_journal(corpus.url, read_only=True) as journal:
        for _, event in journal.events():
            state = evolve(state, event)
    return state


def library_fold(corpus: Corpus) -> State:
    """The same by `eventsourcing`'s own recorder, in pages of the same length."""
    state = INITIAL
    with open_journal(corpus.url, read_only=True) as journal:
        originator = originator_of(journal.journal_id)
    environment = {
        "PERSISTENCE_MODULE": "eventsourcing.sqlite",
        "SQLITE_DBNAME": str(corpus.path),
        "CREATE_TABLE": "no",
    }
    with InfrastructureFactory.construct(Environment("bench", environment)) as factory:
        for topic, payload in _library_pages(factory.application_recorder(), originator):
            state = evolve(state, decode_event(topic, payload))
    return state


def _library_pages(recorder: ApplicationRecorder, originator: UUID) -> Iterator[tuple[str, bytes]]:
    after = -1
    while page := recorder.select_events(originator, gt=after, limit=PAGE):
        for stored in page:
            yield stored.topic, stored.state[PAYLOAD_OFFSET:]
        after = page[-1].originator_version


def _row(corpus: Corpus, name: str, ours: Task, other: Task) -> Row:
    events = len(corpus.records)
    taken = in_turn(ours, other, rounds=corpus.size.rounds, warm_up=1, clock=CPU)
    return rates(name, taken, each=events, unit=UNIT)
