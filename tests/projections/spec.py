"""The words of these tests: fold these events, look at the rows."""

from core.events import Event
from projections.projection import Projection, Row, fold_all
from tests.build import numbered


def rows_of(projection: Projection, *events: Event) -> list[Row]:
    """The rows of `projection` after `events`."""
    return list(projection.rows(fold_all(projection, numbered(events))))


def only(projection: Projection, *events: Event) -> Row:
    """The one row of `projection` after `events`."""
    rows = rows_of(projection, *events)
    assert len(rows) == 1, rows
    return rows[0]


def cells(row: Row, *names: str) -> tuple[object, ...]:
    """Some cells of a row."""
    return tuple(row[name] for name in names)
