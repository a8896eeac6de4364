"""A start from a snapshot is a start from sequence 1, only sooner; a bad snapshot is none."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

import core
from core import snapshot
from core.canonical import canonical_bytes
from core.evolve import evolve
from core.rules import RULES
from core.state import INITIAL, State
from journal import Head, open_journal
from journal.codec import Row
from journal.sqlite_store import SQLiteStore
from live import full_pass, snapshots
from live.core_source import core_source_hash
from live.dry_run import next_cycle
from live.inputs import read_inputs
from live.operator import command
from live.snapshots import Seal, Snapshots
from tests.cli.command import refold
from tests.live.kept import EVERY, config_of, folded, running, session, snapshot_of, url_of

ROOT = Path(__file__).resolve().parent.parent.parent
DEMO = ROOT / "live" / "demo.toml"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A session of fourteen cycles, stopped in order; nobody writes into it."""
    folder = tmp_path_factory.mktemp("made")
    session(folder, 14)
    return folder


@pytest.fixture
def folder(made: Path, tmp_path: Path) -> Path:
    """A copy of it for one test."""
    return Path(shutil.copytree(made, tmp_path / "copy"))


# -- the same as folding from 1


def test_the_kept_state_is_the_fold_from_1_after_every_cycle(tmp_path: Path) -> None:
    for _ in range(16):
        head = session(tmp_path, 1)

        with open_journal(url_of(tmp_path), read_only=True) as journal:
            assert Snapshots(journal).newest() == (folded(url_of(tmp_path)), head)


def test_a_session_in_pieces_has_the_same_head_with_and_without_snapshots(tmp_path: Path) -> None:
    heads = {}
    for name in ("kept", "deleted"):
        for _ in range(6):
            heads[name] = session(tmp_path / name, 3)
            if name == "deleted":
                snapshot_of(tmp_path / name).unlink()

    assert heads["kept"] == heads["deleted"]


@pytest.mark.parametrize("commits", [40, 260])
def test_the_killed_demonstration_goes_on_alike_with_and_without_its_snapshot(
    tmp_path: Path, commits: int
) -> None:
    kept, deleted = tmp_path / "kept", tmp_path / "deleted"
    kept.mkdir()
    words = ("run", "--config", DEMO, "--journal", "sqlite:///main.db", "--json")
    every = {"REFOLD_PROJECTIONS__SNAPSHOT_EVERY": "150"}
    assert refold(*words, "--kill-after-commits", commits, cwd=kept, env=every).status == -9
    assert state_by_snapshot(kept) == folded(url_of(kept))
    shutil.copytree(kept, deleted)
    snapshot_of(deleted).unlink()

    ran = [refold(*words, cwd=folder, env=every) for folder in (kept, deleted)]

    assert [one.status for one in ran] == [0, 0]
    assert ran[0].json["head"] == ran[1].json["head"]
    assert ran[0].complaints == []
    assert [line.split("snapshot: ")[1] for line in ran[1].complaints] == [NO_FILE]
    assert state_by_snapshot(kept) == folded(url_of(kept))
    assert refold("verify", "main.db", cwd=kept).status == 0


NO_FILE = "expected one, found no file; not used, the journal is folded from sequence 1"


def state_by_snapshot(folder: Path) -> State:
    """The state that a start would have: the snapshot's, which there must be, and the tail."""
    with open_journal(url_of(folder), read_only=True) as journal:
        state, head = Snapshots(journal).newest()
        assert 0 < head.sequence <= journal.head.sequence
        for recorded in journal.read(after=head):
            state = evolve(state, recorded.event)
    return state


def test_a_dry_run_and_an_operator_start_from_it_too(folder: Path, tmp_path: Path) -> None:
    other = Path(shutil.copytree(folder, tmp_path / "other"))
    snapshot_of(other).unlink()

    assert next_cycle(read_inputs(config_of(folder))) == next_cycle(read_inputs(config_of(other)))
    heads = []
    for place in (folder, other):
        with open_journal(url_of(place)) as journal:
            command(journal, "halt", who="ann", where="here", why="a drill", now=None)
            heads.append(journal.head)
    assert heads[0] == heads[1]


# -- what a start reads


