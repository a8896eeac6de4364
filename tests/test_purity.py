"""What the pure code may not touch, seen in its syntax trees; each rule has a planted sample.

reads   core/, projections/ and replay/; source text only, so it also sees what no test runs
rule    DESIGN §1: no clock, environment, file, socket, logging or global chance, nothing of the
        builtin hash, no binary float near a decision, no state of a module that changes
limits  iterating a set cannot be seen in a tree; replay's other hash seed finds it
"""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
FOLDERS = ("core", "projections", "replay")
IMPORTS_FORBIDDEN = frozenset(
    {
        "asyncio", "calendar", "concurrent", "datetime", "glob", "http", "importlib", "io",
        "locale", "logging", "multiprocessing", "os", "pathlib", "platform", "random", "secrets",
        "select", "shutil", "signal", "socket", "sqlite3", "ssl", "structlog", "subprocess", "sys",
        "tempfile", "threading", "time", "urllib", "uuid", "zoneinfo",
    }
)  # fmt: skip
IMPORTS_ALLOWED = {
    "core/rng.py": {"random"},  # the one generator, made from a sha256
    "core/strategy_source.py": {"sys"},  # where a strategy's dataclasses look up their module
    "projections/store.py": {"sqlite3", "pathlib"},  # the folds' tables
}
CALLS_FORBIDDEN = frozenset(
    {"__import__", "breakpoint", "compile", "eval", "exec", "globals", "hash", "id", "input",
     "locals", "open", "print", "vars"}
)  # fmt: skip
CALLS_ALLOWED = {
    # Running a strategy is its purpose; the last two are parameters of `__import__`.
    "core/strategy_source.py": {"compile", "exec", "vars", "globals", "locals"},
    "core/struct.py": {"exec"},  # a check written out for each class, of our fields' names alone
    "core/request.py": {"vars"},  # whether a strategy's class has an __init__ of its own
}
FLOATS_ALLOWED = {
    "core/request.py",  # a strategy may compute in floats: they are read as decimals
    "core/strategy.py",  # and the type of what it may ask for says so
    "core/values.py",  # floats are named to be refused
    "projections/store.py",  # how long it waits for a lock
}


def names_of(node: ast.Import | ast.ImportFrom) -> Iterator[str]:
    """The top-level names an import needs."""
    if isinstance(node, ast.Import):
        for alias in node.names:
            yield alias.name.partition(".")[0]
    elif node.module is not None and not node.level:
        yield node.module.partition(".")[0]


def complaints(name: str, text: str) -> Iterator[str]:
    """What `text`, the file called `name`, may not do: "NAME:LINE: what"."""
    tree = ast.parse(text)
    for node in ast.walk(tree):
        for what in (*_import(name, node), *_call(name, node), *_float(name, node), *_state(node)):
            yield f"{name}:{getattr(node, 'lineno', 1)}: {what}"
    yield from (f"{name}: {what}" for what in _changed_containers(tree))


def _import(name: str, node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.Import | ast.ImportFrom):
        allowed = IMPORTS_ALLOWED.get(name, set())
        for module in names_of(node):
            if module in IMPORTS_FORBIDDEN and module not in allowed:
                yield f"imports {module}"


def _call(name: str, node: ast.AST) -> Iterator[str]:
    """Names that must not even be mentioned: passing `hash` on is calling it elsewhere."""
    if isinstance(node, ast.Name) and _loads(node):
        allowed = CALLS_ALLOWED.get(name, set())
        yield from (f"uses {node.id}" for _ in {node.id} & CALLS_FORBIDDEN - allowed)
    if isinstance(node, ast.Attribute):
        owner = node.value.id if isinstance(node.value, ast.Name) else ""
        own_chance = owner == "random" and node.attr != "Random"
        if node.attr in ("__hash__", "environ", "getcontext") or own_chance:
            yield f"uses {owner}.{node.attr}"


def _float(name: str, node: ast.AST) -> Iterator[str]:
    if name in FLOATS_ALLOWED or name.startswith("replay/"):
        return
    if isinstance(node, ast.Constant) and isinstance(node.value, float | complex):
        yield f"writes the float {node.value}"
    if isinstance(node, ast.Name) and node.id == "float":
        yield "uses float"


def _state(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.Global):
        yield f"changes the global {', '.join(node.names)}"


def _changed_containers(tree: ast.Module) -> Iterator[str]:
    """Module-level names whose items are set, or that are changed in place, within functions."""
    targets = {name for node in tree.body for name in _containers(node)}
    for function in ast.walk(tree):
        if not isinstance(function, ast.FunctionDef):
            continue
        local = {n.id for n in ast.walk(function) if isinstance(n, ast.Name) and not _loads(n)}
        for node in ast.walk(function):
            found = _changed(node)
            if found in targets - local:
                yield f"{getattr(node, 'lineno', 1)}: changes {found} of the module"


