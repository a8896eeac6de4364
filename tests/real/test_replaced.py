"""An order of ours that somebody else replaced: real runners, a real venue, kills and restarts."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from core.events import OrderSubmitSkipped
from tests.real.world import JOURNAL, Drill, drill
from tests.venue.process import eventually

RESTS = {1: [("AAPL", "buy", 10, "90.00")]}


@pytest.fixture
def here(tmp_path: Path) -> Iterator[Drill]:
    """A venue and a folder."""
    with drill(tmp_path / "run") as made:
        yield made


def replaced(here: Drill, **asked: object) -> dict[str, Any]:
    """What the one order that works became, by a person's hand."""
    (working,) = [one for one in here.orders() if one["status"] in ("new", "partially_filled")]
    asked = {"client_order_id": working["client_order_id"], **asked}
    successor: dict[str, Any] = here.venue.post("replace", asked)
    eventually(lambda: here.venue.order(successor["client_order_id"])["status"] == "new")
    return successor


def test_an_intent_lives_on_under_the_order_a_person_replaced_it_with(here: Drill) -> None:
    """Nobody runs meanwhile; the next start follows it by REST, and the symbol is not blocked."""
    both = [("AAPL", "buy", 1, "100.02"), ("MSFT", "buy", 1, "100.02")]
    here.plan({1: RESTS[1], 2: both})
    state = here.session()
    (intent_id,) = {one.intent_id for one in state.intents.values()}
    successor = replaced(here, limit_price="91.00")
    after = here.session()

    (old,) = [one for one in dict(after.closed.items()).values() if one.symbol == "AAPL"]
    (new,) = after.intents.values()
    skips = [one for one in here.events if isinstance(one, OrderSubmitSkipped) and one.cycle == 2]
    rows = {row["client_order_id"]: row for row in here.rows("orders")}
    (listed,) = here.rows("open-intents")
    assert str(old.status) == "REPLACED"
    assert (new.client_order_id, new.intent_id) == (successor["client_order_id"], intent_id)
    assert (str(new.limit_price), new.venue_order_id) == ("91", successor["id"])
    assert after.mismatched == {}
    assert {one.symbol: str(one.reason.code) for one in skips} == {"AAPL": "duplicate.intent"}
    assert (listed["intent"], listed["client_order_id"]) == (intent_id, new.client_order_id)
    assert rows[old.client_order_id]["replaced_by"] == new.client_order_id
    assert rows[new.client_order_id]["replaces"] == old.client_order_id
    here.assert_agrees(after)
    here.assert_sound()


def test_a_replace_after_a_partial_fill_and_the_cancel_of_its_successor(here: Drill) -> None:
    """The successor asks for all ten again; the cancel goes to the last of the chain."""
    here.plan(RESTS)
    (order_id,) = here.session().intents
    here.venue.post("fill", {"client_order_id": order_id, "quantity": 4, "price": "90"})
    first = replaced(here, limit_price="91.00")
    second = replaced(here, quantity=7)
    here.venue.post("fill", {"client_order_id": second["client_order_id"], "quantity": 2})
    working = here.session()
    assert list(working.intents) == [second["client_order_id"]]
    assert working.position("AAPL") == 6
    assert here.refold("cancel-all", "--journal", JOURNAL).status == 0
    after = here.session()

    calls = [one for one in here.writes() if one["method"] == "DELETE"]
    chain = [
        after.intent(one) for one in (order_id, *(o["client_order_id"] for o in (first, second)))
    ]
    ends = [(str(one.status), str(one.filled)) for one in chain if one is not None]
    assert ends == [("REPLACED", "4"), ("REPLACED", "0"), ("CANCELED", "2")]
    assert [one["path"] for one in calls] == [f"/v2/orders/{second['id']}"]
    (cost,) = here.rows("tca")
    assert (cost["client_order_id"], cost["status"], cost["filled_quantity"]) == (
        order_id, "CANCELED", "6",
    )  # fmt: skip
    here.assert_agrees(after)
    here.assert_sound()


def test_a_runner_killed_while_its_order_is_replaced_follows_it_when_it_starts_again(
    here: Drill,
) -> None:
    """SIGKILL between two replaces, heard by the stream the one, by REST the other."""
    here.plan({1: RESTS[1]})
    running = here.started("run", "--config", "c.toml", "--pace", "0.5", "--json")
    try:
        eventually(lambda: [one for one in here.orders() if one["status"] == "new"])
        first = replaced(here, limit_price="91.00")["client_order_id"]
        eventually(lambda: [r["client_order_id"] for r in here.rows("open-intents")] == [first])
    finally:
        running.kill()
        running.communicate(timeout=60)
    second = replaced(here, quantity=12)
    after = here.session()

    assert list(after.intents) == [second["client_order_id"]]
    assert after.mismatched == {}
    assert after.unfollowed == {}
    assert len({one.intent_id for _, one in after.closed.items()}) == 1
    here.assert_agrees(after)
    here.assert_sound()


def test_an_order_replaced_by_a_corporate_action_blocks_its_symbol_until_a_person_looked(
    here: Drill,
) -> None:
    again = [("AAPL", "buy", 1, "100.02")]
    here.plan({1: RESTS[1], 2: again, 3: again})
    (order_id,) = here.session().intents
    here.venue.post("replace", {"client_order_id": order_id, "corporate_action": True})
    blocked = here.session()
    skips = [one for one in here.events if isinstance(one, OrderSubmitSkipped) and one.cycle == 2]
    assert blocked.mismatched == {"AAPL": "order-replaced"}
    assert blocked.unfollowed == {order_id: "AAPL"}
    assert {one.symbol: str(one.reason.code) for one in skips}["AAPL"] in (
        "reconcile.mismatch", "outcome.unknown",
    )  # fmt: skip
    assert here.refold("resume", "--journal", JOURNAL).status == 0
    freed = here.session()

    assert freed.mismatched == {}
    assert freed.unfollowed == {}
    assert freed.position("AAPL") == 1
    here.assert_sound()
