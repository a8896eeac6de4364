"""One real session, run once for all tests of this folder."""

from pathlib import Path

import pytest

from core.events import Event
from tests.sessions import events_of, run_session


@pytest.fixture(scope="session")
def session_url(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The journal of a session."""
    return run_session(Path(tmp_path_factory.mktemp("session")))


@pytest.fixture(scope="session")
def session(session_url: str) -> list[Event]:
    """Its events."""
    return events_of(session_url)
