"""The configuration as the core uses it: the contract's settings by key, its checks, its flat form.

shape   `DECLARATIONS` {"risk.quote_max_age_s": Declaration, …}, in the contract's order
        `flatten(config)` -> {dotted key: value}, sorted, no places: what a `ConfigSnapshot` holds
        `config_from_flat` reads it back; keys it does not know are facts of the shell, `extra_of`
errors  `check` returns every `Problem`; `config_from_flat` raises `ValueError` for a wrong type
why     where things lie (journal, files) decides nothing and is not in the snapshot; what they
        hold is, by hash, among the shell's facts ("market.data_sha256")
"""

from collections.abc import Iterator, Mapping
from enum import StrEnum
from typing import Annotated, get_args, get_origin, get_type_hints

import msgspec

from core.canonical import content_id
from core.contract import (
    Alerts,
    Broker,
    BrokerKind,
    Config,
    Cost,
    Encryption,
    Market,
    Mode,
    Projections,
    Rate,
    Risk,
    Strategy,
    Table,
)
from core.events.lifecycle import Setting
from core.settings import (
    PARAMETER_PATTERN,
    Declaration,
    Kind,
    Refused,
    read_parameter,
    refusal_of,
)
from core.values import DecimalText

PARAMETERS = "strategy.parameters"
_MARKET_KIND = "market.kind"
_KINDS: dict[object, Kind] = {
    bool: Kind.BOOLEAN,
    bool | None: Kind.BOOLEAN,
    int: Kind.INTEGER,
    str: Kind.TEXT,
    DecimalText: Kind.DECIMAL,
}


class Problem(msgspec.Struct, frozen=True, kw_only=True):
    """A setting that cannot stand: its key, what was expected, and how to mend it."""

    key: str
    found: object
    expected: str
    mend: str = ""


def flatten(config: Config, extra: Mapping[str, Setting] | None = None) -> dict[str, Setting]:
    """The snapshot of `config` and of the shell's `extra` facts: dotted keys, sorted, no places."""
    flat: dict[str, Setting] = {
        key: _plain(value_of(config, key))
        for key, declaration in DECLARATIONS.items()
        if not declaration.about.place and declaration.kind is not Kind.PARAMETERS
    }
    flat["encryption.enabled"] = config.encrypted
    flat["strategy.name"] = config.strategy.effective_name
    flat[_MARKET_KIND] = config.market.kind
    for name, value in config.strategy.parameters.items():
        flat[f"{PARAMETERS}.{name}"] = value
    for key, fact in (extra or {}).items():
        if key in DECLARATIONS or flat.get(key, fact) != fact:
            message = f"config snapshot: {key} is a setting, not a fact of the shell; rename it"
            raise ValueError(message)
        flat[key] = fact
    return dict(sorted(flat.items()))


def config_hash(flat: Mapping[str, Setting]) -> str:
    """The config's id: sha256 of the canonical bytes of its flat form."""
    return content_id(dict(flat))


def config_from_flat(flat: Mapping[str, Setting]) -> Config:
    """The config of a snapshot: places and what it lacks take defaults, other keys stay aside."""
    nested: dict[str, object] = {}
    tables: dict[str, dict[str, object]] = {name: {} for name in TABLES}
    parameters: dict[str, Setting] = {}
    mode = str(flat.get("mode", Mode.SIM))
    for key, value in {**defaults_of(mode), **flat}.items():
        table, _, name = key.rpartition(".")
        if table == PARAMETERS:
            parameters[name] = value
        elif key in DECLARATIONS:
            (tables[table] if table else nested)[name] = value
    if _MARKET_KIND in flat:
        kind = flat[_MARKET_KIND]
        tables["market"]["source"] = "csv:" if kind == "csv" else kind
    tables["strategy"]["parameters"] = parameters
    return msgspec.convert({**nested, **tables}, Config)


def defaults_of(mode: str) -> dict[str, Setting]:
    """The defaults that are `mode`'s own, by key."""
    return {
        key: value
        for key, declaration in DECLARATIONS.items()
        for own, value in declaration.about.by_mode
        if own == mode
    }


def extra_of(flat: Mapping[str, Setting]) -> dict[str, Setting]:
    """What a snapshot holds beside this contract: the shell's facts, other releases' settings."""
    return {
        key: value
        for key, value in flat.items()
        if key not in DECLARATIONS and key != _MARKET_KIND and not key.startswith(f"{PARAMETERS}.")
    }


def value_of(config: Config, key: str) -> object:
    """The value at a dotted key of the contract."""
    value: object = config
    for part in key.split("."):
        value = getattr(value, part)
    return value


def check(config: Config) -> list[Problem]:
    """Everything that is wrong with `config`: each setting's own bounds, then settings together."""
    return [*_check_each(config), *_check_together(config)]


