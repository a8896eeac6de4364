"""The configuration contract: every setting, declared once, with type, default, unit and bounds.

shape   `Config`: top-level settings and one frozen struct a table ([risk] and [cost] stand in
        core/contract_risk.py); core/config.py is made of these
units   in the names (`_s` seconds, `_bps` basis points); decimals are canonical text
why     one declaration is read by the loader, the checks, the snapshot and the reference page, so
        none can know a setting that another does not. Secrets are no settings at all.
"""

from enum import StrEnum
from typing import Annotated

import msgspec

from core.contract_parts import Table, beyond_sim, default, seconds
from core.contract_risk import Cost, Risk
from core.settings import About, Parameters
from core.values import DecimalText


class Mode(StrEnum):
    """What is at stake: nothing, a paper account, or money."""

    SIM = "sim"
    PAPER = "paper"
    LIVE = "live"


class BrokerKind(StrEnum):
    """Who answers orders."""

    SIM = "sim"
    ALPACA = "alpaca"


class DataFeed(StrEnum):
    """Whose quotes: one exchange's, or the whole market's (which a subscription pays for)."""

    IEX = "iex"
    SIP = "sip"


def _rate(summary: str) -> About:
    return About(summary=summary, unit="probability", high="1")


def _place(form: str, summary: str) -> About:
    return About(summary=summary, form=form, place=True)


class Strategy(Table, frozen=True, kw_only=True):
    """[strategy]: which one, and its parameters."""

    target: Annotated[str, _place("target", "The strategy's file or module, and its class.")] = (
        "core/strategies/crossover.py:Crossover"
    )
    name: Annotated[
        str,
        About(
            form="label", summary="The strategy's name in order ids; empty means its class's name."
        ),
    ] = ""
    parameters: Annotated[Parameters, About(summary="What the strategy's class is built from.")] = (
        msgspec.field(default_factory=dict)
    )
    store_source: Annotated[
        bool,
        About(summary="Whether the journal holds the source; if not, replay must be given it."),
    ] = True

    @property
    def effective_name(self) -> str:
        """The name as set, else the class's."""
        return self.name or self.target.rpartition(":")[2]


class Market(Table, frozen=True, kw_only=True):
    """[market]: where quotes and signals come from, and the slots they come in."""

    source: Annotated[
        str,
        About(
            form="market",
            place=True,
            by_mode=beyond_sim("alpaca"),
            summary="sim, alpaca, or csv: and a glob of files.",
        ),
    ] = "sim"
    feed: Annotated[
        DataFeed, About(summary="Whose quotes of Alpaca's: iex, or sip with a subscription.")
    ] = DataFeed.IEX
    first_day: Annotated[
        str, About(form="day", summary="The first day of the simulated market.")
    ] = "2026-11-27"
    days: Annotated[
        int,
        About(
            unit="trading days",
            low="1",
            high="2600",
            summary="How long the simulated market lasts.",
        ),
    ] = 1
    cycle_s: Annotated[
        int, seconds("From one slot to the next of a market that has none of its own.", low="1")
    ] = 60
    signals: Annotated[str, _place("signals", "csv: and a glob of files, or nothing.")] = ""
    lot: Annotated[
        DecimalText,
        About(
            unit="shares",
            low="0.000001",
            high="1000000",
            summary="Quantities are cut to a multiple of this.",
        ),
    ] = default("1")
    tick: Annotated[
        DecimalText,
        About(
            unit="money", low="0.000001", high="1000", summary="Limits move to a multiple of this."
        ),
    ] = default("0.01")

    @property
    def kind(self) -> str:
        """sim, csv or alpaca: what the snapshot tells of `source`."""
        return self.source.partition(":")[0]