CHANGING = (
    "add", "append", "clear", "extend", "insert", "pop", "popitem", "remove", "setdefault",
    "update",
)  # fmt: skip
CONTAINERS = ("dict", "list", "set", "deque", "defaultdict", "Counter", "OrderedDict")


def _containers(node: ast.stmt) -> Iterator[str]:
    """The names that a module's statement gives to a container that can change."""
    if not isinstance(node, ast.Assign | ast.AnnAssign) or node.value is None:
        return
    made = node.value
    called = made.func.id if isinstance(made, ast.Call) and isinstance(made.func, ast.Name) else ""
    displays = (ast.Dict, ast.List, ast.Set, ast.DictComp, ast.ListComp, ast.SetComp)
    if isinstance(made, displays) or called in CONTAINERS:
        for target in node.targets if isinstance(node, ast.Assign) else [node.target]:
            if isinstance(target, ast.Name):
                yield target.id


def _loads(node: ast.Name | ast.Subscript) -> bool:
    return isinstance(node.ctx, ast.Load)


def _changed(node: ast.AST) -> str | None:
    """The name whose items this node sets, or on which it calls a method that changes it."""
    owner: ast.expr | None = None
    if isinstance(node, ast.Subscript | ast.Attribute):
        changes = node.attr in CHANGING if isinstance(node, ast.Attribute) else not _loads(node)
        owner = node.value if changes else None
    return owner.id if isinstance(owner, ast.Name) else None


def pure_files() -> list[str]:
    """Every module of the pure folders, by its name from the root."""
    files = [file for folder in FOLDERS for file in (ROOT / folder).rglob("*.py")]
    return sorted(file.relative_to(ROOT).as_posix() for file in files)


@pytest.mark.parametrize("name", pure_files())
def test_pure_code_touches_nothing(name: str) -> None:
    text = (ROOT / name).read_text(encoding="utf-8")

    assert list(complaints(name, text)) == []


PLANTED = [
    *[f"import {module}" for module in sorted(IMPORTS_FORBIDDEN)],
    "import os.path",
    "from datetime import datetime",
    "from os import environ",
    "from random import random",
    *[f"x = {name}" for name in sorted(CALLS_FORBIDDEN)],
    "x = hash('a')",
    "x = sorted('ab', key=hash)",
    "x = 'a'.__hash__()",
    "x = decimal.getcontext()",
    "x = 0.5",
    "x = 1e3",
    "x = 1j",
    "x = float('1')",
    "def f(x: float) -> None: ...",
    "def f():\n    global x\n    x = 1",
    "seen = {}\ndef f(a):\n    seen[a] = 1",
    "seen: list = []\ndef f(a):\n    seen.append(a)",
    "seen = set()\ndef f(a):\n    def g():\n        seen.add(a)",
    "seen = {}\ndef f(a):\n    del seen[a]",
]


@pytest.mark.parametrize("text", PLANTED)
def test_a_planted_sample_is_found(text: str) -> None:
    assert list(complaints("core/planted.py", text))


@pytest.mark.parametrize(
    "text",
    [
        "import decimal\nx = decimal.Decimal('0.5')",
        "def f(seen):\n    seen.append(1)",
        "seen = {}\ndef f():\n    seen = {}\n    seen['a'] = 1",
        "seen = {}\ndef f():\n    return seen['a']",
        "seen = {}\nseen['a'] = 1",
        "from core.rng import rng_from_parts",
    ],
)
def test_a_good_sample_is_not(text: str) -> None:
    assert list(complaints("core/planted.py", text)) == []


def test_an_exception_holds_for_its_own_file_alone() -> None:
    assert list(complaints("core/rng.py", "import random\nx = random.Random(1)")) == []
    assert list(complaints("core/rng.py", "import random\nx = random.random()"))
    assert list(complaints("core/rng.py", "import time"))
    assert list(complaints("core/rules.py", "import random"))
    assert list(complaints("projections/store.py", "import sqlite3, pathlib")) == []
    assert list(complaints("projections/view.py", "import sqlite3"))


def test_every_exception_is_needed() -> None:
    for name in {*IMPORTS_ALLOWED, *CALLS_ALLOWED, *FLOATS_ALLOWED}:
        tree = ast.parse((ROOT / name).read_text(encoding="utf-8"))
        imported = {
            module
            for node in ast.walk(tree)
            if isinstance(node, ast.Import | ast.ImportFrom)
            for module in names_of(node)
        }
        used = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
        assert IMPORTS_ALLOWED.get(name, set()) <= imported, name
        assert CALLS_ALLOWED.get(name, set()) <= used, name
        constants = {type(n.value) for n in ast.walk(tree) if isinstance(n, ast.Constant)}
        assert name not in FLOATS_ALLOWED or "float" in used or float in constants, name
