"""A strategy made from its source text, the same for the live session and for replay.

shape   sources {module name: text}, entry module, class name -> the class
why     the journal holds the source (`StrategyLoaded`), so both run exactly that text, never a
        file that may have changed since. The modules of the strategy's own folder come from
        `sources`; everything else is imported as usual.
errors  `StrategySourceError`: no such class, no `decide`, a syntax error, an import that fails
"""

import builtins
import sys
from types import ModuleType

from core.canonical import content_id

MAX_WINDOW = 10_000


class StrategySourceError(ValueError):
    """The source does not make a strategy; the message is one line for a person."""


def source_hash(sources: dict[str, str]) -> str:
    """The content id of a strategy's sources."""
    return content_id(sources)


def load_class(sources: dict[str, str], entry: str, class_name: str) -> type:
    """The strategy's class, its modules executed anew from `sources`."""
    module = _Loader(sources).load(entry)
    found = getattr(module, class_name, None)
    if not isinstance(found, type):
        message = f"strategy {entry}: expected a class {class_name}, found {found!r}"
        raise StrategySourceError(message)
    if not callable(getattr(found, "decide", None)):
        message = f"strategy {entry}:{class_name}: expected a method decide(self, view), found none"
        raise StrategySourceError(message)
    return found


def window_of(strategy: type) -> int:
    """How many cycles of quotes the class declares it needs (`window`), at least 1."""
    window = getattr(strategy, "window", 1)
    if isinstance(window, bool) or not isinstance(window, int) or not 1 <= window <= MAX_WINDOW:
        message = (
            f"strategy {strategy.__name__}.window: expected an integer 1 to {MAX_WINDOW}, "
            f"found {window!r}"
        )
        raise StrategySourceError(message)
    return window


class _Loader:
    """Executes modules from text, each once, under names nobody else uses."""

    def __init__(self, sources: dict[str, str]) -> None:
        self.sources = sources
        self.prefix = f"refold_strategy_{source_hash(sources)[:16]}"
        self.modules: dict[str, ModuleType] = {}

    def load(self, name: str) -> ModuleType:
        """The module `name` of the sources, executed on first use."""
        if name in self.modules:
            return self.modules[name]
        module = ModuleType(f"{self.prefix}.{name}")
        module.__dict__["__builtins__"] = {**vars(builtins), "__import__": self._import}
        self.modules[name] = module
        sys.modules[module.__name__] = module  # dataclasses and typing look a class's module up
        try:
            code = compile(self.sources[name], f"<strategy {name}>", "exec", dont_inherit=True)
            exec(code, module.__dict__)  # noqa: S102 - running the user's strategy is the purpose
        except (Exception, SystemExit) as error:
            sys.modules.pop(module.__name__, None)
            where = f" line {error.lineno}" if isinstance(error, SyntaxError) else ""
            message = f"strategy {name}{where}: cannot be loaded: {type(error).__name__}: {error}"
            raise StrategySourceError(message.replace("\n", " ")) from error
        return module

    def _import(
        self,
        name: str,
        globals: dict[str, object] | None = None,  # noqa: A002 - the signature of __import__
        locals: dict[str, object] | None = None,  # noqa: A002 - the signature of __import__
        fromlist: tuple[str, ...] | None = (),
        level: int = 0,
    ) -> ModuleType:
        """`__import__` that looks in the sources first: `import helper`, `from . import helper`."""
        if level:
            if name in self.sources:
                return self.load(name)
            package = ModuleType(self.prefix)
            for wanted in fromlist or ():
                if wanted not in self.sources:
                    message = f"no module {wanted} in the strategy's own folder"
                    raise ImportError(message)
                setattr(package, wanted, self.load(wanted))
            return package
        if name in self.sources:
            return self.load(name)
        return builtins.__import__(name, globals, locals, fromlist or (), 0)
