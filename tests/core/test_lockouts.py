"""Lockouts: what the broker said, what it stops, until when, and what ends it.

shape   `CASES` is the table: answer -> scope, reason, until, whether closing stops too, its end
source  issue 6; ALPACA.md A4; FAULTS.md 3C (401/403: one probe per back-off, never hammer)
"""

from collections.abc import Sequence
from typing import NamedTuple

import pytest
from msgspec.structs import replace

from core.events import (
    Event,
    LockoutStarted,
    Observation,
    OrderSubmitFailed,
)
from core.lockout_facts import ACCOUNT, BROKER, RATE, REJECTS, timer_of
from core.order import TerminalStatus
from core.values import decimal_text
from tests.build import (
    ORDER,
    account,
    at,
    attempted,
    cancel_answered,
    closed,
    cycle_opened,
    found,
    intent,
    lockout,
    lockout_ended,
    rate_budget,
    reason,
    reported,
    runner_started,
    submit_failed,
    submit_unknown,
    submitted,
)
from tests.core.world import (
    Settings,
    alerted,
    buying,
    cleared,
    commanded,
    down,
    elapsed,
    held,
    look,
    open_market,
    reasons_of,
    selling,
    timer,
)
from tests.spec import Outcome, given

SENT: list[Event] = [intent(), attempted()]
PROBE = timer_of(BROKER)
UNAUTHORIZED, FORBIDDEN = "lockout.unauthorized", "lockout.forbidden"
LIMITED, REFUSALS = "lockout.rate_limited", "lockout.rejects"


def failed(status: int, code: str | None = None, retry: int | None = None) -> OrderSubmitFailed:
    """The POST was answered with this."""
    return replace(
        submit_failed(error_class="rate_limited" if status == 429 else "refused"),
        status_code=status,
        error_code=code,
        retry_after_s=None if retry is None else decimal_text(retry),
    )


class Case(NamedTuple):
    """A broker's answer and its lockout; `until` in seconds."""

    events: Sequence[Event]
    heard: Observation
    scope: str
    why: str
    until: float | None
    stops_closing: bool
    ends: Observation


def refused_often(count: int, symbols: Sequence[str] = ("MSFT",)) -> list[Event]:
    """So many orders that the broker refused, a second apart."""
    events: list[Event] = []
    for number in range(count):
        symbol = symbols[number % len(symbols)]
        order = f"refused-{number}"
        events += [
            intent(order, symbol=symbol, seconds=number - count),
            attempted(order),
            closed(order, status="FAILED", code="broker.refused"),
        ]
    return events


