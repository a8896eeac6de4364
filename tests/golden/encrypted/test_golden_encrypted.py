"""Every golden encrypted journal opens as it was sealed, by this release and all that come."""

import json
import shutil
from io import BytesIO
from pathlib import Path

import pytest

from journal import Head, open_journal, verify
from journal.errors import KeyMissingError, WrongKeyError
from journal.export import export_jsonl
from tests.golden.encrypted.make import FIRST, SECOND

FOLDER = Path(__file__).resolve().parent
HEADS = {
    "v1": Head(44, "7945c1fc56f2c107bbb78b1536b1f0083725723ea64b95bdc7688aff1b0a8d1d"),
}


@pytest.fixture(params=HEADS)
def path(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A copy: reading leaves SQLite's side files behind."""
    for suffix in (".db", ".db.anchor"):
        shutil.copyfile(FOLDER / f"{request.param}{suffix}", tmp_path / f"{request.param}{suffix}")
    return tmp_path / f"{request.param}.db"


def test_every_golden_journal_has_its_head_here() -> None:
    assert {file.stem for file in FOLDER.glob("*.db")} == set(HEADS)


def test_it_verifies_without_a_key_and_has_its_head(path: Path) -> None:
    report = verify(path)
    assert (report.ok, report.head, report.problems) == (True, HEADS[path.stem], [])


def test_it_opens_with_its_last_key_to_the_same_lines_and_with_no_other(path: Path) -> None:
    out = BytesIO()
    with open_journal(path, read_only=True, key=SECOND) as journal:
        export_jsonl(journal, out)
    assert out.getvalue() == (FOLDER / f"{path.stem}.jsonl").read_bytes()
    with pytest.raises(WrongKeyError):
        open_journal(path, read_only=True, key=FIRST)
    with pytest.raises(KeyMissingError):
        open_journal(path, read_only=True)


def test_its_events_are_those_of_the_plain_one_and_have_the_same_ids(path: Path) -> None:
    ids = [
        [
            json.loads(line)["id"]
            for line in (folder / f"{path.stem}.jsonl").read_bytes().splitlines()
        ]
        for folder in (FOLDER, FOLDER.parent)
    ]
    assert ids[0][1:] == ids[1][1:]


def test_no_plain_text_of_an_event_is_in_it(path: Path) -> None:
    data = path.read_bytes()
    for line in (FOLDER / f"{path.stem}.jsonl").read_bytes().splitlines()[1:]:
        event = line[line.index(b'"event":') + 8 : -1]
        assert event not in data
        assert event[10:40] not in data
        assert bytes.fromhex(json.loads(line)["id"]) not in data