class Rows:
    """Counts the rows that the journal's store gives out in this process."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.read = 0
        real = SQLiteStore.scan

        def scan(store: SQLiteStore, after: int, limit: int) -> list[Row]:
            rows = real(store, after, limit)
            self.read += len(rows)
            return rows

        monkeypatch.setattr(SQLiteStore, "scan", scan)


def test_a_start_reads_the_tail_only_and_the_rest_is_verified_by_another_process(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(full_pass, "AT_ONCE_EVENTS", 0)
    with open_journal(url_of(folder)) as journal:
        command(journal, "cancel-all", who="ann", where="here", why="a tail", now=None)
        tail = journal.head.sequence - sequence_of(folder)
    rows = Rows(monkeypatch)

    with running(folder) as runner:
        assert rows.read == tail > 0
        assert runner.committer.full_pass is not None
        runner.committer.full_pass.join()
        assert rows.read == tail


def test_a_short_journal_is_verified_at_once(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = Rows(monkeypatch)

    with running(folder) as runner:
        assert runner.committer.full_pass is not None
        assert not runner.committer.full_pass.running
        assert rows.read >= sequence_of(folder)


def sequence_of(folder: Path) -> int:
    """The sequence a folder's snapshot is of."""
    line, _, _ = snapshot_of(folder).read_bytes().partition(b"\n")
    return int(msgspec.json.decode(line)["sequence"])


# -- a snapshot that is not used

Harm = Callable[[bytes], bytes]


def changed(**fields: object) -> Harm:
    """The envelope with other fields."""

    def harm(data: bytes) -> bytes:
        line, _, body = data.partition(b"\n")
        return canonical_bytes({**msgspec.json.decode(line), **fields}) + b"\n" + body

    return harm


def flipped(place: float) -> Harm:
    """One bit at a part of its length."""

    def harm(data: bytes) -> bytes:
        torn = bytearray(data)
        torn[int(place * (len(data) - 1))] ^= 4
        return bytes(torn)

    return harm


