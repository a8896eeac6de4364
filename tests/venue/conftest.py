"""A running venue for a test, with its answers judged where Alpaca's OpenAPI is at hand."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from alpaca.trading.client import TradingClient

from tests.venue import openapi
from tests.venue.process import Running, start


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A venue's file that is not there yet."""
    return tmp_path / "venue.db"


@pytest.fixture
def venue(file: Path) -> Iterator[Running]:
    """A venue without faults of its own will."""
    with start(file) as running:
        yield running
        assert running.stop() == 0


@pytest.fixture
def client(venue: Running) -> TradingClient:
    """The SDK's client."""
    return venue.trading()


@pytest.fixture
def judged(venue: Running) -> TradingClient:
    """The SDK's client, every answer judged by Alpaca's OpenAPI."""
    openapi.skip_unless_there()
    client = venue.trading()
    client._session.hooks["response"].append(openapi.judge)
    return client
