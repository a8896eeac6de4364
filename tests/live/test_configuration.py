"""A configuration stands with the source of every setting, or falls with every problem at once."""

import os
from decimal import Decimal
from pathlib import Path

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as some

from core.config import DECLARATIONS, Config, config_hash, flatten, value_of
from live.configuration import ConfigError, Loaded, load
from tests.core.test_config import bad_value, two_values

CANARY = "canary-of-a-secret-0123456789"
NEEDS_ANOTHER = {"mode", "broker.kind", "risk.group_exposure_max"}
SETTABLE = sorted(set(DECLARATIONS) - NEEDS_ANOTHER - {"strategy.parameters"})


def variable_of(key: str) -> str:
    """The environment variable of a setting."""
    return "REFOLD_" + key.upper().replace(".", "__")


def toml_of(key: str, value: object) -> str:
    """A TOML file that sets one setting."""
    table, _, name = key.rpartition(".")
    text = msgspec.json.encode(value).decode()
    return f"[{table}]\n{name} = {text}\n" if table else f"{name} = {text}\n"


def text_of(value: object) -> str:
    """A value as a variable or a flag writes it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return ",".join(value) if isinstance(value, tuple) else str(value)


def lines_of(
    text: str | bytes | None = None,
    *,
    tmp_path: Path,
    environ: dict[str, str] | None = None,
    flags: dict[str, object] | None = None,
) -> tuple[str, ...]:
    """The problems of a configuration that must not stand."""
    with pytest.raises(ConfigError) as error:
        loaded(text, tmp_path=tmp_path, environ=environ, flags=flags)
    assert str(error.value) == "\n".join(error.value.lines)
    return error.value.lines


def loaded(
    text: str | bytes | None = None,
    *,
    tmp_path: Path,
    environ: dict[str, str] | None = None,
    flags: dict[str, object] | None = None,
) -> Loaded:
    """The configuration of a file's text, an environment and flags."""
    path = None
    if text is not None:
        path = tmp_path / "refold.toml"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return load(None if path is None else str(path), environ or {}, flags or {})


def test_without_file_environment_and_flags_everything_is_the_default() -> None:
    found = load(None, {}, {})

    assert found.config == Config()
    assert set(found.sources.values()) == {"default"}
    assert set(found.sources) == set(DECLARATIONS) - {"strategy.parameters"}


@pytest.mark.parametrize("key", SETTABLE)
def test_every_setting_is_read_alike_from_file_environment_and_flag(
    key: str, tmp_path: Path
) -> None:
    other = next(v for v in reversed(two_values(DECLARATIONS[key])) if v != value_of(Config(), key))
    other = 3 if key == "rate.reserve" else other  # its high end leaves no call for orders
    grouped = key == "risk.group_exposure_max"  # a limit of groups needs groups
    with_it = {variable_of("risk.groups"): "AAPL=technology"} if grouped else {}
    in_file = loaded(toml_of(key, other), tmp_path=tmp_path, environ=with_it)
    in_environment = loaded(tmp_path=tmp_path, environ=with_it | {variable_of(key): text_of(other)})
    in_flag = loaded(tmp_path=tmp_path, environ=with_it, flags={key: text_of(other)})

    assert value_of(in_file.config, key) == other
    assert in_file.config == in_environment.config == in_flag.config
    assert in_file.sources[key] == f"file {tmp_path / 'refold.toml'}"
    assert in_environment.sources[key] == f"environment {variable_of(key)}"
    assert in_flag.sources[key] == f"flag --{key}"


@pytest.mark.parametrize("key", sorted(DECLARATIONS))
def test_a_bad_value_is_refused_by_name_wherever_it_stands(key: str, tmp_path: Path) -> None:
    bad = bad_value(DECLARATIONS[key])

    (in_file,) = lines_of(toml_of(key, bad), tmp_path=tmp_path)
    assert in_file.startswith(f"{key} = ")
    assert f"(file {tmp_path / 'refold.toml'}): expected " in in_file
    (in_environment,) = lines_of(tmp_path=tmp_path, environ={variable_of(key): text_of(bad)})
    assert in_environment.startswith(f"{key} = ")
    assert f"(environment {variable_of(key)}): expected " in in_environment
    (in_flag,) = lines_of(tmp_path=tmp_path, flags={key: text_of(bad)})
    assert in_flag.startswith(f"{key} = ")
    assert f"(flag --{key}): expected " in in_flag


