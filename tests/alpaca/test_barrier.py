"""Refused keys: one answer ends every call, and only a try leaves until one succeeds."""

import pytest

from core.events import AccountReported, StreamWentDown
from core.values import TimeText, time_text
from live.brokers.alpaca.answer import Answer
from live.brokers.alpaca.barrier import Barrier
from live.brokers.alpaca.broker import AlpacaBroker
from live.brokers.alpaca.client import AlpacaClient
from live.feeds.errors import BadInputError
from tests.alpaca.account import Account
from tests.alpaca.conftest import Serving
from tests.alpaca.server import http
from tests.alpaca.world import SECRETS, client, settings, wall

UNAUTHORIZED = Answer(401, {}, b'{"message":"unauthorized"}')
FORBIDDEN = Answer(403, {}, b'{"message":"forbidden."}')
POOR = Answer(403, {}, b'{"code":40310000,"message":"insufficient buying power"}')
FINE = Answer(200, {}, b"{}")
LOST = Answer(404, {}, b'{"code":40410000,"message":"order not found"}')


class Clock:
    """A clock that a test sets."""

    minutes = 0.0

    def __call__(self) -> TimeText:
        return time_text(round(self.minutes * 60_000_000))


def heard(answer: Answer, *, trading: bool = True) -> Barrier:
    """A barrier that heard one answer."""
    barrier = Barrier(Clock(), trading=trading)
    barrier.heard(answer, "GET /account")
    return barrier


@pytest.mark.parametrize(
    ("answer", "trading", "shut"),
    [
        (UNAUTHORIZED, True, True),
        (UNAUTHORIZED, False, True),
        (FORBIDDEN, True, True),
        (FORBIDDEN, False, False),
        (POOR, True, False),
        (Answer(403, {}, b"<html>"), True, False),
        (Answer(401, {}, b"<html>"), True, True),
        (LOST, True, False),
        (Answer(500, {}, b""), True, False),
    ],
)
def test_401_shuts_it_and_403_without_a_code_of_the_trading_endpoint(
    answer: Answer, trading: bool, shut: bool
) -> None:
    barrier = heard(answer, trading=trading)

    assert (barrier.refusal() is not None) is shut
    assert [(one.status, one.why) for one in barrier.news()] == (
        [(answer.status, f"HTTP {answer.status} to GET /account")] if shut else []
    )
    assert barrier.news() == []


def test_of_a_session_nothing_leaves_but_a_try_however_long_it_waits() -> None:
    clock = Clock()
    barrier = Barrier(clock)
    barrier.driven = True
    barrier.heard(UNAUTHORIZED, "POST /orders")
    clock.minutes = 10_000

    assert barrier.refusal() is not None
    with barrier.trying():
        assert barrier.refusal() is None
        barrier.heard(UNAUTHORIZED, "GET /account")
        assert barrier.refusal() is not None, "the first that is refused ends the try"
    assert len(barrier.news()) == 1
    with barrier.trying():
        barrier.heard(Answer(503, {}, b""), "GET /account")
    assert barrier.refusal() is not None, "what shows nothing opens nothing"
    with barrier.trying():
        barrier.heard(FINE, "GET /account")
    assert barrier.refusal() is None


def test_of_other_commands_one_call_leaves_after_a_minute_then_after_twice_as_long() -> None:
    clock = Clock()
    barrier = Barrier(clock)
    barrier.heard(UNAUTHORIZED, "GET /account")
    left: list[int] = []
    for minute in range(300):
        clock.minutes = minute + 0.5
        if barrier.refusal() is None:
            left.append(minute)
            barrier.heard(UNAUTHORIZED, "GET /account")

    assert left == [1, 3, 7, 15, 31, 63, 123, 183, 243]


def test_after_one_refusal_no_other_call_reaches_the_server(serve: Serving) -> None:
    server = serve(http(401, {"message": "unauthorized"}))
    asked = client(server.url)

    asked.get("/positions")
    later = [asked.get("/account"), asked.data("/stocks/snapshots"), asked.delete("/orders/1")]

    assert len(server.requests) == 1
    assert [answer.kind for answer in later] == ["locked_out"] * 3  # type: ignore[union-attr]


def test_data_keys_that_are_refused_hold_back_data_alone_and_ever_longer(serve: Serving) -> None:
    """What the account answers meanwhile neither ends that wait nor starts it anew."""
    account = Account()
    account.failing["/stocks"] = http(401, {"message": "unauthorized"})
    server = serve(account.reply)
    clock = Clock()
    asked = AlpacaClient(settings(server.url), SECRETS, clock)
    left: list[int] = []
    for minute in range(20):
        clock.minutes = minute + 0.5
        assert isinstance(asked.get("/account"), Answer)
        if isinstance(asked.data("/stocks/snapshots"), Answer):
            left.append(minute)

    assert left == [0, 1, 3, 7, 15]
    assert (asked.barrier.is_shut, asked.barrier.news()) == (False, [])

    account.failing.clear()
    clock.minutes = 31.5
    assert isinstance(asked.data("/stocks/snapshots"), Answer)
    assert isinstance(asked.data("/stocks/snapshots"), Answer), "and now they hold"


def test_a_try_is_one_read_of_the_account_and_each_answer_is_told(serve: Serving) -> None:
    account = Account()
    account.account["id"] = "the account"
    account.failing[""] = http(403, {"message": "forbidden."})
    server = serve(account.reply)
    broker = AlpacaBroker(settings(server.url), SECRETS, wall)
    broker.shut()
    confirmed: list[str] = []
    broker.confirm = confirmed.append

    assert broker.account(wall()) is None
    assert server.requests == []
    for number in (1, 2):
        tried = broker.probe(wall())
        assert isinstance(tried, StreamWentDown)
        assert (tried.stream, tried.status_code, tried.error_code) == ("trading", 403, None)
        assert len(server.requests) == number

    account.failing.clear()
    held = broker.probe(wall())
    assert isinstance(held, AccountReported)
    assert (held.cash, held.blocked, confirmed) == ("1000.5", None, ["the account"])
    assert broker.account(wall()) is not None


def test_another_account_behind_the_keys_is_refused_before_it_is_told(serve: Serving) -> None:
    broker = AlpacaBroker(settings(serve(Account().reply).url), SECRETS, wall)
    broker.shut()

    def confirm(_: str) -> None:
        message = "another account"
        raise BadInputError(message)

    broker.confirm = confirm
    with pytest.raises(BadInputError):
        broker.probe(wall())


def test_an_account_says_of_itself_that_it_may_not_trade(serve: Serving) -> None:
    account = Account()
    account.account["trading_blocked"] = True
    told = AlpacaBroker(settings(serve(account.reply).url), SECRETS, wall).account(wall())

    assert told is not None
    assert told.blocked == "trading_blocked"
