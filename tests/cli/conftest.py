"""Sessions that many tests look at; nobody writes into them."""

import shutil
from pathlib import Path

import pytest

from tests.cli.command import Ran, refold
from tests.cli.world import prepared, run_words

LOSSY = {
    "REFOLD_BROKER__REJECT_RATE": "0.1",
    "REFOLD_BROKER__LATE_REJECT_RATE": "0.05",
    "REFOLD_BROKER__LOST_REQUEST_RATE": "0.1",
    "REFOLD_BROKER__LOST_ANSWER_RATE": "0.1",
    "REFOLD_BROKER__DROP_RATE": "0.1",
    "REFOLD_BROKER__DUPLICATE_RATE": "0.1",
    "REFOLD_BROKER__DELAY_RATE": "0.1",
    "REFOLD_BROKER__REORDER_RATE": "0.1",
}
"""A venue that does everything wrong that it can."""


class Session:
    """A finished run: its folder, and what it said."""

    def __init__(self, folder: Path, ran: Ran) -> None:
        self.folder = folder
        self.ran = ran

    def copied_to(self, folder: Path) -> Path:
        """The folder's copy, for a test that changes it."""
        return Path(shutil.copytree(self.folder, folder, dirs_exist_ok=True))


@pytest.fixture(scope="session")
def session(tmp_path_factory: pytest.TempPathFactory) -> Session:
    """Sixty cycles against a venue with every fault."""
    folder = prepared(tmp_path_factory.mktemp("session"), slots=60)
    return Session(folder, refold(*run_words(), cwd=folder, env=LOSSY))


@pytest.fixture(scope="session")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Session:
    """All thirty cycles, in one run that nobody disturbed."""
    folder = prepared(tmp_path_factory.mktemp("whole"))
    return Session(folder, refold(*run_words(), cwd=folder))


@pytest.fixture(scope="session")
def short(tmp_path_factory: pytest.TempPathFactory) -> Session:
    """Five of thirty cycles: a journal that can go on."""
    folder = prepared(tmp_path_factory.mktemp("short"))
    return Session(folder, refold(*run_words("--cycles", 5), cwd=folder))


@pytest.fixture
def world(tmp_path: Path) -> Path:
    """A folder with a market and a strategy, and no journal."""
    return prepared(tmp_path / "world")
