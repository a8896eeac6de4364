"""SIGKILL: on every line of the journal's code, before every write to the disk, at any moment."""

import json
import random
import shutil
import signal
import subprocess
import time
from pathlib import Path

import pytest

from journal import open_journal, verify
from tests.journal.dying import check_append, check_create
from tests.journal.sample import ROOT, add, make, program, running

STRACE = shutil.which("strace")


@pytest.mark.parametrize(
    ("scenario", "least"),
    [
        ("create", 300),
        ("append", 300),
        ("rollback", 300),
        ("seal", 300),
        ("rotate", 600),
        ("new", 20),
    ],
)
@pytest.mark.parametrize("every", [29, pytest.param(1, marks=pytest.mark.slow)])
def test_dying_on_any_line_of_the_code_loses_nothing(
    tmp_path: Path, scenario: str, least: int, every: int
) -> None:
    every = 1 if scenario == "new" else every
    result = subprocess.run(
        program("dying", scenario, tmp_path / "d", every),
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    found = json.loads(result.stdout)
    assert found["problems"] == []
    assert found["deaths"] > least / every, "it did not die often enough to prove anything"


def acknowledged(process: subprocess.Popen[str]) -> int:
    """The last sequence the writer said was durable."""
    assert process.stdout is not None
    heard = [int(line) for line in process.stdout.read().split() if line.isdigit()]
    return heard[-1] if heard else 0


def test_a_writer_killed_at_any_moment_leaves_all_it_acknowledged(tmp_path: Path) -> None:
    path, batch = tmp_path / "j.db", 5
    last = make(path).sequence
    chance = random.Random(1)
    for _ in range(8):
        with running(program("writer", path, batch)) as process:
            assert process.stdout is not None
            process.stdout.readline()
            time.sleep(chance.uniform(0.001, 0.05))
            process.send_signal(signal.SIGKILL)
            last = max(last, acknowledged(process))
        report = verify(path)
        assert report.ok, report.problems
        assert report.events in (last, last + batch)
        last = report.events
    assert last > 50


@pytest.mark.skipif(STRACE is None, reason="strace is not installed")
@pytest.mark.parametrize("call", ["pwrite64", "fdatasync", "unlink,fsync,ftruncate"])
@pytest.mark.parametrize("scenario", ["create", "append"])
def test_dying_before_any_write_to_the_disk_loses_nothing(
    tmp_path: Path, scenario: str, call: str
) -> None:
    """Within SQLite's own code, where no line of Python is."""
    for when in (1, 2, 3, 5, 8):
        path = tmp_path / str(when) / "j.db"
        path.parent.mkdir()
        if scenario == "append":
            make(path, 3)
            command = program("writer", path, 3, 2)
        else:
            command = program("creator", path)
        inject = ["-e", f"trace={call}", "-e", f"inject={call}:signal=SIGKILL:when={when}"]
        result = subprocess.run(
            [str(STRACE), "-f", "-qq", "-o", "/dev/null", *inject, *command],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
        )
        if "Operation not permitted" in result.stderr:
            pytest.skip("strace may not trace here")
        heard = [int(line) for line in result.stdout.split() if line.isdigit()]
        check = check_append if scenario == "append" else check_create
        assert check(path, heard[-1] if heard else 0) is None


def test_a_journal_that_was_never_closed_goes_on(tmp_path: Path) -> None:
    path = tmp_path / "j.db"
    make(path)
    with running(program("writer", path, 1)) as process:
        assert process.stdout is not None
        for _ in range(20):
            process.stdout.readline()
    before = verify(path).events
    with open_journal(path) as journal:
        add(journal, 1)
    assert verify(path).events == before + 1
