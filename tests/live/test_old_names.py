"""Other names of a setting are read as what they meant, or refused; none is guessed or lost."""

from itertools import combinations
from pathlib import Path

import pytest

from core.config import DECLARATIONS, Config, value_of
from core.settings import read_text
from live.configuration import load
from live.old_names import OF_VARIABLE, OLD_NAMES, variable_of
from live.secrets import NAMES
from tests.live.test_configuration import CANARY, lines_of

WORDS = {
    "mode": ("sim", "live"),
    "broker.trading_url": ("https://one.example", "https://two.example"),
    "broker.data_url": ("https://one.example", "https://two.example"),
    "market.feed": ("IEX", "sip"),
    "risk.allow_short": ("Yes", "0"),
    "risk.price_collar_bps": ("0.03", "0.0125"),
    "risk.quote_max_age_s": ("1500", "030000"),
    "risk.orders_per_minute_max": ("020", "21"),
}
OWN_WORDS = {
    "APP_ENV": ("production", "prod"),
    "ALPACA_PAPER": ("true", "false"),
    "ALPACA_PAPER_TRADE": ("True", "0"),
}
MEANT = {"0.03": "300", "0.0125": "125", "1500": "1.5", "030000": "30", "020": 20, "Yes": True,
         "0": False, "IEX": "iex"}  # fmt: skip
VARIABLES = pytest.mark.parametrize("variable", sorted(OF_VARIABLE))
PAIRS = sorted(
    {
        pair
        for key in DECLARATIONS
        for pair in combinations([v for v, old in OF_VARIABLE.items() if old.key == key], 2)
    }
)


def words_of(variable: str) -> tuple[str, str]:
    """Two texts that say different things of the variable's setting, where it has two."""
    return OWN_WORDS.get(variable) or WORDS.get(OF_VARIABLE[variable].key, ("20", "21"))


def meant(variable: str, text: str) -> object:
    """What a text of an old variable means."""
    old = OF_VARIABLE[variable]
    said = old.read(text)
    assert said is not None
    return read_text(DECLARATIONS[old.key], said)


@VARIABLES
def test_an_old_name_says_its_setting_and_is_warned_of(variable: str) -> None:
    old = OF_VARIABLE[variable]
    text = next(t for t in words_of(variable) if meant(variable, t) != "live" or t == "prod")
    others: dict[str, object] = {"market": "sim"}
    if old.key == "risk.group_exposure_max":
        others["risk.groups"] = "AAPL=technology"
    found = load(None, {variable: text}, others)

    value = value_of(found.config, old.key)
    assert value == meant(variable, text) == MEANT.get(text, value)
    assert found.sources[old.key] == f"environment {variable}"
    assert found.warnings == (
        f"{variable} (environment): read as {old.key}; its name here is {variable_of(old.key)}",
    )


@VARIABLES
@pytest.mark.parametrize("word", ["flase", "-1", "1e3", "nan", " ", "${X}", "disabled"])
def test_a_word_that_an_old_name_never_had_is_refused(
    variable: str, word: str, tmp_path: Path
) -> None:
    (line,) = lines_of(tmp_path=tmp_path, environ={variable: word})

    assert line.startswith(f"{OF_VARIABLE[variable].key} = ")
    assert f"(environment {variable}): expected " in line


@pytest.mark.parametrize(("one", "other"), PAIRS)
def test_two_old_names_of_one_setting_that_disagree_are_refused(
    one: str, other: str, tmp_path: Path
) -> None:
    first = words_of(one)[0]
    second = next(text for text in words_of(other) if meant(other, text) != meant(one, first))

    lines = lines_of(tmp_path=tmp_path, environ={one: first, other: second})

    (line,) = [line for line in lines if "unset" in line]
    assert one in line
    assert other in line
    assert line.startswith(f"{OF_VARIABLE[one].key} (environment ")


