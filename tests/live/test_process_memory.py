"""What is left of a process that held keys: no core file, no environment to be read."""

import resource
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.command import environment
from tests.live.test_configuration import CANARY

KEYS = {"APCA_API_KEY_ID": f"id-{CANARY}", "ALPACA_SECRET_KEY": CANARY}
linux = pytest.mark.skipif(sys.platform != "linux", reason="/proc is Linux's")


def child(what: str, cwd: Path, *, keys: bool = True) -> subprocess.Popen[str]:
    """A real process with or without keys, allowed a core file of any size."""

    def allow() -> None:
        hard = resource.getrlimit(resource.RLIMIT_CORE)[1]
        resource.setrlimit(resource.RLIMIT_CORE, (hard, hard))

    return subprocess.Popen(
        [sys.executable, "-m", "tests.live.process_with_keys", what],
        cwd=cwd,
        env=environment(**(KEYS if keys else {})),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=allow,  # noqa: PLW1509 - no thread is running here
    )


def told(process: subprocess.Popen[str]) -> str:
    """Its first line."""
    assert process.stdout is not None
    return process.stdout.readline()


@linux
def test_its_limit_is_no_core_and_its_first_environment_shows_no_key(tmp_path: Path) -> None:
    with child("wait", tmp_path) as process:
        try:
            assert told(process).startswith(f"ready {len(CANARY)} ")
            proc = Path("/proc", str(process.pid))
            core = next(
                line for line in (proc / "limits").read_text().splitlines() if "core" in line
            )
            first = (proc / "environ").read_bytes() if readable(proc / "environ") else b""
        finally:
            process.communicate(timeout=30)

    assert core.split()[4:6] == ["0", "0"]
    assert CANARY.encode() not in first


def readable(path: Path) -> bool:
    """Whether this user may read it: an undumpable process's belongs to root."""
    try:
        path.read_bytes()
    except PermissionError:
        return False
    return True


@linux
def test_its_children_inherit_no_key(tmp_path: Path) -> None:
    with child("wait", tmp_path) as process:
        names = told(process)
        process.communicate(timeout=30)

    assert "APCA_API" not in names
    assert "ALPACA" not in names


@linux
def test_an_abort_leaves_no_core_file(tmp_path: Path) -> None:
    """The same abort without keys leaves one, where this system writes them beside the process."""
    pattern = Path("/proc/sys/kernel/core_pattern").read_text().strip()
    with child("abort", tmp_path) as process:
        process.communicate(timeout=30)

    assert process.returncode == -signal.SIGABRT
    assert list(tmp_path.iterdir()) == []
    if pattern == "core" and resource.getrlimit(resource.RLIMIT_CORE)[1] != 0:
        with child("abort", tmp_path, keys=False) as other:
            other.communicate(timeout=30)
        assert [path.name.partition(".")[0] for path in tmp_path.iterdir()] == ["core"]
