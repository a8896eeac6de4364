"""A locked-out account by real processes: nothing is tried, every cycle says so, few calls leave.

rule    A bound of time is only ever a least one: how long a machine takes is no part of a promise
"""

import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from core.events import (
    CycleOpened,
    LockoutEnded,
    LockoutStarted,
    OrderSubmitAttempted,
    tag_of,
)
from journal import open_journal
from live.venue.clock import ns_of
from tests.real.world import Drill, drill

WAIT_S = 60
PROBE_S, PROBE_MAX_S = 1, 4


@pytest.fixture
def here(tmp_path: Path) -> Iterator[Drill]:
    """A venue, a strategy that trades in most cycles, and short times."""
    with drill(tmp_path / "run", slots=560) as made:
        made.keep_quoting()
        configured(made)
        yield made


def configured(here: Drill, **tables: Any) -> None:
    """The configuration of the tests, and what is asked besides."""
    broker = {"probe_after_s": str(PROBE_S), "probe_max_s": str(PROBE_MAX_S)}
    here.configure(
        market=f"csv:{here.folder}/quotes.csv",
        strategy={"target": f"{here.folder}/flip.py:Flip"},
        **{"broker": {**broker, **tables.pop("broker", {})}, **tables},
    )


@contextmanager
def running(here: Drill, cycles: int) -> Iterator[None]:
    """A runner that opens so many cycles, ten a second at most; at the end it is killed."""
    words = ("run", "--config", "c.toml", "--json", "--pace", "0.1", "--cycles", cycles)
    process = here.started(*words)
    try:
        yield
    finally:
        process.send_signal(signal.SIGKILL)
        process.communicate(timeout=WAIT_S)


def until(holds: Callable[[], bool]) -> None:
    """Wait until it holds."""
    end = time.monotonic() + WAIT_S
    while not holds():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.05)


def calls_after(here: Drill, number: int) -> list[dict[str, Any]]:
    """What reached the venue behind this call."""
    calls: list[dict[str, Any]] = here.venue.get(f"calls?after={number}")
    return calls


def events(here: Drill) -> list[Any]:
    """The journal's events, in order."""
    with open_journal(f"sqlite:///{here.folder}/j.db", read_only=True) as journal:
        return [recorded.event for recorded in journal.read()]


@pytest.mark.parametrize("status", [401, pytest.param(403, marks=pytest.mark.slow)])
def test_refused_keys_end_every_attempt_and_every_later_cycle_says_so_until_they_hold(
    here: Drill, status: int
) -> None:
    with running(here, 400):
        until(lambda: len(here.posts()) >= 2)
        here.venue.post("keys", {"refuses": status})
        until(lambda: [call["status"] for call in calls_after(here, 0)].count(status) >= 2)
    last = calls_after(here, 0)[-1]["number"]

    again = here.run("--pace", "0.05", "--cycles", "20")
    assert again.status == 0, again.lines
    here.venue.post("keys", {"refuses": None})
    recovered = calls_after(here, 0)[-1]["number"]
    with running(here, 300):
        until(lambda: any(c["method"] == "POST" for c in calls_after(here, recovered)))

    reason = {401: "lockout.unauthorized", 403: "lockout.forbidden"}[status]
    rows = here.rows("cycles")
    locked = [row for row in rows if row["lockout"]]
    first_locked = locked[0]["cycle"]
    assert locked == rows[first_locked - 1 : first_locked - 1 + len(locked)], "with no gap"
    assert len(locked) >= 20
    for row in locked:
        assert (row["lockout_reason"], row["lockouts"]) == (reason, {"broker": reason})
        assert row["lockout_until"] is not None
    for row in locked[1:]:
        assert row["reasons"] == {reason: len(here.symbols)}
        assert (row["intents"], row["cooldown"] is not None) == (0, True)
    after = rows[locked[-1]["cycle"] :]
    assert after, "cycles went on"
    assert not any(row["lockout"] for row in after)

    refused = [call for call in calls_after(here, 0) if call["status"] == status]
    tries = [call for call in refused if (call["method"], call["path"]) == ("GET", "/v2/account")]
    assert len(refused) - len(tries) <= 1, "one answer locks out, all others are tries"
    assert [call["path"] for call in calls_after(here, last) if call["number"] <= recovered] == [
        "/v2/account" for call in tries if call["number"] > last
    ]
    times = [ns_of(call["time"]) / 1e9 for call in refused]
    gaps = [later - earlier for earlier, later in pairwise(times)]
    least = [PROBE_S, 2 * PROBE_S, *[PROBE_MAX_S] * len(gaps)]
    assert all(gap > wait * 0.9 for gap, wait in zip(gaps, least, strict=False)), gaps

    heard = events(here)
    starts = [i for i, event in enumerate(heard) if isinstance(event, LockoutStarted)]
    (end,) = (i for i, event in enumerate(heard) if isinstance(event, LockoutEnded))
    between = heard[starts[0] : end]
    assert not [event for event in between if isinstance(event, OrderSubmitAttempted)]
    assert tag_of(heard[end - 1]) == "account-reported.v1"
    assert any(isinstance(event, OrderSubmitAttempted) for event in heard[end:])
    assert set(here.posts().values()) == {1}
    here.assert_sound()


