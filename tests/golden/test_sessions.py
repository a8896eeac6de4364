"""What a release decided is decided again by every later one that says so.

sessions  rules-N.db: 84 cycles of the demonstration in AAPL and MSFT by a release under rules N,
          killed by SIGKILL behind the 45th commit and gone on: a refusal, a lost answer and its
          look, cancels by age, a fill in part. Made once (`run --config live/demo.toml --symbols
          AAPL,MSFT --cycles 50`, first with `--kill-after-commits 45`), and never changed
"""

import shutil
from pathlib import Path

import pytest

from core.rules import REDERIVED
from journal import Head, open_journal, verify
from replay.parity import parity

FOLDER = Path(__file__).resolve().parent / "sessions"
HEADS = {
    2: (Head(662, "2045b59b444438ab792c32433daba34d38bb4d8c1d2116adaa0571549ede17d1"), 293),
    3: (Head(667, "51e9f581668ae1ababd4bcd53d07c354b224bc1d6483e8415bb65ac6dc946606"), 298),
}
"""Rules: the head, and how many decisions."""


@pytest.fixture(params=HEADS)
def rules(request: pytest.FixtureRequest) -> int:
    return int(request.param)


@pytest.fixture
def path(rules: int, tmp_path: Path) -> Path:
    """A copy: reading leaves SQLite's side files behind."""
    for name in (f"rules-{rules}.db", f"rules-{rules}.db.anchor"):
        shutil.copyfile(FOLDER / name, tmp_path / name)
    return tmp_path / f"rules-{rules}.db"


def test_there_is_a_session_for_all_rules_that_are_derived_again() -> None:
    assert set(HEADS) == set(REDERIVED)
    assert {file.stem for file in FOLDER.glob("*.db")} == {f"rules-{rules}" for rules in HEADS}


def test_it_verifies_and_has_its_head(rules: int, path: Path) -> None:
    report = verify(path)

    assert (report.ok, report.head, report.problems) == (True, HEADS[rules][0], [])


def test_every_decision_is_made_again_to_the_last_id(rules: int, path: Path) -> None:
    with open_journal(path, read_only=True) as journal:
        report = parity(journal.read())

    assert (report.divergence, report.parity, report.not_rederived) == (None, True, 0)
    assert report.decisions == HEADS[rules][1]
