"""Strategies that cannot be loaded are refused; those that misbehave are skips with a reason."""

import time
from pathlib import Path
from typing import Any

import pytest

from tests.cli.command import assert_refused, assert_sound, files, refold
from tests.cli.world import JOURNAL, run_words, strategy

CANNOT_LOAD = {
    "a file that is not there": (None, "nowhere.py:Flip", "nowhere.py"),
    "a module that is not there": (None, "no_such_module:Flip", "no_such_module"),
    "a target without a class": (None, "strategy.py", "strategy"),
    "a folder": (None, ".:Flip", "."),
    "a syntax error": ("class Flip:\n    def (\n", "strategy.py:Flip", "line 2"),
    "bytes that are no text": ("\udcff", "strategy.py:Flip", "UTF-8"),
    "another class": ("class Flop:\n    pass\n", "strategy.py:Flip", "Flip"),
    "a class without decide": ("class Flip:\n    pass\n", "strategy.py:Flip", "decide"),
    "a function": ("def Flip():\n    pass\n", "strategy.py:Flip", "Flip"),
    "a module that raises": ("raise KeyError('x')\n", "strategy.py:Flip", "KeyError"),
    "a module that exits": ("import sys\nsys.exit(0)\n", "strategy.py:Flip", "SystemExit"),
    "a module that imports nothing there is": ("import absent_\n", "strategy.py:Flip", "absent_"),
    "a module nested too deep": ("(" * 5000 + ")" * 5000, "strategy.py:Flip", "strategy.py"),
}
DECIDES_NOTHING = "class Flip:\n    window = {}\n    def decide(self, view):\n        return []\n"


@pytest.mark.parametrize("what", CANNOT_LOAD)
def test_a_strategy_that_cannot_be_loaded_is_refused(world: Path, what: str) -> None:
    text, target, mentions = CANNOT_LOAD[what]
    if text is not None:
        (world / "strategy.py").write_bytes(text.encode("utf-8", "surrogateescape"))
    before = files(world)
    assert_refused(refold(*run_words("--strategy", target), cwd=world), mentions)
    assert files(world) == before


@pytest.mark.parametrize("window", ["-1", "0", "'x'", "10**9", "True", "1.5", "None"])
def test_a_window_that_is_no_length_is_refused(world: Path, window: str) -> None:
    strategy(world, DECIDES_NOTHING.format(window))
    before = files(world)
    assert_refused(refold(*run_words(), cwd=world), "window")
    assert files(world) == before


NONSENSE = '''"""One kind of nonsense a cycle."""

from decimal import Decimal

from core.strategy import OrderRequest


class Evil:
    def __str__(self):
        raise RuntimeError("no text")


def ask(symbol="AAA", side="buy", quantity=1, **more):
    return [OrderRequest(symbol, side, quantity, **more)]


def stops():
    yield OrderRequest("AAA", "buy", 1)
    raise ValueError("midway")


def never_ends():
    while True:
        yield OrderRequest("AAA", "buy", 1)


def raises(error):
    raise error


def recurses():
    return recurses()


CASES = [
{cases}
]


class Flip:
    def decide(self, view):
        return CASES[view.cycle - 1]()
'''
NONE, FAILED, INVALID = "signal.none", "signal.failed", "signal.invalid"
CASES: list[tuple[str, str | tuple[str, ...], str | tuple[str, ...]]] = [
    # what the strategy does, the codes AAA may be skipped with, those of BBB
    ("lambda: None", NONE, NONE),
    ("lambda: []", NONE, NONE),
    ("lambda: 'AAA'", INVALID, INVALID),
    ("lambda: b'AAA'", INVALID, INVALID),
    ("lambda: 7", INVALID, INVALID),
    ("lambda: object()", INVALID, INVALID),
    ("lambda: [None]", INVALID, INVALID),
    ("lambda: ['AAA']", INVALID, INVALID),
    ("lambda: {'AAA': 1}", INVALID, INVALID),
    ("lambda: ask('ZZZZ')", INVALID, INVALID),
    ("lambda: ask(None)", INVALID, INVALID),
    ("lambda: ask(['AAA'])", INVALID, INVALID),
    ("lambda: ask() + ask()", INVALID, NONE),
    ("lambda: ask(quantity=Decimal('NaN'))", INVALID, NONE),
    ("lambda: ask(quantity=Decimal('sNaN'))", INVALID, NONE),
    ("lambda: ask(quantity=float('inf'))", INVALID, NONE),
    ("lambda: ask(quantity=float('-inf'))", INVALID, NONE),
    ("lambda: ask(quantity=-1)", INVALID, NONE),
    ("lambda: ask(quantity=0)", INVALID, NONE),
    ("lambda: ask(quantity=True)", INVALID, NONE),
    ("lambda: ask(quantity=None)", INVALID, NONE),
    ("lambda: ask(quantity='many')", INVALID, NONE),
    ("lambda: ask(quantity=Evil())", (INVALID, FAILED), (NONE, FAILED)),
    ("lambda: ask(quantity=10**5000)", INVALID, NONE),
    ("lambda: ask(quantity=10**20)", (INVALID, "size.quantity"), NONE),
    ("lambda: ask(quantity=Decimal('1e-30'))", (INVALID, "size.below_lot"), NONE),
    ("lambda: ask(quantity=Decimal('1e999999'))", INVALID, NONE),
    ("lambda: ask(side='hold')", INVALID, NONE),
    ("lambda: ask(side=None)", INVALID, NONE),
    ("lambda: ask(side=Evil())", (INVALID, FAILED), (NONE, FAILED)),
    ("lambda: ask(order_type='stop')", INVALID, NONE),
    ("lambda: ask(time_in_force='never')", INVALID, NONE),
    ("lambda: ask(order_type='market', limit_price=100)", INVALID, NONE),
    ("lambda: ask(limit_price=float('nan'))", INVALID, NONE),
    ("lambda: ask(limit_price=-5)", INVALID, NONE),
    ("lambda: ask(limit_price=10**30)", (INVALID, "price.collar", "size.notional"), NONE),
    ("lambda: ask(quantity=1, reason='\\ud800')", (INVALID, FAILED, "an intent"), NONE),
    ("lambda: ask(quantity=1, reason=Evil())", (INVALID, FAILED), (NONE, FAILED)),
    ("stops", FAILED, FAILED),
    ("never_ends", INVALID, INVALID),
    ("recurses", FAILED, FAILED),
    ("lambda: raises(SystemExit(0))", FAILED, FAILED),
    ("lambda: raises(GeneratorExit())", FAILED, FAILED),
    ("lambda: raises(MemoryError())", FAILED, FAILED),
    ("lambda: raises(Exception(Evil()))", FAILED, FAILED),
    ("lambda: raises(type('Own', (BaseException,), {})())", FAILED, FAILED),
]


