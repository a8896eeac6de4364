"""Reading projections for the command line: from the journal, now or as of any sequence."""

from collections.abc import Iterator

from core.events import Event
from journal import Journal
from projections.projection import Projection, Row, digest, fold_all


def events_of(journal: Journal, at: int | None) -> Iterator[tuple[int, Event]]:
    """(sequence, event) up to `at`, or all."""
    return journal.events(limit=at)


def view_of(journal: Journal, projection: Projection, at: int | None) -> tuple[list[Row], str]:
    """The rows of a projection as of a sequence, and their digest."""
    view = fold_all(projection, events_of(journal, at))
    rows = list(projection.rows(view))
    return rows, digest(rows)
