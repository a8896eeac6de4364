"""Where projections are kept: a SQLite file beside the journal, which can be thrown away.

shape   table `projection`: name -> the generation that is served, and the head it was folded to
        table `building`: generations that are being built, and nobody reads
        table `record`: (name, generation, kind, key) -> what the fold keeps, JSON
        table `line`: (name, generation, key) -> the row that is shown, canonical JSON
rules   Records, rows and the head they belong to change in one transaction, so a process may die
        on any line: what is read afterwards is a fold of some head, and says of which.
        A rebuild writes a generation of its own, in as many transactions as it needs; the last
        one names it the served one. Until then the old generation is served.
        What is kept is used only if its version is this release's, and the journal still has the
        chain hash at its sequence; else it is rebuilt. A gap in the events is refused.
errors  `StoreError`: the file is not a store, or somebody else writes it; the mend is in its text
"""

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self

import msgspec

from core.canonical import canonical_bytes
from core.events import Event
from projections.projection import Projection, Row, digest_of_lines
from projections.source import (
    Head,
    Kept,
    Progress,
    Source,
    StoreError,
    batches,
    evolved,
    stands_on,
    without_gap,
)
from projections.view import View

APPLICATION_ID = 0x7266706A
"""Marks the file as a store of ours; no other file is ever changed."""
FORMAT = 1
"""`user_version` of the file; a store of another one is emptied, for it can be made anew."""
HELD_MAX = 20_000
"""Records a view keeps in memory; above it what is written is forgotten and read again."""
BUSY_TIMEOUT_S = 10.0
IN_MEMORY = ":memory:"
"""A store's path whose rows never reach a disk, not as temporary files either."""

_TABLES = """
create table projection (name text primary key, version integer not null,
    generation integer not null, sequence integer not null, chain text not null);
create table building (generation integer primary key autoincrement, name text not null);
create table record (name text, generation integer, kind text, key text, record blob not null,
    primary key (name, generation, kind, key)) without rowid;
create table line (name text, generation integer, key text, row text not null,
    primary key (name, generation, key)) without rowid;
"""


def default_path(journal_path: Path) -> Path:
    """The store of a journal in a file: `<journal>.projections`."""
    return journal_path.with_name(journal_path.name + ".projections")


class _Generation:
    """One generation of one projection in the tables: the backing of a view."""

    def __init__(self, database: sqlite3.Connection, name: str, generation: int) -> None:
        self._database = database
        self.name = name
        self.generation = generation

    def load(self, kind: str, key: str) -> bytes | None:
        """The stored record, or None."""
        found = self._database.execute(
            "select record from record where name=? and generation=? and kind=? and key=?",
            (self.name, self.generation, kind, key),
        ).fetchone()
        return None if found is None else bytes(found[0])

    def stored_keys(self, kind: str) -> Iterator[str]:
        """The keys of all stored records of a kind."""
        rows = self._database.execute(
            "select key from record where name=? and generation=? and kind=?",
            (self.name, self.generation, kind),
        )
        return (str(key) for (key,) in rows)

    def write(self, projection: Projection, view: View) -> None:
        """Put what changed in `view` into the tables, and the rows it changes."""
        place = (self.name, self.generation)
        changed = view.take_changed()
        for kind, records in changed.items():
            gone = [(*place, kind, key) for key, record in records.items() if record is None]
            put = [
                (*place, kind, key, msgspec.json.encode(record))
                for key, record in records.items()
                if record is not None
            ]
            self._database.executemany(
                "delete from record where name=? and generation=? and kind=? and key=?", gone
            )
            self._database.executemany("insert or replace into record values (?,?,?,?,?)", put)
        shown = set(changed.get(projection.shown, ()))
        if projection.restless:
            shown.update(view.keys(projection.shown))
        for key in sorted(shown):
            row = projection.row(view, key)
            if row is None:
                self._database.execute(
                    "delete from line where name=? and generation=? and key=?", (*place, key)
                )
            else:
                self._database.execute(
                    "insert or replace into line values (?,?,?,?)",
                    (*place, key, canonical_bytes(row).decode()),
                )
        if view.held() > HELD_MAX:
            view.forget()


