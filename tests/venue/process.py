"""A venue as a process of its own, and the real alpaca-py pointed at it.

shape   `start(file, *arguments)` -> `Running`: its URLs, its admin side, and clients made for it
why     nothing of the venue is imported here: what is tested is what came over the wire
"""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import requests
from alpaca.data.historical import StockHistoricalDataClient
from alpaca.trading.client import TradingClient
from requests.adapters import HTTPAdapter

ROOT = Path(__file__).resolve().parents[2]
QUOTES = {
    "AAPL": {"bid": "100.00", "ask": "100.02"},
    "MSFT": {"bid": "200.00", "ask": "200.04"},
}
Json = Any
Client = TypeVar("Client", TradingClient, StockHistoricalDataClient)


class Impatient(HTTPAdapter):
    """Every call has a time-out, as the SDK's have none."""

    def __init__(self, seconds: float) -> None:
        super().__init__()
        self.seconds = seconds

    def send(self, *arguments: Any, **options: Any) -> requests.Response:
        if options.get("timeout") is None:
            options["timeout"] = self.seconds
        return super().send(*arguments, **options)


class Running:
    """A venue that listens."""

    def __init__(self, process: "subprocess.Popen[str]", ready: dict[str, str]) -> None:
        self.process = process
        self.ready = ready
        self.session = requests.Session()
        self.session.trust_env = False

    def get(self, path: str) -> Json:
        """What the admin side shows."""
        found = self.session.get(f"{self.ready['admin_url']}/{path}", timeout=30)
        assert found.status_code == 200, found.text
        return found.json()

    def post(self, path: str, body: Json) -> Json:
        """What the admin side does."""
        found = self.session.post(f"{self.ready['admin_url']}/{path}", json=body, timeout=30)
        assert found.status_code == 200, found.text
        return found.json()

    def arm(self, fault: str, **match: object) -> None:
        """One fault that waits for its occasion."""
        self.post("arm", {"fault": fault, **match})

    @property
    def counts(self) -> dict[str, int]:
        """How often which fault happened."""
        counts: dict[str, int] = self.get("state")["counts"]
        return counts

    def order(self, client_order_id: str) -> Json:
        """The venue's own view of an order; None if it has none."""
        return self.get(f"order?client_order_id={client_order_id}")["order"]

    def trading(self, *, timeout_s: float = 5.0) -> TradingClient:
        """The SDK's trading client, its blind retries off, with a time-out."""
        client = TradingClient(
            self.ready["key_id"], self.ready["secret"], url_override=self.ready["trading_url"]
        )
        return prepared(client, timeout_s)

    def data(self) -> StockHistoricalDataClient:
        """The SDK's data client."""
        client = StockHistoricalDataClient(
            self.ready["key_id"], self.ready["secret"], url_override=self.ready["data_url"]
        )
        return prepared(client, 5.0)

    def stop(self) -> int:
        """SIGTERM, and the exit status."""
        self.process.terminate()
        return self.process.wait(10)


def prepared(client: Client, timeout_s: float) -> Client:
    """The client without its own retries, with a time-out, deaf to proxies."""
    client._retry = 0
    client._session.mount("http://", Impatient(timeout_s))
    client._session.trust_env = False
    return client


@contextmanager
def start(file: Path | None, *arguments: str, quotes: bool = True) -> Iterator[Running]:
    """A venue that trades round the clock, with quotes; killed at the end if it still runs."""
    command = [sys.executable, "-m", "live.venue", "--always-open", *arguments]
    if file is not None:
        command += ["--file", str(file)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    process = subprocess.Popen(
        command, cwd=ROOT, env=environment, text=True, stdout=subprocess.PIPE,
    )  # fmt: skip
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line, f"the venue ended with {process.wait(10)} before it listened"
        running = Running(process, json.loads(line))
        if quotes:
            running.post("quotes", QUOTES)
        yield running
    finally:
        if process.poll() is None:
            process.kill()
        process.wait(10)
        if process.stdout is not None:
            process.stdout.close()


def eventually(what: Callable[[], Any], seconds: float = 60.0) -> Any:
    """What `what` says once it says yes; the test fails if it never does."""
    ends = time.monotonic() + seconds
    while not (found := what()):
        assert time.monotonic() < ends, f"not within {seconds} s: {what}"
        time.sleep(0.01)
    return found
