"""Where a journal is: one line of text -> `JournalUrl`.

shape   sqlite:///relative/path  sqlite:////absolute/path  a bare path     a file
        postgresql://user@host:port/database?schema=name                   postgres_url.py
        memory:///name  memory://                                          this process, for tests
errors  `JournalUrlError` naming what was written and what can be
why     a file has no decoding and no `?options`: what stands after the third slash is the path
"""

from dataclasses import dataclass, field
from pathlib import Path

from journal.errors import JournalUrlError
from journal.postgres_url import parse_postgres

_FORMS = (
    "write sqlite:///PATH, a path to a file, postgresql://USER@HOST:PORT/DATABASE, "
    "or memory:///NAME"
)


@dataclass(frozen=True, slots=True)
class JournalUrl:
    """A journal's place: `path` for sqlite, `name` for memory ("" is anonymous) or the schema.

    `text` has no password; `keywords`, for libpq, may. `side` is set where no file is the journal.
    """

    text: str
    engine: str
    path: Path | None = None
    name: str = ""
    side: Path | None = None
    writer: str = ""
    keywords: tuple[tuple[str, str], ...] = field(default=(), repr=False)

    def __str__(self) -> str:
        return self.text

    @property
    def where(self) -> str:
        """How messages name the place: the path of a file, else the URL."""
        return str(self.path) if self.path is not None else self.text

    @property
    def local(self) -> Path | None:
        """What its side files on this machine are named after; None in memory, which has none."""
        return self.path if self.path is not None else self.side


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
    if scheme in ("postgresql", "postgres"):
        place = parse_postgres(text)
        return JournalUrl(
            text=place.text,
            engine="postgresql",
            name=place.schema,
            side=place.local,
            writer=place.writer,
            keywords=place.keywords,
        )
    if scheme.partition("+")[0] in ("postgresql", "postgres"):
        shown = f"{scheme.partition('+')[0]}+…"
        raise JournalUrlError(shown, f"expected no driver in the scheme, found one; {_FORMS}")
    shown = f"{scheme}://…"  # what follows may hold a password
    raise JournalUrlError(shown, f"expected a known engine, found {scheme!r}; {_FORMS}")


def _file(text: str, path: str) -> JournalUrl:
    return JournalUrl(text=text, engine="sqlite", path=Path(path))
