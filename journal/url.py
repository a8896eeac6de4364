"""Where a journal is: one line of text -> `JournalUrl`.

shape   sqlite:///relative/path  sqlite:////absolute/path  a bare path     a file
        memory:///name  memory://                                          this process, for tests
errors  `JournalUrlError` naming what was written and what can be
why     no decoding and no `?options`: what stands after the third slash is the path as it is
"""

from dataclasses import dataclass
from pathlib import Path

from journal.errors import JournalUrlError

_FORMS = "write sqlite:///PATH, a path to a file, or memory:///NAME"


@dataclass(frozen=True, slots=True)
class JournalUrl:
    """A journal's place. `path` for sqlite, `name` for memory ("" is anonymous)."""

    text: str
    engine: str
    path: Path | None = None
    name: str = ""

    def __str__(self) -> str:
        return self.text

    @property
    def where(self) -> str:
        """How messages name the place: the path of a file, else the URL."""
        return str(self.path) if self.path is not None else self.text


def parse_url(text: "str | Path | JournalUrl") -> JournalUrl:
    """The `JournalUrl` that `text` writes."""
    if isinstance(text, JournalUrl):
        return text
    text = str(text)
    if not text or "\0" in text:
        raise JournalUrlError(text, f"expected a place, found nothing; {_FORMS}")
    scheme, separator, rest = text.partition("://")
    if not separator:
        if text.startswith(":memory:"):
            raise JournalUrlError(
                text, "expected a file, found sqlite's memory; write memory:///NAME"
            )
        return _file(text, text)
    if scheme == "sqlite":
        if not rest.startswith("/") or rest == "/":
            raise JournalUrlError(text, "expected three slashes and a path; write sqlite:///PATH")
        return _file(text, rest[1:])
    if scheme == "memory":
        return JournalUrl(text=text, engine="memory", name=rest.removeprefix("/"))
    if scheme.partition("+")[0] in ("postgresql", "postgres"):
        raise JournalUrlError(
            text.partition("@")[0].partition(":")[0] + "://…",
            f"PostgreSQL comes with a later release; {_FORMS}",
        )
    raise JournalUrlError(text, f"expected a known engine, found {scheme!r}; {_FORMS}")


def _file(text: str, path: str) -> JournalUrl:
    return JournalUrl(text=text, engine="sqlite", path=Path(path))
