"""The checks themselves: what bin/check, .ci/run, the locks, the layers and the secret scan catch.

Each is shown to fail on something planted, in a throw-away copy.
"""

import json
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from bin import _check

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("bin", "core", "journal", "live", "projections", "replay")
# Made up, and in two halves so that the scan of this file does not find them.
ALPACA_ID = "PK" + "7QX2M4ZB9TLW3KDA8V"
PLANTED = {
    "Alpaca API key": [
        f"key = {ALPACA_ID}",
        f"client = TradingClient('{ALPACA_ID}')",
        "APCA_API_SECRET_KEY=" + "hT3vQ9zLk2" * 4,
        "APCA-API-SECRET-KEY: " + "hT3vQ9zLk2" * 4,
        'secret_key = "' + "hT3vQ9zLk2" * 4 + '"',
    ],
    "AWS Access Key": ["AKI" + "A2E0A8F3B244C9986"],
    "Private Key": ["-----BEGIN " + "RSA PRIVATE KEY-----"],
    "Slack Token": ["https://hooks.slack.com/services/T0AAAAAA1/B0AAAAAA2/" + "aBcD" * 6],
    "Telegram Bot Token": ["110201543:" + "AAHdq" * 7],  # pragma: allowlist secret
}


def scan(root: Path) -> subprocess.CompletedProcess[str]:
    """The secret scan of `root`."""
    command = [sys.executable, "-m", "bin._secrets"]
    return subprocess.run(
        command,
        cwd=root,
        env={"PYTHONPATH": str(root)},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """A git checkout with the secret scan and nothing else in it."""
    (tmp_path / "bin").mkdir()
    for name in (
        "bin/__init__.py",
        "bin/_secrets.py",
        "bin/_history.py",
        ".secrets.baseline",
        ".gitignore",
    ):
        shutil.copy(ROOT / name, tmp_path / name)
    subprocess.run(["git", "init", "--quiet"], cwd=tmp_path, check=True)
    return tmp_path


def test_a_clean_clone_has_no_secret(clone: Path) -> None:
    result = scan(clone)

    assert (result.returncode, result.stdout, result.stderr) == (0, "", "")


@pytest.mark.parametrize(
    ("rule", "line"), [(rule, line) for rule, lines in PLANTED.items() for line in lines]
)
def test_a_planted_secret_is_found_and_not_repeated(clone: Path, rule: str, line: str) -> None:
    (clone / "notes.txt").write_text(f"one\ntwo\n{line}\n")

    result = scan(clone)

    assert result.returncode == 1
    assert f"notes.txt:3: {rule}\n" in result.stdout
    assert line not in result.stdout + result.stderr


def test_a_secret_is_found_in_a_tracked_file_and_not_in_an_ignored_one(clone: Path) -> None:
    (clone / "tracked.py").write_text(f"KEY = '{ALPACA_ID}'\n")
    subprocess.run(["git", "add", "tracked.py"], cwd=clone, check=True)
    (clone / ".venvs").mkdir()
    (clone / ".venvs" / "ignored.py").write_text(f"KEY = '{ALPACA_ID}'\n")

    result = scan(clone)

    assert "tracked.py:1: Alpaca API key" in result.stdout
    assert "ignored.py" not in result.stdout


def test_a_line_marked_as_made_up_passes(clone: Path) -> None:
    (clone / "test.py").write_text(f"KEY = '{ALPACA_ID}'  # pragma: allowlist secret\n")

    assert scan(clone).returncode == 0


def test_a_finding_in_the_baseline_passes(clone: Path) -> None:
    from detect_secrets.core.potential_secret import PotentialSecret

    known = PotentialSecret("Alpaca API key", "old.py", ALPACA_ID, line_number=1)
    baseline = json.loads((clone / ".secrets.baseline").read_text())
    baseline["results"] = {"old.py": [known.json()]}
    (clone / ".secrets.baseline").write_text(json.dumps(baseline))
    (clone / "old.py").write_text(f"KEY = '{ALPACA_ID}'\n")
    (clone / "new.py").write_text(f"KEY = '{ALPACA_ID}'\n")

    result = scan(clone)

    assert "new.py:1" in result.stdout
    assert "old.py" not in result.stdout


def git(root: Path, *words: str) -> str:
    """One git command in a throw-away clone, under a name of nobody."""
    who = ("-c", "user.name=nobody", "-c", "user.email=nobody@localhost", "-c", "commit.gpgsign=no")
    command = ["git", *who, *words]
    return subprocess.run(command, cwd=root, check=True, capture_output=True, text=True).stdout


@pytest.fixture
def planted(clone: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A clone of a repository with a key in an old commit, taken out again in the next one."""
    for text in ("nothing\n", f"one\nkey = {ALPACA_ID}\n", "nothing again\n", "and again\n"):
        (clone / "notes.txt").write_text(text)
        git(clone, "add", "--all")
        git(clone, "commit", "--quiet", "--message", "notes")
    thrown_away = tmp_path_factory.mktemp("planted") / "clone"
    git(clone, "clone", "--quiet", f"file://{clone}", str(thrown_away))
    return thrown_away


def test_a_key_that_was_committed_and_removed_again_is_found_in_its_commit(planted: Path) -> None:
    commit = git(planted, "rev-parse", "HEAD~2")[:12]

    result = scan(planted)

    assert result.returncode == 1, result
    assert result.stdout.startswith(f"{commit}:notes.txt:2: Alpaca API key\n1 found; ")
    assert ALPACA_ID not in result.stdout + result.stderr


@pytest.mark.parametrize("where", ["branch", "tag", "detached head", "message", "merge"])
def test_a_key_is_found_wherever_the_history_reaches_it(clone: Path, where: str) -> None:
    git(clone, "add", "--all")
    git(clone, "commit", "--quiet", "--message", "clean")
    git(clone, "checkout", "--quiet", "-b", "side")
    (clone / "other.txt").write_text("nothing" if where == "message" else f"key = {ALPACA_ID}\n")
    if where == "merge":
        (clone / "other.txt").write_text("clean\n")
    git(clone, "add", "--all")
    git(clone, "commit", "--quiet", "--message", ALPACA_ID if where == "message" else "side")
    git(clone, "checkout", "--quiet", "-")
    if where == "tag":
        git(clone, "tag", "kept", "side")
        git(clone, "branch", "--quiet", "-D", "side")
    elif where == "detached head":
        git(clone, "checkout", "--quiet", "--detach", "side")
        git(clone, "branch", "--quiet", "-D", "side")
        (clone / "other.txt").unlink()
    elif where == "merge":
        git(clone, "merge", "--quiet", "--no-commit", "--no-ff", "side")
        (clone / "other.txt").write_text(f"key = {ALPACA_ID}\n")
        git(clone, "commit", "--quiet", "--all", "--message", "merged")
        (clone / "other.txt").write_text("clean\n")

    result = scan(clone)

    assert result.returncode == 1, result
    assert "Alpaca API key\n" in result.stdout
    assert ALPACA_ID not in result.stdout + result.stderr


def test_a_clean_history_passes_and_so_does_one_whose_line_was_marked(clone: Path) -> None:
    for text in ("one\n", f"KEY = '{ALPACA_ID}'  # pragma: allowlist secret\n", "two\n"):
        (clone / "notes.txt").write_text(text)
        git(clone, "add", "--all")
        git(clone, "commit", "--quiet", "--message", "notes")

    assert (scan(clone).returncode, scan(clone).stdout) == (0, "")


def test_a_shallow_clone_is_scanned_as_far_as_it_goes_and_says_so(
    planted: Path, tmp_path: Path
) -> None:
    shallow = tmp_path / "shallow"
    git(planted, "clone", "--quiet", "--depth", "1", f"file://{planted}", str(shallow))

    result = scan(shallow)

    assert result.returncode == 0, result
    assert result.stderr.startswith("a shallow clone: ")


def test_what_cannot_be_scanned_is_no_success(clone: Path) -> None:
    (clone / ".secrets.baseline").unlink()

    result = scan(clone)

    assert result.returncode == 2
    assert result.stderr.count("\n") == 1


LAYERS = (
    ("core/time_of_day.py", "import time", False),
    ("core/rng.py", "import random", True),
    ("core/throttle.py", "import random", False),
    ("core/throttle.py", "import journal.store", False),
    ("projections/orders.py", "import datetime", False),
    ("projections/orders.py", "import core.rng", True),
    ("projections/orders.py", "import journal.store", False),
    ("projections/store.py", "import sqlite3, pathlib, core.rng", True),
    ("journal/store.py", "import sqlite3, eventsourcing.persistence, core.rng", True),
    ("journal/store.py", "import projections.orders", False),
    ("replay/parity.py", "import journal.store, projections.orders, core.rng", True),
    ("replay/parity.py", "import live.runner", False),
    ("live/runner.py", "import journal.store, projections.orders, asyncio", True),
    ("live/runner.py", "import replay.parity", False),
    ("live/runner.py", "import bin.start", False),
    ("bin/start.py", "import live.runner, replay.parity", True),
)
MODULES = ("bin/start", "core/rng", "journal/store", "live/runner", "projections/orders")


@pytest.mark.parametrize(("module", "line", "allowed"), LAYERS)
def test_the_layers_allow_or_refuse_an_import(
    tmp_path: Path, module: str, line: str, allowed: bool
) -> None:
    for name in PACKAGES:
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").touch()
    for name in (*MODULES, "projections/store", "replay/parity"):
        (tmp_path / f"{name}.py").touch()
    (tmp_path / module).write_text(line)
    shutil.copy(ROOT / "pyproject.toml", tmp_path)

    result = subprocess.run(
        _check.CHECKS["layers"], cwd=tmp_path, env={}, capture_output=True, text=True, check=False
    )

    assert result.returncode == (0 if allowed else 1), result.stdout
    assert allowed or module.removesuffix(".py").replace("/", ".") in result.stdout


def test_every_check_runs_even_if_one_fails(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    python = sys.executable
    fails = [python, "-c", "import sys; print('it is wrong'); sys.exit(3)"]
    monkeypatch.setattr(
        _check,
        "CHECKS",
        {"first": [python, "-c", ""], "second": fails, "third": [python, "-c", ""]},
    )

    status = _check.main([])

    said = capfd.readouterr()
    assert status == 1
    assert [line.split()[:2] for line in said.out.splitlines()] == [
        ["ok", "first"],
        ["FAILED", "second"],
        ["it", "is"],
        ["ok", "third"],
    ]
    assert said.err == "failed: second\n"


def test_an_unknown_argument_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert _check.main(["--mend"]) == 2
    assert "it takes --fix" in capsys.readouterr().err


CLOSINGS = (
    ("===== 3 passed in 0.10s =====", 0, 0, "===== 3 passed in 0.10s ====="),
    ("3 passed, 1 skipped in 0.10s", 0, 0, "3 passed, 1 skipped in 0.10s"),
    ("2 failed, 1 passed in 61.2s (0:01:01)", 1, 1, "2 failed, 1 passed in 61.2s (0:01:01)"),
    ("no tests ran in 0.01s", 5, 5, "no tests ran in 0.01s"),
    ("no tests ran in 0.01s", 0, 1, "no tests ran in 0.01s"),
    ("1 skipped in 0.01s", 0, 1, "1 skipped in 0.01s"),
    ("nothing that pytest says", 0, 1, ""),
)


@pytest.mark.parametrize(("closing", "status", "expected", "last"), CLOSINGS)
def test_ci_prints_the_closing_line_last_and_fails_where_nothing_passed(
    tmp_path: Path, closing: str, status: int, expected: int, last: str
) -> None:
    for name in (".ci", "bin"):
        (tmp_path / name).mkdir()
    shutil.copy(ROOT / ".ci" / "run", tmp_path / ".ci" / "run")
    script = tmp_path / "bin" / "test"
    script.write_text(f"#!/bin/sh\necho '{closing}'\necho 'failed: mypy' >&2\nexit {status}\n")
    script.chmod(0o755)

    result = subprocess.run(
        ["bash", str(tmp_path / ".ci" / "run")],
        cwd="/",
        capture_output=True,
        text=True,
        check=False,
    )

    assert result.returncode == expected
    assert result.stdout.splitlines()[-1] == last


def pins(lock: str) -> dict[str, str]:
    """Each requirement of a lock, its name and marker, with its version and hashes."""
    found: dict[str, str] = {}
    for entry in re.split(r"\n(?=\S)", (ROOT / lock).read_text()):
        if matched := re.match(r"([\w.-]+)==(\S+)(?: ; ([^\\]*))? \\", entry):
            name, version, marker = matched.groups()
            hashes = re.findall(r"--hash=sha256:[0-9a-f]{64}", entry)
            assert hashes, f"{lock}: {name} has no hash"
            found[f"{name} ; {marker or ''}".strip()] = " ".join([version, *hashes])
    return found


def test_the_development_lock_holds_the_run_time_lock_as_it_is() -> None:
    run_time, development = pins("requirements.txt"), pins("requirements-dev.txt")

    assert run_time
    assert {name: development.get(name) for name in run_time} == run_time


@pytest.mark.parametrize(
    ("lock", "groups"), [("requirements.txt", []), ("requirements-dev.txt", ["dev"])]
)
def test_a_lock_holds_what_the_project_names(lock: str, groups: list[str]) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    named = [*project["project"]["dependencies"]]
    named += [name for group in groups for name in project["dependency-groups"][group]]
    locked = {pin.split(" ;")[0] for pin in pins(lock)}

    assert {re.split(r"[\[<>=~!]", name)[0] for name in named} <= locked


@pytest.mark.parametrize("lock", ["requirements.txt", "requirements-dev.txt"])
def test_a_lock_names_no_index_host_or_path(lock: str) -> None:
    text = (ROOT / lock).read_text()

    assert not re.search(r"https?:|file:|--(?:extra-)?index-url|--find-links| @ ", text)