class Broker(Table, frozen=True, kw_only=True):
    """[broker]: who answers, how long to wait and look, and what the simulated venue does wrong."""

    kind: Annotated[
        BrokerKind, About(by_mode=beyond_sim("alpaca"), summary="Who answers orders.")
    ] = BrokerKind.SIM
    trading_url: Annotated[
        str,
        About(
            form="https",
            by_mode=(("live", "https://api.alpaca.markets"),),
            summary="Orders and account.",
        ),
    ] = "https://paper-api.alpaca.markets"
    data_url: Annotated[str, About(form="https", summary="Quotes and bars.")] = (
        "https://data.alpaca.markets"
    )
    trading_stream_url: Annotated[
        str,
        About(
            form="wss",
            by_mode=(("live", "wss://api.alpaca.markets/stream"),),
            summary="The stream of order updates, the whole URL.",
        ),
    ] = "wss://paper-api.alpaca.markets/stream"
    data_stream_url: Annotated[
        str, About(form="wss", summary="The stream of quotes; /v2/ and market.feed are added.")
    ] = "wss://stream.data.alpaca.markets"
    connect_timeout_s: Annotated[
        DecimalText, seconds("The wait for a connection.", low="0.1", high="60")
    ] = default("5")
    read_timeout_s: Annotated[
        DecimalText,
        seconds("The wait for an answer; an order without one is unknown.", low="0.1", high="120"),
    ] = default("10")
    reconcile_every_s: Annotated[
        DecimalText,
        seconds("From one comparison with the broker to the next.", low="1", high="3600"),
    ] = default("60")
    reconcile_down_every_s: Annotated[
        DecimalText,
        seconds("The same while its stream is down or the account in doubt.", low="1", high="3600"),
    ] = default("15")
    stream_silence_s: Annotated[
        DecimalText,
        seconds("A stream silent for longer counts as down.", low="1", high="3600"),
    ] = default("30")
    send_within_s: Annotated[
        DecimalText,
        seconds("An attempt whose commit is older than this is not sent.", low="0.1", high="60"),
    ] = default("2")
    settle_s: Annotated[
        DecimalText,
        seconds(
            "How long an order the broker does not find may still appear.",
            by_mode=beyond_sim("300"),
        ),
    ] = default("0")
    looks: Annotated[
        int,
        About(
            unit="looks",
            low="1",
            high="100",
            by_mode=beyond_sim(3),
            summary="How many spaced looks must find nothing before an order counts as absent.",
        ),
    ] = 1
    resend_unknown: Annotated[
        bool,
        About(
            by_mode=(("paper", False), ("live", False)),
            summary="Whether an absent order is sent again under its id while its intent is valid.",
        ),
    ] = True
    look_interval_s: Annotated[DecimalText, seconds("From one look to the next.", low="0.001")] = (
        default("30")
    )
    account_max_age_s: Annotated[
        DecimalText,
        seconds("How long ago a real broker's account may have been compared.", low="1"),
    ] = default("180")
    retry_after_s: Annotated[
        DecimalText,
        seconds("The wait after an attempt that did not reach the broker.", low="0.001"),
    ] = default("1")
    probe_after_s: Annotated[
        DecimalText,
        seconds("From a refusal of the keys to the first try whether they hold.", low="0.1"),
    ] = default("30")
    probe_max_s: Annotated[
        DecimalText,
        seconds("The longest wait from try to try; each refused one doubles it.", low="0.1"),
    ] = default("3600")
    cash: Annotated[
        DecimalText,
        About(
            unit="money", high="1000000000000", summary="The simulated account's cash at the start."
        ),
    ] = default("100000")
    buying_power_multiplier: Annotated[
        DecimalText,
        About(unit="times equity", low="1", high="10", summary="The simulated account's leverage."),
    ] = default("2")
    venue: Annotated[str, _place("path", "The simulated venue's file; empty: by the journal.")] = ""
    reject_rate: Annotated[DecimalText, _rate("The venue refuses an order at once.")] = default(
        "0.01"
    )
    late_reject_rate: Annotated[
        DecimalText, _rate("The venue accepts an order and rejects it later.")
    ] = default("0.005")
    lost_request_rate: Annotated[
        DecimalText, _rate("A request is lost on its way to the venue.")
    ] = default("0.005")
    lost_answer_rate: Annotated[
        DecimalText, _rate("The venue has the order and its answer is lost.")
    ] = default("0.005")
    drop_rate: Annotated[DecimalText, _rate("A stream message is dropped.")] = default("0.01")
    duplicate_rate: Annotated[DecimalText, _rate("A stream message comes twice.")] = default("0.01")
    delay_rate: Annotated[DecimalText, _rate("A stream message comes late.")] = default("0.02")
    reorder_rate: Annotated[DecimalText, _rate("Two stream messages change places.")] = default(
        "0.01"
    )
    script: Annotated[str, About(summary="Faults of the simulated venue at fixed steps.")] = ""