class ProjectionStore:
    """The kept projections of one journal. One writer at a time; readers never wait for it."""

    def __init__(self, path: Path | str) -> None:
        """Open the store at `path`, or make an empty one."""
        self.path = Path(path)
        self._views: dict[str, tuple[Kept, _Generation, View]] = {}
        try:
            self._database = sqlite3.connect(
                self.path, timeout=BUSY_TIMEOUT_S, isolation_level=None
            )
        except sqlite3.Error as error:
            raise self._refusal(error) from error
        try:
            self._prepare()
        except sqlite3.Error as error:
            self._database.close()
            raise self._refusal(error) from error
        except BaseException:
            self._database.close()
            raise

    def __enter__(self) -> Self:
        """The store itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close it."""
        self.close()

    def close(self) -> None:
        """Close the file; what was not committed is not there."""
        self._database.close()

    def kept(self, name: str) -> Kept | None:
        """What is served of the projection `name`; None where nothing is."""
        found = self._database.execute(
            "select version, generation, sequence, chain from projection where name=?", (name,)
        ).fetchone()
        if found is None:
            return None
        version, generation, sequence, chain = found
        return Kept(name, version, generation, Head(sequence, chain))

    @contextmanager
    def lines(self, name: str) -> Iterator[tuple[Kept, Iterator[bytes]]]:
        """What is served, and its rows as canonical bytes, of one moment, however long it takes."""
        with self._transaction("deferred"):
            kept = self.kept(name)
            if kept is None:
                message = f"projection {name}: nothing is kept in {self.path}; run bin/rebuild"
                raise StoreError(message)
            rows = self._database.execute(
                "select row from line where name=? and generation=? order by key",
                (name, kept.generation),
            )
            yield kept, (str(line).encode() for (line,) in rows)

    def rows(self, name: str) -> tuple[Kept, list[Row]]:
        """What is served, and all its rows."""
        with self.lines(name) as (kept, lines):
            return kept, [msgspec.json.decode(line) for line in lines]

    def digest(self, name: str) -> tuple[Kept, str]:
        """What is served, and the digest of its rows."""
        with self.lines(name) as (kept, lines):
            return kept, digest_of_lines(lines)

    def append(
        self,
        projections: Sequence[Projection],
        events: Sequence[tuple[int, Event]],
        head: Head,
    ) -> None:
        """Fold what the journal has just committed into all `projections`, in one transaction.

        What one of them has folded before is passed over.
        errors  `StoreError` where one of them lacks events before these: `catch_up` then
        """
        with self._transaction("immediate"):
            for projection in projections:
                kept = self.kept(projection.name)
                if kept is None or kept.version != projection.version:
                    message = f"projection {projection.name}: nothing of version "
                    message += f"{projection.version} is kept in {self.path}; catch up first"
                    raise StoreError(message)
                if kept.head.sequence < head.sequence:
                    new = [item for item in events if item[0] > kept.head.sequence]
                    self._fold(projection, kept, new, head)

    def catch_up(
        self,
        projection: Projection,
        source: Source,
        progress: Callable[[Progress], None] | None = None,
    ) -> Kept:
        """Bring the projection to the journal's head: fold the tail, or rebuild if it must be."""
        kept = self.kept(projection.name)
        if kept is None or kept.version != projection.version or not stands_on(kept, source):
            return self.rebuild(projection, source, progress)
        if kept.head.sequence >= source.head.sequence:
            return kept
        for events, head in batches(source, kept.head.sequence):
            with self._transaction("immediate"):
                self._fold(projection, self._still(kept), events, head)
            kept = kept._replace(head=head)
            if progress is not None:
                progress(Progress(projection.name, head.sequence, source.head.sequence))
        return kept

    def rebuild(
        self,
        projection: Projection,
        source: Source,
        progress: Callable[[Progress], None] | None = None,
    ) -> Kept:
        """Fold the whole journal beside what is served, then serve that, at once."""
        name = projection.name
        building = self._begin(name)
        view = View(building)
        for events, head in batches(source, 0):
            view = evolved(projection, view, events)
            with self._transaction("immediate"):
                self._must_be_building(building)
                building.write(projection, view)
            if progress is not None:
                progress(Progress(name, head.sequence, source.head.sequence))
        kept = Kept(name, projection.version, building.generation, source.head)
        with self._transaction("immediate"):
            self._must_be_building(building)
            self._serve(kept)
            self._database.execute("delete from building where name=?", (name,))
        self._views[name] = (kept, building, view)
        self._remove_unserved(name)
        return kept

    # -- one fold

    def _fold(
        self,
        projection: Projection,
        kept: Kept,
        events: Sequence[tuple[int, Event]],
        head: Head,
    ) -> None:
        """Fold `events` into what is served, inside the caller's transaction."""
        cached = self._views.pop(projection.name, None)
        if cached is not None and cached[0] == kept:
            _, generation, view = cached
        else:
            generation = _Generation(self._database, projection.name, kept.generation)
            view = View(generation)
        view = evolved(projection, view, without_gap(events, kept.head.sequence, head))
        generation.write(projection, view)
        moved = kept._replace(head=head)
        self._serve(moved)
        self._views[projection.name] = (moved, generation, view)

    def _serve(self, kept: Kept) -> None:
        self._database.execute(
            "insert or replace into projection values (?,?,?,?,?)",
            (kept.name, kept.version, kept.generation, *kept.head),
        )

    def _still(self, kept: Kept) -> Kept:
        if self.kept(kept.name) != kept:
            message = f"projection {kept.name}: another process wrote {self.path}; catch up again"
            raise StoreError(message)
        return kept

    # -- generations

    def _begin(self, name: str) -> _Generation:
        """A generation of its own; what an earlier rebuild left, dead or alive, is given up."""
        with self._transaction("immediate"):
            self._database.execute("delete from building where name=?", (name,))
            begun = self._database.execute("insert into building (name) values (?)", (name,))
            generation = begun.lastrowid
        assert generation is not None
        self._remove_unserved(name)
        return _Generation(self._database, name, generation)

    def _must_be_building(self, building: _Generation) -> None:
        found = self._database.execute(
            "select 1 from building where generation=?", (building.generation,)
        ).fetchone()
        if found is None:
            message = f"projection {building.name}: another rebuild began in {self.path}; "
            message += "let that one finish"
            raise StoreError(message)

    def _remove_unserved(self, name: str) -> None:
        """Delete the generations that are neither served nor being built."""
        with self._transaction("immediate"):
            for table in ("record", "line"):
                self._database.execute(
                    f"delete from {table} where name=?1 and generation not in "  # noqa: S608
                    "(select generation from projection where name=?1 "
                    "union select generation from building where name=?1)",
                    (name,),
                )

    # -- the file

    def _prepare(self) -> None:
        """A store of this format, or `StoreError` for a file that is something else."""
        if self._pragma("application_id") != APPLICATION_ID:
            if self._names("table", "index", "view"):
                message = f"projections {self.path}: expected a store of projections, found "
                message += "another database; give the store a path of its own"
                raise StoreError(message)
        elif self._pragma("user_version") == FORMAT:
            self._tune()
            return
        self._tune()
        with self._transaction("immediate"):
            if self._pragma("user_version") == FORMAT:
                return
            for table in self._names("table"):
                self._database.execute(f'drop table "{table}"')
            for statement in _TABLES.split(";"):
                self._database.execute(statement)
            self._database.execute(f"pragma application_id={APPLICATION_ID}")
            self._database.execute(f"pragma user_version={FORMAT}")

    def _tune(self) -> None:
        if str(self.path) == IN_MEMORY:
            self._database.execute("pragma temp_store=memory")
            return
        self._database.execute("pragma journal_mode=wal")
        # A lost tail is folded again; WAL keeps the file whole without a sync a commit.
        self._database.execute("pragma synchronous=normal")

    def _pragma(self, name: str) -> int:
        (value,) = self._database.execute(f"pragma {name}").fetchone()
        return int(value)

    def _names(self, *types: str) -> list[str]:
        found = self._database.execute("select type, name from sqlite_master").fetchall()
        return [name for type_, name in found if type_ in types and name[:7] != "sqlite_"]

    def _refusal(self, error: sqlite3.Error) -> StoreError:
        message = f"projections {self.path}: {error}; free the file, or remove it: "
        return StoreError(message + "bin/rebuild makes it anew from the journal")

    @contextmanager
    def _transaction(self, kind: str) -> Iterator[None]:
        """All or nothing. A view that folded an undone one is at no served head: never used."""
        try:
            self._database.execute(f"begin {kind}")
            try:
                yield
                self._database.execute("commit")
            except BaseException:
                if self._database.in_transaction:
                    self._database.execute("rollback")
                raise
        except sqlite3.Error as error:
            raise self._refusal(error) from error
