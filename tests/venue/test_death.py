"""The venue's process killed: what it answered, and what it did and could not answer, is there."""

from pathlib import Path
from typing import Any

import pytest
import requests
from alpaca.common.exceptions import APIError

from tests.venue.asking import limit, market, sent, status_of
from tests.venue.process import eventually, start


def test_a_venue_killed_between_accept_and_answer_keeps_the_order(file: Path) -> None:
    with start(file) as venue:
        venue.arm("die_after")
        with pytest.raises(requests.RequestException):
            sent(venue.trading(), market("kept"))
        assert venue.process.wait(5) == -9

    with start(file, quotes=False) as venue:
        client = venue.trading()
        eventually(lambda: status_of(client, "kept") == "filled")
        with pytest.raises(APIError, match="client_order_id must be unique"):
            sent(client, market("kept"))

        assert venue.get("state")["posts"] == {"kept": 2}
        assert venue.counts == {"die_after": 1}
        assert venue.get("state")["positions"] == {"AAPL": "10"}


def test_a_killed_venue_comes_back_as_it_was(file: Path) -> None:
    with start(file, "--clock", "2026-11-23T15:00:00Z") as venue:
        client = venue.trading()
        venue.arm("bust", client_order_id="later")
        sent(client, market("one"))
        sent(client, limit("two", "90.00"))
        eventually(lambda: status_of(client, "one") == "filled")
        eventually(lambda: status_of(client, "two") == "new")
        client.patch("/account/configurations", {"max_margin_multiplier": "2"})
        venue.post("calendar", {"2026-11-24": None})
        before = venue.get("state")
        venue.process.kill()

    with start(file, quotes=False) as venue:
        after = venue.get("state")
        client = venue.trading()
        configurations: Any = client.get("/account/configurations")

    assert after["time"].startswith("2026-11-23T15:0")
    for name in ("orders", "executions", "posts", "cash", "positions", "quotes", "armed"):
        assert after[name] == before[name], name
    assert configurations["max_margin_multiplier"] == "2"


def test_a_fault_drawn_for_an_order_outlives_the_venue_s_death(file: Path) -> None:
    """What an order will suffer is written with it when it is accepted."""
    with start(file) as venue:
        venue.arm("fill_after_cancel")
        sent(venue.trading(), limit("mine", "90.00"))
        venue.process.kill()

    with start(file, quotes=False) as venue:
        client = venue.trading()
        eventually(lambda: status_of(client, "mine") == "new")
        client.cancel_order_by_id(venue.order("mine")["id"])
        eventually(lambda: status_of(client, "mine") == "filled")

        assert venue.counts == {"fill_after_cancel": 1}
