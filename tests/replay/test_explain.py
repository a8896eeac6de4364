"""The story of an order, and of a cycle in which none was sent."""

from itertools import count

import pytest

from core.canonical import content_id
from core.events import (
    CycleClosed,
    Event,
    FillReported,
    IntentClosed,
    IntentCreated,
    OrderSubmitSkipped,
    OrderSubmitUnknown,
    SignalObserved,
    tag_of,
)
from core.values import DecimalText
from replay.explain import explain_cycle, explain_order
from replay.story import reason_text, sentence
from tests import build
from tests.build import at, found, intent, reason, reported, submitted
from tests.build_succession import replaced, succeeded
from tests.core import world
from tests.replay.test_parity import Kept, records
from tests.sessions import refold

OF_AN_ORDER = [
    "config-snapshot.v1",
    "strategy-loaded.v1",
    "quotes-observed.v1",
    "cycle-opened.v1",
    "intent-created.v1",
    "order-submit-attempted.v1",
]


def filled_order(session: list[Event]) -> IntentCreated:
    """The first order that was lost and then filled."""
    lost = {e.client_order_id for e in session if isinstance(e, OrderSubmitUnknown)}
    done = {e.client_order_id for e in session if isinstance(e, FillReported)}
    return next(
        e for e in session if isinstance(e, IntentCreated) and e.client_order_id in lost & done
    )


def whats(story: list[dict[str, object]]) -> list[object]:
    """The tags of a story."""
    return [step["what"] for step in story]


def test_the_story_of_an_order_has_its_inputs_its_attempts_and_its_end(
    session: list[Event],
) -> None:
    order = filled_order(session)

    story = explain_order(records(session), order.client_order_id)

    assert whats(story)[:6] == OF_AN_ORDER
    assert {"order-submit-unknown.v1", "order-looked-up.v1", "fill-reported.v1"} <= set(
        whats(story)
    )
    assert "intent-closed.v1" in whats(story)
    for step in story:
        sequence = step["sequence"]
        assert isinstance(sequence, int)
        assert tag_of(session[sequence - 1]) == step["what"]
        assert step["says"] != step["what"]


def test_an_order_goes_by_each_of_its_names_and_by_the_start_of_one(session: list[Event]) -> None:
    order = filled_order(session)
    story = explain_order(records(session), order.client_order_id)

    assert explain_order(records(session), content_id(order)) == story
    assert explain_order(records(session), content_id(order)[:8]) == story
    assert explain_order(records(session), order.client_order_id[:30]) == story
    assert explain_order(records(session), content_id(order)[:7]) == []
    assert explain_order(records(session), "nobody-of-that-name") == []


def test_the_venues_id_points_to_ours(session_url: str, session: list[Event]) -> None:
    order = filled_order(session)
    venue_id = next(
        e.venue_order_id
        for e in session
        if isinstance(e, FillReported) and e.client_order_id == order.client_order_id
    )

    by_venue = refold("explain", venue_id, "--journal", session_url)
    by_ours = refold("explain", order.client_order_id, "--journal", session_url)

    assert (by_venue.status, by_ours.status) == (0, 0), by_venue.errors
    assert by_venue.document["story"] == by_ours.document["story"]
    story = by_ours.document["story"]
    assert isinstance(story, list)
    assert story[-1]["what"] == "tca"


def test_the_story_of_an_intent_is_that_of_all_its_orders() -> None:
    """And the name of each of them, at the broker too, points to it."""
    made = intent()
    third = succeeded("order-3", "order-2")
    chain: list[Event] = [
        replaced(),
        succeeded(),
        third,
        reported("order-3", "filled"),
    ]
    told = records([made, submitted(), *chain])
    events = [dict(step)["event"] for step in explain_order(told, "order-1")]

    assert [event["client_order_id"] for event in events if isinstance(event, dict)] == [
        "order-1", "order-1", "order-1", "order-2", "order-3", "order-3",
    ]  # fmt: skip
    for name in ("order-2", "order-3", "venue-order-3"):
        assert explain_order(told, name) == [{"see": "order-1"}]
    said = sentence(succeeded(quantity=60, limit_price="10.05"))
    assert said == "found by stream: status new, in the place of order-1: 60 at 10.05"


def test_the_story_of_a_skip_ends_with_its_reason(session: list[Event]) -> None:
    closed = {e.number: e for e in session if isinstance(e, CycleClosed)}
    skip = next(e for e in session if isinstance(e, OrderSubmitSkipped))

    story = explain_cycle(records(session), skip.symbol, skip.cycle)

    assert whats(story)[-1] == "order-submit-skipped.v1"
    assert str(skip.reason.code) in str(story[-1]["says"])
    assert explain_cycle(records(session), "NONE", skip.cycle) == []
    assert explain_cycle(records(session), skip.symbol, max(closed) + 1) == []


