"""The README's claims, run: its first block is what the first command prints."""

import os
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")


def blocks() -> list[str]:
    """The fenced blocks of the README."""
    return re.findall(r"```\w*\n(.*?)```", README, flags=re.DOTALL)


def refold(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """A command of ours in `folder`, with nothing of the caller's settings."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith("REFOLD_")}
    environment["PYTHONPATH"] = str(ROOT)
    return subprocess.run(
        [sys.executable, "-m", "bin.cli", *words],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_first_command_prints_what_the_readme_prints(tmp_path: Path) -> None:
    """The head is a function of seed, config, market and code, so it is the same everywhere."""
    done = refold(tmp_path, "run")

    assert done.returncode == 0, done.stderr
    assert blocks()[0] == done.stdout


def test_the_readme_opens_with_the_two_commands() -> None:
    lines = README.splitlines()

    assert lines[2].startswith("    bin/refold run ")
    assert lines[3].startswith("    bin/test ")


def test_the_readmes_strategy_runs(tmp_path: Path) -> None:
    source = next(block for block in blocks() if "class Momentum" in block)
    (tmp_path / "my_strategy.py").write_text(source, encoding="utf-8")

    done = refold(
        tmp_path,
        "run",
        "--strategy",
        "my_strategy.py:Momentum",
        "--journal",
        "sqlite:///j.db",
        "--cycles",
        "40",
        "--json",
    )

    assert done.returncode == 0, done.stderr
    assert '"intents": 0' not in done.stdout


def test_every_command_the_readme_names_exists() -> None:
    named = set(re.findall(r"bin/refold ([a-z-]+)", README))
    helped = refold(ROOT, "--help").stdout

    missing = [n for n in sorted(named) if not re.search(rf"^\s+{n}\s", helped, re.MULTILINE)]
    assert missing == []
