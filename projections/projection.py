"""What a projection is: a name, a version, one small fold, and how its rows are shown.

shape   `evolve(view, sequence, event) -> view`, `row(view, key) -> row`, rows in the order of the
        keys of the kind that is shown; a row's cells are text, integers, booleans, None, and
        tables of counts or of decimal text
law     folding the same events, in one piece or in any parts, gives the same rows
digest  sha256 of the rows' canonical bytes (core.canonical), each followed by a line feed:
        `sha256sum` of the rows as JSON lines gives the same
"""

import hashlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from core.canonical import canonical_bytes
from core.events import Event
from projections.view import View

Cell = str | int | bool | dict[str, int] | dict[str, str] | None
Row = dict[str, Cell]


@dataclass(frozen=True, kw_only=True)
class Projection:
    """A fold of the journal that is kept as rows.

    `version` is raised with every change of `evolve`, of a record, or of a row: what is kept
    under another version is rebuilt. `shown` names the kind of record each row is made of.
    `restless` rows change with time itself, so all of them are made anew at every commit: they
    must be few.
    """

    name: str
    version: int
    evolve: Callable[[View, int, Event], View]
    shown: str
    row: Callable[[View, str], Row | None]
    restless: bool = False

    def empty(self) -> View:
        """The fold of no events."""
        return View()

    def rows(self, view: View) -> Iterator[Row]:
        """All rows of `view`, in their order."""
        for key in view.keys(self.shown):
            row = self.row(view, key)
            if row is not None:
                yield row


def fold_all(projection: Projection, events: Iterable[tuple[int, Event]]) -> View:
    """The view of `projection` after `events`, in memory."""
    view = projection.empty()
    for sequence, event in events:
        view = projection.evolve(view, sequence, event)
    return view


def digest(rows: Iterable[Row]) -> str:
    """sha256 over the canonical bytes of `rows`, a line feed after each, lower-case hex."""
    return digest_of_lines(canonical_bytes(row) for row in rows)


def digest_of_lines(lines: Iterable[bytes]) -> str:
    """The digest of rows that are canonical bytes already."""
    total = hashlib.sha256()
    for line in lines:
        total.update(line)
        total.update(b"\n")
    return total.hexdigest()
