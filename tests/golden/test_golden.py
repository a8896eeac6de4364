"""Every golden journal is read as it was written, by this release and all that come."""

import hashlib
import json
import shutil
from pathlib import Path

import pytest

from core.canonical import canonical_bytes
from core.events import EVENT_BY_TAG, tag_of
from journal import Head, open_journal, verify
from tests.golden import make
from tests.journal.sample import content

FOLDER = Path(__file__).resolve().parent
HEADS = {
    "v1": Head(44, "dba59474c83c37aee854e3b15d77d59a028f6ada169033e4b02527e1228de9a0"),
    "v2": Head(44, "99a923fc8f52867d210609f8e5ae0c8421d03f9697682affbcc173b30779f86b"),
    "v3": Head(44, "651442451a24c61e7f2bf9b6e0f9633bc81902e648f18e220ca1199783620578"),
}
NEWEST = max(HEADS, key=lambda name: int(name[1:]))


@pytest.fixture(params=HEADS)
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def path(name: str, tmp_path: Path) -> Path:
    """A copy: reading leaves SQLite's side files behind."""
    for suffix in (".db", ".db.anchor"):
        shutil.copyfile(FOLDER / f"{name}{suffix}", tmp_path / f"{name}{suffix}")
    return tmp_path / f"{name}.db"


def test_every_golden_journal_has_its_head_here() -> None:
    assert {file.stem for file in FOLDER.glob("*.db")} == set(HEADS)


def test_it_verifies_and_has_its_head(name: str, path: Path) -> None:
    report = verify(path)
    assert (report.ok, report.head, report.problems) == (True, HEADS[name], [])
    assert report.events == HEADS[name].sequence


def test_it_exports_the_same_lines(name: str, path: Path) -> None:
    assert content(path) == (FOLDER / f"{name}.jsonl").read_bytes()


def test_every_line_has_the_id_of_its_event(name: str) -> None:
    for line in (FOLDER / f"{name}.jsonl").read_bytes().splitlines():
        event = line[line.index(b'"event":') + 8 : -1]
        assert hashlib.sha256(event).hexdigest() == json.loads(line)["id"]


def test_every_event_decodes_and_one_of_this_release_encodes_to_the_same_bytes(path: Path) -> None:
    with open_journal(path, read_only=True) as journal:
        for recorded in journal.read():
            event = recorded.event
            if tag_of(event) == recorded.tag:
                assert canonical_bytes(event) == recorded.payload


def test_this_release_goes_on_with_it(name: str, path: Path) -> None:
    with open_journal(path) as journal:
        assert journal.head == HEADS[name]
        journal.append(
            [make.events()[0]],
            expected=journal.head,
            epoch=9,
            recorded_at="2026-01-02T20:00:00.000000Z",
        )
    assert verify(path).events == HEADS[name].sequence + 1


def test_the_newest_golden_journal_holds_every_kind_of_event() -> None:
    lines = (FOLDER / f"{NEWEST}.jsonl").read_bytes().splitlines()
    assert {json.loads(line)["type"] for line in lines} == set(EVENT_BY_TAG)


def test_the_newest_is_what_its_script_makes_today(tmp_path: Path) -> None:
    """Until the next release this holds the events, the codec and the chain still."""
    assert make.main(NEWEST, tmp_path) is None
    assert content(tmp_path / f"{NEWEST}.db") == (FOLDER / f"{NEWEST}.jsonl").read_bytes()
    assert make.main(NEWEST, tmp_path) == (
        f"{NEWEST}.db: a golden journal is never overwritten; choose another name"
    )
