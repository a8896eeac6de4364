"""The journal as projections read it: a head, the events behind a sequence, the chain at one.

why     projections do not import the journal: whoever has one hands it over in this form
errors  `StoreError` where the events have a gap or end early: a fold of them would be a wrong one
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from core.events import Event
from projections.projection import Projection
from projections.view import View

BATCH = 2_000
"""Events folded in one transaction of a rebuild or a catch-up."""


class StoreError(Exception):
    """The store cannot be used as it is; the text says what to do."""


class Head(NamedTuple):
    """A place in the journal: the sequence, and the chain hash at it."""

    sequence: int
    chain: str


class Kept(NamedTuple):
    """What is served of a projection: under which version, folded to which head."""

    name: str
    version: int
    generation: int
    head: Head


@dataclass(frozen=True, kw_only=True)
class Source:
    """The journal as the store reads it.

    `read(after)`: the events behind a sequence, in order, up to `head` at least.
    `chain_at(sequence)`: the chain hash there, None where the journal is shorter.
    """

    head: Head
    read: Callable[[int], Iterable[tuple[int, Event]]]
    chain_at: Callable[[int], str | None]


class Progress(NamedTuple):
    """How far a fold is: the sequence reached, and the one it goes to."""

    name: str
    sequence: int
    last: int


def stands_on(kept: Kept, source: Source) -> bool:
    """Whether the journal still holds, at the kept sequence, the chain that was folded."""
    return kept.head.sequence == 0 or source.chain_at(kept.head.sequence) == kept.head.chain


def batches(source: Source, after: int) -> Iterator[tuple[list[tuple[int, Event]], Head]]:
    """The events behind `after` up to the head, in batches, with the head each leads to."""
    batch: list[tuple[int, Event]] = []
    expected = after + 1
    for sequence, event in source.read(after):
        if sequence > source.head.sequence:
            break
        if sequence != expected:
            message = f"journal: expected sequence {expected}, found {sequence}"
            raise StoreError(message + "; run bin/refold verify")
        expected += 1
        batch.append((sequence, event))
        if len(batch) == BATCH and sequence < source.head.sequence:
            yield batch, _head_at(source, sequence)
            batch = []
    if expected != source.head.sequence + 1:
        message = f"journal: expected events up to {source.head.sequence}, found {expected - 1}"
        raise StoreError(message + "; run bin/refold verify")
    if batch:
        yield batch, source.head


def _head_at(source: Source, sequence: int) -> Head:
    chain = source.chain_at(sequence)
    if chain is None:
        message = f"journal: expected a chain hash at sequence {sequence}, found none"
        raise StoreError(message + "; run bin/refold verify")
    return Head(sequence, chain)


def without_gap(
    events: Sequence[tuple[int, Event]], after: int, head: Head
) -> Sequence[tuple[int, Event]]:
    """`events`, if they are all of those behind `after` up to `head`."""
    found = [sequence for sequence, _ in events]
    if found != list(range(after + 1, head.sequence + 1)):
        message = f"projection folded to {after}: expected the events {after + 1} to "
        message += f"{head.sequence}, found {found[:1]} to {found[-1:]}; catch up first"
        raise StoreError(message)
    return events


def evolved(projection: Projection, view: View, events: Sequence[tuple[int, Event]]) -> View:
    """`view` after `events`."""
    for sequence, event in events:
        view = projection.evolve(view, sequence, event)
    return view
