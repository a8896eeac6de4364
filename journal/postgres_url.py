"""PostgreSQL's URLs: where a journal is in a server, and where its side files are on this machine.

shape   postgresql://USER[:PASSWORD]@HOST[:PORT]/DATABASE[?schema=NAME&local=FOLDER&writer=ROLE&…]
schema  one journal a schema, so that a database holds many; without it, "refold"
local   the folder of the side files, which stay on the machine: `journal.anchor`, the simulated
        venue, the kept projections, a log. Without it, a folder named after host, port, database
        and schema in `$XDG_STATE_HOME/refold` or `~/.local/state/refold`
writer  a role that may read and append and nothing else, granted when the journal is created
others  libpq's words for the connection (sslmode=…, host=… of a socket); %XX is decoded
errors  `JournalUrlError`, which never shows a value that could be a password. What is shown of a
        URL afterwards has none; libpq also takes it from PGPASSWORD or ~/.pgpass
"""

import re
from pathlib import Path
from typing import NamedTuple
from urllib.parse import SplitResult, parse_qsl, unquote, urlencode, urlsplit

from journal.errors import JournalUrlError
from journal.state_folder import state_folder

SCHEMA = "refold"
FORM = "write postgresql://USER@HOST:PORT/DATABASE?schema=NAME"

_NAME = re.compile(r"(?!pg_)[a-z_][a-z0-9_]{0,62}")
_OURS = frozenset({"local", "schema", "writer"})
_SECRET = frozenset({"options", "password", "sslpassword"})
_LIBPQ = _SECRET | {
    "channel_binding", "connect_timeout", "gssencmode", "host", "hostaddr", "krbsrvname",
    "passfile", "port", "require_auth", "sslcert", "sslcrl", "sslkey", "sslmode",
    "sslnegotiation", "sslrootcert", "user",
}  # fmt: skip


class PostgresPlace(NamedTuple):
    """A journal in a server. `text` is without secrets, `keywords` are libpq's, with them."""

    text: str
    schema: str
    writer: str
    local: Path
    keywords: tuple[tuple[str, str], ...]


def parse_postgres(text: str) -> PostgresPlace:
    """What a PostgreSQL URL says."""
    shown, keywords, ours = _read(text)
    schema = ours.get("schema", SCHEMA)
    for key, name in (("schema", schema), ("writer", ours.get("writer", "_"))):
        if _NAME.fullmatch(name) is None:
            raise JournalUrlError(shown, f"{key}: expected a name of a-z, 0-9 and _, found another")
    base = ours.get("local", "")
    if "\0" in base or (base and not Path(base).is_absolute()):
        raise JournalUrlError(shown, "local: expected an absolute folder, found another")
    home = Path(base) if base else state_folder()
    if home is None:
        raise JournalUrlError(
            shown, "expected a home folder for its side files, found none; add ?local=FOLDER"
        )
    folder = home if base else home / _folder_name(keywords, schema)
    return PostgresPlace(
        shown, schema, ours.get("writer", ""), folder / "journal", tuple(keywords.items())
    )


def _read(text: str) -> tuple[str, dict[str, str], dict[str, str]]:
    """The URL without secrets, libpq's keywords, and our own."""
    try:
        parts = urlsplit(text)
        host, port = parts.hostname or "", parts.port
        pairs = parse_qsl(parts.query, keep_blank_values=True, strict_parsing=bool(parts.query))
        user = unquote(parts.username or "", errors="strict")
        password = unquote(parts.password or "", errors="strict")
        database = unquote(parts.path.removeprefix("/"), errors="strict")
    except ValueError:
        raise JournalUrlError("postgresql://…", f"expected a URL, found none; {FORM}") from None
    shown = _shown(parts, port, pairs)
    if not database or "/" in database or parts.fragment:
        raise JournalUrlError(shown, f"expected one database, found none or more; {FORM}")
    keywords = {"host": unquote(host), "port": str(port or ""), "user": user, "password": password}
    keywords["dbname"] = database
    ours: dict[str, str] = {}
    for key, value in pairs:
        if key not in _OURS | _LIBPQ:
            raise JournalUrlError(shown, f"expected a known option, found {key[:20]!r}; {FORM}")
        target = ours if key in _OURS else keywords
        if target.get(key):
            raise JournalUrlError(shown, f"expected {key} once, found it twice; {FORM}")
        target[key] = value
    return shown, {key: value for key, value in keywords.items() if value}, ours


def _shown(parts: SplitResult, port: int | None, pairs: list[tuple[str, str]]) -> str:
    """The URL as messages may show it: what could hold a secret is left out."""
    known = [(key, value) for key, value in pairs if key in (_OURS | _LIBPQ) - _SECRET]
    host = parts.hostname or ""
    return "".join(
        (
            f"{parts.scheme}://",
            f"{parts.username}@" if parts.username else "",
            f"[{host}]" if ":" in host else host,
            "" if port is None else f":{port}",
            parts.path,
            f"?{urlencode(known, safe='/')}" if known else "",
        )
    )


def _folder_name(keywords: dict[str, str], schema: str) -> str:
    words = (
        keywords.get("host", "local"),
        keywords.get("port", "5432"),
        keywords["dbname"],
        schema,
    )
    return re.sub(r"[^A-Za-z0-9.-]", "_", "-".join(words)).lstrip(".") or "_"
