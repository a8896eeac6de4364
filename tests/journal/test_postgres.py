"""A journal in a PostgreSQL server: its URL, its table, its roles, its guards, its anchor."""

import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest

from journal import Journal, WriterLock, create_journal, open_journal, parse_url, verify
from journal.anchor import anchor_path
from journal.errors import (
    AnchorMissingError,
    ForkError,
    JournalError,
    JournalExistsError,
    JournalMissingError,
    LockedError,
    NotAJournalError,
    ReadOnlyError,
    RollbackError,
    ServerError,
    UnfinishedJournalError,
)
from journal.postgres import GUARD
from tests.journal.sample import ROOT, add, at, content, created, make, running, timer
from tests.postgres_server import Server, free_port

SECRET = "canary" + "-0001"  # pragma: allowlist secret


def schema_of(url: str) -> str:
    return parse_url(url).name


def problems(url: str) -> list[str]:
    return [problem.problem for problem in verify(url).problems]


def test_a_journal_in_a_file_never_imports_the_servers_client(tmp_path: Path) -> None:
    make(tmp_path / "j.db", 2)
    code = (
        "import sys; from journal import open_journal, verify, WriterLock\n"
        "with WriterLock(sys.argv[1]), open_journal(sys.argv[1]): verify(sys.argv[1])\n"
        "print([name for name in sys.modules if name.startswith('psycopg')])"
    )
    command = [sys.executable, "-c", code, str(tmp_path / "j.db")]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_no_server_no_database_and_a_wrong_password_are_said_in_one_line(
    server: Server, tmp_path: Path
) -> None:
    options = f"?local={tmp_path}"
    nobody = f"postgresql://me:{SECRET}@127.0.0.1:{free_port()}/db{options}"
    no_role = server.url.replace("refold@", f"nobody_here:{SECRET}@") + options
    no_database = server.url.rpartition("/")[0] + f"/nothing{options}"
    actions: list[Callable[[str], object]] = [
        open_journal,
        verify,
        make,
        lambda url: WriterLock(url).acquire(),
    ]
    for url in (nobody, no_role, no_database):
        for action in actions:
            with pytest.raises(JournalError) as caught:
                action(url)
            assert isinstance(caught.value, ServerError), caught.value
            assert SECRET not in str(caught.value)
            assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("sql", "error"),
    [
        ("CREATE TABLE {0}.cats (name text)", JournalMissingError),
        ("CREATE TABLE {0}.stored_events (a int, b int)", NotAJournalError),
        (
            "CREATE TABLE {0}.stored_events (originator_id uuid, originator_version bigint,"
            " topic text, state bytea, notification_id bigserial)",
            UnfinishedJournalError,
        ),
    ],
)
def test_a_schema_that_holds_no_journal_is_named_and_left_alone(
    server: Server, postgres: str, sql: str, error: type[JournalError]
) -> None:
    server.execute(f"CREATE SCHEMA {schema_of(postgres)}")
    server.execute(sql.format(schema_of(postgres)))
    for action in (open_journal, verify):
        with pytest.raises(error):
            action(postgres)


def test_another_programs_events_are_no_journal(server: Server, postgres: str) -> None:
    make(postgres)
    table = f"{schema_of(postgres)}.stored_events"
    server.execute(f"ALTER TABLE {table} DISABLE TRIGGER ALL")
    server.execute(f"UPDATE {table} SET state = '\\x0102', topic = 'Order.Created'")
    with pytest.raises(NotAJournalError, match="another program"):
        open_journal(postgres)
    with pytest.raises(JournalExistsError):
        make(postgres)


def test_a_database_holds_many_journals_that_do_not_know_of_each_other(
    place: Callable[[], str],
) -> None:
    one, two = place(), place()
    make(one, 3, name="one")
    make(two, 1, name="two")
    assert (verify(one).events, verify(two).events) == (4, 2)
    with WriterLock(one), WriterLock(two):
        pass


def test_the_same_events_have_the_same_bytes_in_a_file_and_in_a_server(
    postgres: str, tmp_path: Path
) -> None:
    assert make(postgres, 5) == make(tmp_path / "j.db", 5)
    assert content(postgres) == content(tmp_path / "j.db")


