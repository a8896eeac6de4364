"""The example of the README: three recorded days, the same head wherever it runs.

Needs the market data that stands beside the checkout; without it these tests are skipped.
"""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.cli.command import ROOT, assert_sound, environment, refold
from tests.cli.conftest import Session

DATA = ROOT.parent / "shared" / "data" / "market"
MARKET = "csv:../shared/data/market/*.csv.gz"
CYCLES = 1_170
ASKED = "import sys, msgspec, orjson, eventsourcing, filelock; print(sys.version_info[:2])"

pytestmark = pytest.mark.skipif(
    not any(DATA.glob("*.csv.gz")), reason="needs ../shared/data/market/*.csv.gz"
)


def words(journal: Path, *more: object) -> list[object]:
    given = ["run", "--market", MARKET, "--journal", f"sqlite:///{journal}", "--seed", 42, "--json"]
    return [*given, *more]


@pytest.fixture(scope="module")
def example(tmp_path_factory: pytest.TempPathFactory) -> Session:
    """The run as the README gives it, from the checkout."""
    folder = tmp_path_factory.mktemp("example")
    ran = refold(*words(folder / "j.db"), cwd=ROOT, env={"PYTHONHASHSEED": "11"})
    assert ran.status == 0, ran.complaints
    return Session(folder, ran)


def orders(journal: Path) -> list[dict[str, Any]]:
    """What every order came to: of attempts and times of answers nothing."""
    ran = refold("show", "orders", "--journal", f"sqlite:///{journal}", "--json", cwd=ROOT)
    names = ("client_order_id", "filled_quantity", "average_price", "status", "cycle", "quantity")
    return [{name: row[name] for name in names} for row in ran.json["rows"]]


def test_every_slot_is_a_cycle_and_every_symbol_is_decided(example: Session) -> None:
    said = example.ran.json
    assert said["cycles"] == CYCLES
    assert said["universe"] == said["intents"] + sum(said["skipped"].values()) == 4 * CYCLES
    assert said["fills"] > 100
    assert said["unknown"] == 0
    assert {row["status"] for row in orders(example.folder / "j.db")} >= {"FILLED"}


def test_it_verifies_and_replays(example: Session) -> None:
    assert_sound(ROOT, f"sqlite:///{example.folder}/j.db")


def test_another_file_and_another_hash_seed_give_the_same_head(
    example: Session, tmp_path: Path
) -> None:
    other = refold(*words(tmp_path / "other.db"), cwd=ROOT, env={"PYTHONHASHSEED": "99"})
    assert other.json["head"] == example.ran.json["head"]


@pytest.mark.slow
def test_another_python_gives_the_same_head(example: Session, tmp_path: Path) -> None:
    python = other_python()
    given = [str(word) for word in words(tmp_path / "other.db")]
    done = subprocess.run(
        [python, "-m", "bin.cli", *given],
        cwd=ROOT,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-500:]
    assert example.ran.json["head"]["chain"] in done.stdout


def other_python() -> str:
    """Another Python that has what refold needs: of an environment of ours, or of pyenv."""
    places = [
        *(ROOT / ".venvs").glob("*/bin/python"),
        *Path.home().glob(".pyenv/versions/*/bin/python"),
    ]
    for place in sorted(places):
        found = subprocess.run(
            [str(place), "-c", ASKED], capture_output=True, text=True, check=False
        )
        if found.returncode == 0 and found.stdout.strip() != str(sys.version_info[:2]):
            return str(place)
    return str(pytest.skip("needs another Python with refold's packages, found none"))


@pytest.mark.slow
def test_in_pieces_it_goes_on_where_it_stopped_and_ends_the_same(
    example: Session, tmp_path: Path
) -> None:
    journal = tmp_path / "pieces.db"
    pieces = [refold(*words(journal, "--cycles", n), cwd=ROOT) for n in (1, 388, 3)]
    pieces.append(refold(*words(journal), cwd=ROOT))
    assert [ran.json["cycles"] for ran in pieces] == [1, 389, 392, CYCLES]
    said, whole = pieces[-1].json, example.ran.json
    for name in ("intents", "submitted", "failed", "dropped", "fills", "skipped", "open"):
        assert said[name] == whole[name], name
    assert orders(journal) == orders(example.folder / "j.db")
