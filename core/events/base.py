"""What every event is: a frozen struct with a literal tag, canonical or refused.

An **observation** is a fact from outside; a **decision** is what the core derived from one.
Every decision names its cause and the config in force (causation, DESIGN §2), the cycle it belongs
to (0 before the first) and its ordinal among all decisions of the journal, so its id is unique.
"""

from core.struct import Value
from core.values import TimeText


class Event(
    Value,
    frozen=True,
    kw_only=True,
    omit_defaults=True,
    gc=False,
    forbid_unknown_fields=True,
    tag_field="type",
):
    """Anything the journal holds. Concrete events add a literal tag, "order-submitted.v1"."""


class ObservationEvent(
    Event,
    frozen=True,
    kw_only=True,
    omit_defaults=True,
    gc=False,
    forbid_unknown_fields=True,
    tag_field="type",
):
    """A fact from outside, heard by the runner at `observed_at`, true at `source_time` if known."""

    observed_at: TimeText
    source_time: TimeText | None = None


class DecisionEvent(
    Event,
    frozen=True,
    kw_only=True,
    omit_defaults=True,
    gc=False,
    forbid_unknown_fields=True,
    tag_field="type",
):
    """What the core derived: from which observation, under which config, in which cycle."""

    decided_at: TimeText
    cause: str
    config: str
    cycle: int
    ordinal: int
