"""A strategy is made from its text alone: its own folder's modules first, and nothing left over."""

import sys

import pytest

from core.strategy_source import StrategySourceError, load_class, source_hash, window_of

GOOD = "class Good:\n    window = 3\n    def decide(self, view):\n        return []\n"


def load(text: str, **others: str) -> type:
    """The class Good of a module `main` with this text."""
    return load_class({"main": text, **others}, "main", "Good")


def test_the_class_comes_from_the_text() -> None:
    assert load(GOOD)().decide(None) == []
    assert window_of(load(GOOD)) == 3


def test_the_hash_is_of_all_sources() -> None:
    assert source_hash({"main": GOOD}) == source_hash({"main": GOOD})
    assert len({source_hash({"main": GOOD}), source_hash({"other": GOOD}), source_hash({})}) == 3


@pytest.mark.parametrize(
    "line",
    [
        "from helper import answer",
        "import helper; answer = helper.answer",
        "from . import helper; answer = helper.answer",
        "from .helper import answer",
        "import os.path, math; from helper import answer",
    ],
)
def test_modules_of_its_own_folder_come_from_the_sources(line: str) -> None:
    text = f"{line}\nclass Good:\n    def decide(self, view):\n        return answer\n"

    assert load(text, helper="import math\nanswer = [math.tau]\n")().decide(None)


def test_its_own_module_hides_one_of_the_same_name() -> None:
    text = "import json\nclass Good:\n    def decide(self, view):\n        return json.mine\n"

    assert load(text, json="mine = 7\n")().decide(None) == 7
    assert not hasattr(sys.modules["json"], "mine")


def test_modules_that_import_each_other_are_loaded_once() -> None:
    text = f"import helper\ncount = 1\n{GOOD}"

    assert load(text, helper="import main\n").__name__ == "Good"


def test_each_load_starts_from_nothing() -> None:
    text = (
        "seen = []\nclass Good:\n    def decide(self, view):\n"
        "        seen.append(1)\n        return len(seen)\n"
    )
    assert [load(text)().decide(None), load(text)().decide(None)] == [1, 1]
    once = load(text)
    assert [once().decide(None), once().decide(None)] == [1, 2]


def test_a_dataclass_finds_its_module() -> None:
    text = f"from dataclasses import dataclass\n@dataclass\nclass Point:\n    x: int\n{GOOD}"

    assert load(text).__name__ == "Good"


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("x = 1", "strategy main: expected a class Good, found None"),
        ("Good = 1", "strategy main: expected a class Good, found 1"),
        ("class Good: pass", "strategy main:Good: expected a method decide"),
        ("class Good", "strategy main line 1: cannot be loaded: SyntaxError"),
        ("1 / 0", "strategy main: cannot be loaded: ZeroDivisionError"),
        ("import no_such_module", "strategy main: cannot be loaded: ModuleNotFoundError"),
        (
            "from . import nothing",
            "strategy main: cannot be loaded: ImportError: no module nothing",
        ),
        ("import sys; sys.exit(3)", "strategy main: cannot be loaded: SystemExit: 3"),
        ("import helper", "strategy helper: cannot be loaded: NameError"),
    ],
)
def test_what_makes_no_strategy_is_refused_in_one_line(text: str, why: str) -> None:
    with pytest.raises(StrategySourceError) as refused:
        load(text, helper="nonsense")

    assert why in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_module_that_failed_is_not_left_behind() -> None:
    before = set(sys.modules)
    with pytest.raises(StrategySourceError):
        load("1 / 0  # fails")

    assert {name for name in set(sys.modules) - before if "refold" in name} == set()


@pytest.mark.parametrize("window", [0, -1, True, "3", 10_001, None])
def test_a_window_is_an_integer_from_1(window: object) -> None:
    bad = type("Bad", (), {"window": window})

    with pytest.raises(StrategySourceError, match=r"Bad.window: expected an integer 1 to 10000"):
        window_of(bad)
    assert window_of(type("Plain", (), {})) == 1