def _check_each(config: Config) -> Iterator[Problem]:
    for key, declaration in DECLARATIONS.items():
        value = value_of(config, key)
        refusal = refusal_of(declaration, value)
        if refusal is not None:
            yield Problem(key=key, found=value, expected=refusal.expected, mend=refusal.mend)
    declaration = DECLARATIONS[PARAMETERS]
    for name, value in config.strategy.parameters.items():
        key = f"{PARAMETERS}.{name}"
        if PARAMETER_PATTERN.fullmatch(name) is None:
            yield Problem(key=key, found=name, expected="a lower-case name of a-z, 0-9 and _")
        try:
            read_parameter(declaration, value)
        except Refused as refusal:
            yield Problem(key=key, found=value, expected=refusal.expected, mend=refusal.mend)


def _check_together(config: Config) -> Iterator[Problem]:
    simulated = config.broker.kind is BrokerKind.SIM
    if simulated is not (config.mode is Mode.SIM):
        yield Problem(
            key="mode",
            found=str(config.mode),
            expected="sim with broker.kind sim, paper or live with another",
            mend="choose another broker or another mode",
        )
    yield from _check_groups(config)
    yield from _check_endpoints(config)
    if config.rate.reserve >= config.rate.per_minute:
        yield Problem(
            key="rate.reserve",
            found=config.rate.reserve,
            expected=f"less than rate.per_minute, {config.rate.per_minute}",
            mend="or no call is left for orders",
        )


def _check_endpoints(config: Config) -> Iterator[Problem]:
    """Alpaca's paper account and its live one are never taken for each other."""
    wrong = {Mode.PAPER: "api.alpaca.markets", Mode.LIVE: "paper-api.alpaca.markets"}
    for key in ("broker.trading_url", "broker.trading_stream_url"):
        url = str(value_of(config, key))
        host = url.partition("://")[2].partition("/")[0].partition(":")[0]
        if host == wrong.get(config.mode):
            yield Problem(
                key=key,
                found=url,
                expected=f"an endpoint of mode {config.mode}",
                mend="this is the other account; unset it, or set mode",
            )


def _check_groups(config: Config) -> Iterator[Problem]:
    """Each symbol is of one group, and one grouping has one spelling."""
    text = config.risk.groups
    symbols = [pair.partition("=")[0] for pair in text.split(",") if pair]
    if len(set(symbols)) < len(symbols) or symbols != sorted(symbols):
        yield Problem(
            key="risk.groups",
            found=text,
            expected="each symbol once, in the order of the symbols",
            mend="sort the pairs",
        )
    if config.risk.group_exposure_max != "0" and not symbols:
        yield Problem(
            key="risk.group_exposure_max",
            found=config.risk.group_exposure_max,
            expected="0 while risk.groups is empty",
            mend="set risk.groups too, or no order that opens would pass",
        )


def _plain(value: object) -> Setting:
    """A setting's value without its enum: the text it is."""
    if isinstance(value, StrEnum):
        return value.value
    if value is None or isinstance(value, str | int | tuple):
        return value
    message = f"config: expected a setting's value, found {type(value).__name__}"
    raise ValueError(message)


def _declarations(table: type[Table], prefix: str) -> Iterator[tuple[str, Declaration]]:
    """Every setting of `table` and of the tables in it, by dotted key."""
    hints = get_type_hints(table, include_extras=True)
    for field in msgspec.structs.fields(table):
        hint = hints[field.name]
        if get_origin(hint) is not Annotated:
            yield from _declarations(hint, f"{prefix}{field.name}.")
            continue
        kind, about = get_args(hint)
        default = field.default
        if default is msgspec.NODEFAULT:
            default = {}
        key = f"{prefix}{field.name}"
        yield (
            key,
            Declaration(
                key=key,
                kind=_kind_of(kind),
                default=default,
                about=about,
                choices=tuple(kind) if isinstance(kind, type) and issubclass(kind, StrEnum) else (),
            ),
        )


def _kind_of(hint: object) -> Kind:
    if isinstance(hint, type) and issubclass(hint, StrEnum):
        return Kind.CHOICE
    if get_origin(hint) is tuple:
        return Kind.SYMBOLS
    return _KINDS.get(hint, Kind.PARAMETERS)


DECLARATIONS: dict[str, Declaration] = dict(_declarations(Config, ""))
"""Every setting of the contract, by dotted key."""

TABLES = tuple(
    field.name for field in msgspec.structs.fields(Config) if isinstance(field.default, Table)
)

__all__ = [
    "DECLARATIONS",
    "PARAMETERS",
    "Alerts",
    "Broker",
    "BrokerKind",
    "Config",
    "Cost",
    "Encryption",
    "Market",
    "Mode",
    "Problem",
    "Projections",
    "Rate",
    "Risk",
    "Strategy",
    "check",
    "config_from_flat",
    "config_hash",
    "defaults_of",
    "extra_of",
    "flatten",
    "value_of",
]
