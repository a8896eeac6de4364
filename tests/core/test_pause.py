"""An operator's pause: nothing opens a position or lets one grow, everything else goes on."""

import pytest
from msgspec.structs import replace

from core.decide import advance
from core.events import Event, IntentCreated, LockoutStarted
from core.lockout_facts import OPENINGS
from core.snapshot import encode, opened, state_of
from tests.build import (
    ORDER,
    attempted,
    closed,
    intent,
    lockout,
    lockout_ended,
    reason,
    runner_started,
    submit_failed,
    submit_unknown,
    submitted,
)
from tests.core.gate_cases import NOW
from tests.core.world import (
    buying,
    cancel,
    commanded,
    elapsed,
    held,
    latched,
    open_market,
    reasons_of,
    released,
    selling,
    timer,
)
from tests.spec import given

PAUSED = lockout("operator.pause", scope=OPENINGS)
SENT: list[Event] = [intent(), attempted()]
CLOSING: list[Event] = [*held(), replace(intent(side="sell"), closing=True), attempted()]
ASKED = reason("operator.pause", detail="asked")


def test_pause_is_a_lockout_of_openings_and_only_resume_ends_it() -> None:
    paused = given(open_market()).when(commanded("pause")).then(PAUSED)

    assert OPENINGS in paused.state.lockouts
    paused.when(commanded("pause")).then_nothing()
    assert OPENINGS in paused.when(runner_started(2)).state.lockouts
    resumed = paused.when(commanded("resume")).then(lockout_ended(scope=OPENINGS))
    assert OPENINGS not in resumed.state.lockouts


def test_a_pause_is_in_the_snapshot_a_restart_goes_on_from() -> None:
    state = given(open_market(), PAUSED).state
    kept = encode(state, sequence=9, chain="0" * 64, source="this")

    _, body = opened(kept, journal_id=state.journal_id, source="this")

    assert OPENINGS in state_of(body).lockouts


def test_resume_lifts_the_kill_switch_the_pause_and_the_throttle_together() -> None:
    stopped = [latched("operator.halt"), PAUSED, lockout("throttle.executions", scope="strategy")]

    given(open_market(), stopped).when(commanded("resume")).then(
        released(), lockout_ended(scope="strategy"), lockout_ended(scope=OPENINGS)
    )


@pytest.mark.parametrize("strategy", [buying(), selling()], ids=["long", "short"])
def test_nothing_is_opened_while_paused(strategy: type) -> None:
    outcome = given(open_market(), PAUSED).when(NOW, strategy)

    assert reasons_of(outcome, "MSFT") == [reason("operator.pause")]


@pytest.mark.parametrize(("shares", "more"), [(50, buying(10)), (-50, selling(10))])
def test_a_position_does_not_grow_while_paused(shares: int, more: type) -> None:
    outcome = given(open_market(), held(shares), PAUSED).when(NOW, more)

    assert reasons_of(outcome, "MSFT") == [reason("operator.pause")]


@pytest.mark.parametrize(("shares", "less"), [(50, selling(50)), (-50, buying(20))])
def test_a_position_is_reduced_while_paused(shares: int, less: type) -> None:
    outcome = given(open_market(), held(shares), PAUSED).when(NOW, less)

    (created,) = [d for d in outcome.decisions if isinstance(d, IntentCreated)]
    assert created.closing


def test_what_rests_and_would_open_is_canceled_and_what_closes_stays() -> None:
    given(SENT, submitted()).when(commanded("pause")).then(
        PAUSED, cancel("operator.pause", detail="asked")
    )
    given(CLOSING, submitted()).when(commanded("pause")).then(PAUSED)


def test_what_was_not_sent_and_would_open_is_dropped() -> None:
    unsent = submit_failed(error_class="not_sent")
    dropped = closed(status="SKIPPED")

    given(SENT, unsent).when(commanded("pause")).then(PAUSED, replace(dropped, reason=ASKED))
    given(SENT, PAUSED).when(unsent).then(replace(dropped, reason=reason("operator.pause")))
    given(CLOSING, PAUSED).when(unsent).then(timer(f"retry:{ORDER}", 1))


def test_an_opening_nobody_knows_of_is_canceled_as_soon_as_it_is_known() -> None:
    waiting = given(SENT).when(commanded("pause")).then(PAUSED, timer(f"pause:{ORDER}", 30))

    waiting.when(submitted(seconds=5)).then(cancel("operator.pause"))
    lost = waiting.when(submit_unknown(seconds=5))
    lost.when(elapsed(f"pause:{ORDER}", seconds=30)).then(timer(f"pause:{ORDER}", 60))


def test_a_second_pause_asks_for_no_second_cancel() -> None:
    state = given(SENT, submitted()).when(commanded("pause")).state

    assert advance(state, commanded("pause", seconds=1))[1] == []


def test_the_reason_of_the_lockout_is_the_operators_pause() -> None:
    (started,) = given().when(commanded("pause")).decisions

    assert isinstance(started, LockoutStarted)
    assert (started.scope, started.why, started.until) == (OPENINGS, "operator.pause", None)
