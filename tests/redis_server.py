"""A Redis server for tests, started by their own means and gone with them.

what    the machine's own `redis-server`, else Debian's package (apt.py); otherwise
        `LackingError`, which the tests tell loudly
data    in memory alone: a restart is a server that lost everything
dies    the server with the process that started it (Linux)
"""

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from tests import apt
from tests.apt import LackingError
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
                        raise LackingError(message) from None
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
    """A running server; `LackingError` where there is none to be had."""
    try:
        import redis  # noqa: F401
    except ImportError:
        message = "the package redis is not installed"
        raise LackingError(message) from None
    server = Server(_program(), folder)
    try:
        server.start()
        yield server
    finally:
        server.stop()


def _program() -> str:
    if _lacking():
        apt.install("redis-server", _lacking, "install it")
    return shutil.which("redis-server") or ""


def _lacking() -> Sequence[str]:
    return [] if shutil.which("redis-server") else ["redis-server"]
