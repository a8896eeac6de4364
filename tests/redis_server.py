"""A Redis server for tests, started by their own means and gone with them.

what    the machine's own `redis-server`, else Debian's package, installed with apt-get where the
        tests run as root; otherwise `NoServerError`, which the tests tell loudly
data    in memory alone: a restart is a server that lost everything
dies    the server with the process that started it (Linux)
"""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from tests.postgres_binaries import (
    APT,
    INSTALL_LOCK,
    INSTALL_S,
    NoServerError,
    finished,
    taking_turns,
)
from tests.postgres_server import die_with, free_port

START_S = 30.0


class Server:
    """A server of its own; `url` is its database 0."""

    def __init__(self, program: str, folder: Path) -> None:
        self.folder = folder
        self.port = free_port()
        self._program = program
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    def start(self) -> None:
        """Start it and wait until it answers."""
        import redis

        words = ["--port", str(self.port), "--bind", "127.0.0.1", "--save", "", "--dir", "."]
        self._process = subprocess.Popen(
            [self._program, *words],
            cwd=self.folder,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            preexec_fn=partial(die_with, os.getpid()),  # noqa: PLW1509 - before any thread
        )
        until = time.monotonic() + START_S
        while True:
            with redis.Redis.from_url(self.url, socket_timeout=1) as client:
                try:
                    client.ping()
                except redis.RedisError as error:
                    if self._process.poll() is not None or time.monotonic() > until:
                        message = f"redis-server does not answer: {type(error).__name__}"
                        raise NoServerError(message) from None
                    time.sleep(0.05)
                else:
                    return

    def signal(self, number: signal.Signals) -> None:
        """Send it a signal."""
        assert self._process is not None
        self._process.send_signal(number)

    def stop(self) -> None:
        """End it as a crash does."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None


@contextmanager
def serving(folder: Path) -> Iterator[Server]:
    """A running server; `NoServerError` where there is none to be had."""
    try:
        import redis  # noqa: F401
    except ImportError:
        message = "the package redis is not installed"
        raise NoServerError(message) from None
    server = Server(_program(), folder)
    try:
        server.start()
        yield server
    finally:
        server.stop()


def _program() -> str:
    found = shutil.which("redis-server")
    if found is not None:
        return found
    apt = shutil.which("apt-get")
    if os.geteuid() != 0 or apt is None:
        message = "no redis-server on this machine: install it"
        raise NoServerError(message)
    with taking_turns(INSTALL_LOCK):
        if shutil.which("redis-server") is None:
            print("tests: installing Redis from the distribution's packages", file=sys.stderr)
            why = _install(apt)
            if shutil.which("redis-server") is None:
                message = f"no redis-server, and apt-get could not install it: {why}"
                raise NoServerError(message)
    return shutil.which("redis-server") or ""


def _install(apt: str) -> str:
    """Install it, and start no server of the system's; the end of what apt-get said."""
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive", "RUNLEVEL": "1"}
    said = ""
    for words in (["update"], ["install", "-y", "--no-install-recommends", "redis-server"]):
        try:
            _, said = finished([apt, "-qq", *APT, *words], INSTALL_S, env=environment)
        except subprocess.TimeoutExpired:
            return f"apt-get {words[0]} took more than {INSTALL_S:g} s"
    return " ".join(said.split())[-200:]
