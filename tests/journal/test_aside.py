"""The second thread beside a commit: what it does, and that nobody waits for one that is late."""

import os
import subprocess
import sys
import threading
from pathlib import Path
from queue import SimpleQueue

import pytest

from journal.aside import Aside
from tests.journal.sample import ROOT

NO_THREAD_LEFT = """
import sys, threading
from journal import create_journal
from tests.journal.sample import at, created, timers
with create_journal(sys.argv[1], created(), recorded_at=at(0)) as journal:
    threading.stack_size(2**60)
    journal.append(
        timers(1, 2), expected=journal.head, epoch=1, recorded_at=at(5), meanwhile=lambda: None
    )
    print(journal.read_head().sequence)
"""

LONG_S = 20.0


def test_work_is_done_while_the_commit_waits_and_is_over_behind_it() -> None:
    aside, began, go_on, over = Aside(), threading.Event(), threading.Event(), threading.Event()

    def work() -> None:
        began.set()
        go_on.wait(LONG_S)
        over.set()

    with aside.doing(work):
        assert began.wait(LONG_S)
        assert not over.is_set()
        go_on.set()

    assert over.is_set()
    aside.close()


def test_one_thread_serves_every_commit() -> None:
    aside, seen = Aside(), SimpleQueue[int]()

    def served() -> int:
        with aside.doing(lambda: seen.put(threading.get_ident())):
            return seen.get(timeout=LONG_S)

    assert len({served() for _ in range(20)}) == 1
    aside.close()


def test_a_thread_that_comes_too_late_is_not_waited_for_and_finds_nothing_to_do() -> None:
    aside, seen = Aside(), list[str]()
    busy, go_on, over = threading.Event(), threading.Event(), threading.Lock()
    over.acquire()

    def long() -> None:
        busy.set()
        go_on.wait(LONG_S)

    with aside.doing(lambda: None):
        pass
    aside._given.put((long, over))
    assert busy.wait(LONG_S)

    with aside.doing(lambda: seen.append("too late")):
        pass
    go_on.set()
    aside.close()

    assert not seen


def test_work_that_fails_undoes_nothing_and_the_next_is_done_all_the_same(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    told = SimpleQueue[object]()
    monkeypatch.setattr(threading, "excepthook", lambda failed: told.put(failed.exc_value))
    aside, done, tried = Aside(), threading.Event(), threading.Event()

    def fail() -> None:
        tried.set()
        raise ValueError

    with aside.doing(fail):
        assert tried.wait(LONG_S)
    assert isinstance(told.get(timeout=LONG_S), ValueError)
    assert aside._thread is not None
    aside._thread.join(LONG_S)

    with aside.doing(done.set):
        assert done.wait(LONG_S)
    aside.close()


def test_where_no_thread_can_be_had_a_commit_does_without(tmp_path: Path) -> None:
    ran = subprocess.run(
        [sys.executable, "-c", NO_THREAD_LEFT, str(tmp_path / "main.db")],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert (ran.stdout, ran.stderr, ran.returncode) == ("3\n", "", 0)
