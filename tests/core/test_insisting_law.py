"""A law of insisting: an order that is wanted gone always has a time at which it is asked for."""

from collections import deque

from hypothesis import given as drawn
from hypothesis import strategies as st
from msgspec.structs import replace

from core.events import CancelAttempted, Decision, LookupRequested, Observation
from core.values import micros
from tests.build import ORDER, absent, at, cancel_answered, found, intent, reported, runner_started
from tests.core.test_insisting import CANCELED
from tests.core.world import commanded, elapsed, mismatched
from tests.spec import Outcome, given

HAPPENINGS = (
    "timer", "timer", "timer", "reported", "pending", "vanished", "halt", "resume", "cancel-all",
    "looked up by another", "restart",
)  # fmt: skip
ANSWERS = ("accepted", "refused", "unknown", "died")
LOOKS = ("new", "pending_cancel", "absent", "not asked", "died")


def happened(what: str, state_timers: dict[str, str], now: float) -> Observation:
    """What the world does next."""
    if what == "timer" and state_timers:
        due, key = min((due, key) for key, due in state_timers.items())
        seconds = max(now, (micros(due) - micros(at())) / 1_000_000)
        return elapsed(key, seconds=seconds)
    if what in ("halt", "resume", "cancel-all"):
        return commanded(what, seconds=now)
    if what == "vanished":
        return mismatched("order-vanished")
    if what == "looked up by another":
        return found(intent(), status="new", seconds=now)
    if what == "restart":
        return runner_started(2, seconds=now)
    return reported(ORDER, "pending_cancel" if what == "pending" else "new", seconds=now)


def answered(asked: Decision, answer: str, look: str, now: float) -> Observation | None:
    """What the broker says, or None: the runner died first, and the next one starts."""
    if isinstance(asked, CancelAttempted):
        died = answer == "died"
        said = cancel_answered(ORDER, answer, attempt=asked.attempt, seconds=now)
        return None if died else said
    if look in ("absent", "not asked"):
        return replace(absent(seconds=now), complete=look == "absent")
    return None if look == "died" else found(intent(), status=look, seconds=now)


def at_rest(outcome: Outcome, answers: st.DataObject, now: float) -> Outcome:
    """All that was asked for is answered; a death loses what was under way."""
    asked = deque(outcome.decisions)
    while asked:
        one = asked.popleft()
        if not isinstance(one, CancelAttempted | LookupRequested) or not outcome.state.intents:
            continue
        words = answers.draw(st.tuples(st.sampled_from(ANSWERS), st.sampled_from(LOOKS)))
        heard = answered(one, *words, now)
        if heard is None:
            asked.clear()
        outcome = outcome.when(heard or runner_started(2, seconds=now))
        asked.extend(outcome.decisions)
    return outcome


@drawn(st.lists(st.sampled_from(HAPPENINGS), min_size=3, max_size=15), st.data())
def test_an_order_that_is_wanted_gone_always_has_a_time_at_which_it_is_asked_for(
    happenings: list[str], data: st.DataObject
) -> None:
    outcome = at_rest(given(CANCELED).when(cancel_answered()), data, 0)
    for what in happenings:
        if not outcome.state.intents:
            return  # it is over
        kinds = {key.partition(":")[0] for key in outcome.state.timers}
        assert kinds & {"uncanceled", "cancel"}
        now = (micros(outcome.state.now) - micros(at())) / 1_000_000
        heard = happened(what, dict(outcome.state.timers), now)
        now = (micros(max(heard.observed_at, outcome.state.now)) - micros(at())) / 1_000_000
        outcome = at_rest(outcome.when(heard), data, now)
