"""The JSON Schema says of a file what the loader says: types, bounds, choices, unknown keys.

shape   a real validator (jsonschema) and our own loader judge the same tree; `toml` writes it
not in  what settings must be together, and a password in a URL: the loader alone refuses these
"""

import json
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path

import jsonschema
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as some

from core.config import DECLARATIONS
from core.settings import Declaration, Kind
from live.configuration import ConfigError
from live.contract_schema import schema
from tests.core.test_config import BAD_TEXTS, TEXTS, bad_value, two_values
from tests.live.test_configuration import loaded

VALIDATOR = jsonschema.Draft202012Validator(
    schema(), format_checker=jsonschema.Draft202012Validator.FORMAT_CHECKER
)
TOGETHER = {
    "mode", "broker.kind", "market.source", "rate.reserve", "risk.groups", "encryption.enabled",
    "broker.trading_url", "broker.trading_stream_url", "journal",
}  # fmt: skip
"""Where the loader may refuse a value that is good by itself."""
FILES = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
Tree = dict[str, object]


def accepts(tree: Tree) -> bool:
    """What the schema says."""
    return bool(VALIDATOR.is_valid(tree))


def refusals(tree: Tree, tmp_path: Path) -> list[str]:
    """What the loader says: the keys it refuses for themselves."""
    try:
        loaded(toml(tree), tmp_path=tmp_path)
    except ConfigError as error:
        return [line.split(" ", 1)[0] for line in error.lines if not _only_together(line)]
    return []


def _only_together(line: str) -> bool:
    """Whether this is about a good value in bad company."""
    key = line.split(" ", 1)[0]
    return key in TOGETHER and (
        "later release" in line
        or "less than rate.per_minute" in line
        or "each symbol once" in line
        or "an endpoint of mode" in line
        or "no password" in line
    )


def toml(tree: Mapping[str, object]) -> str:
    """A tree as a TOML file: plain values first, then its tables."""
    plain = {name: value for name, value in tree.items() if not isinstance(value, dict)}
    lines = [f"{_text(name)} = {_toml(value)}\n" for name, value in plain.items()]
    for name, value in tree.items():
        if isinstance(value, dict):
            lines.append(f"[{_text(name)}]\n")
            lines += [f"{_text(inner)} = {_toml(one)}\n" for inner, one in value.items()]
    return "".join(lines)


def _toml(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float):
        text = f"{Decimal(repr(value)):f}"
        return text if "." in text else f"{text}.0"
    if isinstance(value, list):
        return f"[{', '.join(map(_toml, value))}]"
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{_text(k)} = {_toml(one)}" for k, one in value.items()) + " }"
    return _text(str(value))


def _text(text: str) -> str:
    return json.dumps(text, ensure_ascii=True).replace("\x7f", "\\u007f")


def tree_of(key: str, value: object) -> Tree:
    """A file's tree with one setting, and what it cannot stand without."""
    table, _, name = key.rpartition(".")
    value = list(value) if isinstance(value, tuple) else value
    with_it = {"groups": "AAPL=technology"} if key == "risk.group_exposure_max" else {}
    return {table: {name: value, **with_it}} if table else {name: value}


TEXT = some.text(some.characters(max_codepoint=0x2FF, exclude_categories=["Cs"]), max_size=12)
NUMBERS = some.one_of(
    some.integers(-(2**54), 2**54),
    some.integers(-3, 110),
    some.floats(-10, 10**7, allow_nan=False).map(lambda x: round(x, 9)),
).filter(lambda x: not (isinstance(x, float) and x.is_integer()))
"""JSON knows no difference between 1 and 1.0, so a float has a fraction here."""


