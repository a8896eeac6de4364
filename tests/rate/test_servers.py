"""The budget in a real Redis and a real PostgreSQL, shared by several machines."""

import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from live.feeds.errors import BadInputError
from live.rate.budget import Permit, Refusal
from live.rate.opening import store_at
from live.rate.store import Found, Store
from live.rate.window import SECOND
from tests import postgres_server, redis_server
from tests.apt import LackingError
from tests.rate.world import (
    LIMIT,
    RESERVE,
    budget,
    granted,
    most_in_a_window,
    said,
    spending,
    why,
)  # fmt: skip

ORDINARY = LIMIT - RESERVE
NOWHERE = Path()
Opening = Callable[[str], Store]


@pytest.fixture(scope="module")
def started_redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[redis_server.Server | str]:
    """The module's Redis, or why there is none."""
    try:
        with redis_server.serving(tmp_path_factory.mktemp("redis")) as server:
            yield server
    except LackingError as error:
        yield str(error)


@pytest.fixture
def redis(started_redis: redis_server.Server | str) -> redis_server.Server:
    """A running Redis; the test is skipped, with the reason printed, where there is none."""
    if isinstance(started_redis, str):
        pytest.skip(f"REDIS IS NOT TESTED: {started_redis}")
    started_redis.stop()
    started_redis.start()
    return started_redis


@pytest.fixture(params=["redis", "postgresql"])
def place(request: pytest.FixtureRequest) -> str:
    """The URL of a store that has nothing yet."""
    url: str
    if request.param == "redis":
        url = request.getfixturevalue("redis").url
    else:
        url = request.getfixturevalue("place_in_postgres")()
    return url


@pytest.fixture
def opened() -> Iterator[Opening]:
    """Stores that are closed with their test."""
    stores: list[Store] = []

    def store(place: str) -> Store:
        stores.append(store_at(place, NOWHERE))
        return stores[-1]

    yield store
    for one in stores:
        one.close()


@pytest.fixture
def place_in_postgres(server: postgres_server.Server) -> Callable[[], str]:
    """URLs of schemas that are not there yet."""
    return lambda: f"{server.url}?schema=rate{time.time_ns()}"


def test_what_one_machine_spends_the_other_has_not(opened: Opening, place: str) -> None:
    one, other = (budget(opened(place)) for _ in range(2))
    permits = [one.take() for _ in range(5)]
    assert all(isinstance(permit, Permit) for permit in permits)

    assert granted(other, 8) == ORDINARY - 5
    assert granted(other, 4, reserve=True) == RESERVE
    assert isinstance(permits[0], Permit)
    one.answered(permits[0], 429, {"retry-after": "7"})
    assert why(other, reserve=True) == "429"


def test_a_new_start_does_not_forget_and_a_lost_state_is_no_permit(
    opened: Opening, place: str
) -> None:
    first = opened(place)
    assert granted(budget(first), 4) == 4
    first.close()

    again = opened(place)
    known = budget(again, window_s=5, expected=True)
    assert granted(known, 8) == ORDINARY - 4
    again.change("account", lambda _: (b"not a log at all", None))

    assert why(known) == "the limiter's state is damaged"
    assert granted(budget(opened(place), window_s=5), 2) == 0
    assert granted(known, 4, reserve=True) == RESERVE
    assert isinstance(known.wait(20), Permit)


def test_a_store_that_knows_no_log_seals_for_who_knows_one(opened: Opening, place: str) -> None:
    assert why(budget(opened(place), expected=True)) == "the limiter's state is missing"
    assert why(budget(opened(place))) == "the limiter's state is missing"


@pytest.mark.parametrize("step_s", [-3_600, 3_600])
def test_a_step_of_the_servers_clock_frees_nothing(
    opened: Opening, place: str, step_s: int
) -> None:
    store = opened(place)
    known = budget(store, window_s=3, flight_s=0.2)
    assert granted(known, 8) == ORDINARY
    real = store.look, store.change

    def moved(found: Found) -> Found:
        return found._replace(now=found.now + step_s * SECOND)

    known._store = type(
        "Stepped", (), {
            "look": staticmethod(lambda name: moved(real[0](name))),
            "change": staticmethod(lambda name, act: real[1](name, lambda f: act(moved(f)))),
        },
    )()  # fmt: skip

    assert granted(known, 3) == 0
    assert isinstance(known.wait(20), Permit)


def test_four_processes_on_a_server_keep_the_limit_in_any_window(place: str) -> None:
    words = {"store": place, "limit": 20, "window_s": 0.5, "seconds": 2.5}
    processes = [spending(**words, hold=hold) for hold in (1, 1, 3, 7)]

    lines = [line for process in processes for line in said(process)]

    stamps = [line["at"] for line in lines if "at" in line]
    assert len(stamps) > 20
    assert most_in_a_window(stamps, SECOND // 2) <= 20


def test_a_redis_that_lost_its_data_in_a_restart_is_no_permit(
    opened: Opening, redis: redis_server.Server
) -> None:
    known = budget(opened(redis.url))
    assert granted(known, 4) == 4
    redis.stop()
    refused = why(known)
    alone = granted(known, 9, reserve=True)
    redis.start()

    assert refused.startswith("the limiter: redis")
    assert alone == RESERVE
    assert why(known) == "the limiter's state is missing"


def test_a_redis_that_hangs_grants_nothing(opened: Opening, redis: redis_server.Server) -> None:
    known = budget(opened(redis.url))
    assert granted(known, 1) == 1
    redis.signal(signal.SIGSTOP)
    try:
        refusal = known.take()
    finally:
        redis.signal(signal.SIGCONT)

    assert isinstance(refusal, Refusal)
    assert refusal.why == "the limiter: redis: TimeoutError"


def test_a_postgresql_that_was_stopped_grants_nothing_and_comes_back(
    opened: Opening, server: postgres_server.Server, place_in_postgres: Callable[[], str]
) -> None:
    known = budget(opened(place_in_postgres()))
    assert granted(known, 4) == 4
    server.stop()
    refused = why(known)
    server.start()

    assert refused.startswith("the limiter: postgresql")
    assert granted(known, 8) == ORDINARY - 4


@pytest.mark.parametrize("url", ["redis://h:port/0", "postgresql://h/", "postgresql://h/a/b"])
def test_an_address_that_is_none_is_refused_without_its_password(url: str) -> None:
    secret = url.replace("//h", "//u:hunter2@h")  # pragma: allowlist secret
    if url.startswith("redis"):
        pytest.importorskip("redis")

    with pytest.raises(BadInputError, match=r"^rate\.store: ") as refused:
        store_at(secret, NOWHERE)

    assert "hunter2" not in str(refused.value)
