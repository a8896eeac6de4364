"""A campaign: a few hundred calls against every declared fault, each counted where it happened.

The venue is told what may go wrong and at which rates; the driver only trades. At the end each
kind must have happened, no order may exist twice, and cash must be what the fills say.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from decimal import Decimal
from pathlib import Path

import pytest
from websockets.exceptions import ConnectionClosed

from tests.venue.asking import BROKEN, limit
from tests.venue.listening import raw
from tests.venue.process import Running, eventually, start

REQUEST = (
    "timeout_before", "timeout_after", "reset_before", "reset_after", "half_answer",
    "rate_limited", "error_before", "error_after", "html", "empty", "garbage", "slow",
)  # fmt: skip
ORDER = (
    "late_visible", "late_reject", "unknown_status", "partial_fill", "fill_after_cancel",
    "cancel_rejected", "replace_rejected", "bust", "correct",
)  # fmt: skip
STREAM = (
    "stream_drop", "stream_duplicate", "stream_reorder", "stream_delay", "stream_null",
    "stream_unknown_event", "stream_half_open", "stream_disconnect",
)  # fmt: skip
RATES = ",".join(
    [f"{kind}=0.025" for kind in REQUEST]
    + [f"{kind}=0.12" for kind in ORDER]
    + [f"{kind}=0.07" for kind in STREAM]
    + ["stream_half_open=0.03", "stream_disconnect=0.03", "replace_rejected=0.3"]
)
FREELY = ("--requests-per-minute", "1000000", "--cash", "10000000")


@contextmanager
def listener(venue: Running) -> Iterator[None]:
    """Somebody who always listens: cut off or left alone, he comes back."""
    stopped = threading.Event()
    own = Running(venue.process, venue.ready)

    def hear() -> None:
        while not stopped.is_set():
            with (
                suppress(ConnectionClosed, OSError, TimeoutError, AssertionError),
                raw(own) as socket,
            ):
                while not stopped.is_set() and own.get("state")["listening"]:
                    with suppress(TimeoutError):
                        while True:
                            socket.recv(timeout=0.3)

    thread = threading.Thread(target=hear, daemon=True)
    thread.start()
    try:
        yield
    finally:
        stopped.set()
        thread.join(10)


def has_arrived(venue: Running, client_order_id: str) -> bool:
    """Whether the order is past what happens on arrival."""
    return venue.order(client_order_id)["status"] not in ("pending_new", "venue_review")


def drive(venue: Running, count: int) -> None:
    """`count` submits under ids of their own; every other one rests, is replaced or canceled."""
    client = venue.trading(timeout_s=0.4)
    client._use_raw_data = True
    venue.post("quotes", {"AAPL": {"bid": "100.00", "ask": "100.02", "ask_size": 10**6}})
    for number in range(count):
        name = f"campaign-{number}"
        with suppress(*BROKEN):
            client.submit_order(limit(name, "100.02" if number % 2 else "99.00", 2))
        with suppress(*BROKEN):
            client.get_order_by_client_id(name)
        order = venue.order(name)
        if order is None or number % 2:
            continue
        eventually(lambda: has_arrived(venue, name))  # noqa: B023  # called before the next name
        if number % 4 == 0:
            with suppress(*BROKEN):
                client.patch(f"/orders/{order['id']}", {"limit_price": "99.50"})
        with suppress(*BROKEN):
            client.cancel_order_by_id(order["id"])


def at_rest(venue: Running) -> bool:
    """Whether nothing is on its way any more."""
    moving = ("pending_new", "pending_cancel", "pending_replace", "venue_review")
    orders = venue.get("state")["orders"]
    due = {"bust", "correct"}
    return not [
        o for o in orders
        if o["status"] in moving or (due & set(o["script"]) and o["filled_qty"] != "0")
    ]  # fmt: skip


@pytest.mark.slow
def test_every_declared_fault_happens_in_a_campaign_and_is_counted(file: Path) -> None:
    with start(file, "--seed", "7", "--faults", RATES, "--campaign", *FREELY) as venue:
        with listener(venue):
            drive(venue, 160)
            eventually(lambda: at_rest(venue))
        verdict, state = venue.get("campaign"), venue.get("state")
        calls = venue.get("calls")
        status = venue.stop()

    assert verdict["missing"] == []
    assert verdict["ok"] is True
    assert sorted(verdict["counts"]) == sorted(REQUEST + ORDER + STREAM)
    assert status == 0
    assert 300 <= len(calls) <= 600
    struck = [call["fault"] for call in calls if call["fault"]]
    assert {kind: struck.count(kind) for kind in REQUEST} == {
        kind: verdict["counts"][kind] for kind in REQUEST
    }
    assert set(state["posts"].values()) == {1}
    ids = [order["client_order_id"] for order in state["orders"]]
    assert len(ids) == len(set(ids))
    standing = [e for e in state["executions"] if not e["busted"]]
    paid = sum((Decimal(e["quantity"]) * Decimal(e["price"]) for e in standing), Decimal(0))
    shares = sum((Decimal(e["quantity"]) for e in standing), Decimal(0))
    assert Decimal(state["cash"]) == 10_000_000 - paid
    assert Decimal(state["positions"]["AAPL"]) == shares


def test_a_campaign_in_which_a_declared_fault_never_happened_is_red(file: Path) -> None:
    """Nobody cancels, so a rejected cancel cannot happen, though every order is to suffer one."""
    with start(file, "--faults", "html=0.5,cancel_rejected=1", "--campaign", *FREELY) as venue:
        client = venue.trading()
        for number in range(20):
            with suppress(*BROKEN):
                client.submit_order(limit(f"o{number}", "99.00", 1))
        verdict = venue.get("campaign")
        status = venue.stop()

    assert verdict["ok"] is False
    assert verdict["missing"] == ["cancel_rejected"]
    assert verdict["counts"]["html"] > 0
    assert status == 1


def test_the_same_seed_and_calls_meet_the_same_faults(tmp_path: Path) -> None:
    def met(name: str, seed: str) -> list[str | None]:
        faults = "error_before=0.2,html=0.2,rate_limited=0.2"
        with start(tmp_path / name, "--seed", seed, "--faults", faults, *FREELY) as venue:
            client = venue.trading()
            for number in range(15):
                with suppress(*BROKEN):
                    client.submit_order(limit(f"o{number}", "99.00", 1))
            return [call["fault"] for call in venue.get("calls")]

    first = met("a", "1")

    assert first == met("b", "1")
    assert first != met("c", "2")
    assert None in first


@pytest.mark.parametrize(
    "arguments",
    [("--faults", "bad=1"), ("--faults", "html=2"), ("--faults", "die_after=0.1"),
     ("--faults", "html=0.6,empty=0.6"), ("--script", "x:html"), ("--market", "moon")],
)  # fmt: skip
def test_arguments_that_say_nothing_are_refused_in_one_line(arguments: tuple[str, str]) -> None:
    with pytest.raises(AssertionError, match="ended with 2"), start(None, *arguments):
        pass