@pytest.fixture(scope="module")
def misbehaved(tmp_path_factory: pytest.TempPathFactory) -> dict[int, dict[str, str]]:
    """{cycle: {symbol: reason}} of a run in which each cycle is another nonsense."""
    from tests.cli.world import prepared

    folder = prepared(tmp_path_factory.mktemp("nonsense"), slots=len(CASES) + 1)
    cases = "\n".join(f"    ({what})," for what, _, _ in CASES)
    strategy(folder, NONSENSE.replace("{cases}", cases))
    ran = refold(*run_words("--cycles", len(CASES)), cwd=folder)
    assert ran.status == 0, ran.complaints
    assert ran.complaints == []
    assert_sound(folder, JOURNAL)
    rows = refold("show", "skips", "--journal", JOURNAL, "--json", cwd=folder).json["rows"]
    found: dict[int, dict[str, str]] = {}
    for row in rows:
        found.setdefault(row["cycle"], {})[row["symbol"]] = row["reason"]
    return found


@pytest.mark.parametrize("number", range(1, len(CASES) + 1))
def test_nonsense_is_a_skip_with_its_reason(
    misbehaved: dict[int, dict[str, str]], number: int
) -> None:
    what, first, second = CASES[number - 1]
    found = misbehaved.get(number, {})
    for symbol, expected in (("AAA", first), ("BBB", second)):
        codes = (expected,) if isinstance(expected, str) else expected
        assert found.get(symbol, "an intent") in codes, what


RAISES_WHEN_BUILT = """class Flip:
    def __init__(self, **parameters):
        raise LookupError("never built")

    def decide(self, view):
        return []
"""
TALKS = """import os
import sys

print("at import")


class Flip:
    def decide(self, view):
        print("in decide")
        os.write(1, b"past Python")
        sys.stdout.write("again")
        return []
"""


def reasons(world: Path) -> list[dict[str, Any]]:
    ran = refold("show", "skips", "--journal", JOURNAL, "--json", cwd=world)
    rows: list[dict[str, Any]] = ran.json["rows"]
    return rows


def test_a_strategy_that_cannot_be_built_skips_every_symbol(world: Path) -> None:
    strategy(world, RAISES_WHEN_BUILT)
    ran = refold(*run_words("--cycles", 3), cwd=world)
    assert (ran.status, ran.complaints) == (0, [])
    assert ran.json["skipped"] == {"signal.failed": 6}
    assert any("LookupError" in str(row) for row in reasons(world))


def test_what_a_strategy_prints_is_not_in_the_document(world: Path) -> None:
    strategy(world, TALKS)
    ran = refold(*run_words("--cycles", 2), cwd=world)
    assert (ran.status, ran.json["cycles"]) == (0, 2)
    assert_sound(world, JOURNAL)


def test_an_end_that_never_comes_is_cut_off(world: Path) -> None:
    text = NONSENSE.replace("{cases}", "    never_ends,")
    strategy(world, text)
    before = time.monotonic()
    ran = refold(*run_words("--cycles", 1), cwd=world)
    assert ran.json["skipped"] == {"signal.invalid": 2}
    assert time.monotonic() - before < 30
