"""A strategy's files, read once into a `StrategyLoaded`: FILE_OR_MODULE:CLASS -> sources and class.

rule    The file itself and the modules it imports from its own folder are stored, with their own
        imports followed; everything else is the environment's and named by the runner's versions.
errors  `StrategySourceError`: no such file or module, no class, a syntax error, bad UTF-8
"""

import ast
from importlib.util import find_spec
from pathlib import Path

from core.events import StrategyLoaded
from core.strategy_source import StrategySourceError, load_class, source_hash, window_of
from core.values import TimeText

ROOT = Path(__file__).resolve().parent.parent


def load_strategy(
    target: str, name: str, observed_at: TimeText, *, store_source: bool
) -> tuple[StrategyLoaded, type]:
    """The event that records the strategy, and its class made from that very text."""
    place, colon, class_name = target.rpartition(":")
    if not colon or not place or not class_name:
        message = f"strategy {target!r}: expected FILE_OR_MODULE:CLASS, found no colon between them"
        raise StrategySourceError(message)
    path = _path_of(place)
    sources = _sources_of(path)
    strategy = _executed(sources, path, class_name)
    loaded = StrategyLoaded(
        observed_at=observed_at,
        name=name or class_name,
        class_name=class_name,
        entry=path.stem,
        sources=sources if store_source else {},
        source_hash=source_hash(sources),
        window=window_of(strategy),
    )
    return loaded, strategy


def _executed(sources: dict[str, str], path: Path, class_name: str) -> type:
    """The class; a file that ends the process when it is imported is refused like any other."""
    try:
        return load_class(sources, path.stem, class_name)
    except (SystemExit, GeneratorExit) as error:
        message = (
            f"strategy {path}: expected a module that can be imported, found that it raises "
            f"{type(error).__name__}; leave that to a script"
        )
        raise StrategySourceError(message) from None


def strategy_of(loaded: StrategyLoaded) -> type:
    """The class a journal's own `StrategyLoaded` holds."""
    return load_class(dict(loaded.sources), loaded.entry, loaded.class_name)


def _path_of(place: str) -> Path:
    """A file as given, or under the checkout, or a module's file."""
    for path in (Path(place), ROOT / place):
        if path.is_file():
            return path
    if not place.endswith(".py") and "/" not in place:
        try:
            spec = find_spec(place)
        except (ImportError, ValueError):
            spec = None
        if spec is not None and spec.origin and spec.origin.endswith(".py"):
            return Path(spec.origin)
    message = f"strategy {place}: expected a Python file or module, found none; check the path"
    raise StrategySourceError(message)


def _sources_of(path: Path) -> dict[str, str]:
    """{module: text} of the file and of what it imports from its own folder."""
    sources: dict[str, str] = {}
    waiting = [path]
    while waiting:
        current = waiting.pop()
        if current.stem in sources:
            continue
        text = _text_of(current)
        sources[current.stem] = text
        for module in sorted(_imported(text, current)):
            neighbor = path.parent / f"{module}.py"
            if neighbor.is_file():
                waiting.append(neighbor)
    return dict(sorted(sources.items()))


def _text_of(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        message = f"strategy {path}: expected UTF-8, found byte {error.object[error.start]:#x}"
        raise StrategySourceError(message) from None
    except OSError as error:
        message = f"strategy {path}: expected a readable file, found: {error.strerror}"
        raise StrategySourceError(message) from None


def _imported(text: str, path: Path) -> set[str]:
    """Top-level names of modules that `text` imports, relative ones included."""
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        line = getattr(error, "lineno", None)
        where = f"strategy {path}" if line is None else f"strategy {path} line {line}"
        found = error.args[0] if error.args else type(error).__name__
        message = f"{where}: expected Python, found: {found}; mend it"
        raise StrategySourceError(message) from None
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            if node.level and node.module is None:
                names |= {alias.name for alias in node.names}
            elif node.module:
                names.add(node.module)
    return {name for name in names if "." not in name}
