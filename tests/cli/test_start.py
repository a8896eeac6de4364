"""What each command imports: starting it costs what it needs and no more."""

import subprocess
import sys
from pathlib import Path

import pytest

from bin.cli.exits import MEANING
from tests.cli.command import environment, refold
from tests.cli.conftest import Session
from tests.cli.world import JOURNAL

NEVER = {"alpaca", "pandas", "numpy"}
SHOW_MODULES = """
import sys
from bin.cli.__main__ import main
try:
    status = main(sys.argv[1:])
except SystemExit as ended:
    status = ended.code
sys.stderr.write("\\n".join(sorted({name.partition(".")[0] for name in sys.modules})))
sys.stderr.write("\\n" + "\\n".join(sorted(n for n in sys.modules if n.count("."))))
sys.exit(status)
"""


def imported(folder: Path, *words: str) -> set[str]:
    """The modules in memory when the command has ended well."""
    done = subprocess.run(
        [sys.executable, "-c", SHOW_MODULES, *words],
        cwd=folder,
        env=environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-300:]
    return set(done.stderr.splitlines())


@pytest.mark.parametrize(
    "words",
    [
        ["verify", JOURNAL],
        ["show", "orders"],
        ["tail"],
        ["status"],
        ["pause"],
        ["resume"],
        ["halt"],
    ],
)
def test_reading_and_halting_import_no_broker_and_no_data_frames(
    short: Session, tmp_path: Path, words: list[str]
) -> None:
    folder = short.copied_to(tmp_path / "copy")
    more = [] if words[0] == "verify" else ["--journal", JOURNAL]
    found = imported(folder, *words, *more)
    assert not found & NEVER
    assert "journal" in found


def test_verify_executes_no_strategy_and_folds_nothing(short: Session) -> None:
    found = imported(short.folder, "verify", JOURNAL)
    assert not found & {"replay", "projections", "core.strategy_source"}


@pytest.mark.parametrize("words", [["--help"], ["run", "--help"], ["show", "--help"]])
def test_help_imports_no_engine(tmp_path: Path, words: list[str]) -> None:
    found = imported(tmp_path, *words)
    assert not found & {"journal", "core", "live", "eventsourcing", "msgspec", "structlog", "rich"}


def test_help_lists_every_exit_status(tmp_path: Path) -> None:
    for words in (["--help"], ["run", "--help"], ["verify", "--help"]):
        ran = refold(*words, cwd=tmp_path)
        assert ran.status == 0
        for status, meaning in MEANING.items():
            assert f"{int(status):>3}  {meaning}" in ran.out


def test_no_command_and_a_wrong_one_are_one_line(tmp_path: Path) -> None:
    for words in ([], ["shwo"], ["show"], ["show", "nothing"], ["verify"], ["config"]):
        ran = refold(*words, cwd=tmp_path)
        assert (ran.status, len(ran.lines), ran.out) == (2, 1, ""), ran
        assert ran.lines[0].startswith("refold: ")