def test_the_story_of_a_cycle_that_sent_is_the_orders(
    session_url: str, session: list[Event]
) -> None:
    order = filled_order(session)

    said = refold("explain", order.symbol, "--cycle", str(order.cycle), "--journal", session_url)
    by_id = refold("explain", order.client_order_id, "--journal", session_url)

    assert said.status == 0, said.errors
    assert said.document["story"] == by_id.document["story"]


def test_what_is_not_there_cannot_be_explained(session_url: str) -> None:
    said = refold("explain", "nobody-of-that-name", "--journal", session_url)

    assert said.status == 2
    assert "nobody-of-that-name" in said.errors


def signal(symbol: str) -> SignalObserved:
    """A model's output."""
    return SignalObserved(
        observed_at=at(),
        symbol=symbol,
        value=DecimalText("0.7"),
        model="ridge",
        model_version="3",
        model_hash="0" * 64,
    )


def test_only_the_inputs_of_the_symbol_and_of_its_time_are_told() -> None:
    story = explain_cycle(
        [
            Kept(1, world.configured()),
            Kept(2, world.configured({"risk.quote_max_age_s": "1"})),
            Kept(3, world.strategy_loaded()),
            Kept(4, build.quotes(MSFT=("9", "10"), IBM=("1", "2"))),
            Kept(8, signal("MSFT")),
            Kept(9, signal("IBM")),
            Kept(5, build.cycle_opened(1)),
            Kept(6, world.configured()),
            Kept(7, build.skipped("MSFT")),
        ],
        "MSFT",
        1,
    )

    assert [step["sequence"] for step in story] == [2, 3, 4, 5, 8, 7]
    assert story[4]["says"] == "ridge 3 said 0.7 for MSFT"
    event = story[2]["event"]
    assert isinstance(event, dict)
    assert list(event["quotes"]) == ["MSFT"]


@pytest.mark.parametrize(
    ("event", "says"),
    [
        (intent(), "all gates passed: buy 100 MSFT, limit at 10.01, day"),
        (intent(limit_price=None), "all gates passed: buy 100 MSFT, market, day"),
        (build.skipped(), "nothing was sent in MSFT: signal.none"),
        (build.attempted(), "attempt 1 may leave"),
        (world.look(2), "the broker is asked for the order, look 2"),
        (world.cancel("order.max_age", limit="9"), "cancel 1 may leave: order.max_age, limit 9"),
        (build.closed(filled=5), "closed as FILLED with 5 filled"),
        (
            build.closed(status="FAILED", code="broker.refused"),
            "closed as FAILED with 0 filled: broker.refused",
        ),
        (world.timer("retry:x", 1), f"timer retry set for {at(1)}"),
        (world.elapsed("retry:x"), "timer retry was due"),
        (submitted(), "the broker has it as venue-order-1, status new"),
        (build.submit_failed(), "attempt 1 failed for certain: refused "),
        (build.submit_unknown(), "nobody knows whether attempt 1 arrived: timeout"),
        (found(intent()), "found by by-id: status new"),
        (build.absent(), "not found by by-id"),
        (build.absent(complete=False), "not found by by-id, look incomplete"),
        (reported(filled=5), "stream reports partially_filled, 5 filled"),
        (reported(), "stream reports partially_filled, 0 filled"),
        (build.cancel_answered(), "the cancel was accepted"),
        (build.fill(5, "9"), "stream reports a fill of 5 at 9"),
        (build.busted(), "execution execution-1 was busted"),
        (build.corrected(5, "9"), "execution execution-1 corrected to 5 at 9"),
        (build.fee(), "fee-reported.v1"),
    ],
    ids=count(),
)
def test_every_step_is_an_english_sentence(event: Event, says: str) -> None:
    assert sentence(event) == says


def test_a_reason_is_told_with_its_numbers() -> None:
    full = reason("size.notional", limit="1", observed="2", missing="bid", detail="why")

    assert reason_text(full) == "size.notional, observed 2, limit 1, missing bid, why"
    assert reason_text(None) == ""


def test_an_intent_that_was_closed_is_told_once(session: list[Event]) -> None:
    order = filled_order(session)
    closes = [
        e
        for e in session
        if isinstance(e, IntentClosed) and e.client_order_id == order.client_order_id
    ]

    assert whats(explain_order(records(session), order.client_order_id)).count(
        "intent-closed.v1"
    ) == len(closes)