HARMS: dict[str, tuple[Harm, str]] = {
    "empty": (lambda _: b"", "an envelope"),
    "cut": (lambda data: data[: len(data) // 2], "sha256"),
    "no snapshot": (lambda _: b"SQLite format 3", "an envelope"),
    "flipped in its envelope": (flipped(0.0002), "an envelope"),
    "flipped in its body": (flipped(0.5), "sha256"),
    "flipped at its end": (flipped(1.0), "sha256"),
    "of another format": (changed(format="refold-snapshot.v0"), "format"),
    "of another journal": (changed(journal_id="a" * 32), "journal"),
    "of other rules": (changed(rules=RULES + 1), "rules"),
    "of another core": (changed(source="b" * 64), "core's source"),
    "of another chain": (changed(chain="c" * 64), "chain at"),
    "of another sequence": (changed(sequence=40), "chain at 40"),
    "ahead of the journal": (changed(sequence=99_999), "sequence: expected at most"),
    "beyond any sequence": (changed(sequence=2**70), "sequence: expected one"),
    "of another state": (lambda _: other_state(), "journal"),
}


def other_state() -> bytes:
    """The state of no events, under an envelope of its own."""
    return snapshot.encode(INITIAL, sequence=9, chain="0" * 64, source=core_source_hash())


@pytest.mark.parametrize("name", HARMS)
def test_a_snapshot_that_does_not_agree_is_dropped_with_one_line(
    folder: Path, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    harm, why = HARMS[name]
    snapshot_of(folder).write_bytes(harm(snapshot_of(folder).read_bytes()))
    expected = folded(url_of(folder))

    with running(folder) as runner:
        assert runner.committer.started_from == 0
        assert runner.committer.full_pass is None
        assert runner.committer.state.positions == expected.positions
        runner.stop(runner.run(1))

    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"refold: snapshot {snapshot_of(folder)}: {why}")
    assert line.endswith("; not used, the journal is folded from sequence 1")
    assert state_by_snapshot(folder) == folded(url_of(folder)), "a good one was written"


def test_one_that_is_no_file_is_not_waited_for(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    snapshot_of(folder).unlink()
    os.mkfifo(snapshot_of(folder))

    with running(folder) as runner:
        assert runner.committer.started_from == 0

    (line,) = capsys.readouterr().err.splitlines()
    assert "expected a file, found a folder, a pipe or a device; not used" in line


def test_one_of_a_core_that_was_edited_is_dropped(
    folder: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    copied = Path(shutil.copytree(ROOT / "core", tmp_path / "core"))
    monkeypatch.setattr(core, "__file__", str(copied / "__init__.py"))
    hashes = []
    for edit in (None, "order.py", "sim/market.py"):
        if edit is not None:
            with (copied / edit).open("a", encoding="utf-8") as file:
                file.write("# edited\n")
        core_source_hash.cache_clear()
        hashes.append(core_source_hash())
    try:
        with open_journal(url_of(folder), read_only=True) as journal:
            assert Snapshots(journal, say=lambda _: None).newest()[1].sequence == 0
    finally:
        core_source_hash.cache_clear()
    assert len(set(hashes)) == 3


def test_one_that_is_ahead_of_a_restored_journal_is_dropped(folder: Path, made: Path) -> None:
    session(folder, 4)
    for suffix in ("", ".anchor", ".venue"):
        shutil.copyfile(made / f"main.db{suffix}", folder / f"main.db{suffix}")
    told: list[str] = []
    with open_journal(url_of(folder), read_only=True) as journal:
        assert Snapshots(journal, say=told.append).newest() == (INITIAL, Head(0, "0" * 64))
    assert "sequence: expected at most" in told[0]


def test_no_snapshot_is_missed_where_none_is_due_yet(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with running(tmp_path, every=10_000):
        pass
    with running(tmp_path, every=10_000):
        assert not snapshot_of(tmp_path).exists()
    assert capsys.readouterr().err == ""


def test_none_is_written_or_asked_for_where_every_is_0(folder: Path, tmp_path: Path) -> None:
    session(tmp_path / "new", 3, every=0)

    assert not snapshot_of(tmp_path / "new").exists()


def test_a_snapshot_that_cannot_be_written_stops_nothing(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    snapshot_of(folder).unlink()
    snapshot_of(folder).with_name("main.db.snapshot.new").mkdir()

    head = session(folder, 12)

    assert head.sequence > 2 * EVERY
    lines = [line for line in capsys.readouterr().err.splitlines() if "not written" in line]
    assert 1 < len(lines) < 12
    assert lines[0].endswith("not written: Is a directory; a restart takes longer")


# -- how it is written


def test_only_a_state_whose_events_are_committed_is_ever_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever looks at the journal at that moment, by a connection of his own, finds its head."""
    seen: list[Head] = []
    real = snapshots.write_whole

    def write_whole(path: Path, data: bytes) -> None:
        line, _, body = data.partition(b"\n")
        envelope = msgspec.json.decode(line, type=snapshot.Envelope)
        seen.append(Head(envelope.sequence, envelope.chain))
        with open_journal(url_of(tmp_path), read_only=True) as journal:
            assert journal.head == seen[-1]
        assert snapshot.state_of(body) == folded(url_of(tmp_path))
        real(path, data)

    monkeypatch.setattr(snapshots, "write_whole", write_whole)
    head = session(tmp_path, 30)

    assert len(seen) >= 5
    assert seen[-1] == head


def test_it_is_written_every_so_many_events_and_less_often_when_it_is_large(folder: Path) -> None:
    written: list[int] = []

    def count(data: bytes) -> bytes:
        written.append(len(data))
        return data

    with open_journal(url_of(folder)) as journal:
        kept = Snapshots(journal, every=10, seal=Seal(count, lambda data: data))
        state, head = kept.newest()
        for events in range(1, 400):
            kept.offer(state, Head(head.sequence + events, head.chain))
    size = snapshot_of(folder).stat().st_size

    assert size > 20_000, "else the second rule is not met"
    assert len(written) == 399 // (size // 1000)


def test_what_is_sealed_is_the_whole_file_and_a_seal_of_another_key_is_dropped(
    folder: Path,
) -> None:
    def turned(key: int) -> Seal:
        def turn(data: bytes) -> bytes:
            return bytes(byte ^ key for byte in data)

        return Seal(turn, turn)

    with open_journal(url_of(folder)) as journal:
        plain = Snapshots(journal)
        state, head = plain.newest()
        snapshot_of(folder).unlink()
        Snapshots(journal, every=1, seal=turned(90)).keep(state, head)
        assert journal.journal_id.encode() not in snapshot_of(folder).read_bytes()
        assert Snapshots(journal, seal=turned(90)).newest() == (state, head)
        assert Snapshots(journal, seal=turned(91), say=lambda _: None).newest()[0] == INITIAL
        assert Snapshots(journal, say=lambda _: None).newest()[0] == INITIAL


def test_a_journal_in_memory_has_none(tmp_path: Path) -> None:
    session(tmp_path, 3, "memory:///snapshots")

    with open_journal("memory:///snapshots") as journal:
        assert Snapshots(journal, every=1).path is None
    assert {path.name for path in tmp_path.iterdir()} == {"strategy.py"}


def test_the_snapshot_of_a_journal_in_a_server_lies_on_this_machine(
    postgres: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(full_pass, "AT_ONCE_EVENTS", 0)
    session(tmp_path, 5, postgres)
    side = Path(postgres.partition("&local=")[2])
    assert (side / "journal.snapshot").exists()

    with running(tmp_path, postgres) as runner:
        assert runner.committer.started_from > EVERY
        assert runner.committer.full_pass is not None
        runner.stop(runner.run(2))
        assert not runner.committer.full_pass.running
        assert runner.committer.state == folded(postgres)