def test_an_account_that_is_blocked_opens_nothing_and_goes_on_when_it_is_free(here: Drill) -> None:
    here.venue.post("account", {"trading_blocked": True})
    assert here.session(3).lockouts["account"].why == "lockout.account"
    assert here.posts() == {}
    here.venue.post("account", {"trading_blocked": False})
    assert here.session(3).lockouts == {}

    rows = here.rows("cycles")
    assert [(row["lockout_reason"], row["reasons"]) for row in rows[:3]] == [
        ("lockout.account", {"lockout.account": 2})
    ] * 3
    assert [row["lockout"] for row in rows[3:]] == [False] * 3
    assert here.posts() != {}
    here.assert_sound()


def test_a_429_with_retry_after_ends_every_call_until_its_time_and_the_order_goes_once(
    here: Drill,
) -> None:
    here.plan({1: [("AAPL", "buy", 10, "100.02")]})
    here.venue.arm("rate_limited", seconds=2, times=1)
    state = here.session(2)

    assert (state.lockouts, list(here.posts().values())) == ({}, [2])
    calls = calls_after(here, 0)
    (number,) = (i for i, call in enumerate(calls) if call["fault"] == "rate_limited")
    limited, later = (ns_of(call["time"]) / 1e9 for call in calls[number : number + 2])
    assert later - limited > 1.9
    (row, *_) = here.rows("cycles")
    assert (row["lockout_reason"], row["submitted"]) == ("lockout.rate_limited", 1)
    here.assert_sound()


@pytest.mark.slow
def test_alpacas_market_goes_on_under_refused_keys_and_a_restart_asks_for_no_calendar(
    tmp_path: Path,
) -> None:
    with drill(tmp_path / "run", "--always-open") as here:
        here.keep_quoting()
        broker = {"probe_after_s": str(PROBE_S), "probe_max_s": "2"}
        target = {"target": f"{here.folder}/flip.py:Flip"}
        here.configure(market="alpaca", strategy=target, broker=broker)

        def refuse(heard: Any) -> None:
            if any(isinstance(event, CycleOpened) and event.number == 2 for event in heard):
                here.venue.post("keys", {"refuses": 401})

        assert "broker" in here.session(5, refuse).lockouts
        last = calls_after(here, 0)[-1]["number"]
        assert "broker" in here.session(3).lockouts
        assert {call["path"] for call in calls_after(here, last)} <= {"/v2/account"}
        here.venue.post("keys", {"refuses": None})
        assert here.session(8).lockouts == {}

        rows = here.rows("cycles")
        locked = [row["cycle"] for row in rows if row["lockout"]]
        assert locked == list(range(locked[0], locked[-1] + 1))
        assert {3, 4, 5, 6, 7, 8} <= set(locked)
        assert not rows[-1]["lockout"]
        here.assert_sound()