@VARIABLES
@pytest.mark.parametrize("place", ["our own variable", "the file"])
def test_an_old_name_that_says_something_else_is_refused(
    variable: str, place: str, tmp_path: Path
) -> None:
    """It was set for another program, perhaps years ago: it never goes over what was set for us."""
    key = OF_VARIABLE[variable].key
    text = words_of(variable)[0]
    ours = "paper" if key == "mode" else next(
        str(t) for t in ("https://three.example", "sip", "false", "7")
        if _reads(key, t) and _value(key, t) != meant(variable, text)
    )  # fmt: skip
    environ = {variable: text}
    file = None
    if variable.startswith("ALPACA_PAPER"):
        ours = "sim"
    if place == "the file":
        table, _, name = key.rpartition(".")
        quoted = ours if ours in ("false", "7") else f'"{ours}"'
        file = f"[{table}]\n{name} = {quoted}\n" if table else f"{name} = {quoted}\n"
    else:
        environ[variable_of(key)] = ours

    lines = lines_of(file, tmp_path=tmp_path, environ=environ)

    (line,) = [line for line in lines if f"unset {variable}" in line]
    assert line.startswith(f"{key} (environment {variable}): expected ")


def _value(key: str, text: str) -> object:
    return read_text(DECLARATIONS[key], text)


def _reads(key: str, text: str) -> bool:
    try:
        _value(key, text)
    except ValueError:
        return False
    return True


def test_old_names_that_agree_may_stand_together() -> None:
    environ = {"REFOLD_SEED": "7", "AI_TRADING_SEED": "007", "EXECUTION_MODE": "simulation"}

    found = load(None, environ, {})

    assert (found.config.seed, found.sources["seed"]) == (7, "environment REFOLD_SEED")
    assert len(found.warnings) == 2


def test_a_flag_goes_over_an_old_name() -> None:
    assert load(None, {"AI_TRADING_SEED": "3"}, {"seed": "4"}).config.seed == 4


@pytest.mark.parametrize("variable", ["MAX_ORDER_DOLLARS", "MAX_GROSS_NOTIONAL", "QUOTE_MAX_AGE_MS",
                                      "PRICE_COLLAR_PCT"])  # fmt: skip
def test_a_limit_that_was_off_there_and_cannot_be_off_here_is_refused(
    variable: str, tmp_path: Path
) -> None:
    (line,) = lines_of(tmp_path=tmp_path, environ={variable: "0"})

    assert "expected a limit above 0" in line


@pytest.mark.parametrize("word", ["prod", "Production"])
@pytest.mark.parametrize("other", ["sim", "paper"])
def test_production_and_another_mode_disagree_in_every_mode(
    word: str, other: str, tmp_path: Path
) -> None:
    lines = lines_of(tmp_path=tmp_path, environ={"APP_ENV": word, "EXECUTION_MODE": other})

    assert [line for line in lines if "APP_ENV" in line and "EXECUTION_MODE" in line]


@pytest.mark.parametrize("word", ["test", "dev", "Stage"])
def test_an_environment_that_is_not_production_says_nothing_of_the_mode(word: str) -> None:
    found = load(None, {"APP_ENV": word}, {})

    assert (found.config, found.sources["mode"]) == (Config(), "default")


def test_what_only_looks_like_a_setting_is_named_and_not_shown() -> None:
    environ = {"AI_TRADING_INTRADAY_VAR_LIMIT": CANARY, "ALPACA_OAUTH": CANARY, "PATH": "x"}

    found = load(None, environ, {})

    assert [line.partition(" ")[0] for line in found.warnings] == [
        "AI_TRADING_INTRADAY_VAR_LIMIT", "ALPACA_OAUTH",
    ]  # fmt: skip
    assert CANARY not in str(found.warnings)


def test_the_other_name_of_a_key_is_warned_of() -> None:
    for name, alias in NAMES:
        assert load(None, {name: CANARY}, {}).warnings == ()
        (line,) = load(None, {alias: CANARY}, {}).warnings
        assert line.startswith(f"{alias} (environment): read as {name}")
        assert CANARY not in line


def test_every_old_name_stands_once_and_is_of_a_setting() -> None:
    variables = [variable for old in OLD_NAMES for variable in old.variables]

    assert len(variables) == len(set(variables))
    assert {old.key for old in OLD_NAMES} <= set(DECLARATIONS)
    assert not [variable for variable in variables if variable.startswith("REFOLD_")]
