"""What every test may rely on: --full, the slow mark, a server, and hypothesis's two profiles.

--full     campaigns run at full size (fixture `full_size`), and slow tests run
CI=true    slow tests run; hypothesis draws 500 examples, the same ones each time, so that a red
           run is repeatable; otherwise 50 random ones
server     PostgreSQL: one for a whole run, a schema for each journal; skipped loudly without
"""

import os
from collections.abc import Callable, Iterator
from hashlib import sha256
from itertools import count
from pathlib import Path

import hypothesis
import pytest

from tests.apt import LackingError
from tests.postgres_server import Server, serving

pytest.register_assert_rewrite("tests.spec")

IN_CI = os.environ.get("CI") == "true"

hypothesis.settings.register_profile("dev", max_examples=50, deadline=None)
hypothesis.settings.register_profile(
    "ci", max_examples=500, deadline=None, derandomize=True, print_blob=True
)
hypothesis.settings.load_profile("ci" if IN_CI else "dev")


def pytest_addoption(parser: pytest.Parser) -> None:
    """The option --full."""
    parser.addoption("--full", action="store_true", help="run slow tests, campaigns at full size")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Slow tests are skipped, with the reason printed, unless asked for.

    Where several processes share the tests, modules come in a mixed order, the same each time:
    those that wait for a clock then run beside those that need the processor, and not all at last.
    """
    if hasattr(config, "workerinput"):
        items.sort(key=lambda item: sha256(item.nodeid.partition("::")[0].encode()).digest())
    if IN_CI or config.getoption("--full"):
        return
    skip = pytest.mark.skip(reason="slow; runs with --full and where CI=true")
    for item in items:
        if item.get_closest_marker("slow"):
            item.add_marker(skip)


@pytest.fixture(scope="session")
def full_size(pytestconfig: pytest.Config) -> bool:
    """Whether campaigns run at full size: bin/test --full."""
    return bool(pytestconfig.getoption("--full"))


@pytest.fixture(scope="session", autouse=True)
def state_folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """No test, and no process of one, leaves anything in the user's own state folder."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_STATE_HOME", str(tmp_path_factory.mktemp("state")))
        yield


SKIPPED = pytest.StashKey[str]()
NUMBERS = count(1)


@pytest.fixture(scope="session")
def started_server(pytestconfig: pytest.Config) -> Iterator[Server | None]:
    """The one server, or None where there is none to be had."""
    try:
        with serving() as server:
            yield server
    except LackingError as error:
        pytestconfig.stash[SKIPPED] = str(error)
        yield None


@pytest.fixture
def server(started_server: Server | None, pytestconfig: pytest.Config) -> Server:
    """The running server; the test is skipped, with the reason printed, where there is none."""
    if started_server is None:
        pytest.skip(f"POSTGRESQL IS NOT TESTED: {pytestconfig.stash[SKIPPED]}")
    started_server.await_ready()
    return started_server


@pytest.fixture
def place(server: Server, tmp_path: Path) -> Callable[[], str]:
    """URLs of journals that are not there yet, with their side files in the test's folder."""

    def new() -> str:
        name = f"t{next(NUMBERS)}"
        return f"{server.url}?schema={name}&local={tmp_path}/{name}"

    return new


@pytest.fixture
def postgres(place: Callable[[], str]) -> str:
    """The URL of a journal that is not there yet."""
    return place()
