"""A real broker, ready to be asked: its clock, its account, and the machine it is used from.

errors  `BadInputError` where no keys are given, or the account cannot be read: without it nobody
        knows whether the journal is this account's
"""

import platform
import socket
import sys
from importlib.metadata import version
from typing import NamedTuple

from core.contract import Config
from core.events import Session
from live.brokers.alpaca.broker import AlpacaBroker
from live.brokers.alpaca.client import AlpacaClient
from live.brokers.alpaca.settings import AlpacaSettings
from live.clock import Waiting, WallClock
from live.core_source import core_source_hash
from live.feeds.alpaca import AlpacaFeed
from live.feeds.errors import BadInputError
from live.inputs import account_hash
from live.rate.budget import Refusal
from live.rate.opening import (
    START_WAIT_S,
    Budgets,
    drilled_budgets,
    open_budgets,
    storeless_budgets,
)
from live.secrets import Secrets

_PACKAGES = ("alpaca-py", "cryptography", "eventsourcing", "msgspec")


class Facts(NamedTuple):
    """Where and with what a runner runs."""

    host: str
    versions: dict[str, str]
    code_hash: str


class Real(NamedTuple):
    """What a session against a real broker has and a simulated one has not."""

    broker: AlpacaBroker
    clock: WallClock
    waiting: Waiting
    account: str
    facts: Facts


def real_broker(
    config: Config,
    secrets: Secrets,
    clock: WallClock | None = None,
    kind: type[AlpacaBroker] = AlpacaBroker,
    *,
    ask: bool = True,
    there: bool = True,
) -> Real:
    """The broker of `config`; its account is asked for, nothing is sent.

    A drill brings a clock of its own, by which its budget goes too, and a `kind` of broker that
    dies where it is told to.
    Without `ask` the journal says that the keys are refused: nothing is asked, the account is "".
    `there`: whether its journal is there already, and so the account's limiter must be. A call that
    may not leave yet is waited for, and standard error says why.
    """
    if clock is None:
        clock = WallClock()
        budgets = open_budgets(config, secrets.key_id.reveal(), there=there)
    else:
        budgets = drilled_budgets(config, clock)
    broker = kind(alpaca_settings(config), secrets, clock.now, budgets=budgets.pair)
    account = ""
    if ask:
        with broker.client.patient(START_WAIT_S, say_waiting):
            account = broker.identity()
        budgets.bind(account_hash(config, account))
    else:
        broker.shut()
    return Real(broker, clock, Waiting(clock), account, _facts())


def say_waiting(refusal: Refusal) -> None:
    """Why a start waits, for a person."""
    line = f"refold: waiting for a permit of the rate budget: {refusal.why}"
    sys.stderr.write(f"{line} ({refusal.wait_s:.0f} s)\n")
    sys.stderr.flush()


def operators_broker(
    config: Config,
    secrets: Secrets,
    clock: WallClock,
    account: str | None,
    *,
    halting: bool = False,
) -> AlpacaBroker:
    """The broker for a command beside a runner, or without one; nothing is asked yet.

    `account`: the hash of the account where a journal says it; then its budget is the runner's.
    `halting`: a store that is no store is told of, and not in the way of what the reserve is for.
    """
    key_id = secrets.key_id.reveal()
    budgets: Budgets
    try:
        budgets = open_budgets(config, key_id, there=account is not None, account=account)
    except BadInputError as error:
        if not halting:
            raise
        sys.stderr.write(f"refold: the rate budget: {error}; counted by this process alone\n")
        budgets = storeless_budgets(config, key_id, account, str(error))
    return AlpacaBroker(alpaca_settings(config), secrets, clock.now, budgets=budgets.pair)


def alpaca_feed(
    config: Config, secrets: Secrets, real: Real | None, sessions: tuple[Session, ...] = ()
) -> AlpacaFeed:
    """Alpaca's market; where Alpaca is the broker too, over its connection and its budget."""
    clock = WallClock() if real is None else real.clock
    settings = alpaca_settings(config)
    client = None if real is None else real.broker.client
    if client is None:
        budgets = open_budgets(config, secrets.key_id.reveal(), there=False)
        client = AlpacaClient(settings, secrets, clock.now, budgets.pair)
    return AlpacaFeed(
        client,
        config.symbols,
        Waiting(clock) if real is None else real.waiting,
        feed=settings.feed,
        cycle_s=config.market.cycle_s,
        sessions=sessions,
    )


def alpaca_settings(config: Config) -> AlpacaSettings:
    """Endpoints and limits as configured."""
    broker = config.broker
    return AlpacaSettings(
        trading_url=broker.trading_url,
        data_url=broker.data_url,
        trading_stream_url=broker.trading_stream_url,
        feed=str(config.market.feed),
        connect_s=float(broker.connect_timeout_s),
        read_s=float(broker.read_timeout_s),
        total_s=float(broker.connect_timeout_s) + float(broker.read_timeout_s),
        probe_s=float(broker.stream_silence_s),
        requests_per_minute=config.rate.per_minute,
    )


def _facts() -> Facts:
    versions = {name: version(name) for name in _PACKAGES}
    versions["python"] = platform.python_version()
    return Facts(socket.gethostname(), versions, core_source_hash())
