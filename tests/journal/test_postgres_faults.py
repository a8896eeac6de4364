"""A server that dies, a network that loses, a client that stops: what is definite, what is unknown.

Every unknown commit is resolved by the next start, by what stands at that sequence; no event is
ever there twice, and none that was acknowledged is missing.
"""

import os
import random
import signal
import subprocess
import threading
import time
from collections.abc import Callable

import psycopg
import pytest

from core.events import TimerElapsed
from journal import Journal, open_journal, parse_url, verify
from journal.errors import CommitUnknownError, JournalBusyError, JournalMovedError, ServerError
from tests.journal.proxy import losing
from tests.journal.sample import add, at, make, program, running, timer, timers
from tests.postgres_server import Server

SLOW_COMMIT = "&options=-ccommit_delay=100000%20-ccommit_siblings=0"
"""Each commit pauses for 0.1 s between its record and its flush, so that it can be hit there."""


def keys(url: str) -> list[str]:
    """The timers' keys, in the journal's order."""
    with open_journal(url, read_only=True) as journal:
        events = [recorded.event for recorded in journal.read(1)]
    return [event.key for event in events if isinstance(event, TimerElapsed)]


def backend_of(journal: Journal) -> int:
    return int(journal.store._connection.info.backend_pid)  # type: ignore[attr-defined]


def attempt(journal: Journal, number: int) -> bool | None:
    """Append two events: whether they are there, None where nobody knows."""
    events = timers(number, 2)
    try:
        journal.append(events, expected=journal.head, epoch=1, recorded_at=at(number))
    except CommitUnknownError:
        for action in (lambda: add(journal, 1), journal.anchor, journal.read_head):
            with pytest.raises(CommitUnknownError):
                action()
        return None
    return True


def reopened(url: str) -> Journal:
    """The journal, once the server has recovered from the crash of a backend."""
    until = time.monotonic() + 60
    while True:
        try:
            return open_journal(url)
        except ServerError:
            assert time.monotonic() < until
            time.sleep(0.05)


def hit_in_commit(server: Server, backend: int, how: signal.Signals) -> None:
    """Kill the backend while it is within COMMIT."""
    with psycopg.connect(server.url, autocommit=True) as watcher:
        for _ in range(2000):
            found = watcher.execute(
                "SELECT state, query LIKE 'COMMIT%%' FROM pg_stat_activity WHERE pid = %s",
                [backend],
            ).fetchone()
            if found == ("active", True):
                os.kill(backend, how)
                return


@pytest.mark.parametrize(
    "crashes", [5, pytest.param(50, marks=pytest.mark.slow)], ids=lambda n: f"{n} crashes"
)
def test_fifty_backends_killed_inside_commit_leave_every_unknown_resolved(
    server: Server, postgres: str, crashes: int
) -> None:
    """`crashes` of them by SIGKILL, which takes the server down too; the others by SIGTERM.

    A crash before the flush loses the commit; a backend that is terminated in it completes it.
    """
    make(postgres)
    unknown, landed, number = 0, 0, 0
    expected: list[str] = []
    for _ in range(80):
        if unknown == 50:
            break
        how = signal.SIGKILL if unknown < crashes else signal.SIGTERM
        journal = reopened(postgres + SLOW_COMMIT)
        killer = threading.Thread(
            target=hit_in_commit, args=(server, backend_of(journal), how), daemon=True
        )
        killer.start()
        before, known = journal.head, attempt(journal, number)
        killer.join()
        journal.close()
        with reopened(postgres) as again:
            there = again.head.sequence == before.sequence + 2
            assert there or again.head == before
            unknown += known is None
            landed += known is None and there
            assert there or known is None, "an acknowledged event is missing"
            if not there:
                again.append(timers(number, 2), expected=before, epoch=1, recorded_at=at(number))
        expected += [f"timer-{number}", f"timer-{number + 1}"]
        number += 2
    assert unknown == 50
    assert keys(postgres) == expected
    assert verify(postgres).ok
    if crashes < unknown:
        assert 0 < landed < unknown, "only one of the two outcomes was seen"


@pytest.mark.parametrize(("mode", "landed"), [("answer", True), ("request", False)])
def test_a_connection_lost_in_commit_is_unknown_and_the_next_start_knows(
    server: Server, postgres: str, mode: str, landed: bool
) -> None:
    make(postgres)
    with losing(server.port) as proxy:
        through = postgres.replace(f":{server.port}/", f":{proxy.port}/")
        for number in range(0, 20, 2):
            with open_journal(through) as journal:
                proxy.lose = mode
                assert attempt(journal, number) is None
            with open_journal(through) as journal:
                assert (keys(postgres)[-1:] == [f"timer-{number + 1}"]) is landed
                if not landed:
                    assert attempt(journal, number)
        assert proxy.lost == 10
    assert keys(postgres) == [f"timer-{number}" for number in range(20)]
    assert verify(postgres).ok