class Rate(Table, frozen=True, kw_only=True):
    """[rate]: the budget of calls to the broker."""

    per_minute: Annotated[
        int,
        About(unit="calls", low="1", high="100000", summary="Calls a minute the broker allows."),
    ] = 200
    reserve: Annotated[
        int,
        About(unit="calls", high="100000", summary="Of those, calls kept for cancels and halt."),
    ] = 20
    data_per_minute: Annotated[
        int,
        About(
            unit="calls",
            low="1",
            high="100000",
            summary="Calls a minute for market data, which the broker counts apart.",
        ),
    ] = 200
    store: Annotated[
        str,
        _place(
            "rate_store",
            "Where an account's processes count their calls together: file for one machine, "
            "a redis:// or postgresql:// URL for several.",
        ),
    ] = "file"
    folder: Annotated[
        str,
        _place("path", "The folder of that file; empty: refold in the user's state folder."),
    ] = ""

    def __repr__(self) -> str:
        return f"Rate({self.per_minute} a minute, store={self.store.partition(':')[0]}:…)"


class Projections(Table, frozen=True, kw_only=True):
    """[projections]: how often what a start goes on from is kept beside the journal."""

    snapshot_every: Annotated[
        int,
        About(
            unit="events",
            high="10000000",
            summary="From one kept state to the next; 0 keeps none, and a start folds everything.",
        ),
    ] = 10_000


class Alerts(Table, frozen=True, kw_only=True):
    """[alerts]: no settings yet."""


class Encryption(Table, frozen=True, kw_only=True):
    """[encryption]: of the journal's payloads. The master key itself is a secret, no setting."""

    enabled: Annotated[
        bool, About(by_mode=(("live", True),), summary="Whether the journal is encrypted.")
    ] = False
    key_file: Annotated[
        str,
        About(
            form="path",
            place=True,
            hidden=True,
            summary="A file that holds the master key; empty: none.",
        ),
    ] = ""
    credential: Annotated[
        str,
        About(
            form="credential",
            place=True,
            summary="The systemd credential that holds the master key; empty: none.",
        ),
    ] = ""


class Config(Table, frozen=True, kw_only=True):
    """The whole configuration: top-level settings, then the tables."""

    mode: Annotated[Mode, About(summary="What is at stake.")] = Mode.SIM
    name: Annotated[
        str, About(form="name", summary="The journal's name; in sim its id is made of it.")
    ] = "main"
    seed: Annotated[
        int, About(high="9007199254740991", summary="Every random choice is made from this.")
    ] = 42
    journal: Annotated[str, _place("journal", "The journal's URL.")] = "sqlite:///var/main.db"
    symbols: Annotated[
        tuple[str, ...], About(summary="What is traded; empty means whatever the market offers.")
    ] = ()
    strategy: Strategy = Strategy()
    market: Market = Market()
    broker: Broker = Broker()
    risk: Risk = Risk()
    rate: Rate = Rate()
    cost: Cost = Cost()
    projections: Projections = Projections()
    alerts: Alerts = Alerts()
    encryption: Encryption = Encryption()

    @property
    def encrypted(self) -> bool:
        """Whether the journal is encrypted."""
        return self.encryption.enabled

    def __repr__(self) -> str:
        shown = ", ".join(f"{name}={value!r}" for name, value in self.__rich_repr__())
        return f"Config({shown})"

    def __rich_repr__(self) -> list[tuple[str, object]]:
        """Every field, for logs and tracebacks; of the journal's URL (a password?) its scheme."""
        shown = msgspec.structs.asdict(self)
        return list({**shown, "journal": f"{self.journal.partition(':')[0]}:…"}.items())


__all__ = [
    "Alerts",
    "Broker",
    "BrokerKind",
    "Config",
    "Cost",
    "DataFeed",
    "Encryption",
    "Market",
    "Mode",
    "Projections",
    "Rate",
    "Risk",
    "Strategy",
    "Table",
]
