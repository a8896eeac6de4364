"""Where a journal cannot lie, or is another's: one line, its status, and nothing half written.

The full and the read-only disk are real ones, a tmpfs of their own, so these tests need root.
"""

import contextlib
import os
import shutil
import sqlite3
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from core.contract import Config
from core.events import JournalCreated
from core.values import TimeText
from journal import create_journal
from journal.genesis import journal_id_from_name
from live.inputs import account_hash
from tests.cli.command import (
    Ran,
    assert_refused,
    assert_sound,
    ended,
    events,
    files,
    refold,
    started,
)
from tests.cli.conftest import Session
from tests.cli.world import JOURNAL, run_words

MIB = 2**20
GOES_ON = ("--cycles", 2)


@pytest.fixture
def going_on(short: Session, tmp_path: Path) -> Path:
    """A journal of five cycles that can go on, of this test alone."""
    return short.copied_to(tmp_path / "copy")


def goes_on(folder: Path) -> Ran:
    """Two cycles more."""
    return refold(*run_words(*GOES_ON), cwd=folder)


# -- another's


@pytest.mark.parametrize(
    ("key", "value"), [("REFOLD_NAME", "other"), ("REFOLD_MODE", "paper"), ("REFOLD_MODE", "live")]
)
def test_a_journal_of_another_name_or_mode_is_not_traded_on(
    going_on: Path, key: str, value: str
) -> None:
    before = files(going_on)
    ran = refold(*run_words(), cwd=going_on, env={key: value})
    assert_refused(ran, value)
    assert files(going_on) == before
    assert goes_on(going_on).json["cycles"] == 7


def test_a_venue_of_another_seed_is_refused(going_on: Path) -> None:
    assert_refused(refold(*run_words("--seed", 7), cwd=going_on), "j.db.venue", "seed")
    assert goes_on(going_on).status == 0


def test_a_journal_without_its_venue_does_not_get_a_new_one(going_on: Path) -> None:
    (going_on / "j.db.venue").rename(going_on / "kept")
    before = files(going_on)
    assert_refused(goes_on(going_on), "j.db.venue")
    assert files(going_on) == before
    (going_on / "kept").rename(going_on / "j.db.venue")
    assert goes_on(going_on).status == 0


def test_a_journal_that_is_begun_anew_on_its_venue_sends_no_order_twice(going_on: Path) -> None:
    before = refold("show", "orders", "--journal", JOURNAL, "--json", cwd=going_on).json["rows"]
    for name in ("j.db", "j.db.anchor", "j.db-wal", "j.db-shm"):
        (going_on / name).unlink(missing_ok=True)
    assert refold(*run_words("--cycles", 5), cwd=going_on).status == 0
    after = refold("show", "orders", "--journal", JOURNAL, "--json", cwd=going_on).json["rows"]
    names = ("client_order_id", "venue_order_id", "filled_quantity", "average_price", "status")
    assert [[row[n] for n in names] for row in after] == [[row[n] for n in names] for row in before]
    assert_sound(going_on, JOURNAL)


# -- no journal at all


def test_a_file_that_is_no_journal_is_refused(world: Path) -> None:
    (world / "text.db").write_text("not a database, and long enough to be one\n" * 100)
    with contextlib.closing(sqlite3.connect(world / "other.db")) as database:
        database.execute("CREATE TABLE account (id INTEGER)")
        database.commit()
    (world / "folder.db").mkdir()
    before = files(world)
    for name in ("text.db", "other.db", "folder.db"):
        assert_refused(refold(*run_words(journal=f"sqlite:///{name}"), cwd=world), name)
        for words in (("verify", name), ("show", "orders", "--journal", name), ("replay", name)):
            assert_refused(refold(*words, cwd=world), name)
        assert files(world) == before, name


def test_reading_what_is_not_there_makes_nothing(tmp_path: Path) -> None:
    for words in (
        ("verify", "no.db"),
        ("replay", "no.db"),
        ("diff", "no.db", "no.db"),
        ("tail", "--journal", "no.db"),
        ("rebuild", "--journal", "no.db"),
        ("halt", "--journal", "no.db"),
    ):
        assert_refused(refold(*words, cwd=tmp_path), "no.db")
    assert files(tmp_path) == set()


def test_a_journal_of_a_newer_release_is_not_traded_on(world: Path) -> None:
    forge_newer(world)
    before = files(world)
    assert_refused(refold(*run_words(), cwd=world), "newer release")
    assert_refused(refold("halt", "--journal", JOURNAL, cwd=world), "newer release")
    assert files(world) == before
    assert refold("verify", JOURNAL, cwd=world).status == 0
    assert refold("export", "--journal", JOURNAL, cwd=world).status == 0


