"""What a session takes from outside, read and checked before any journal is touched.

shape   `read_inputs(config)` -> `Inputs`; `what_is_new(inputs, state)` -> the observations by which
        it differs from what the journal has in force
errors  `BadInputError`: a market, a signal file or a strategy that cannot be read, by name
"""

import contextlib
from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple
from uuid import uuid4

from core.canonical import sha256_hex
from core.config import config_hash, flatten
from core.contract import BrokerKind, Config
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
from core.state import State
from core.values import TimeText
from journal import open_journal
from journal.errors import JournalError, JournalMissingError
from journal.genesis import journal_id_from_name
from journal.master_key import MasterKey
from journal.recorded import newest_format
from live.brokers.venue_settings import venue_parameters
from live.encryption import needed_key
from live.feeds.base import Feed
from live.feeds.csv_file import CsvFeed
from live.feeds.errors import BadInputError
from live.feeds.signals import SignalFeed
from live.feeds.simulated import SimulatedFeed
from live.refused import refused_keys
from live.secrets import Secrets
from live.strategy_files import load_strategy

if TYPE_CHECKING:
    from live.brokers.real import Real

MIN_READER = 1
"""The oldest rules that may trade on a journal this release creates."""


class Inputs(NamedTuple):
    """What a session reads from outside, checked, before any journal is touched."""

    config: Config
    feed: Feed
    signals: SignalFeed | None
    sessions: tuple[str, tuple[Session, ...]]
    loaded: StrategyLoaded
    strategy: type
    flat: dict[str, Setting]
    account_hash: str
    key: MasterKey | None = None
    real: "Real | None" = None

    @property
    def now(self) -> TimeText:
        """The time of what is observed before any slot; in simulated time the market's first."""
        return self.sessions[1][0].open if self.real is None else self.real.clock.now()


def read_inputs(
    config: Config,
    secrets: Secrets | None = None,
    key: MasterKey | None = None,
    real: "Real | None" = None,
) -> Inputs:
    """The market, the signals and the strategy of `config`; symbols resolved against the market.

    A real broker is asked whose account it is: `secrets` are its keys; a drill brings it as `real`.
    Under a lockout it is asked nothing, and the journal's account is confirmed once a try succeeds.
    `key` is the master key; it is kept only where the journal is, or is to be, encrypted.
    """
    key = needed_key(config, key)
    venue_parameters(config)
    refused = None
    if config.broker.kind is not BrokerKind.SIM:
        there = _refuse_another(config)
        from live.brokers.real import real_broker  # noqa: PLC0415 - alpaca-py

        if real is None:
            refused = refused_keys(config.journal, key)
            real = real_broker(config, secrets or Secrets({}), ask=refused is None, there=there)
    feed = make_feed(config, secrets, real, () if refused is None else refused.sessions)
    _refuse_unknown_symbols(config, feed)
    signals = SignalFeed(config.market.signals.partition(":")[2]) if config.market.signals else None
    sessions = feed.calendar()
    loaded, strategy = load_strategy(
        config.strategy.target,
        config.strategy.name,
        sessions[1][0].open if real is None else real.clock.now(),
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
    bound = account_hash(config, "" if real is None else real.account)
    if real is not None and refused is not None:
        bound = refused.account_hash
        real.broker.confirm = lambda account: _confirm(config, account, bound)
    return Inputs(config, feed, signals, sessions, loaded, strategy, flat, bound, key, real)


def _refuse_unknown_symbols(config: Config, feed: Feed) -> None:
    unknown = sorted(set(config.symbols) - set(feed.symbols))
    if unknown:
        message = (
            f"symbols: expected symbols of the market {feed.name}, found {', '.join(unknown)}; "
            f"it has {', '.join(feed.symbols[:12])}"
        )
        raise BadInputError(message)


def _refuse_another(config: Config) -> bool:
    """Whether there is a journal; of another name or mode it is refused before anybody is asked."""
    try:
        journal = open_journal(
            config.journal, read_only=True, sealed=True, accept_anchor_missing=True
        )
    except JournalMissingError:
        return False
    except JournalError:
        return True
    with contextlib.closing(journal):
        asked, found = (config.name, str(config.mode)), (journal.created.name, journal.created.mode)
    if asked != found:
        message = (
            f"journal {journal.url}: expected name {asked[0]} and mode {asked[1]}, found name "
            f"{found[0]} and mode {found[1]}; set name and mode, or use another journal"
        )
        raise BadInputError(message)
    return True


def _confirm(config: Config, account: str, bound: str) -> None:
    """The account that answered the first try is the one the journal was made for."""
    if account_hash(config, account) != bound:
        message = (
            f"journal {config.journal}: expected its account behind the keys, found another; "
            "give the keys of the journal's account, or use another journal"
        )
        raise BadInputError(message)


def make_feed(
    config: Config,
    secrets: Secrets | None = None,
    real: "Real | None" = None,
    sessions: tuple[Session, ...] = (),
) -> Feed:
    """The market the configuration names; `sessions` where a broker must not be asked for them."""
    if config.market.kind == "alpaca":
        from live.brokers.real import alpaca_feed  # noqa: PLC0415 - alpaca-py

        return alpaca_feed(config, secrets or Secrets({}), real, sessions)
    if config.market.kind == "csv":
        return CsvFeed(config.market.source.partition(":")[2])
    return SimulatedFeed(
        seed=config.seed,
        symbols=config.symbols or DEFAULT_SYMBOLS,
        first_day=config.market.first_day,
        days=config.market.days,
    )


def started(inputs: Inputs, at: Callable[[], TimeText]) -> Callable[[int], RunnerStarted]:
    """The claim of an epoch; in sim it names no machine."""
    seed = inputs.config.seed
    if inputs.real is None:
        return lambda epoch: RunnerStarted(observed_at=at(), epoch=epoch, seed=seed)
    facts = inputs.real.facts
    return lambda epoch: RunnerStarted(
        observed_at=at(),
        epoch=epoch,
        seed=seed,
        host=facts.host,
        versions=facts.versions,
        code_hash=facts.code_hash,
    )


def what_is_new(inputs: Inputs, state: State) -> list[Observation]:
    """Config, strategy and calendar, where they differ from what the journal has in force."""
    now = max(inputs.now, state.now)
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
    """Sequence 1 of a new journal; outside sim its id is drawn, once."""
    config = inputs.config
    drawn = inputs.real is not None
    return JournalCreated(
        observed_at=inputs.now,
        journal_id=uuid4().hex if drawn else journal_id_from_name(config.name),
        name=config.name,
        mode=str(config.mode),
        account_hash=inputs.account_hash,
        encrypted=config.encrypted,
        format=newest_format(encrypted=config.encrypted),
        min_reader=MIN_READER,
    )


def account_hash(config: Config, account: str = "") -> str:
    """The account a journal is bound to, as a hash; the simulated one is named by the journal."""
    named = account or config.name
    return sha256_hex(f"refold/account/v1:{config.broker.kind}:{named}".encode())