def test_a_flag_wins_over_a_variable_over_the_file_over_the_default(tmp_path: Path) -> None:
    text, environ = "seed = 1\nname = 'in-file'\n", {"REFOLD_SEED": "2", "REFOLD_NAME": "in-env"}

    assert loaded(text, tmp_path=tmp_path).config.seed == 1
    assert loaded(text, tmp_path=tmp_path, environ=environ).config.seed == 2
    found = loaded(text, tmp_path=tmp_path, environ=environ, flags={"seed": "3", "name": None})
    assert (found.config.seed, found.config.name) == (3, "in-env")
    assert (found.sources["seed"], found.sources["name"], found.sources["mode"]) == (
        "flag --seed", "environment REFOLD_NAME", "default",
    )  # fmt: skip


def test_the_short_flags_of_the_command_line_set_their_settings() -> None:
    flags = {"market": "csv:q.csv", "broker": "sim", "strategy": "a.py:B", "signals": "csv:s.csv",
             "symbols": "MSFT,AAPL", "seed": 7, "journal": "sqlite:///j.db"}  # fmt: skip

    config = load(None, {}, flags).config

    assert (config.market.source, config.market.signals) == ("csv:q.csv", "csv:s.csv")
    assert (config.strategy.target, config.symbols) == ("a.py:B", ("AAPL", "MSFT"))
    assert (config.seed, config.journal) == (7, "sqlite:///j.db")


def test_two_flags_for_one_setting_that_disagree_are_refused(tmp_path: Path) -> None:
    flags: dict[str, object] = {"market": "sim", "market.source": "csv:x"}

    (line,) = lines_of(tmp_path=tmp_path, flags=flags)

    assert line.startswith("market.source (flag --market): expected the same value")
    assert load(None, {}, {"market": "sim", "market.source": "sim"}).config == Config()


def test_all_problems_are_listed_at_once(tmp_path: Path) -> None:
    text = """
        sed = 4
        name = "Main"
        [risk]
        quote_max_age_s = 1e5
        order_max_quantity = nan
        allow_short = "flase"
        price_collar_bps = -5
        [broker]
        kind = "alpaca"
        [rate]
        reserve = 200
    """
    environ = {"REFOLD_MARKET__DAYS": "many", "REFOLD_SEDE": "1"}

    lines = lines_of(text, tmp_path=tmp_path, environ=environ, flags={"seed": "-3"})

    assert [line.split(" ", 1)[0] for line in lines] == [
        "sed", "name", "risk.quote_max_age_s", "risk.order_max_quantity", "risk.allow_short",
        "risk.price_collar_bps", "market.days", "REFOLD_SEDE", "seed", "rate.reserve",
    ]  # fmt: skip
    assert not [line for line in lines if "\n" in line]


