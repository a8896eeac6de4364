"""`rebuild`: projections folded again from the journal, kept in their store, with their digests."""

import argparse
import contextlib
import tempfile
from collections.abc import Iterator
from pathlib import Path

from bin.cli.exits import Exit
from bin.cli.journals import read
from bin.cli.output import print_json, print_lines
from bin.cli.problems import CannotRunError
from bin.cli.progress import counting
from journal import Journal, parse_url
from projections.projection import Projection
from projections.registry import PROJECTIONS, named
from projections.source import Head, Source
from projections.store import IN_MEMORY, ProjectionStore, default_path


def rebuild(options: argparse.Namespace) -> int:
    """The named projections, or all."""
    try:
        projections = [named(name) for name in options.names] or list(PROJECTIONS)
    except (LookupError, ValueError) as error:
        raise CannotRunError(str(error.args[0])) from None
    journal = read(options)
    with contextlib.closing(journal), _store(options.journal, encrypted=journal.encrypted) as store:
        source = source_of(journal)
        rows = [
            _rebuilt(store, projection, source, show=not options.json) for projection in projections
        ]
    head = {"sequence": source.head.sequence, "chain": source.head.chain}
    if options.json:
        print_json({"projections": rows, "head": head, "kept": not journal.encrypted})
    else:
        print_lines(
            f"{row['name']:<14} v{row['version']}  {row['events']} events  {row['digest']}"
            for row in rows
        )
    return Exit.GOOD


def source_of(journal: Journal) -> Source:
    """The journal as the projections' store reads it."""
    found = journal.read_head()
    head = Head(found.sequence, found.chain)
    return Source(head=head, read=journal.events, chain_at=journal.chain_at)


def _rebuilt(
    store: ProjectionStore, projection: Projection, source: Source, *, show: bool
) -> dict[str, object]:
    """One projection, folded whole and swapped in."""
    with counting(projection.name, source.head.sequence, show=show) as progress:
        store.rebuild(projection, source, lambda done: progress(done.sequence))
    kept, digest = store.digest(projection.name)
    return {
        "name": projection.name,
        "version": projection.version,
        "events": kept.head.sequence,
        "digest": digest,
    }


@contextlib.contextmanager
def _store(url: str, *, encrypted: bool) -> Iterator[ProjectionStore]:
    """The store among the journal's side files; one in memory has one that is thrown away.

    Rows are plain text, so those of an encrypted journal are kept in this process's memory only.
    """
    path = parse_url(url).local
    with contextlib.ExitStack() as stack:
        if encrypted:
            place = Path(IN_MEMORY)
        elif path is None:
            folder = stack.enter_context(tempfile.TemporaryDirectory())
            place = Path(folder) / "projections"
        else:
            place = default_path(path)
            place.parent.mkdir(parents=True, exist_ok=True)
        yield stack.enter_context(ProjectionStore(place))
