"""Every status a broker has said, from every mouth: what the core makes of it, and who sees it.

shape   the real bytes -> the adapter's own reader -> `decide` -> the projection `open_intents`
source  ALPACA.md A1 (17 statuses, and the SDK's pending_review); VOCABULARY.md 2.1 (the words of
        the journals we import); words nobody knows
"""

from collections.abc import Callable

import pytest
from msgspec.structs import replace

from core.events import Decision, Event, Observation
from core.order import BROKER_STATUS, WATCHED, TerminalStatus
from core.values import DecimalText
from live.brokers.alpaca import reading
from live.brokers.alpaca.reading import Unreadable
from live.brokers.alpaca.updates import Updates
from projections.open_intents import OPEN_INTENTS
from projections.projection import fold_all
from tests.alpaca.conftest import Serving
from tests.alpaca.server import http
from tests.alpaca.world import NOW, ORDER_ID, TICKET, order, orders
from tests.build import attempted, intent, numbered, submit_unknown
from tests.spec import given

A1 = {
    "accepted": "SUBMITTED", "pending_new": "SUBMITTED", "accepted_for_bidding": "SUBMITTED",
    "new": "SUBMITTED", "held": "HELD", "partially_filled": "PARTIALLY_FILLED",
    "pending_cancel": "PENDING_CANCEL", "pending_replace": "PENDING_REPLACE",
    "stopped": "STOPPED", "suspended": "SUSPENDED", "done_for_day": "DONE_FOR_DAY",
    "calculated": "CALCULATED", "replaced": "REPLACED", "filled": "FILLED",
    "canceled": "CANCELED", "expired": "EXPIRED", "rejected": "REJECTED",
    "pending_review": "HELD",
}  # fmt: skip
SEEN = {
    "acknowledged": "SUBMITTED", "open": "SUBMITTED", "pending": "SUBMITTED",
    "submitted": "SUBMITTED", "submitting": "SUBMITTED", "pending_submit": "SUBMITTED",
    "partial": "PARTIALLY_FILLED", "partial_fill": "PARTIALLY_FILLED",
    "pending_cancelled": "PENDING_CANCEL", "pending_cancelled_all": "PENDING_CANCEL",
    "stopped_out": "STOPPED", "done": "DONE_FOR_DAY", "completed": "FILLED",
    "cancelled": "CANCELED", "CANCELLED": "CANCELED", "failed": "FAILED", "error": "FAILED",
    "skipped": "SKIPPED", "closed": "CLOSED", "no_fill": "CLOSED",
}  # fmt: skip
NOBODY_KNOWS = {"restated": "SUBMITTED", "a word of 2031": "SUBMITTED"}
TABLE = {**A1, **SEEN, **NOBODY_KNOWS}
SENT: list[Event] = [
    replace(
        intent(ORDER_ID, symbol="KO", quantity=10, limit_price="86.88"),
        limit_price=DecimalText("86.88"),
    ),
    attempted(ORDER_ID),
]
Hear = Callable[[str, Serving], tuple[list[Event], list[Observation]]]


def by_post(word: str, serve: Serving) -> tuple[list[Event], list[Observation]]:
    """The answer to the POST says it."""
    server = serve(http(200, order(status=word)))
    return SENT, [orders(server.url).submit(TICKET, 1, NOW)]


def by_rest(word: str, serve: Serving) -> tuple[list[Event], list[Observation]]:
    """The answer was lost, and a look says it."""
    server = serve(http(200, order(status=word)))
    lost = [*SENT, submit_unknown(ORDER_ID)]
    return lost, [orders(server.url).look_up(ORDER_ID, NOW)]


def by_stream(word: str, _: Serving) -> tuple[list[Event], list[Observation]]:
    """The stream says it, before anybody else."""
    data = {"event": "new", "order": order(status=word)}
    update = Updates(reading.raw_text).read(data, b"{}", NOW)
    assert not isinstance(update, Unreadable)
    return SENT, list(update.observations)


@pytest.mark.parametrize("hear", [by_post, by_rest, by_stream], ids=lambda hear: hear.__name__)
@pytest.mark.parametrize(("word", "status"), TABLE.items())
def test_a_status_is_what_the_table_says_and_open_intents_lists_it_until_it_is_over(
    word: str, status: str, hear: Hear, serve: Serving
) -> None:
    before, heard = hear(word, serve)
    outcome, told = given(before), list[Decision]()
    for one in heard:
        outcome = outcome.when(one)
        told += outcome.decisions
    state = outcome.state
    known = state.intent(ORDER_ID)
    view = fold_all(OPEN_INTENTS, numbered([*before, *heard, *told]))
    rows = [(row["client_order_id"], row["status"]) for row in OPEN_INTENTS.rows(view)]
    terminal = status in set(TerminalStatus)

    assert known is not None
    assert str(known.status) == status
    assert (known.closed_at is not None) is terminal
    assert rows == ([] if terminal else [(ORDER_ID, status)])


def test_the_table_has_every_word_of_the_map() -> None:
    assert {word.lower() for word in TABLE} >= set(BROKER_STATUS)


@pytest.mark.parametrize(
    "word", [word for word, status in A1.items() if status in {str(one) for one in WATCHED}]
)
def test_an_order_that_may_need_a_person_raises_an_alert(word: str, serve: Serving) -> None:
    before, heard = by_post(word, serve)
    told = given(before).when(heard[0]).decisions

    keys = [getattr(one, "key", None) for one in told]
    assert keys == [f"status.watched:{ORDER_ID}", f"stuck:{ORDER_ID}"]


@pytest.mark.parametrize("word", NOBODY_KNOWS)
def test_a_word_nobody_knows_raises_an_alert(word: str, serve: Serving) -> None:
    before, heard = by_post(word, serve)
    told = given(before).when(heard[0]).decisions

    assert [getattr(one, "key", None) for one in told] == [f"status.unknown:{ORDER_ID}"]