def test_of_two_that_create_at_once_one_does(postgres: str) -> None:
    errors: list[Exception] = []

    def creating() -> None:
        try:
            make(postgres)
        except JournalError as error:
            errors.append(error)

    threads = [threading.Thread(target=creating) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [type(error) for error in errors] == [JournalExistsError] * 3
    assert verify(postgres).ok


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE {0} SET state = ''",
        "UPDATE {0} SET state = '' WHERE false",
        "DELETE FROM {0}",
        "TRUNCATE {0}",
        "INSERT INTO {0} SELECT * FROM {0} ON CONFLICT (originator_id, originator_version)"
        " DO UPDATE SET state = ''",
        "SET session_replication_role = replica; DELETE FROM {0}",
    ],
)
def test_rows_are_never_changed_or_removed_not_even_by_the_owner(
    server: Server, postgres: str, sql: str
) -> None:
    make(postgres, 2)
    with pytest.raises(psycopg.errors.RaiseException, match="append-only"):
        server.execute(sql.format(f"{schema_of(postgres)}.stored_events"))
    assert verify(postgres).events == 3


def test_a_writers_role_reads_and_appends_and_may_do_nothing_else(
    server: Server, postgres: str
) -> None:
    schema = schema_of(postgres)
    server.execute(f"CREATE ROLE w_{schema} LOGIN")
    make(f"{postgres}&writer=w_{schema}")
    as_writer = postgres.replace("//refold@", f"//w_{schema}@")
    with WriterLock(as_writer), open_journal(as_writer) as journal:
        head = add(journal, 3)
    assert verify(as_writer).head == head
    with psycopg.connect(
        server.url.replace("refold@", f"w_{schema}@"), autocommit=True
    ) as connection:
        for sql in (
            "UPDATE {0} SET state = ''",
            "DELETE FROM {0}",
            "TRUNCATE {0}",
            "ALTER TABLE {0} DISABLE TRIGGER ALL",
            "DROP TABLE {0}",
        ):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute(sql.format(f"{schema}.stored_events").encode())


def test_a_role_that_may_only_read_cannot_append_and_is_told(server: Server, postgres: str) -> None:
    schema = schema_of(postgres)
    make(postgres)
    server.execute(f"CREATE ROLE r_{schema} LOGIN")
    server.execute(f"GRANT USAGE ON SCHEMA {schema} TO r_{schema}")
    server.execute(f"GRANT SELECT ON {schema}.stored_events TO r_{schema}")
    with open_journal(postgres.replace("//refold@", f"//r_{schema}@")) as journal:
        with pytest.raises(ReadOnlyError, match="permission denied"):
            add(journal, 1)
        assert journal.read_head().sequence == 1


@pytest.mark.parametrize(
    ("options", "names", "refused"),
    [
        ("-csynchronous_commit=off", "", "expected on, found off"),
        ("-csynchronous_commit=local", "", None),
        ("-csynchronous_commit=local", "nobody", "expected on or remote_apply"),
        ("-csynchronous_commit=remote_write", "nobody", "expected on or remote_apply"),
    ],
)
def test_a_session_whose_commits_can_be_lost_is_refused(
    server: Server, postgres: str, options: str, names: str, refused: str | None
) -> None:
    make(postgres)
    url = f"{postgres}&options={options}"
    try:
        if names:
            server.execute(f"ALTER SYSTEM SET synchronous_standby_names = '{names}'")
            server.execute("SELECT pg_reload_conf(), pg_sleep(0.3)")
        if refused is None:
            with open_journal(url) as journal:
                add(journal, 1)
        else:
            with pytest.raises(ServerError, match=refused):
                open_journal(url)
            with open_journal(url, read_only=True) as reader:
                assert reader.head.sequence == 1
    finally:
        server.execute("ALTER SYSTEM RESET synchronous_standby_names")
        server.execute("SELECT pg_reload_conf(), pg_sleep(0.1)")


def test_a_reload_of_the_server_cannot_take_durability_back(server: Server, postgres: str) -> None:
    make(postgres)
    with open_journal(postgres) as journal:
        try:
            server.execute("ALTER SYSTEM SET synchronous_commit = off")
            server.execute("SELECT pg_reload_conf(), pg_sleep(0.3)")
            found = journal.store._rows(b"SHOW synchronous_commit")  # type: ignore[attr-defined]
        finally:
            server.execute("ALTER SYSTEM RESET synchronous_commit")
            server.execute("SELECT pg_reload_conf(), pg_sleep(0.1)")
    assert found == [("on",)]