def test_a_connection_lost_before_commit_is_definite_and_the_journal_goes_on(
    server: Server, postgres: str
) -> None:
    make(postgres)
    with losing(server.port) as proxy:
        through = postgres.replace(f":{server.port}/", f":{proxy.port}/")
        with open_journal(through) as journal:
            for number in range(5):
                proxy.lose = "insert"
                with pytest.raises(ServerError, match="nothing was written"):
                    journal.append(
                        [timer(number)], expected=journal.head, epoch=1, recorded_at=at(number)
                    )
                journal.append(
                    [timer(number)], expected=journal.head, epoch=1, recorded_at=at(number)
                )
    assert keys(postgres) == [f"timer-{number}" for number in range(5)]


def test_a_connection_that_died_while_idle_is_made_anew(server: Server, postgres: str) -> None:
    make(postgres)
    with open_journal(postgres) as journal:
        actions: list[Callable[[], object]] = [
            lambda: add(journal, 1),
            journal.read_head,
            lambda: list(journal.read()),
        ]
        for action in actions:
            server.execute(f"SELECT pg_terminate_backend({backend_of(journal)}, 5000)")
            action()
        assert journal.head.sequence == 2


def test_a_commit_that_a_standby_did_not_confirm_is_unknown(server: Server, postgres: str) -> None:
    make(postgres)
    try:
        server.execute("ALTER SYSTEM SET synchronous_standby_names = 'nobody'")
        server.execute("SELECT pg_reload_conf(), pg_sleep(0.3)")
        with open_journal(postgres) as journal:
            canceling = threading.Timer(
                0.5, server.execute, [f"SELECT pg_cancel_backend({backend_of(journal)})"]
            )
            canceling.start()
            with pytest.raises(CommitUnknownError, match="standby"):
                add(journal, 1)
    finally:
        server.execute("ALTER SYSTEM RESET synchronous_standby_names")
        server.execute("SELECT pg_reload_conf(), pg_sleep(0.1)")
    with open_journal(postgres) as journal:
        assert journal.head.sequence == 2


def test_a_table_that_another_holds_is_busy_and_definite(server: Server, postgres: str) -> None:
    make(postgres)
    table = f"{parse_url(postgres).name}.stored_events"
    with open_journal(postgres) as journal:
        with psycopg.connect(server.url) as holder:
            holder.execute(f"LOCK TABLE {table} IN EXCLUSIVE MODE".encode())
            with pytest.raises(JournalBusyError, match="held its write lock for 2 s"):
                add(journal, 1)
            assert len(list(journal.read())) == 1
            holder.rollback()
        assert add(journal, 1).sequence == 2


def test_two_processes_racing_leave_no_gap_and_no_double(postgres: str) -> None:
    make(postgres)
    with (
        running(program("writer", postgres, 1, 60)) as one,
        running(program("writer", postgres, 1, 60)) as two,
    ):
        outputs = [process.communicate()[0].split()[1:] for process in (one, two)]
    acknowledged = sorted(int(sequence) for output in outputs for sequence in output)
    assert acknowledged == list(range(2, 122))
    report = verify(postgres)
    assert (report.ok, report.events) == (True, 121)


def last_heard(process: subprocess.Popen[str]) -> int:
    assert process.stdout is not None
    heard = [int(line) for line in process.stdout.read().splitlines() if line.isdigit()]
    return heard[-1] if heard else 0


def test_a_client_killed_at_any_moment_leaves_all_it_acknowledged(postgres: str) -> None:
    last = make(postgres).sequence
    chance = random.Random(1)
    for _ in range(5):
        with running(program("writer", postgres, 5)) as process:
            assert process.stdout is not None
            process.stdout.readline()
            time.sleep(chance.uniform(0.005, 0.1))
            process.kill()
            last = max(last, last_heard(process))
        report = verify(postgres)
        assert report.ok, report.problems
        assert report.events in (last, last + 5)
        last = report.events
    assert last > 20


def test_a_stopped_writer_holds_nobody_up_for_long_and_finds_the_journal_moved(
    postgres: str,
) -> None:
    make(postgres)
    chance = random.Random(2)
    for _ in range(3):
        with running(program("writer", postgres, 1)) as writer, open_journal(postgres) as journal:
            assert writer.stdout is not None
            for _ in range(5):
                writer.stdout.readline()
            time.sleep(chance.uniform(0, 0.02))
            writer.send_signal(signal.SIGSTOP)
            until = time.monotonic() + 12
            while True:
                try:
                    journal.read_head()
                    add(journal, 3)
                    break
                except (JournalBusyError, JournalMovedError):
                    assert time.monotonic() < until
            writer.send_signal(signal.SIGCONT)
            time.sleep(0.1)
            writer.kill()
            heard = last_heard(writer)
        report = verify(postgres)
        assert report.ok, report.problems
        assert report.events >= heard


def test_an_immediate_stop_of_the_server_loses_nothing_that_was_acknowledged(
    server: Server, postgres: str
) -> None:
    last = make(postgres).sequence
    for _ in range(2):
        with running(program("writer", postgres, 2)) as writer:
            assert writer.stdout is not None
            heard = [writer.stdout.readline() for _ in range(20)]
            last = int(heard[-1])
            server.stop(signal.SIGQUIT)
            try:
                last = max(last, last_heard(writer))
                assert writer.wait(20) != 0
            finally:
                server.start()
        report = verify(postgres)
        assert report.ok, report.problems
        assert report.events in (last, last + 2)
        last = report.events
    with open_journal(postgres) as journal:
        add(journal, 1)