def forge_newer(folder: Path) -> None:
    """A whole journal whose first event asks for a newer reader, with its venue."""
    at = TimeText("2024-03-04T14:00:00.000000Z")
    created = JournalCreated(
        observed_at=at,
        journal_id=journal_id_from_name("main"),
        name="main",
        mode="sim",
        account_hash=account_hash(Config()),
        encrypted=False,
        format=1,
        min_reader=99,
    )
    create_journal(f"sqlite:///{folder}/j.db", created, recorded_at=at).close()


# -- the anchor


def test_a_missing_anchor_is_made_anew_only_when_told(going_on: Path) -> None:
    (going_on / "j.db.anchor").unlink()
    before = files(going_on)
    verified = refold("verify", JOURNAL, "--json", cwd=going_on)
    assert (verified.status, verified.json["ok"]) == (1, False)
    assert_refused(goes_on(going_on), "ANCHOR_MISSING")
    assert files(going_on) == before
    told = refold(*run_words("--accept-anchor-missing", *GOES_ON), cwd=going_on)
    assert (told.status, told.json["cycles"]) == (0, 7)
    assert_sound(going_on, JOURNAL)


def test_a_restored_copy_is_a_rollback(going_on: Path, tmp_path: Path) -> None:
    shutil.copy(going_on / "j.db", tmp_path / "old.db")
    assert goes_on(going_on).status == 0
    shutil.copy(tmp_path / "old.db", going_on / "j.db")
    assert_refused(goes_on(going_on), "ROLLBACK", status=4)
    verified = refold("verify", JOURNAL, "--json", cwd=going_on)
    assert (verified.status, verified.json["ok"]) == (1, False)
    assert "ROLLBACK" in verified.json["problems"][0]["problem"]


def test_a_rollback_that_is_accepted_is_written_down_and_what_was_lost_halts_trading(
    going_on: Path, tmp_path: Path
) -> None:
    """The venue has orders with our tag that the journal lost: nothing more is sent."""
    shutil.copy(going_on / "j.db", tmp_path / "old.db")
    assert goes_on(going_on).status == 0
    shutil.copy(tmp_path / "old.db", going_on / "j.db")

    why = ("--why", "the disk died")
    accepted = refold("accept-rollback", "--journal", JOURNAL, "--json", *why, cwd=going_on)

    assert (accepted.status, accepted.json["accepted"]) == (0, True)
    assert refold("verify", JOURNAL, cwd=going_on).status == 0
    assert goes_on(going_on).status == 0
    after = [
        e for e in events(going_on, JOURNAL) if e["sequence"] >= accepted.json["head"]["sequence"]
    ]
    kinds = [event["type"] for event in after]
    assert kinds[0] == "rollback-accepted.v1"
    assert "kill-switch-latched.v1" in kinds
    assert "intent-created.v1" not in kinds
    assert refold("replay", JOURNAL, cwd=going_on).status == 0


def test_there_is_no_rollback_to_accept_where_nothing_was_lost(going_on: Path) -> None:
    before = refold("verify", JOURNAL, "--json", cwd=going_on).json["head"]

    said = refold("accept-rollback", "--journal", JOURNAL, "--json", cwd=going_on)

    assert (said.status, said.json["accepted"], said.json["head"]) == (0, False, before)


def test_a_lost_journal_is_a_rollback_and_not_a_new_one(going_on: Path) -> None:
    (going_on / "j.db").unlink()
    before = files(going_on)
    assert_refused(goes_on(going_on), "ROLLBACK", status=4)
    assert files(going_on) == before


def test_another_branch_is_a_fork(going_on: Path, tmp_path: Path) -> None:
    other = Path(shutil.copytree(going_on, tmp_path / "other"))
    assert goes_on(going_on).status == 0
    (other / "strategy.py").write_text((other / "strategy.py").read_text().replace("100", "50"))
    assert refold(*run_words("--cycles", 20), cwd=other).status == 0
    shutil.copy(other / "j.db", going_on / "j.db")
    assert_refused(goes_on(going_on), "FORK", status=4)
    verified = refold("verify", JOURNAL, "--json", cwd=going_on)
    assert verified.status == 1
    assert "FORK" in verified.json["problems"][0]["problem"]


def test_a_flipped_byte_is_named_by_its_sequence(going_on: Path) -> None:
    with contextlib.closing(sqlite3.connect(going_on / "j.db")) as database:
        for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type='trigger'"):
            database.execute(f"DROP TRIGGER {name}")
        state = database.execute(
            "SELECT state FROM stored_events WHERE originator_version = 6"
        ).fetchone()[0]
        flipped = state[:-3] + bytes([state[-3] ^ 1]) + state[-2:]
        database.execute(
            "UPDATE stored_events SET state = ? WHERE originator_version = 6", (flipped,)
        )
        database.commit()
    verified = refold("verify", JOURNAL, "--json", cwd=going_on)
    assert (verified.status, verified.json["problems"][0]["sequence"]) == (1, 7)
    replayed = refold("replay", JOURNAL, "--json", cwd=going_on)
    assert (replayed.status, replayed.json["parity"]) == (1, False)
    assert refold(*run_words(*GOES_ON), cwd=going_on).status in (1, 2)


