"""Every setting of the contract keeps what its declaration says, and its flat form can be trusted.

shape   `PAIRS`: for each setting two good values that say different things, and a bad one
"""

import hashlib
import json
from decimal import Decimal

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as some

from core.canonical import canonical_bytes
from core.config import (
    DECLARATIONS,
    TABLES,
    BrokerKind,
    Config,
    Mode,
    check,
    config_from_flat,
    config_hash,
    extra_of,
    flatten,
    value_of,
)
from core.events.lifecycle import ConfigSnapshot
from core.rules import RULES
from core.settings import Declaration, Kind, Refused, read_plain, read_text
from core.values import TimeText

TEXTS = {
    "any": ("", "drop 3"),
    "credential": ("refold-key", "other.key"),
    "day": ("2026-11-27", "2026-11-30"),
    "groups": ("AAPL=technology", "AAPL=technology,BRK.B=finance"),
    "https": ("https://one.example", "http://127.0.0.1:8080"),
    "journal": ("sqlite:///one.db", "postgresql://two/journal"),
    "label": ("One", "Two"),
    "market": ("csv:one/*.csv", "csv:two/*.csv.gz"),
    "name": ("main", "second-1"),
    "path": ("one.db", "two.db"),
    "rate_store": ("file", "redis://127.0.0.1:6379/1"),
    "signals": ("csv:one.csv", "csv:two.csv"),
    "target": ("one.py:Same", "two.three:Same"),
    "wss": ("wss://one.example/stream", "ws://localhost:8080/stream"),
}
BAD_TEXTS = {
    "any": "a line\nand another",
    "credential": "../key",
    "day": "2026-02-30",
    "groups": "AAPL",
    "https": "https://user@one.example",
    "journal": "mysql://one",
    "label": "a b",
    "market": "csv:",
    "name": "Main",
    "path": "a\x00b",
    "rate_store": "memory",
    "signals": "one.csv",
    "target": "one.py",
    "wss": "ws://one.example",
}
EVERY = pytest.mark.parametrize("key", sorted(DECLARATIONS))


def two_values(declaration: Declaration) -> tuple[object, object]:
    """Two good values that differ; of a place, two that hold the same."""
    match declaration.kind:
        case Kind.BOOLEAN:
            return True, False
        case Kind.INTEGER:
            return int(declaration.about.low), int(declaration.about.high)
        case Kind.DECIMAL:
            return declaration.about.low, declaration.about.high
        case Kind.CHOICE:
            return declaration.choices[0], declaration.choices[1]
        case Kind.TEXT:
            return TEXTS[declaration.about.form]
        case Kind.SYMBOLS:
            return ("AAPL",), ("AAPL", "BRK.B")
        case Kind.PARAMETERS:
            return {"fast": 3}, {"fast": 4}


def bad_value(declaration: Declaration) -> object:
    """A value just outside what the setting takes."""
    match declaration.kind:
        case Kind.BOOLEAN:
            return "flase"
        case Kind.INTEGER:
            return int(declaration.about.high) + 1
        case Kind.DECIMAL:
            return str(Decimal(declaration.about.high) + 1)
        case Kind.CHOICE:
            return "real"
        case Kind.TEXT:
            return BAD_TEXTS[declaration.about.form]
        case Kind.SYMBOLS:
            return ("aapl",)
        case Kind.PARAMETERS:
            return 5


def config_with(key: str, value: object, config: Config | None = None) -> Config:
    """`config`, or the default one, with another value at a dotted key."""
    config = config or Config()
    table, _, name = key.rpartition(".")
    if not table:
        return msgspec.structs.replace(config, **{name: value})
    changed = msgspec.structs.replace(getattr(config, table), **{name: value})
    return msgspec.structs.replace(config, **{table: changed})


def hash_of(config: Config) -> str:
    """The hash of a config without facts of the shell."""
    return config_hash(flatten(config))


def test_the_default_configuration_has_no_problem() -> None:
    assert check(Config()) == []


def test_the_contract_has_the_tables_of_the_design() -> None:
    assert TABLES == (
        "strategy", "market", "broker", "risk", "rate", "cost", "projections", "alerts",
        "encryption",
    )  # fmt: skip


@EVERY
def test_a_setting_says_what_it_is_in_a_sentence_and_has_bounds(key: str) -> None:
    declaration = DECLARATIONS[key]

    assert declaration.about.summary.endswith(".")
    assert declaration.expected
    if declaration.kind in (Kind.INTEGER, Kind.DECIMAL):
        assert Decimal(declaration.about.low) < Decimal(declaration.about.high)


