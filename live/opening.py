"""From a configuration to a runner that may open its first cycle; what is refused is refused here.

order   read and check everything outside first (market files, strategy, signals), look at the
        journal without writing, then lock, then open it, or create the venue and then the journal;
        then say what is new: config, strategy, calendar
dies    before the journal's first commit: an empty journal file, an anchor at 0, a venue without
        orders or a lock may lie there; the next start takes them. A refusal removes what it made
"""

import contextlib
import os
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import NamedTuple

from core.canonical import sha256_hex
from core.config import config_hash, flatten
from core.contract import Config
from core.events import (
    CalendarObserved,
    ConfigSnapshot,
    JournalCreated,
    Observation,
    RunnerStarted,
    Session,
    Setting,
    StrategyLoaded,
)
from core.rules import RULES
from core.sim.market import DEFAULT_SYMBOLS
from core.sim.types import FaultRates, VenueParameters
from core.state import State
from core.values import TimeText
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
from journal.genesis import journal_id_from_name
from journal.master_key import MasterKey
from journal.recorded import newest_format
from live.brokers.simulated import SimulatedBroker
from live.committer import Committer, Listener
from live.encryption import needed_key, refuse_other_kind
from live.feeds.base import Feed
from live.feeds.csv_file import CsvFeed
from live.feeds.errors import BadInputError
from live.feeds.signals import SignalFeed
from live.feeds.simulated import SimulatedFeed
from live.strategy_files import load_strategy

MIN_READER = 1
"""The oldest rules that may trade on a journal this release creates."""

ROOM_BYTES = 4 * 2**20
"""Less free than this and no journal is begun."""


class Inputs(NamedTuple):
    """What a session reads from outside, checked, before any journal is touched."""

    config: Config
    feed: Feed
    signals: SignalFeed | None
    sessions: tuple[str, tuple[Session, ...]]
    loaded: StrategyLoaded
    strategy: type
    flat: dict[str, Setting]
    key: MasterKey | None


def read_inputs(config: Config, key: MasterKey | None = None) -> Inputs:
    """The market, the signals and the strategy of `config`; symbols resolved against the market.

    `key` is the master key; it is kept only where the journal is, or is to be, encrypted.
    """
    key = needed_key(config, key)
    venue_parameters(config)
    feed = make_feed(config)
    unknown = sorted(set(config.symbols) - set(feed.symbols))
    if unknown:
        message = (
            f"symbols: expected symbols of the market {feed.name}, found {', '.join(unknown)}; "
            f"it has {', '.join(feed.symbols[:12])}"
        )
        raise BadInputError(message)
    signals = SignalFeed(config.market.signals.partition(":")[2]) if config.market.signals else None
    sessions = feed.calendar()
    loaded, strategy = load_strategy(
        config.strategy.target,
        config.strategy.name,
        sessions[1][0].open,
        store_source=config.strategy.store_source,
    )
    extra: dict[str, Setting] = {
        "market.data_sha256": feed.data_hash,
        "strategy.source_sha256": loaded.source_hash,
        "strategy.class": loaded.class_name,
    }
    if signals is not None:
        extra["signals.data_sha256"] = signals.data_hash
    flat = flatten(config, extra)
    flat["symbols"] = tuple(config.symbols) or tuple(feed.symbols)
    return Inputs(config, feed, signals, sessions, loaded, strategy, flat, key)


def make_feed(config: Config) -> Feed:
    """The market the configuration names."""
    if config.market.kind == "csv":
        return CsvFeed(config.market.source.partition(":")[2])
    return SimulatedFeed(
        seed=config.seed,
        symbols=config.symbols or DEFAULT_SYMBOLS,
        first_day=config.market.first_day,
        days=config.market.days,
    )


@contextlib.contextmanager
def opened(
    inputs: Inputs,
    *,
    listener: Listener | None = None,
    accept_anchor_missing: bool = False,
    take_over: bool = False,
) -> Iterator[tuple[Committer, SimulatedBroker]]:
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
        _check_same_journal(inputs.config, journal)
    return True


def _opened(
    inputs: Inputs, stack: contextlib.ExitStack, listener: Listener | None, *, accept: bool
) -> tuple[Committer, SimulatedBroker]:
    """The venue before a new journal, so that a venue that is refused leaves no journal behind."""
    config = inputs.config
    try:
        refuse_other_kind(config)
        journal = open_journal(config.journal, accept_anchor_missing=accept, key=inputs.key)
    except JournalMissingError:
        broker = _broker(config, journal_id_from_name(config.name))
        stack.callback(broker.close)
        journal = _create(inputs)
        stack.callback(journal.close)
        return Committer(journal, inputs.strategy, listener), broker
    stack.callback(journal.close)
    _check_same_journal(config, journal)
    broker = _broker(config, journal.journal_id)
    stack.callback(broker.close)
    return Committer(journal, inputs.strategy, listener), broker


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
            open_journal(config.journal, read_only=True, sealed=True).close()
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


