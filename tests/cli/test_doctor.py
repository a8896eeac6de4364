"""`doctor` on a machine without a broker: disk, fsync, journal, modes; it leaves nothing."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from bin.cli.exits import Exit
from live.doctor import _file_system
from tests.cli.command import Ran, assert_refused, files, refold

URL = "sqlite:///j.db"
BROKER = ("clock", "account", "calendar", "limiter", "stream")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A journal of five simulated cycles."""
    ran = refold("run", "--journal", URL, "--cycles", 5, "--json", cwd=tmp_path)
    assert ran.status == 0, ran
    return tmp_path


def doctor(folder: Path, *more: object) -> Ran:
    """`doctor --json`."""
    return refold("doctor", "--journal", URL, "--json", *more, cwd=folder)


def row(ran: Ran, check: str) -> dict[str, str]:
    """The row of one check."""
    (found,) = [one for one in ran.json["rows"] if one["check"] == check]
    return dict(found)


def test_a_machine_in_order(folder: Path) -> None:
    before = files(folder)

    ran = doctor(folder)

    assert (ran.status, ran.json["ok"]) == (Exit.GOOD, True)
    assert all(set(one) == {"check", "result", "found", "expected", "mend"}
               for one in ran.json["rows"])  # fmt: skip
    assert row(ran, "journal")["result"] == "ok"
    assert row(ran, "anchor")["result"] == "ok"
    assert " ms, the median of 5, on " in row(ran, "fsync")["found"]
    assert {row(ran, name)["result"] for name in (*BROKER, "keys")} == {"skipped"}
    assert files(folder) == before


def test_before_the_first_run_there_is_no_journal_to_look_at(tmp_path: Path) -> None:
    ran = doctor(tmp_path)

    assert ran.status == Exit.GOOD
    assert row(ran, "journal")["result"] == "skipped"
    assert files(tmp_path) == set()


def test_a_damaged_journal_fails_with_its_sequence(folder: Path) -> None:
    path = folder / "j.db"
    data = bytearray(path.read_bytes())
    at = data.index(b'"cycle-opened.v1"')
    data[at + 3] ^= 1
    path.write_bytes(data)

    ran = doctor(folder)

    assert ran.status == Exit.CHECK_FAILED
    assert row(ran, "journal")["result"] == "fail"


def test_a_missing_anchor_fails(folder: Path) -> None:
    (folder / "j.db.anchor").unlink()

    ran = doctor(folder)

    assert (ran.status, row(ran, "anchor")["result"]) == (Exit.CHECK_FAILED, "fail")


def test_files_that_others_may_write_are_named(folder: Path) -> None:
    (folder / "j.db").chmod(0o666)

    found = row(doctor(folder), "journal files")

    assert (found["result"], found["mend"]) == ("warn", "chmod go-w them")
    assert "j.db 666" in found["found"]


def test_a_configuration_that_cannot_be_read_cannot_be_looked_at(tmp_path: Path) -> None:
    (tmp_path / "c.toml").write_text('mode = "gambling"\n', encoding="utf-8")

    assert_refused(refold("doctor", "--config", "c.toml", cwd=tmp_path), "gambling")


def test_a_person_reads_the_mend(folder: Path) -> None:
    (folder / "j.db.anchor").unlink()

    ran = refold("doctor", "--journal", URL, cwd=folder)

    assert ran.status == Exit.CHECK_FAILED
    lines = ran.out.splitlines()
    at = next(i for i, line in enumerate(lines) if line.startswith("fail    anchor"))
    assert lines[at + 1].strip().startswith("expected an anchor")


@pytest.fixture
def in_memory() -> Iterator[Path]:
    """A folder that no power loss leaves anything of."""
    shared = Path("/dev/shm")
    if not os.access(shared, os.W_OK) or _file_system(shared) != "tmpfs":
        pytest.skip("no tmpfs here")
    folder = Path(tempfile.mkdtemp(dir=shared))
    yield folder
    shutil.rmtree(folder)


def test_a_file_system_that_keeps_nothing_is_named(in_memory: Path) -> None:
    found = row(doctor(in_memory), "fsync")

    assert found["result"] == "warn"
    assert "on tmpfs" in found["found"]
    assert "memory" in found["mend"]
