"""Laws of the lockouts, whatever the broker says and when: nothing leaves, and few tries do.

shape   drawn steps (answers, waits, cycles, reports of the account, reads, restarts) in a market
        that is always fresh; the law of every step is asserted after it
"""

from itertools import pairwise

from hypothesis import given as drawn
from hypothesis import settings
from hypothesis import strategies as st
from msgspec.structs import replace

from core.events import IntentCreated, Observation, OrderSubmitAttempted, TimerElapsed
from core.lockout_facts import BROKER, SILENT, timer_of
from core.state import State
from core.values import TimeText, micros
from tests.build import account, at, cycle_opened, quotes, runner_started, submit_failed
from tests.build_world import DAY
from tests.core.test_lockouts import LIMITS, failed
from tests.core.world import buying, configured, down, held, open_market, selling
from tests.spec import given

PROBE = timer_of(BROKER)
_answers = st.sampled_from(
    [(401, None), (403, None), (403, "40310000"), (429, None), (422, "40010001")]
)
_steps = st.one_of(
    st.tuples(st.just("answer"), _answers),
    st.tuples(st.just("wait"), st.sampled_from([0.2, 1, 5, 30, 100])),
    st.tuples(st.just("cycle"), st.sampled_from(["buy", "sell"])),
    st.tuples(st.just("account"), st.sampled_from([None, "trading_blocked"])),
    st.tuples(st.just("read"), st.sampled_from([401, 403, 500])),
    st.tuples(st.just("restart"), st.none()),
)


class World:
    """A market that is always fresh, whatever the broker says; it counts tries of the keys."""

    def __init__(self) -> None:
        config = configured({**LIMITS, "risk.order_max_age_s": "0", "broker.probe_after_s": "10"})
        self.outcome = given(open_market(), config, held(50), account(), cycle_opened(1))
        self.now = 0.0
        self.number = 1
        self.tries: list[float] = []

    def hear(self, heard: Observation, strategy: type | None = None) -> None:
        """One more observation; the law of every step holds."""
        before = self.outcome.state
        self.outcome = self.outcome.when(heard, strategy)
        self._nothing_leaves_that_may_not(before)

    def step(self, what: str, detail: object) -> None:
        """What is drawn."""
        if what == "answer":
            self._answer(detail)
        elif what == "wait":
            self._wait(float(str(detail)))
        elif what == "cycle":
            self.number += 1
            self.hear(quotes(seconds=self.now, MSFT=("9.99", "10.01")))
            opened = cycle_opened(self.number, seconds=self.now)
            self.hear(opened, buying(1) if detail == "buy" else selling(1))
        elif what == "account":
            word = None if detail is None else str(detail)
            self.hear(replace(account(seconds=self.now), blocked=word))
        elif what == "read":
            status = int(str(detail))
            self.hear(replace(down(stream="trading", seconds=self.now), status_code=status))
        else:
            self.hear(runner_started(self.outcome.state.epoch + 1, seconds=self.now))

    def _answer(self, detail: object) -> None:
        """Every attempt is answered: one as drawn, and what may not leave as the shell does."""
        assert isinstance(detail, tuple)
        for order in list(self.outcome.state.intents.values()):
            if order.status != "SUBMITTING":
                continue
            heard = replace(failed(*detail), observed_at=at(self.now), attempt=order.attempt)
            if any(scope in self.outcome.state.lockouts for scope in SILENT):
                heard = replace(submit_failed(error_class="not_sent"), attempt=order.attempt)
            self.hear(replace(heard, client_order_id=order.client_order_id))

    def _wait(self, seconds: float) -> None:
        """Time passes, and timers with it."""
        end = self.now + seconds
        while True:
            timers = self.outcome.state.timers
            due, key = min(((due, key) for key, due in timers.items()), default=(at(end + 1), ""))
            if due > at(end):
                break
            self.now = max(self.now, seconds_of(due))
            if key == PROBE and BROKER in self.outcome.state.lockouts:
                self.tries.append(self.now)
            self.hear(TimerElapsed(observed_at=at(self.now), key=key, due=due))
        self.now = end

    def _nothing_leaves_that_may_not(self, before: State) -> None:
        """In force before and after: no attempt, and of an opening not even an intent."""
        after = self.outcome.state.lockouts
        standing = set(before.lockouts) & set(after)
        for decision in self.outcome.decisions:
            if isinstance(decision, OrderSubmitAttempted):
                assert not standing & set(SILENT), (standing, decision)
            if isinstance(decision, IntentCreated) and not decision.closing:
                assert not standing, (standing, decision)
            if isinstance(decision, IntentCreated):
                assert not standing & set(SILENT), (standing, decision)


def seconds_of(time: TimeText) -> float:
    """Seconds since the made-up opening."""
    return (micros(time) - DAY) / 1_000_000


@settings(max_examples=150, deadline=None)
@drawn(st.lists(_steps, max_size=40))
def test_while_a_lockout_stands_nothing_leaves_and_the_keys_are_tried_at_most_every_so_often(
    steps: list[tuple[str, object]],
) -> None:
    world = World()
    for what, detail in steps:
        world.step(what, detail)

    gaps = [later - earlier for earlier, later in pairwise(world.tries)]
    assert all(gap >= 10 for gap in gaps), world.tries
    for window in (60, 600):
        for first in world.tries:
            within = [one for one in world.tries if first <= one < first + window]
            assert len(within) <= window / 10
