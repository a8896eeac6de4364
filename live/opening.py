"""From a configuration to a runner that may open its first cycle; what is refused is refused here.

order   read and check everything outside first (market files, strategy, signals), look at the
        journal without writing, then lock, then open it, or create the venue and then the journal;
        then say what is new: config, strategy, calendar
dies    before the journal's first commit: an empty journal file, an anchor at 0, a venue without
        orders or a lock may lie there; the next start takes them. A refusal removes what it made
"""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

from core.contract import Config
from core.cycle import order_tag
from journal import (
    Journal,
    JournalUrl,
    WriterLock,
    create_journal,
    open_journal,
    parse_url,
)
from journal.anchor import beside
from journal.codec import READER
from journal.errors import (
    AnchorMissingError,
    CommitUnknownError,
    DiskFullError,
    JournalError,
    JournalMissingError,
    LockedError,
    NewerJournalError,
)
from journal.recorded import newest_format
from live.brokers.base import Broker
from live.brokers.venue_settings import simulated_broker, venue_path
from live.committer import Committer, Listener
from live.encryption import refuse_other_kind
from live.feeds.errors import BadInputError
from live.inputs import Inputs, created_event
from live.resuming import resumed

ROOM_BYTES = 4 * 2**20
"""Less free than this and no journal is begun."""


@contextlib.contextmanager
def opened(
    inputs: Inputs,
    *,
    listener: Listener | None = None,
    accept_anchor_missing: bool = False,
    take_over: bool = False,
) -> Iterator[tuple[Committer, Broker]]:
    """The committer and the broker of a session, locked, and closed again whatever happens.

    With `take_over` a lock that is held does not stop it: its claim fences the other runner.
    """
    url = parse_url(inputs.config.journal)
    if not look_first(inputs, accept_anchor_missing=accept_anchor_missing):
        _refuse_full(url.local)
    with contextlib.ExitStack() as stack:
        with _without_traces(inputs.config, url.local) as made:
            if url.local is not None:
                _make_folder(url.local)
                if not _lock(stack, url, take_over=take_over):
                    made.clear()
            committer, broker = _opened(inputs, stack, listener, accept=accept_anchor_missing)
        yield committer, broker


def _lock(stack: contextlib.ExitStack, url: JournalUrl, *, take_over: bool) -> bool:
    """Whether the lock is ours."""
    try:
        stack.enter_context(WriterLock(url))
    except LockedError:
        if not take_over:
            raise
        return False
    return True


def look_first(inputs: Inputs, *, accept_anchor_missing: bool = False) -> bool:
    """Whether there is a journal, and a run may go on with it; looked at without writing.

    Everything that can be refused without a lock is refused here, so that it leaves nothing behind.
    """
    try:
        refuse_other_kind(inputs.config)
        journal = open_journal(inputs.config.journal, read_only=True, key=inputs.key)
    except JournalMissingError:
        return False
    with contextlib.closing(journal):
        problem = journal.anchor_error
        accepted = accept_anchor_missing and isinstance(problem, AnchorMissingError)
        if problem is not None and not accepted:
            raise problem
        _check_same_journal(inputs, journal)
    return True


def _opened(
    inputs: Inputs, stack: contextlib.ExitStack, listener: Listener | None, *, accept: bool
) -> tuple[Committer, Broker]:
    """The venue before a new journal, so that a venue that is refused leaves no journal behind."""
    try:
        refuse_other_kind(inputs.config)
        journal = open_journal(inputs.config.journal, accept_anchor_missing=accept, key=inputs.key)
    except JournalMissingError:
        created = created_event(inputs)
        broker = _broker(inputs, created.journal_id, stack)
        journal = create_journal(
            inputs.config.journal, created, recorded_at=created.observed_at, key=inputs.key
        )
        stack.callback(journal.close)
        return resumed(inputs.config, inputs.strategy, journal, stack, listener), broker
    stack.callback(journal.close)
    _check_same_journal(inputs, journal)
    broker = _broker(inputs, journal.journal_id, stack)
    return resumed(inputs.config, inputs.strategy, journal, stack, listener), broker


def _broker(inputs: Inputs, journal_id: str, stack: contextlib.ExitStack) -> Broker:
    """Who answers orders, closed with the session."""
    broker: Broker
    if inputs.real is None:
        broker = simulated_broker(inputs.config, journal_id)
    else:
        inputs.real.broker.tag = order_tag(journal_id)
        broker = inputs.real.broker
    stack.callback(broker.close)
    return broker


@contextlib.contextmanager
def _without_traces(config: Config, path: Path | None) -> Iterator[list[Path]]:
    """What an opening that is refused made is removed again: where nothing was, nothing stays.

    A journal that holds an event is never removed, nor is anything beside it. What it yields is
    what may be removed: to be cleared where another process holds the lock.
    """
    if path is None:
        yield []
        return
    venue = venue_path(config)
    made = [beside(path, suffix) for suffix in ("", "-wal", "-shm", ".anchor", ".lock")]
    made += [] if venue is None else [venue, beside(venue, "-wal"), beside(venue, "-shm")]
    made = [place for place in made if not place.exists()]
    folders = [folder for folder in path.absolute().parents if not folder.exists()]
    try:
        yield made
    except (CommitUnknownError, LockedError):
        raise
    except BaseException as error:
        with contextlib.suppress(JournalError):
            open_journal(config.journal, read_only=True).close()
            made[:] = [place for place in made if place.name == f"{path.name}.lock"]
        for place in made:
            with contextlib.suppress(OSError):
                place.unlink(missing_ok=True)
        for folder in folders:
            with contextlib.suppress(OSError):
                folder.rmdir()
        if isinstance(error, OSError):
            message = f"journal {path}: {error.strerror}; mend that, or choose another path"
            raise BadInputError(message) from None
        raise


def _check_same_journal(inputs: Inputs, journal: Journal) -> None:
    """A newer journal, or one of another name, mode or account, or without its venue, is refused.

    The venue's file is older than the journal's: a new one would know no order of ours.
    """
    created = journal.created
    for what, found_there, known in (
        ("its format", created.format, newest_format(encrypted=created.encrypted)),
        ("its min_reader", created.min_reader, READER),
    ):
        if found_there > known:
            raise NewerJournalError(journal.url.where, what, found=found_there, known=known)
    config = inputs.config
    asked = (config.name, str(config.mode), inputs.account_hash)
    found = (created.name, created.mode, created.account_hash)
    if asked != found:
        message = (
            f"journal {journal.url}: expected name {asked[0]}, mode {asked[1]} and its account, "
            f"found name {found[0]}, mode {found[1]}; set name and mode, or use another journal"
        )
        raise BadInputError(message)
    place = venue_path(config) if inputs.real is None else None
    if journal.head.sequence > 1 and place is not None and not place.exists():
        message = (
            f"{place}: expected the venue's file of this journal, found none; put it back "
            "(orders and positions at the venue are in it), or begin a new journal"
        )
        raise BadInputError(message)


def _refuse_full(path: Path | None) -> None:
    """A new journal, its venue and its first commit need room before anything of them is made."""
    if path is None:
        return
    folder = next(folder for folder in path.absolute().parents if folder.exists())
    found = os.statvfs(folder)
    if found.f_bavail * found.f_frsize < ROOM_BYTES:
        raise DiskFullError(str(path), f"less than {ROOM_BYTES >> 20} MiB is free")


def _make_folder(path: Path) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        message = (
            f"journal {path}: its folder cannot be made: {error.strerror}; choose another path"
        )
        raise BadInputError(message) from None