@EVERY
def test_a_changed_setting_changes_the_hash_unless_it_is_a_place(key: str) -> None:
    declaration = DECLARATIONS[key]
    one, two = two_values(declaration)

    changed = hash_of(config_with(key, one)) != hash_of(config_with(key, two))

    assert changed is not declaration.about.place


@EVERY
def test_both_ends_of_a_setting_are_good(key: str) -> None:
    for value in two_values(DECLARATIONS[key]):
        assert read_plain(DECLARATIONS[key], value) == value


@EVERY
def test_a_value_outside_its_bounds_is_refused_by_name(key: str) -> None:
    declaration = DECLARATIONS[key]
    bad = bad_value(declaration)

    with pytest.raises(Refused) as refused:
        read_plain(declaration, bad)

    assert declaration.expected in str(refused.value)
    if key != "strategy.parameters":
        assert key in [problem.key for problem in check(config_with(key, bad))]


@EVERY
def test_a_setting_survives_the_journal_unless_it_is_a_place(key: str) -> None:
    declaration = DECLARATIONS[key]
    for value in two_values(declaration):
        config = config_with(key, value)
        snapshot = ConfigSnapshot(
            observed_at=TimeText("2026-11-27T14:30:00.000000Z"),
            config=flatten(config), config_hash=hash_of(config), rules=RULES,
        )  # fmt: skip
        read = msgspec.json.decode(canonical_bytes(snapshot), type=ConfigSnapshot)
        folded = config_from_flat(read.config)

        assert flatten(folded) == flatten(config)
        assert hash_of(folded) == read.config_hash
        if not declaration.about.place:
            assert value_of(folded, key) == value


def test_the_flat_form_is_sorted_and_has_no_place_in_it() -> None:
    flat = flatten(config_with("broker.venue", "somewhere.db"))

    assert list(flat) == sorted(flat)
    places = {key for key, declaration in DECLARATIONS.items() if declaration.about.place}
    assert places
    assert not places & set(flat)


def test_the_hash_is_the_sha256_of_plain_sorted_json() -> None:
    flat = flatten(Config())

    plain = json.dumps(flat, sort_keys=True, separators=(",", ":"), ensure_ascii=False)

    assert config_hash(flat) == hashlib.sha256(plain.encode()).hexdigest()


def test_the_snapshot_names_the_kind_of_market_and_the_strategy_in_force() -> None:
    config = config_with("market.source", "csv:secret/place/*.csv")
    config = config_with("strategy.target", "my/folder/mine.py:Mine", config)

    flat = flatten(config)

    assert (flat["market.kind"], flat["strategy.name"]) == ("csv", "Mine")
    assert "place" not in json.dumps(flat)
    assert "folder" not in json.dumps(flat)


def test_facts_of_the_shell_are_in_the_hash_and_kept_aside_by_the_core() -> None:
    fact = {"market.data_sha256": "ab" * 32}

    flat = flatten(Config(), fact)

    assert config_hash(flat) != hash_of(Config())
    assert extra_of(flat) == fact
    assert flatten(config_from_flat(flat), extra_of(flat)) == flat


def test_a_fact_of_the_shell_cannot_overwrite_a_setting() -> None:
    with pytest.raises(ValueError, match=r"risk\.allow_short is a setting"):
        flatten(Config(), {"risk.allow_short": True})
    with pytest.raises(ValueError, match=r"market\.kind"):
        flatten(Config(), {"market.kind": "csv"})


def test_a_snapshot_of_an_older_release_takes_defaults_for_what_it_lacks() -> None:
    assert config_from_flat({"seed": 7, "gone.setting": "x"}) == config_with("seed", 7)
    assert extra_of({"seed": 7, "gone.setting": "x"}) == {"gone.setting": "x"}


def test_a_snapshot_with_a_value_of_the_wrong_type_is_refused() -> None:
    with pytest.raises(ValueError, match="seed"):
        config_from_flat({"seed": "7"})


@pytest.mark.parametrize("text", ["NaN", "inf", "-Infinity", "1e5", "1E-3", ".5", "5.", " 5", "",
                                  "0x1", "1_000", "٣", "--1", "1,5", "+5"])  # fmt: skip
def test_text_that_is_no_plain_decimal_is_refused(text: str) -> None:
    with pytest.raises(Refused, match="expected a decimal from 0 to 86400"):
        read_text(DECLARATIONS["risk.quote_max_age_s"], text)


@pytest.mark.parametrize("text", ["True", "1", "yes", "flase", "on", ""])
def test_text_that_is_not_true_or_false_is_no_boolean(text: str) -> None:
    with pytest.raises(Refused, match="true or false"):
        read_text(DECLARATIONS["risk.allow_short"], text)


