"""The worlds the protocol is proven in, the mutants that must fail there, what must be met.

A mutant has a number in submission.pml; each takes one rule of the protocol away.
"""

from typing import NamedTuple

from tests.model.checker import World

TAKEN_OVER = World("taken over", slots=2, crashes=0)
COPIES = World("died, copied", crashes=2, doubles=1)
ODD = World("odd broker", crashes=1, oddities=1)
HALTED = World("halted", crashes=1, halts=1)
RESTORED = World("restored", runners=1, slots=2, crashes=1, restores=1)
ALONE = World("alone", runners=1, slots=2, crashes=0)
WORLDS = (ALONE, TAKEN_OVER, COPIES, ODD, HALTED, RESTORED)
"""Searched whole in bin/test."""

ENDING = World("every doubt ends", runners=1, crashes=1, oddities=1, halts=1)
"""Searched for a doubt without an end: that takes some twenty times as long a state."""

LARGE = (
    World("taken over, died", slots=2, crashes=1),
    World("died, copied, odd, halted", crashes=2, doubles=1, oddities=1, halts=1),
    World("restored, odd, halted, copied", 1, 1, 1, 1, 1, 1, 1),
)
"""Searched by `python -m tests.model --full`."""


class Mutant(NamedTuple):
    """A rule taken away, in a world that shows it."""

    name: str
    says: str
    world: World


MUTANTS = (
    Mutant("FRESH_ID", "a fresh id per attempt", COPIES),
    Mutant("SEND_FIRST", "sent before the intent is durable", TAKEN_OVER),
    Mutant("DUPLICATE_REFUSED", "422 for a known id read as a refusal", COPIES),
    Mutant("ABSENT_AT_ONCE", "404 read as absent at once", COPIES),
    Mutant("NO_SETTLING", "looks, but no settling time", COPIES),
    Mutant("NO_ORPHAN_WATCH", "orders given up are not watched", TAKEN_OVER),
    Mutant("NO_ANCHOR", "a journal rolled back behind its anchor is taken", RESTORED),
    Mutant("NO_MEMBERSHIP", "orders of ours unknown to the journal are passed over", RESTORED),
    Mutant("SETTLED_WHEN_HEARD", "a look asked for too early counts when it is heard", COPIES),
    Mutant("FORGOTTEN_ATTEMPTS", "a start asks about no attempt without an answer", COPIES),
    Mutant("UNKNOWN_UNBLOCKED", "an open order does not block its symbol", ALONE),
    Mutant("SAME_WORD_SILENT", "an order given up comes back with the word it went with", ODD),
)

MARKS = {
    1: "a start refused by the anchor",
    2: "an order of ours that the journal does not know halts everything",
    3: "a copy taken of a request that was refused",
    4: "a paused runner's order taken after it was proven absent",
    5: "a paused runner's order taken before that",
    6: "a known id told",
    7: "rest",
    8: "an order given up while it came too late",
    9: "an orphan canceled",
}
"""What the worlds together must have met, by its SEEN in submission.pml."""