def started(config: Config, at: Callable[[], TimeText]) -> Callable[[int], RunnerStarted]:
    """The claim of an epoch; in sim it names no machine."""
    return lambda epoch: RunnerStarted(observed_at=at(), epoch=epoch, seed=config.seed)


def what_is_new(inputs: Inputs, state: State) -> list[Observation]:
    """Config, strategy and calendar, where they differ from what the journal has in force."""
    now = max(inputs.sessions[1][0].open, state.now)
    new: list[Observation] = []
    digest = config_hash(inputs.flat)
    in_force = state.config_hash if state.next_config is None else state.next_config[2]
    if (in_force, state.rules) != (digest, RULES):
        new.append(
            ConfigSnapshot(observed_at=now, config=inputs.flat, config_hash=digest, rules=RULES)
        )
    facts = state.strategy
    loaded = inputs.loaded
    if facts is None or (facts.name, facts.source_hash) != (loaded.name, loaded.source_hash):
        new.append(
            StrategyLoaded(
                observed_at=now,
                name=loaded.name,
                class_name=loaded.class_name,
                entry=loaded.entry,
                sources=loaded.sources,
                source_hash=loaded.source_hash,
                window=loaded.window,
            )
        )
    source, sessions = inputs.sessions
    known = {session.date: session for session in state.sessions}
    if any(known.get(session.date) != session for session in sessions):
        new.append(CalendarObserved(observed_at=now, source=source, sessions=sessions))
    return new


def created_event(inputs: Inputs) -> JournalCreated:
    """Sequence 1 of a new journal."""
    config = inputs.config
    return JournalCreated(
        observed_at=inputs.sessions[1][0].open,
        journal_id=journal_id_from_name(config.name),
        name=config.name,
        mode=str(config.mode),
        account_hash=account_hash(config),
        encrypted=config.encrypted,
        format=newest_format(encrypted=config.encrypted),
        min_reader=MIN_READER,
    )


def _create(inputs: Inputs) -> Journal:
    created = created_event(inputs)
    return create_journal(
        inputs.config.journal, created, recorded_at=created.observed_at, key=inputs.key
    )


def account_hash(config: Config) -> str:
    """The account a journal is bound to, as a hash; the simulated one is named by the journal."""
    return sha256_hex(f"refold/account/v1:{config.broker.kind}:{config.name}".encode())


def _check_same_journal(config: Config, journal: Journal) -> None:
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
    asked = (config.name, str(config.mode), account_hash(config))
    found = (created.name, created.mode, created.account_hash)
    if asked != found:
        message = (
            f"journal {journal.url}: expected name {asked[0]}, mode {asked[1]} and its account, "
            f"found name {found[0]}, mode {found[1]}; set name and mode, or use another journal"
        )
        raise BadInputError(message)
    place = venue_path(config)
    if journal.head.sequence > 1 and place is not None and not place.exists():
        message = (
            f"{place}: expected the venue's file of this journal, found none; put it back "
            "(orders and positions at the venue are in it), or begin a new journal"
        )
        raise BadInputError(message)


def venue_path(config: Config) -> Path | None:
    """The simulated venue's file: as set, else beside the journal's side files; None in memory."""
    if config.broker.venue:
        return Path(config.broker.venue)
    path = parse_url(config.journal).local
    return None if path is None else beside(path, ".venue")


def _broker(config: Config, journal_id: str) -> SimulatedBroker:
    return SimulatedBroker(venue_path(config), venue_parameters(config), journal_id)


def venue_parameters(config: Config) -> VenueParameters:
    """What the simulated venue is like, from the [broker] and [rate] settings."""
    broker = config.broker
    rates = {name: Decimal(getattr(broker, name)) for name in FaultRates.__struct_fields__}
    try:
        return VenueParameters(
            seed=config.seed,
            cash=Decimal(broker.cash),
            multiplier=Decimal(broker.buying_power_multiplier),
            requests_per_minute=config.rate.per_minute,
            rates=FaultRates(**rates),
            script=_script(broker.script),
        )
    except ValueError as error:
        raise BadInputError(f"broker.script: {error}") from None


def _script(text: str) -> dict[str, str]:
    """The faults of "#3=reject,AAPL#2=lost_answer" by the order they are for."""
    script: dict[str, str] = {}
    for part in filter(None, (piece.strip() for piece in text.split(","))):
        key, equals, fault = part.partition("=")
        if not equals or key in script:
            message = f"broker.script: expected WHICH=FAULT once each, found {part!r}"
            raise BadInputError(message)
        script[key] = fault
    return script


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