def values(declaration: Declaration) -> some.SearchStrategy[object]:
    """Values near the setting's own, and values of every other type."""
    near: list[some.SearchStrategy[object]] = [
        some.sampled_from([*two_values(declaration), bad_value(declaration)])
    ]
    about = declaration.about
    if declaration.kind in (Kind.INTEGER, Kind.DECIMAL):
        low, high = Decimal(about.low), Decimal(about.high)
        texts = some.decimals(low - 2, high * 2 + 1, places=7).map(lambda x: f"{x:f}")
        near += [texts, texts.map(lambda x: x.rstrip("0").rstrip(".")), NUMBERS]
        near.append(some.sampled_from(["-0", "-0.0", "0", "00", "1.", ".5", "1e3", "nan", " 1"]))
    if declaration.kind is Kind.TEXT:
        near += [some.sampled_from([*TEXTS.values()]).map(lambda pair: pair[1]), TEXT]
        near.append(some.sampled_from([*BAD_TEXTS.values()]))
    if declaration.kind is Kind.SYMBOLS:
        symbols = some.sampled_from(["AAPL", "BRK.B", "aapl", "", "A" * 17, "A\n"])
        near.append(some.lists(symbols, max_size=3))
    if declaration.kind is Kind.PARAMETERS:
        names = some.sampled_from(["fast", "Fast", "a_key", "token", "x" * 65, "a.b", "a\n", ""])
        near.append(some.dictionaries(names, some.one_of(NUMBERS, TEXT, some.booleans(),
                    some.lists(TEXT, max_size=2), some.just([1])), max_size=2))  # fmt: skip
    else:
        near.append(some.dictionaries(some.just("a"), some.just(1), max_size=1))
    return some.one_of(
        *near, some.booleans(), NUMBERS, TEXT, some.lists(some.integers(), max_size=1)
    )


@some.composite
def single(draw: some.DrawFn) -> tuple[str, object]:
    """One setting and a value for it, good or not."""
    key = draw(some.sampled_from(sorted(DECLARATIONS)))
    return key, draw(values(DECLARATIONS[key]))


def test_the_schema_is_one_of_the_draft_it_names() -> None:
    made = schema()

    jsonschema.Draft202012Validator.check_schema(made)
    assert made["$schema"] == jsonschema.Draft202012Validator.META_SCHEMA["$id"]


@pytest.mark.parametrize("key", sorted(DECLARATIONS))
def test_both_judge_a_settings_ends_and_what_lies_beyond_alike(key: str, tmp_path: Path) -> None:
    for value in two_values(DECLARATIONS[key]):
        assert accepts(tree_of(key, value))
        assert refusals(tree_of(key, value), tmp_path) == []
    bad = tree_of(key, bad_value(DECLARATIONS[key]))
    assert not accepts(bad)
    assert refusals(bad, tmp_path) == [key]


@FILES
@given(single())
@example(("risk.quote_max_age_s", "86400.0000001"))
@example(("market.first_day", "2026-02-30"))
@example(("market.lot", "0.00000099"))
@example(("name", "main\n"))
def test_both_judge_a_file_with_one_setting_alike(
    tmp_path: Path, given_one: tuple[str, object]
) -> None:
    key, value = given_one
    tree = tree_of(key, value)

    assert accepts(tree) is (refusals(tree, tmp_path) == []), toml(tree)


@FILES
@given(some.lists(single(), max_size=5))
def test_both_judge_a_file_with_several_settings_alike(
    tmp_path: Path, several: list[tuple[str, object]]
) -> None:
    tree: Tree = {}
    for key, value in several:
        for table, inner in tree_of(key, value).items():
            before = tree.get(table)
            both = isinstance(before, dict) and isinstance(inner, dict) and "." in key
            tree[table] = {**before, **inner} if both else inner  # type: ignore[dict-item]

    assert accepts(tree) is (refusals(tree, tmp_path) == []), toml(tree)


@FILES
@given(some.sampled_from(["", "strategy", "market", "risk", "alerts", "encryption"]),
       some.from_regex(r"[A-Za-z_]{1,12}", fullmatch=True), some.one_of(NUMBERS, TEXT))  # fmt: skip
def test_both_refuse_a_key_that_nobody_knows(
    tmp_path: Path, table: str, name: str, value: object
) -> None:
    key = f"{table}.{name}" if table else name
    tree = tree_of(key, value)

    assert accepts(tree) is (refusals(tree, tmp_path) == [])
    if key not in DECLARATIONS:
        assert not accepts(tree)
