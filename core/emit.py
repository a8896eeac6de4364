"""Decisions being made: each gets its cause, config, cycle and ordinal, and is folded at once.

Folding each decision before the next is made lets a cycle's later orders see its earlier ones, by
the same `evolve` that replay uses.
"""

from typing import TypeVar

from core.canonical import content_id
from core.events import Decision, Observation
from core.events.base import DecisionEvent
from core.evolve import evolve
from core.state import State

D = TypeVar("D", bound=DecisionEvent)


class Emitter:
    """Collects the decisions an observation causes; `state` is always after all of them."""

    def __init__(self, state: State, observation: Observation) -> None:
        """`state` is the state after `observation`."""
        self.state = state
        self.decisions: list[Decision] = []
        self._observation = observation
        self._cause = ""

    def __call__(self, kind: type[D], /, **fields: object) -> D:
        """Make a decision of `kind` and fold it."""
        state = self.state
        self._cause = self._cause or content_id(self._observation)
        decision = kind(
            decided_at=state.now,
            cause=self._cause,
            config=state.config_id,
            cycle=0 if state.cycle is None else state.cycle.number,
            ordinal=state.decisions,
            **fields,
        )
        # every concrete kind of decision is one of the union
        self.decisions.append(decision)  # type: ignore[arg-type]
        self.state = evolve(state, decision)  # type: ignore[arg-type]
        return decision