# -- one runner


def test_a_second_runner_is_told_who_holds_the_lock(going_on: Path) -> None:
    first = started(*run_words("--pace", 60), cwd=going_on)
    try:
        wait_for_lock(going_on)
        assert_refused(goes_on(going_on), "j.db.lock", str(first.pid), status=75)
    finally:
        first.terminate()
    assert ended(first).status == 0
    assert_sound(going_on, JOURNAL)


def wait_for_lock(folder: Path) -> None:
    """Until the first runner stands in its first pause: it has opened a cycle more."""
    import time

    for _ in range(200):
        if (folder / "j.db-wal").exists():
            cycles = refold("show", "cycles", "--journal", JOURNAL, "--json", cwd=folder)
            if cycles.status == 0 and len(cycles.json["rows"]) > 5:
                return
        time.sleep(0.02)
    raise AssertionError("the first runner never opened a cycle")


# -- the disk


@contextlib.contextmanager
def disk(place: Path, size: int) -> Iterator[Path]:
    """A small disk of its own at `place`."""
    if os.geteuid() != 0 or shutil.which("mount") is None:
        pytest.skip("needs root and mount: a full or read-only disk is a real tmpfs here")
    place.mkdir(parents=True, exist_ok=True)
    options = f"size={size}"
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(place)],
        capture_output=True,
        check=False,
    )
    if done.returncode:
        pytest.skip(f"needs a tmpfs, and mount says: {done.stderr.decode().strip()}")
    try:
        yield place
    finally:
        subprocess.run(["umount", "-l", str(place)], check=True)


def fill(place: Path, leave: int) -> Path:
    """A file that takes the disk's room but for `leave` bytes."""
    found = os.statvfs(place)
    ballast = place / "ballast"
    ballast.write_bytes(b"\0" * max(found.f_bavail * found.f_frsize - leave, 0))
    return ballast


@pytest.mark.parametrize("leave", [0, 4096, 65_536, 2 * MIB])
def test_a_disk_that_is_full_at_the_start_holds_nothing_half_made(
    world: Path, tmp_path: Path, leave: int
) -> None:
    with disk(tmp_path / "disk", 32 * MIB) as place:
        ballast = fill(place, leave)
        words = run_words(journal=f"sqlite:///{place}/j.db")
        assert_refused(refold(*words, cwd=world), str(place))
        assert files(place) == {"ballast"}
        ballast.unlink()
        assert refold(*words, cwd=world).json["cycles"] == 30


@pytest.mark.parametrize("room", [4_100, 4_500])
def test_a_disk_that_fills_in_the_middle_ends_the_run_and_it_goes_on_later(
    world: Path, tmp_path: Path, room: int
) -> None:
    with disk(tmp_path / "disk", 32 * MIB) as place:
        journal = f"sqlite:///{place}/j.db"
        ballast = fill(place, room * 1024)
        ran = refold(*run_words(journal=journal), cwd=world)
        assert ran.status in (2, 5), ran.complaints
        assert ran.out == ""
        assert len(ran.complaints) == 1, ran.complaints
        assert len(refold("tail", "--journal", journal, cwd=world).out.splitlines()) > 1
        ballast.unlink()
        whole = refold(*run_words(journal=journal), cwd=world)
        assert (whole.status, whole.json["cycles"]) == (0, 30)
        assert_sound(world, journal)


def test_a_read_only_disk_refuses_a_run_and_lets_everything_be_read(
    short: Session, world: Path, tmp_path: Path
) -> None:
    with disk(tmp_path / "disk", 32 * MIB) as place:
        folder = short.copied_to(place)
        before = files(place)
        remount = ["mount", "-o", "remount,ro", str(place)]
        subprocess.run(remount, check=True, capture_output=True)
        assert_refused(refold(*run_words(journal=f"sqlite:///{place}/new.db"), cwd=world))
        assert_refused(goes_on(folder))
        assert_refused(refold("halt", "--journal", JOURNAL, cwd=folder))
        assert_refused(refold("rebuild", "--journal", JOURNAL, cwd=folder))
        assert_sound(folder, JOURNAL)
        assert refold("show", "orders", "--journal", JOURNAL, cwd=folder).status == 0
        assert files(place) == before


def test_a_venue_that_cannot_be_written_leaves_no_journal(world: Path, tmp_path: Path) -> None:
    (world / "venue-folder").mkdir()
    before = files(world)
    for venue in ("venue-folder", "no/such/folder/venue", "quotes.csv"):
        ran = refold(*run_words(), cwd=world, env={"REFOLD_BROKER__VENUE": venue})
        assert_refused(ran, venue)
        assert files(world) == before, venue
