"""The words of the core's specification: given these events, when this is heard, then that follows.

    given(intent(), attempted()).when(submit_unknown()).then(look(1))

shape   `given` folds observations and decisions alike with `evolve`; `when` advances by one
        observation; `then` compares the decisions, all of them, in order. Causation (time, cause,
        config, cycle, ordinal) is left out: what it is about has tests of its own
"""

from collections.abc import Iterable

import msgspec

from core.decide import advance
from core.events import Decision, Event, Observation, tag_of
from core.evolve import evolve
from core.state import INITIAL, State

CAUSATION = ("decided_at", "cause", "config", "cycle", "ordinal")


class Outcome:
    """What followed: the decisions, and the state behind them."""

    def __init__(self, state: State, decisions: list[Decision]) -> None:
        self.state = state
        self.decisions = decisions

    def then(self, *expected: Decision) -> "Outcome":
        """Exactly these decisions followed, in this order."""
        __tracebackhide__ = True
        decided, awaited = said(self.decisions), said(expected)
        assert decided == awaited
        return self

    def then_nothing(self) -> "Outcome":
        """Nothing followed."""
        __tracebackhide__ = True
        return self.then()

    def when(self, observation: Observation, strategy: type | None = None) -> "Outcome":
        """And then this is heard."""
        return Outcome(*advance(self.state, observation, strategy))


def given(*events: Event | Iterable[Event]) -> Outcome:
    """The state after `events`; a list among them stands for its events."""
    state = INITIAL
    for event in events:
        for one in (event,) if isinstance(event, msgspec.Struct) else event:
            state = evolve(state, one)  # type: ignore[arg-type]  # a struct here is an event
    return Outcome(state, [])


def said(decisions: Iterable[Decision]) -> list[dict[str, object]]:
    """What the decisions say, without their causation."""
    return [
        {
            "type": tag_of(decision),
            **{k: v for k, v in msgspec.to_builtins(decision).items() if k not in CAUSATION},
        }
        for decision in decisions
    ]