def test_a_problem_says_key_value_source_expected_and_mend(tmp_path: Path) -> None:
    environ = {"REFOLD_RISK__QUOTE_MAX_AGE_S": "1e5"}

    assert lines_of(tmp_path=tmp_path, environ=environ) == (
        (
            "risk.quote_max_age_s = 1e5 (environment REFOLD_RISK__QUOTE_MAX_AGE_S): "
            "expected a decimal from 0 to 86400 (seconds); "
            "write digits with at most one point, like 0.5"
        ),
    )


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("sede = 1", "sede (FILE): unknown setting; did you mean seed"),
        ("[riks]\nallow_short = true", "riks (FILE): unknown setting; did you mean risk"),
        ("[risk]\nquote_age_max_s = 1",
         "risk.quote_age_max_s (FILE): unknown setting; did you mean risk.quote_max_age_s"),
        ("allow_short = true",
         "allow_short (FILE): unknown setting; did you mean risk.allow_short"),
        ("zzz = 1", "zzz (FILE): unknown setting; remove it"),
        ("risk = 5", "risk (FILE): expected a table"),
        ("[[risk]]\nallow_short = true", "risk (FILE): expected a table"),
        ("'risk.allow_short' = true",
         '"risk.allow_short" (FILE): unknown setting; did you mean risk.allow_short'),
        ("'' = true", '"" (FILE): unknown setting; remove it'),
        ("[alerts]\nwebhook = 'x'", "alerts.webhook (FILE): unknown setting; did you mean alerts"),
        ("[seed]", "seed = a table (FILE): expected an integer from 0 to 9007199254740991"),
        ("seed = 42.0", "seed = 42.0 (FILE): expected an integer from 0 to 9007199254740991"),
        ("name = 1.5", "name = 1.5 (FILE): expected 1 to 32 of a-z, 0-9 and -"),
        ("[risk]\nallow_short = 1",
         "risk.allow_short = 1 (FILE): expected true or false; write it without quotes"),
        ("[strategy.parameters.deep]\na = 1",
         ("strategy.parameters.deep = a table (FILE): expected text, an integer, true or false, "
          "a decimal, or a list of texts; integers stay below 2^53")),
        ("[strategy.parameters]\nFast = 1",
         "strategy.parameters.Fast (FILE): expected a lower-case name of a-z, 0-9 and _"),
    ],
)  # fmt: skip
def test_what_the_contract_does_not_know_is_refused(text: str, line: str, tmp_path: Path) -> None:
    expected = line.replace("FILE", f"file {tmp_path / 'refold.toml'}")

    assert lines_of(text, tmp_path=tmp_path) == (expected,)


def test_an_unknown_variable_is_refused_and_other_variables_are_nobodys_business(
    tmp_path: Path,
) -> None:
    environ = {"REFOLD_BROKER_TRADING_URL": CANARY, "REFOLD_seed": CANARY, "PATH": "x", "SEED": "x"}

    assert lines_of(tmp_path=tmp_path, environ=environ) == (
        (
            "REFOLD_BROKER_TRADING_URL (environment): unknown variable; "
            "did you mean REFOLD_BROKER__TRADING_URL"
        ),
        "REFOLD_seed (environment): unknown variable; did you mean REFOLD_SEED",
    )


@pytest.mark.parametrize(
    ("content", "line"),
    [
        (b"seed = \n", "config (FILE): expected TOML, found: Invalid value (at line 1, column 8)"),
        (b"seed = 1\n\nname = '\xff'\n",
         "config (FILE): expected UTF-8, found another byte at line 3"),
        (b"#" * 1_000_001, "config (FILE): expected a TOML file, found more than 1 MB"),
        (b"a = " + b"[" * 20_000, "config (FILE): expected TOML, found: nested too deep"),
    ],
)  # fmt: skip
def test_a_file_that_is_no_toml_is_one_line(content: bytes, line: str, tmp_path: Path) -> None:
    expected = line.replace("FILE", f"file {tmp_path / 'refold.toml'}")

    assert lines_of(content, tmp_path=tmp_path) == (expected,)


def test_a_file_that_cannot_be_read_is_one_line_beside_the_other_problems(tmp_path: Path) -> None:
    for path, words in ((tmp_path, "is a directory"), (tmp_path / "no", "no such file")):
        with pytest.raises(ConfigError) as error:
            load(str(path), {"REFOLD_SEED": "x"}, {})
        first, second = error.value.lines
        assert first.startswith(f"config (file {path}): expected a TOML file, found: {words}")
        assert second.startswith("seed = x (environment REFOLD_SEED)")


@pytest.mark.skipif(os.geteuid() == 0, reason="the superuser reads every file")
def test_a_file_without_permission_is_one_line(tmp_path: Path) -> None:
    path = tmp_path / "refold.toml"
    path.touch(mode=0)

    with pytest.raises(ConfigError, match="permission denied"):
        load(str(path), {}, {})


def test_an_integer_too_long_to_print_is_still_one_short_line(tmp_path: Path) -> None:
    (hexadecimal,) = lines_of("seed = 0x" + "f" * 5000, tmp_path=tmp_path)
    (decimal,) = lines_of("seed = " + "9" * 5000, tmp_path=tmp_path)

    assert hexadecimal.startswith("seed = an integer of 20000 bits (")
    assert decimal.startswith("config (")
    assert max(len(hexadecimal), len(decimal)) < 400


