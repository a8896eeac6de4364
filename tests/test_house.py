"""The start of the scripts in bin/: one locked environment, made whole or made anew.

A fake `run` stands for the two slow steps (venv, pip) where only the order of things is tested;
the one test that installs for real is slow.
"""

import fcntl
import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from bin import _venv

ROOT = Path(__file__).resolve().parent.parent
SCRIPTS = {
    "refold": ["bin.cli"],
    "run": ["bin.cli", "run"],
    "replay": ["bin.cli", "replay"],
    "rebuild": ["bin.cli", "rebuild"],
    "check": ["bin._check"],
    "test": ["bin._check", "--tests"],
    "bench": ["tests.bench"],
}
TELLS = """
import json, os, random, sys
print(json.dumps({"module": __spec__.name.removesuffix(".__main__"), "arguments": sys.argv[1:],
    "folder": os.getcwd(), "path": sys.path, "random": random.__file__}))
"""


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A checkout in a folder with a space, with short locks, that `_venv` takes for its own."""
    root = tmp_path / "a checkout"
    shutil.copytree(ROOT / "bin", root / "bin", ignore=shutil.ignore_patterns("cli", "__pycache__"))
    for lock in _venv.LOCKS.values():
        (root / lock).write_text("# nothing\n")
    monkeypatch.setattr(_venv, "ROOT", str(root))
    return root


class Steps:
    """In the place of `_venv.run`: makes what the steps make, and remembers their commands."""

    def __init__(self, killed_at: int = 0) -> None:
        self.killed_at = killed_at
        self.commands: list[list[str]] = []

    def __call__(self, command: list[str], log: str, turn: int) -> None:
        assert turn > 0
        self.commands.append(command)
        python = Path(log.removesuffix(".log"), "bin", "python")
        if "venv" in command:
            python.parent.mkdir(parents=True)
            python.symlink_to(sys.executable)
        if len(self.commands) == self.killed_at:
            raise SystemExit(137)


def with_steps(monkeypatch: pytest.MonkeyPatch, killed_at: int = 0) -> Steps:
    """The fake steps, in place."""
    steps = Steps(killed_at)
    monkeypatch.setattr(_venv, "run", steps)
    return steps


def one_line(text: str) -> str:
    """The only line of `text`."""
    assert text.count("\n") == 1, text
    return text.strip()


def test_an_old_python_is_refused_in_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        _venv.refuse((3, 10, 13), "posix")

    assert stop.value.code == 2
    said = one_line(capsys.readouterr().err)
    assert "Python 3.10, expected 3.11 or newer" in said


def test_a_system_without_posix_is_refused_in_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        _venv.refuse((3, 11, 7), "nt")

    assert stop.value.code == 2
    assert "expected Linux or macOS" in one_line(capsys.readouterr().err)


def test_an_environment_is_made_once(
    checkout: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    steps = with_steps(monkeypatch)

    first = _venv.environment(".venv")
    second = _venv.environment(".venv")

    assert first == second
    assert len(steps.commands) == 2
    assert "--require-hashes" in steps.commands[1]
    assert one_line(capsys.readouterr().err).startswith("setting up .venv")
    assert (checkout / ".venv").resolve() == Path(first)


def test_a_changed_lock_makes_another_and_leaves_the_old_to_whoever_runs_from_it(
    checkout: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps = with_steps(monkeypatch)
    old = _venv.environment(".venv")
    (checkout / "requirements.txt").write_text("# something else\n")

    new = _venv.environment(".venv")

    assert new != old
    assert Path(old, "stamp").exists()
    assert (checkout / ".venv").resolve() == Path(new)
    assert len(steps.commands) == 4


def test_a_moved_checkout_makes_its_environment_anew(
    checkout: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps = with_steps(monkeypatch)
    _venv.environment(".venv")
    moved = checkout.rename(checkout.with_name("moved"))
    monkeypatch.setattr(_venv, "ROOT", str(moved))

    _venv.environment(".venv")

    assert len(steps.commands) == 4


@pytest.mark.parametrize("step", [1, 2])
def test_a_set_up_killed_in_a_step_is_made_anew_whole(
    checkout: Path, monkeypatch: pytest.MonkeyPatch, step: int
) -> None:
    with_steps(monkeypatch, killed_at=step)
    with pytest.raises(SystemExit):
        _venv.environment(".venv")
    (half,) = checkout.glob(".venvs/*/")
    (half / "left").touch()
    steps = with_steps(monkeypatch)

    made = _venv.environment(".venv")

    assert Path(made) == half
    assert not (half / "left").exists()
    assert len(steps.commands) == 2


@pytest.mark.parametrize("harm", ["stamp cut", "stamp gone", "python gone"])
def test_a_harmed_environment_is_not_whole(
    checkout: Path, monkeypatch: pytest.MonkeyPatch, harm: str
) -> None:
    steps = with_steps(monkeypatch)
    path = Path(_venv.environment(".venv"))
    if harm == "stamp cut":
        (path / "stamp").write_text((path / "stamp").read_text()[:10])
    else:
        (path / "stamp" if harm == "stamp gone" else path / "bin" / "python").unlink()

    _venv.environment(".venv")

    assert len(steps.commands) == 4


def test_of_two_starts_the_second_waits_and_builds_nothing(
    checkout: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with_steps(monkeypatch)
    path = Path(_venv.environment(".venv"))
    stamp = (path / "stamp").read_text()
    (path / "stamp").unlink()
    call = "import sys; sys.path.insert(0, 'bin'); import _venv; print(_venv.environment('.venv'))"
    with (checkout / ".venvs" / "lock").open("ab") as turn:
        fcntl.flock(turn, fcntl.LOCK_EX)
        second = subprocess.Popen(
            [sys.executable, "-c", call],
            cwd=checkout,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        assert second.stderr is not None
        waiting = second.stderr.readline()
        (path / "stamp").write_text(stamp)
    found, said = second.communicate(timeout=30)

    assert waiting.startswith("waiting for another start")
    assert (second.returncode, found.strip(), said) == (0, str(path), "")


def test_a_step_holds_the_lock_even_if_its_parent_is_killed(tmp_path: Path) -> None:
    with (tmp_path / "lock").open("ab") as turn:
        step = [sys.executable, "-c", f"import os; os.fstat({turn.fileno()})"]

        _venv.run(step, str(tmp_path / "log"), turn.fileno())


def test_a_failed_step_is_told_in_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    fails = "import sys; print('WARNING: slow'); print('ERROR: no such package'); sys.exit(7)"
    with (tmp_path / "lock").open("ab") as turn, pytest.raises(SystemExit) as stop:
        _venv.run([sys.executable, "-c", fails], str(tmp_path / "log"), turn.fileno())

    assert stop.value.code == 2
    said = one_line(capsys.readouterr().err)
    assert "status 7: ERROR: no such package; see " in said
    assert str(tmp_path / "log") in said


def test_a_step_keeps_where_packages_come_from_and_drops_where_they_go(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PIP_INDEX_URL", "mirror")
    for foreign in ("PIP_TARGET", "PIP_USER", "PIP_NO_DEPS", "PYTHONPATH"):
        monkeypatch.setenv(foreign, "1")
    with (tmp_path / "lock").open("ab") as turn:
        tell = [sys.executable, "-c", "import json, os; print(json.dumps(dict(os.environ)))"]
        _venv.run(tell, str(tmp_path / "log"), turn.fileno())

    kept = json.loads((tmp_path / "log").read_text())
    assert kept["PIP_INDEX_URL"] == "mirror"
    assert not {"PIP_TARGET", "PIP_USER", "PIP_NO_DEPS", "PYTHONPATH"} & set(kept)


def test_a_lock_that_is_gone_is_told_in_one_line(
    checkout: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (checkout / "requirements.txt").unlink()

    with pytest.raises(SystemExit) as stop:
        _venv.environment(".venv")

    assert stop.value.code == 2
    assert "git checkout requirements.txt" in one_line(capsys.readouterr().err)


def test_a_folder_of_someones_own_in_the_place_of_the_link_stays(
    checkout: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with_steps(monkeypatch)
    (checkout / ".venv").mkdir()
    (checkout / ".venv" / "mine").touch()

    _venv.environment(".venv")

    assert (checkout / ".venv" / "mine").exists()


@pytest.mark.parametrize("script", SCRIPTS)
def test_a_script_becomes_its_module_wherever_it_is_called_from(
    checkout: Path, monkeypatch: pytest.MonkeyPatch, script: str
) -> None:
    """Through a link, from a folder and a PYTHONPATH with modules named as the library's."""
    with_steps(monkeypatch)
    for link in _venv.LOCKS:
        _venv.environment(link)
    for name in ("bin/cli/__main__.py", "bin/_check.py", "tests/bench.py"):
        (checkout / name).parent.mkdir(exist_ok=True)
        (checkout / name).write_text(TELLS)
    elsewhere, on_the_path = checkout.parent / "elsewhere", checkout.parent / "on the path"
    for folder, modules in (
        (elsewhere, ["hashlib", "random"]),
        (on_the_path, ["hashlib", "fcntl"]),
    ):
        folder.mkdir()
        for module in modules:
            (folder / f"{module}.py").write_text("raise SystemExit('not this one')")
    (checkout.parent / "link").symlink_to(checkout / "bin" / script)

    told = subprocess.run(
        [sys.executable, "../link", "--flag", "a b"],
        cwd=elsewhere,
        env={"PATH": os.environ["PATH"], "HOME": "/nonexistent", "PYTHONPATH": str(on_the_path)},
        capture_output=True,
        text=True,
        check=True,
    )

    found = json.loads(told.stdout)
    assert [found["module"], *found["arguments"]] == [*SCRIPTS[script], "--flag", "a b"]
    assert found["folder"] == str(elsewhere)
    assert found["path"][0] == str(checkout)
    assert not {str(elsewhere), str(on_the_path), ""} & set(found["path"])
    assert not found["random"].startswith(str(elsewhere))
    assert told.stderr == ""


@pytest.mark.slow
def test_a_real_set_up_killed_at_its_start_is_made_anew_and_the_next_start_is_quick(
    checkout: Path,
) -> None:
    shutil.copy(ROOT / "requirements.txt", checkout)
    (checkout / "bin" / "cli").mkdir()
    (checkout / "bin" / "cli" / "__main__.py").write_text("import eventsourcing, msgspec, orjson")
    command = [sys.executable, str(checkout / "bin" / "refold")]
    killed = subprocess.Popen(command, stderr=subprocess.PIPE, start_new_session=True)
    assert killed.stderr is not None
    assert killed.stderr.readline().startswith(b"setting up .venv")
    os.killpg(killed.pid, signal.SIGKILL)
    killed.communicate()

    again = subprocess.run(command, capture_output=True, text=True, check=False)
    later = subprocess.run(command, capture_output=True, text=True, check=False)

    assert (again.returncode, again.stdout) == (0, ""), again.stderr
    assert one_line(again.stderr).startswith("setting up .venv")
    assert (later.returncode, later.stderr) == (0, "")