LOOKED = replace(found(intent()), found=False, complete=False, status_code=401)
LIMITS: Settings = {"risk.rejects_max": 4, "risk.rejects_symbol_max": 3}
BLOCKED = replace(account(seconds=1), blocked="trading_blocked")
CASES = {
    "401 to a submit": Case(
        SENT, failed(401), BROKER, UNAUTHORIZED, 30, True, account(seconds=31)
    ),
    "403 without a code to a submit": Case(
        SENT, failed(403), BROKER, FORBIDDEN, 30, True, account(seconds=31)
    ),
    "an unreadable 401": Case(
        SENT, replace(submit_unknown(), status_code=401), BROKER, UNAUTHORIZED, 30, True,
        account(seconds=31),
    ),
    "401 to a look": Case(
        [*SENT, submit_unknown(), look()], LOOKED, BROKER, UNAUTHORIZED, 30, True,
        account(seconds=31),
    ),
    "401 to a cancel": Case(
        [*SENT, submitted()], replace(cancel_answered(outcome="unknown"), status_code=401),
        BROKER, UNAUTHORIZED, 30, True, account(seconds=31),
    ),
    "401 to a read": Case(
        [], replace(down(stream="trading", seconds=5), status_code=401),
        BROKER, UNAUTHORIZED, 35, True, account(seconds=36),
    ),
    "403 without a code to a read": Case(
        [], replace(down(stream="trading", seconds=5), status_code=403),
        BROKER, FORBIDDEN, 35, True, account(seconds=36),
    ),
    "429 to a submit": Case(
        SENT, failed(429), RATE, LIMITED, 1, True, elapsed("lockout:rate", seconds=1)
    ),
    "429 with Retry-After": Case(
        SENT, failed(429, retry=7), RATE, LIMITED, 7, True, elapsed("lockout:rate", seconds=7)
    ),
    "429 to a read": Case(
        [], replace(rate_budget(0), retry_at=at(7)), RATE, LIMITED, 7, True,
        elapsed("lockout:rate", seconds=7),
    ),
    "an account that may not trade": Case(
        [], BLOCKED, ACCOUNT, "lockout.account", None, False, account(seconds=60)
    ),
    "refused too often in a symbol": Case(
        [*refused_often(2), *SENT], failed(403, "40310000"), "symbol:MSFT", REFUSALS, 300, False,
        elapsed("lockout:symbol:MSFT", seconds=300),
    ),
    "refused too often in all": Case(
        [*refused_often(3, ("IBM", "KO", "MSFT")), *SENT], failed(403, "40310000"), REJECTS,
        REFUSALS, 300, False, elapsed("lockout:rejects", seconds=300),
    ),
    "rejected later, too often": Case(
        [*refused_often(2), *SENT, submitted()], reported(status="rejected"), "symbol:MSFT",
        REFUSALS, 300, False, elapsed("lockout:symbol:MSFT", seconds=300),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_what_the_broker_says_locks_out_for_a_reason_and_a_time_and_something_ends_it(
    name: str,
) -> None:
    case = CASES[name]
    outcome = given(open_market(LIMITS), held(), case.events).when(case.heard)

    started = [d for d in outcome.decisions if isinstance(d, LockoutStarted)]
    until = None if case.until is None else at(case.until)
    assert [(d.scope, d.why, d.until) for d in started] == [(case.scope, case.why, until)]
    assert outcome.state.timers.get(timer_of(case.scope)) == until
    told = reason(case.why, **({} if until is None else {"detail": f"until {until}"}))

    now = 0.5 if case.scope == RATE else 8
    opened = cycle_opened(2, seconds=now)
    assert reasons_of(outcome.when(opened, buying(1)), "MSFT") == [told]
    closing = reasons_of(outcome.when(opened, selling(100)), "MSFT")
    assert (told in closing) is case.stops_closing

    over = outcome.when(case.ends)
    assert type(over.decisions[0]).__name__ == "LockoutEnded"
    assert over.state.lockouts == {}
    assert timer_of(case.scope) not in over.state.timers
    assert not [key for key in over.state.alerts if key.startswith("lockout:")]


@pytest.mark.parametrize(
    "heard",
    [
        failed(403, "40310000"),
        failed(422, "40010001"),
        replace(submit_unknown(), status_code=403),
        replace(down(), status_code=403, error_code="40310000"),
        replace(down(), status_code=500),
        down(),
        rate_budget(0),
        replace(rate_budget(0, seconds=9), retry_at=at(8)),
    ],
)
def test_what_is_about_one_order_or_one_answer_locks_nothing_out(heard: Observation) -> None:
    assert given(open_market(), SENT).when(heard).state.lockouts == {}


# -- refused keys


def refused_keys(*events: Event) -> Outcome:
    """A broker that refused the keys at 0."""
    return given(open_market({"broker.probe_max_s": "200"}), *events).when(
        replace(down(), why="HTTP 401 to GET /account", status_code=401)
    )


def test_the_keys_are_tried_after_twice_the_wait_each_time_up_to_the_longest() -> None:
    outcome = refused_keys()
    outcome.then(
        lockout(UNAUTHORIZED, until=30),
        timer(PROBE, 30),
        alerted("lockout:broker", UNAUTHORIZED, "HTTP 401 to GET /account (stream-went-down.v1)"),
    )
    for now, until in ((30, 90), (90, 210), (210, 410), (410, 610)):
        outcome = outcome.when(elapsed(PROBE, seconds=now))
        outcome.then(lockout(UNAUTHORIZED, until=until), timer(PROBE, until))
        again = replace(down(stream="trading", seconds=now), status_code=401)
        outcome = outcome.when(again).then_nothing()

    outcome.when(account(seconds=500)).then(lockout_ended(), cleared("lockout:broker"))


def test_neither_a_restart_nor_another_refusal_makes_the_keys_be_tried_sooner() -> None:
    outcome = refused_keys().when(elapsed(PROBE, seconds=30))

    restarted = outcome.when(runner_started(2, seconds=31)).then_nothing()
    again = restarted.when(replace(down(stream="quotes", seconds=32), status_code=401))

    assert again.then_nothing().state.timers[PROBE] == at(90)
    assert again.state.lockouts[BROKER].until == at(90)


def test_resume_tries_the_keys_at_once_and_ends_cooldowns_but_no_word_of_the_brokers() -> None:
    locks = [lockout(REFUSALS, scope="rejects"), lockout(REFUSALS, scope="symbol:IBM")]
    kept = [lockout(LIMITED, scope="rate", until=60), lockout("lockout.account", scope="account")]
    outcome = refused_keys(*locks, *kept).when(commanded("resume", seconds=5))

    outcome.then(timer(PROBE, 5), lockout_ended(scope="rejects"), lockout_ended(scope="symbol:IBM"))
    assert sorted(outcome.state.lockouts) == ["account", "broker", "rate"]


def test_an_order_that_was_not_sent_under_refused_keys_is_dropped_for_that_reason() -> None:
    two = [*SENT, intent("other"), attempted("other")]
    outcome = given(open_market(), two).when(failed(401)).when(submit_failed("other", "not_sent"))

    (dropped,) = outcome.decisions[:1]
    assert dropped == replace(
        dropped,
        client_order_id="other",
        status=TerminalStatus.SKIPPED,
        reason=reason(UNAUTHORIZED, detail=f"until {at(30)}"),
    )


def test_a_key_that_is_refused_counts_as_no_refusal_of_an_order() -> None:
    assert given(open_market(), SENT).when(failed(401)).state.rejects == {}


def test_looks_wait_for_the_next_try_and_are_taken_when_the_keys_hold() -> None:
    missed = replace(found(intent()), found=False, complete=False)
    outcome = refused_keys(*SENT, submit_unknown(), look(1)).when(missed)
    outcome.then(timer(f"look:{ORDER}", 30))

    outcome.when(account(seconds=10)).then(lockout_ended(), cleared("lockout:broker"), look(2))


# -- 429


def test_what_a_429_stopped_is_sent_again_when_its_time_is_over_and_not_before() -> None:
    outcome = given(open_market(), SENT).when(failed(429, retry=7))
    outcome.then(
        lockout(LIMITED, scope="rate", until=7),
        timer("lockout:rate", 7),
        timer(f"retry:{ORDER}", 7),
    )
    over = outcome.when(elapsed("lockout:rate", seconds=7)).then(lockout_ended(scope="rate"))
    over.when(elapsed(f"retry:{ORDER}", seconds=7)).then(attempted(attempt=2))

    early = outcome.when(elapsed(f"retry:{ORDER}", seconds=3))
    early.then(timer(f"retry:{ORDER}", 7))


def test_a_later_429_prolongs_it_and_an_earlier_one_does_not() -> None:
    outcome = given(open_market(), SENT).when(failed(429, retry=7))

    outcome.when(replace(rate_budget(0), retry_at=at(5))).then_nothing()
    outcome.when(replace(rate_budget(0), retry_at=at(9))).then(
        lockout(LIMITED, scope="rate", until=9), timer("lockout:rate", 9)
    )


# -- repeated refusals


def test_refusals_outside_the_window_do_not_count_and_none_counts_twice() -> None:
    spaced: Settings = {"risk.rejects_symbol_max": 3, "risk.rejects_window_s": "2"}
    old = given(open_market(spaced), refused_often(2), SENT).when(failed(403, "40310000"))
    assert (old.state.rejects["MSFT"], old.state.lockouts) == ((at(-1), at(0)), {})

    three = given(open_market(LIMITS), refused_often(2), SENT).when(failed(403, "40310000"))
    over = three.when(elapsed("lockout:symbol:MSFT", seconds=300))
    more = given(open_market(LIMITS), refused_often(3)).state
    assert "MSFT" not in over.state.rejects
    assert len(more.rejects["MSFT"]) == 3


def test_no_refusals_are_counted_where_that_is_off() -> None:
    off: Settings = {"risk.rejects_max": 0, "risk.rejects_symbol_max": 0}
    outcome = given(open_market(off), refused_often(30), SENT).when(failed(403, "40310000"))

    assert (outcome.state.rejects, outcome.state.lockouts) == ({}, {})
