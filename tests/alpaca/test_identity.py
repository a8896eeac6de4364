"""Nothing counts for an order of ours before its parameters were compared, whoever tells of it."""

from typing import Any

import pytest

from core.events import Event, FillReported, OrderLookedUp, StreamWentDown
from core.state import State
from live.brokers.alpaca import reading
from live.brokers.alpaca.broker import AlpacaBroker
from live.brokers.alpaca.reading import Unreadable
from live.brokers.alpaca.updates import Updates
from tests import build
from tests.alpaca.account import Account
from tests.alpaca.test_reconcile import (
    OURS,
    Connect,
    connect,
    kinds,
    mismatches,
    submitted_events,
    theirs,
)
from tests.build import at
from tests.spec import Outcome, given

__all__ = ["connect"]
LOST: list[Event] = [build.intent(OURS), build.attempted(OURS), build.submit_unknown(OURS)]
FAILED_LOOK = build.absent(OURS, complete=False)


def hear(state: Outcome, found: list[Any]) -> State:
    """The state after all that was told."""
    for one in found:
        state = state.when(one)
    return state.state


def update(**changes: Any) -> list[Any]:
    """What the stream makes of a fill of 30 of an order with these parameters."""
    data = {
        "event": "partial_fill", "execution_id": "uuid-1", "price": "10", "qty": "30",
        "timestamp": at(2),
        "order": theirs(
            status="partially_filled", filled_qty="30", filled_avg_price="10", **changes
        ),
    }  # fmt: skip
    read = Updates(reading.raw_text).read(data, b"{}", at(2))
    assert not isinstance(read, Unreadable)
    return list(read.observations)


def through(broker: AlpacaBroker, told: list[Any]) -> list[Any]:
    """What the runner is given of what the stream's thread put down."""
    broker._inbox.put(*told)
    return broker.messages(at(0), at(1_000))


# -- REST


def test_an_order_of_an_unknown_outcome_is_compared_when_a_list_shows_it(connect: Connect) -> None:
    """The look failed; the list has it, filled: its parameters come first, then its executions."""
    account = Account()
    account.orders = [theirs()]
    account.fill(account.orders[0], 30, "10", 1)

    found = connect(account).reconcile(given(LOST, FAILED_LOOK).state, at(100))
    state = hear(given(LOST, FAILED_LOOK), found)

    assert kinds(found) == ["OrderLookedUp", "FillReported"]
    assert isinstance(found[0], OrderLookedUp)
    assert (found[0].source, found[0].found) == ("list", True)
    assert state.executed(OURS) == state.position("MSFT") == 30
    assert not state.halted


@pytest.mark.parametrize("changed", [{"qty": "99"}, {"symbol": "KO"}, {"side": "sell"}])
def test_a_strangers_order_under_our_id_halts_and_is_never_adopted(
    connect: Connect, changed: dict[str, str]
) -> None:
    account = Account()
    account.orders = [theirs(**changed)]
    account.fill(account.orders[0], 30, "10", 1)
    broker = connect(account)
    symbol = account.orders[0]["symbol"]

    state = hear(given(LOST, FAILED_LOOK), broker.reconcile(given(LOST).state, at(100)))
    assert state.halted
    for seconds in (101, 201, 301):
        found = broker.reconcile(state, at(seconds))
        state = hear(Outcome(state, []), found)
        assert not {"FillReported", "OrderReported", "OrderLookedUp"} & set(kinds(found))

    assert state.filled(OURS) == 0
    assert state.reported_status(OURS) is None
    assert state.position("MSFT") == state.position("KO") == 0
    assert state.mismatched == {symbol: "foreign-order-with-our-tag"}


def test_what_a_stranger_filled_is_named_as_a_position_that_is_not_ours(connect: Connect) -> None:
    account = Account()
    account.orders = [theirs(qty="99")]
    account.fill(account.orders[0], 30, "10", 1)
    broker = connect(account)
    state = hear(given(LOST), broker.reconcile(given(LOST).state, at(100)))
    account.orders[0]["symbol"] = "KO"  # its order is told under another symbol, its shares remain

    told = mismatches(broker.reconcile(state, at(101)))

    assert [(one.symbol, one.what, one.journal_side, one.broker_side) for one in told] == [
        ("KO", "foreign-order-with-our-tag", "absent", "buy 99 partially_filled"),
        ("MSFT", "position", "0", "30"),
    ]


# -- the stream


def test_what_a_stream_tells_of_an_unknown_order_is_compared_before_it_counts(
    connect: Connect,
) -> None:
    heard = through(connect(Account()), update())
    state = hear(given(LOST), heard)

    assert kinds(heard) == ["OrderLookedUp", "FillReported", "OrderReported"]
    assert state.executed(OURS) == state.position("MSFT") == 30
    assert not state.halted
    assert state.has_execution(OURS, "uuid-1")


def test_a_strangers_fill_on_the_stream_halts_and_moves_nothing(connect: Connect) -> None:
    broker = connect(Account())
    state = hear(given(LOST), through(broker, update(qty="99")))

    assert state.halted
    assert state.position("MSFT") == state.filled(OURS) == 0
    again = hear(Outcome(state, []), through(broker, update(qty="99")))
    assert again.position("MSFT") == 0
    assert again.is_stranger(OURS)


def test_an_order_whose_answer_was_read_is_not_compared_again(connect: Connect) -> None:
    account = Account()
    account.orders = [theirs()]
    broker = connect(account)
    broker.reconcile(given(submitted_events()).state, at(100))

    assert kinds(through(broker, update())) == ["FillReported", "OrderReported"]


def test_a_message_without_the_parameters_is_journaled_and_asked_for_by_rest(
    connect: Connect,
) -> None:
    """Nothing of it counts; its bytes stand in the journal, and the account is compared."""
    broker = connect(Account())
    heard = through(broker, update(side="sideways"))

    assert kinds(heard) == ["StreamWentDown"] * len(heard)
    assert isinstance(heard[0], StreamWentDown)
    assert (heard[0].stream, broker.reconcile_due) == ("account", True)
    assert [one.raw for one in heard if isinstance(one, StreamWentDown)][-1] == "{}"
    assert hear(given(LOST), heard).filled(OURS) == 0


def test_what_is_told_of_an_order_that_is_not_ours_is_left_as_it_is(connect: Connect) -> None:
    heard = through(connect(Account()), update(client_order_id="somebody"))

    assert kinds(heard) == ["FillReported", "OrderReported"]
    assert isinstance(heard[0], FillReported)
