"""The words of the core's specification: given these events, when this is heard, then that follows.

    given(intent(), attempted()).when(submit_unknown()).then(look(1))

shape   `given` folds observations and decisions alike with `evolve`; `when` advances by one
        observation; `then` compares the decisions, all of them, in order. Causation (time, cause,
        config, cycle, ordinal) is left out: what it is about has tests of its own
"""

from collections.abc import Iterable, Sequence

import msgspec

from core.decide import advance
from core.events import Decision, tag_of
from core.events.base import DecisionEvent, Event, ObservationEvent
from core.evolve import evolve
from core.state import INITIAL, State

CAUSATION = ("decided_at", "cause", "config", "cycle", "ordinal")


class Outcome:
    """What followed: the decisions, and the state behind them."""

    def __init__(self, state: State, decisions: Sequence[Decision]) -> None:
        self.state = state
        self.decisions = decisions

    def then(self, *expected: DecisionEvent) -> "Outcome":
        """Exactly these decisions followed, in this order."""
        __tracebackhide__ = True
        decided, awaited = said(self.decisions), said(expected)
        assert decided == awaited
        return self

    def then_nothing(self) -> "Outcome":
        """Nothing followed."""
        __tracebackhide__ = True
        return self.then()

    def when(self, observation: ObservationEvent, strategy: type | None = None) -> "Outcome":
        """And then this is heard."""
        state, decisions = advance(self.state, observation, strategy)  # type: ignore[arg-type]
        return Outcome(state, decisions)


def given(*events: Event | Iterable[Event]) -> Outcome:
    """The state after `events`; a list among them stands for its events."""
    state = INITIAL
    for event in events:
        for one in (event,) if isinstance(event, Event) else event:
            state = evolve(state, one)  # type: ignore[arg-type]  # of the union
    return Outcome(state, [])


def said(decisions: Iterable[DecisionEvent]) -> list[dict[str, object]]:
    """What the decisions say, without their causation."""
    return [
        {
            "type": tag_of(decision),
            **{k: v for k, v in msgspec.to_builtins(decision).items() if k not in CAUSATION},
        }
        for decision in decisions
    ]
