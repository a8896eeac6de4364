"""What every test may rely on: --full, the slow mark, and hypothesis's two profiles.

--full     campaigns run at full size (fixture `full_size`), and slow tests run
CI=true    slow tests run; hypothesis draws 500 examples, the same ones each time, so that a red
           run is repeatable; otherwise 50 random ones
"""

import os

import hypothesis
import pytest

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
    """Slow tests are skipped, with the reason printed, unless asked for."""
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
