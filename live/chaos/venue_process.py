"""A fault venue as a process of its own: started, asked by its admin side, started again, ended.

shape   `VenueProcess(file, seed, at, cash)`: `start()`, `ask(method, path, body)`, `revive()`
errors  `VenueError`: it did not start, or does not answer
dies    the venue may, at any time: its file holds what it said, and `revive` goes on from there.
        A call to the admin side is tried again until the venue is back; each is safe to repeat
"""

import http.client
import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from core.values import TimeText

KEY_ID = "venue-key"
SECRET = "venue-secret"  # noqa: S105  # made up, for loopback alone # pragma: allowlist secret
PATIENCE_S = 60.0
"""How long a venue that does not answer is asked again."""
ROOT = Path(__file__).resolve().parents[2]


class VenueError(Exception):
    """The venue is not there."""


def ask_venue(port: int, method: str, path: str, body: Any = None) -> Any:
    """The admin side's answer, asked for until it comes."""
    ends = time.monotonic() + PATIENCE_S
    while True:
        try:
            return ask_once(port, method, path, body)
        except (OSError, http.client.HTTPException) as problem:
            if time.monotonic() > ends:
                message = f"venue: no answer to {path} within {PATIENCE_S:g} s: {problem!r}"
                raise VenueError(message) from problem
            time.sleep(0.05)


def ask_once(port: int, method: str, path: str, body: Any = None) -> Any:
    """The admin side's answer to one call."""
    line = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        data = None if body is None else json.dumps(body)
        line.request(method, f"/_venue/{path}", data, {"Connection": "close"})
        answer = line.getresponse()
        found = json.loads(answer.read())
    finally:
        line.close()
    if answer.status != 200:
        message = f"venue: expected 200 for {path}, found {answer.status}: {found}"
        raise VenueError(message)
    return found


class VenueProcess:
    """One venue; its file stays, its process may come and go."""

    def __init__(self, file: Path, seed: int, at: TimeText, cash: str) -> None:
        self.file = file
        self.arguments = ["--file", str(file), "--seed", str(seed), "--cash", cash]
        self.arguments += ["--clock", at, "--always-open", "--requests-per-minute", "1000000"]
        self.arguments += ["--key-id", KEY_ID, "--secret", SECRET]
        self.port = 0
        self.deaths = 0
        self._process: subprocess.Popen[str] | None = None

    def start(self) -> None:
        """A process that listens, on the port of the one before."""
        log = self.file.with_suffix(".log").open("a", encoding="utf-8")
        with log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "live.venue", *self.arguments, "--port", str(self.port)],
                cwd=ROOT,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        self._process.stdout.close()
        if not line:
            words = self.file.with_suffix(".log").read_text(encoding="utf-8")[-300:]
            message = f"venue: ended with {self._process.wait()} before it listened: {words}"
            raise VenueError(message)
        self.port = int(json.loads(line)["trading_url"].rpartition(":")[2])

    def revive(self) -> bool:
        """Start it again if it died; whether it had."""
        if self._process is None or self._process.poll() is None:
            return False
        self.deaths += 1
        self.start()
        return True

    def ask(self, method: str, path: str, body: Any = None) -> Any:
        """The admin side's answer."""
        return ask_venue(self.port, method, path, body)

    def stop(self) -> None:
        """End it."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