@given(some.decimals(0, 86_400, places=9, allow_nan=False))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_toml_float_is_read_exactly(tmp_path: Path, value: Decimal) -> None:
    text = f"[risk]\nquote_max_age_s = {value:f}\n[strategy.parameters]\nx = {value:f}\n"

    config = loaded(text, tmp_path=tmp_path).config

    assert Decimal(config.risk.quote_max_age_s) == value
    assert config.strategy.parameters["x"] == config.risk.quote_max_age_s


def test_a_toml_number_with_a_plus_and_underscores_is_the_number_it_is(tmp_path: Path) -> None:
    found = loaded("[risk]\nquote_max_age_s = +1_0.50\n", tmp_path=tmp_path).config

    assert found.risk.quote_max_age_s == "10.5"


def test_a_day_may_stand_in_toml_without_quotes(tmp_path: Path) -> None:
    found = loaded("[market]\nfirst_day = 2026-11-30", tmp_path=tmp_path).config

    assert found.market.first_day == "2026-11-30"
    assert lines_of("[market]\nfirst_day = 2026-11-30T10:00:00", tmp_path=tmp_path)
    assert lines_of("name = 2026-11-30", tmp_path=tmp_path)


def test_parameters_keep_their_types_and_a_variable_is_read_as_toml(tmp_path: Path) -> None:
    text = "[strategy.parameters]\nfast = 3\nedge = 0.50\nword = 'a'\nhold = true\nof = ['x', 'y']"
    environ = {"REFOLD_STRATEGY__PARAMETERS__FAST": "4", "REFOLD_STRATEGY__PARAMETERS__WORD": "b c",
               "REFOLD_STRATEGY__PARAMETERS__OF": '["z"]',
               "REFOLD_STRATEGY__PARAMETERS__TEXT": '"4"'}  # fmt: skip

    found = loaded(
        text, tmp_path=tmp_path, environ=environ, flags={"strategy.parameters.edge": "2"}
    )

    assert found.config.strategy.parameters == {
        "fast": 4, "edge": 2, "word": "b c", "hold": True, "of": ("z",), "text": "4",
    }  # fmt: skip
    assert found.sources["strategy.parameters.hold"].startswith("file ")
    assert found.sources["strategy.parameters.fast"].endswith("PARAMETERS__FAST")


@pytest.mark.parametrize("text", ["nan", "inf", "1e5", "9007199254740992"])
def test_a_parameter_that_has_no_exact_form_is_refused(text: str, tmp_path: Path) -> None:
    (line,) = lines_of(f"[strategy.parameters]\nx = {text}", tmp_path=tmp_path)

    assert line.startswith(f"strategy.parameters.x = {text} (file ")


def test_there_is_no_simulator_that_is_not_deterministic(tmp_path: Path) -> None:
    name = "AI_TRADING_ALLOW_NONDETERMINISTIC_SIM"

    (line,) = lines_of(tmp_path=tmp_path, environ={name: "1"})

    assert line.startswith(f"{name} (environment): there is no simulator")
    assert load(None, {name: "0"}, {}).config == Config()


@given(
    some.dictionaries(
        some.sampled_from([variable_of(key) for key in DECLARATIONS]),
        some.one_of(some.text(), some.from_regex(r"-?[0-9.e]{1,8}", fullmatch=True)),
        max_size=6,
    )
)
def test_whatever_the_environment_says_it_stands_or_falls_in_lines(environ: dict[str, str]) -> None:
    try:
        found = load(None, environ, {})
    except ConfigError as error:
        lines = error.lines
    else:
        lines = (config_hash(flatten(found.config)),)

    assert all(line.isprintable() and 0 < len(line) < 600 for line in lines)


@given(some.one_of(some.binary(), some.text(alphabet="ab[]={}'\"#.\n1").map(str.encode)))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_the_file_holds_it_stands_or_falls_in_lines(tmp_path: Path, data: bytes) -> None:
    try:
        found = loaded(data, tmp_path=tmp_path)
    except ConfigError as error:
        lines = error.lines
    else:
        lines = (config_hash(flatten(found.config)),)

    assert all(line.isprintable() and 0 < len(line) < 600 for line in lines)