@pytest.mark.parametrize("text", ["1.0", "1e3", "042", "-0", "9007199254740992", "9" * 5000, ""])
def test_text_that_is_no_integer_within_bounds_is_refused(text: str) -> None:
    with pytest.raises(Refused, match="an integer from 0 to 9007199254740991"):
        read_text(DECLARATIONS["seed"], text)


@given(some.decimals(0, 86_400, places=6, allow_nan=False), some.integers(0, 6))
def test_a_decimal_written_with_more_zeros_is_the_same_setting(value: Decimal, more: int) -> None:
    declaration = DECLARATIONS["risk.quote_max_age_s"]

    read = read_text(declaration, f"{value:f}" + "0" * more)

    assert read == read_text(declaration, str(read))
    assert isinstance(read, str)
    assert Decimal(read) == value


@given(some.lists(some.sampled_from(["AAPL", "MSFT", "BRK.B", "BTC/USD"]), unique=True))
def test_the_order_of_symbols_says_nothing(symbols: list[str]) -> None:
    declaration = DECLARATIONS["symbols"]

    assert read_plain(declaration, symbols) == tuple(sorted(symbols))
    assert read_text(declaration, ",".join(reversed(symbols))) == tuple(sorted(symbols))


def test_a_symbol_named_twice_is_refused() -> None:
    with pytest.raises(Refused, match="each once"):
        read_text(DECLARATIONS["symbols"], "AAPL,AAPL")


@pytest.mark.parametrize(
    "url",
    ["http://api.example", "https://", "ftp://x", "https://a b", "https://u:p@h", "https://h?k=1",
     "http://127.0.0.1.example", "http://localhost.example", "HTTPS://X"],
)  # fmt: skip
def test_an_endpoint_that_would_show_the_keys_or_holds_some_is_refused(url: str) -> None:
    with pytest.raises(Refused, match="https:// URL without user, password or query"):
        read_text(DECLARATIONS["broker.trading_url"], url)


@pytest.mark.parametrize("mode", Mode)
@pytest.mark.parametrize("kind", BrokerKind)
def test_a_simulated_broker_goes_with_mode_sim_and_no_other(mode: Mode, kind: BrokerKind) -> None:
    found = check(config_from_flat({"mode": mode, "broker.kind": kind}))

    good = (mode is Mode.SIM) is (kind is BrokerKind.SIM)
    assert [one.key for one in found] == ([] if good else ["mode"])


def test_a_mode_has_its_own_endpoints_broker_policy_and_encryption() -> None:
    sim, paper, live = (config_from_flat({"mode": mode}) for mode in Mode)

    assert sim == Config()
    assert [one.broker.kind for one in (sim, paper, live)] == ["sim", "alpaca", "alpaca"]
    assert [one.encryption.enabled for one in (sim, paper, live)] == [False, False, True]
    assert paper.broker.trading_url == "https://paper-api.alpaca.markets"
    assert live.broker.trading_url == "https://api.alpaca.markets"
    assert live.broker.trading_stream_url == "wss://api.alpaca.markets/stream"
    assert (sim.broker.resend_unknown, live.broker.resend_unknown) == (True, False)
    assert Decimal(live.broker.settle_s) >= 60
    assert live.broker.looks > 1


@EVERY
def test_a_modes_own_default_is_a_value_the_setting_takes(key: str) -> None:
    declaration = DECLARATIONS[key]
    for mode, value in declaration.about.by_mode:
        assert mode in set(Mode)
        assert read_plain(declaration, value) == value == declaration.default_for(mode)
        assert value != declaration.default


@pytest.mark.parametrize(
    ("mode", "url"),
    [(Mode.PAPER, "https://api.alpaca.markets"), (Mode.PAPER, "https://api.alpaca.markets:443/v2"),
     (Mode.LIVE, "https://paper-api.alpaca.markets")],
)  # fmt: skip
def test_the_other_accounts_endpoint_is_refused(mode: Mode, url: str) -> None:
    config = config_with("broker.trading_url", url, config_from_flat({"mode": mode}))

    assert "broker.trading_url" in [problem.key for problem in check(config)]
    here = config_with("broker.trading_url", "http://127.0.0.1:8080", config)
    assert "broker.trading_url" not in [problem.key for problem in check(here)]


@pytest.mark.parametrize("mode", list(Mode))
@pytest.mark.parametrize("asked", [None, True, False])
def test_live_is_encrypted_unless_told_not_to_be_and_nothing_else_unless_told_so(
    mode: Mode, asked: bool | None
) -> None:
    said = {} if asked is None else {"encryption.enabled": asked}
    config = config_from_flat({"mode": mode, **said})

    assert config.encrypted is (mode is Mode.LIVE if asked is None else asked)
    assert flatten(config)["encryption.enabled"] is config.encrypted