def test_a_changed_row_is_named_and_so_is_the_missing_guard(server: Server, postgres: str) -> None:
    make(postgres, 5)
    table = f"{schema_of(postgres)}.stored_events"
    server.execute(f"ALTER TABLE {table} DISABLE TRIGGER ALL")
    assert problems(postgres) == ["expected the table's guard as created, found another or none"]
    server.execute(
        f"UPDATE {table} SET state = set_byte(state, 60, 0) WHERE originator_version = 3"
    )
    report = verify(postgres)
    assert (report.ok, report.events, report.problems[0].sequence) == (False, 3, 4)


def test_a_cut_tail_and_a_lost_table_are_rollbacks(server: Server, postgres: str) -> None:
    make(postgres, 5)
    schema = schema_of(postgres)
    server.execute(f"ALTER TABLE {schema}.stored_events DISABLE TRIGGER ALL")
    server.execute(f"DELETE FROM {schema}.stored_events WHERE originator_version > 3")
    server.execute(f"ALTER TABLE {schema}.stored_events ENABLE ALWAYS TRIGGER {GUARD}")
    with pytest.raises(RollbackError, match="sequence 6 was committed once"):
        open_journal(postgres)
    assert problems(postgres)[0].startswith("ROLLBACK")

    server.execute(f"DROP SCHEMA {schema} CASCADE")
    actions: list[Callable[[], Journal]] = [
        lambda: open_journal(postgres),
        lambda: create_journal(postgres, created(), recorded_at=at(0)),
    ]
    for action in actions:
        with pytest.raises(RollbackError):
            action()
    assert problems(postgres)[0].startswith("ROLLBACK")


def test_each_machine_keeps_its_own_anchor(postgres: str, tmp_path: Path) -> None:
    make(postgres, 2)
    here = parse_url(postgres).local
    assert here is not None
    assert anchor_path(here).is_file()
    there = postgres.partition("&local=")[0] + f"&local={tmp_path}/there"
    with pytest.raises(AnchorMissingError):
        open_journal(there)
    with open_journal(there, accept_anchor_missing=True) as journal:
        add(journal, 2)
    assert verify(there).ok
    with open_journal(postgres) as journal:
        assert journal.head.sequence == 5
    assert verify(postgres).ok


def test_another_journal_at_the_same_place_is_a_fork(server: Server, postgres: str) -> None:
    make(postgres, 1)
    server.execute(f"DROP SCHEMA {schema_of(postgres)} CASCADE")
    elsewhere = postgres.replace("&local=", "&local=/tmp/refold-nowhere-")
    local = parse_url(elsewhere).local
    assert local is not None
    make(elsewhere, 3, name="other")
    try:
        with pytest.raises(ForkError, match="the anchor is of journal"):
            open_journal(postgres)
    finally:
        anchor_path(local).unlink()


HOLD = (
    "import sys, time\nfrom journal import WriterLock\n"
    "lock = WriterLock(sys.argv[1])\nlock.acquire()\n"
    "print('held', flush=True)\ntime.sleep(60)"
)


def test_a_second_runner_is_told_who_holds_the_lock_and_gets_it_when_that_one_dies(
    postgres: str,
) -> None:
    make(postgres)
    with running([sys.executable, "-c", HOLD, postgres]) as holder:
        assert holder.stdout is not None
        holder.stdout.readline()
        with pytest.raises(LockedError, match=f"held by process {holder.pid}, since 20") as caught:
            WriterLock(postgres).acquire()
        assert caught.value.pid == holder.pid
        with open_journal(postgres, read_only=True) as reader:
            assert reader.head.sequence == 1
        holder.kill()
        holder.wait()
    for _ in range(100):
        try:
            with WriterLock(postgres):
                return
        except LockedError:
            threading.Event().wait(0.05)
    pytest.fail("the lock of a dead process was never free")


def test_a_follower_is_woken_and_polls_on_when_its_connection_is_gone(
    server: Server, postgres: str
) -> None:
    make(postgres)
    seen: list[int] = []
    with open_journal(postgres) as journal, open_journal(postgres, read_only=True) as reader:
        for recorded in reader.follow(0, stop=lambda: len(seen) >= 4, poll_s=0.2):
            seen.append(recorded.sequence)
            if recorded.sequence == 2:
                server.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                    " WHERE query LIKE 'LISTEN%'"
                )
            if recorded.sequence < 4:
                writing = threading.Timer(
                    0.1,
                    lambda: journal.append(
                        [timer(9)], expected=journal.head, epoch=1, recorded_at=at(9)
                    ),
                )
                writing.start()
    assert seen == [1, 2, 3, 4]
