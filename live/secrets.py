"""The broker's keys and the master key: from the environment or a file, shown nowhere.

shape   `Secrets(environ)` holds them; `taken(environ)` also takes them out of `environ`, hides them
        from every output of this process (live.redaction), and turns core files off
names   APCA_API_KEY_ID, APCA_API_SECRET_KEY or their aliases; with _FILE behind, a file that holds
        the value; else a file of that name in $CREDENTIALS_DIRECTORY, where systemd puts it. The
        master key's variable; its other sources are live/keys.py's
errors  `problems`, a line each: two names for one key that differ; a file that others may read, or
        in a git checkout, or without exactly one line. None shows a value
dies    nothing is written. What the kernel shows of a process's first environment
        (/proc/PID/environ) is wiped where that can be done: on Linux, in this process, not in the
        shell that started it. A file is in no environment at all
"""

import hmac
import re
from collections.abc import Mapping, MutableMapping
from pathlib import Path
from typing import Final, NoReturn
from urllib.parse import parse_qsl, unquote, urlsplit

from core.secret import Secret
from live import process_memory
from live.redaction import Redactor, hide

NAMES = (
    ("APCA_API_KEY_ID", "ALPACA_API_KEY"),
    ("APCA_API_SECRET_KEY", "ALPACA_SECRET_KEY"),
)
"""Key id and secret: each a name and its alias."""

MASTER = ("REFOLD_ENCRYPTION__KEY", "MASTER_ENCRYPTION_KEY")
"""The journal's master key, and its alias; live/keys.py reads it, from other places too."""

FILE: Final = "_FILE"
"""Behind a name: the variable that says in which file the value is."""

DIRECTORY: Final = "CREDENTIALS_DIRECTORY"
FILE_LIMIT_BYTES: Final = 4096

_USERINFO = re.compile(r"(?<!sqlite)://.*@")
_PASSWORD = re.compile(r"://[^/?#@:]*:.*@")
_QUERY_SECRET = re.compile(
    r"([?&;][^=&;]*(?:key|secret|token|passw)[^=&;]*=)[^&;]*", re.IGNORECASE | re.ASCII
)
MASK = "***"


class Secrets:
    """The broker's key id and secret, either may be empty, and the master key where it is set.

    `master` holds the master key's variables that are set, empty ones included; its text shows
    none.
    """

    __slots__ = ("_redactor", "key_id", "master", "names", "problems", "secret_key")

    def __init__(self, environ: Mapping[str, str]) -> None:
        """`names`: what is set, by variable or file; a key's first name goes before its alias."""
        values: dict[str, Secret] = {}
        problems: list[str] = disagreements(environ)
        for name in (name for pair in NAMES for name in pair):
            value, problem = _value_of(name, environ)
            problems += [problem] if problem else []
            if value:
                values[name] = value
        self.master = {name: Secret(environ[name]) for name in MASTER if name in environ}
        self.names = (*values, *(name for name, secret in self.master.items() if secret))
        self.problems = tuple(problems)
        self._redactor = Redactor()
        self._redactor.hide(*values.values(), *self.master.values())
        nothing = Secret("")
        self.key_id, self.secret_key = (
            values.get(name) or values.get(alias, nothing) for name, alias in NAMES
        )

    def mask(self, text: str) -> str:
        """`text` without these secrets, a URL's user and password, or a query's secrets."""
        text = self._redactor.redact(text)
        return _QUERY_SECRET.sub(rf"\g<1>{MASK}", _USERINFO.sub(f"://{MASK}@", text))

    def shown_by(self, text: str) -> bool:
        """Whether `text` shows one of them, in any form."""
        return self._redactor.redact(text) != text

    def __repr__(self) -> str:
        return "Secrets(not shown)"

    def __reduce__(self) -> NoReturn:
        message = "secrets: expected to stay in this process, found an attempt to pickle them"
        raise TypeError(message)


def taken(environ: MutableMapping[str, str]) -> Secrets:
    """The secrets of `environ`, out of it from here on: no child of this process inherits them."""
    secrets = Secrets(environ)
    seen = [environ[name] for pair in NAMES for name in pair if environ.get(name)]
    urls = (environ.get("REFOLD_JOURNAL", ""), environ.get("REFOLD_RATE__STORE", ""))
    passwords = [
        environ.get("PGPASSWORD", ""),
        *(word for url in urls for word in passwords_of(url)),
    ]
    held = (secrets.key_id, secrets.secret_key, *secrets.master.values())
    hide(*held, *(Secret(text) for text in (*seen, *passwords)))
    if seen or secrets.names:
        names = tuple(name for pair in NAMES for name in pair)
        for name in (*names, *(f"{name}{FILE}" for name in names), *MASTER):
            environ.pop(name, None)
        process_memory.wipe_environment((*names, *MASTER))
    if seen or secrets.names or any(passwords):
        process_memory.harden()
    return secrets


def _value_of(name: str, environ: Mapping[str, str]) -> tuple[Secret, str]:
    """The value of `name`, or what is wrong with where it is said to be."""
    given, place = environ.get(name, ""), environ.get(f"{name}{FILE}", "")
    if given and place:
        return Secret(given), f"{name}{FILE} (environment): expected {name} or a file, found both"
    if given:
        return Secret(given), ""
    if place:
        return _of_file(Path(place), f"{name}{FILE} (environment)", private=True)
    directory = environ.get(DIRECTORY, "")
    credential = Path(directory, name)
    if directory and credential.exists():
        return _of_file(credential, f"{name} (${DIRECTORY})", private=False)
    return Secret(""), ""


def _of_file(path: Path, source: str, *, private: bool) -> tuple[Secret, str]:
    """A file's only line; systemd guards its own files, in ways their mode does not tell."""
    nothing = Secret("")
    try:
        with path.open("rb") as file:
            mode, data = path.stat().st_mode, file.read(FILE_LIMIT_BYTES + 1)
        text = data.decode("utf-8").strip()
    except (OSError, ValueError) as error:
        words = str(error.strerror).lower() if isinstance(error, OSError) else "no UTF-8"
        return nothing, f"{source}: expected a file with the key in it, found: {words}"
    if private and mode & 0o077:
        return (
            nothing,
            f"{source}: expected a file for its owner only; chmod 600 it",
        )
    if any((folder / ".git").exists() for folder in path.resolve().parents):
        return nothing, f"{source}: expected a file outside of any git checkout; move it"
    if not text or len(data) > FILE_LIMIT_BYTES or not text.isprintable():
        return nothing, f"{source}: expected one line with the key in it, found none or more"
    return Secret(text), ""


def disagreements(environ: Mapping[str, str]) -> list[str]:
    """A line for each key that has two values in `environ`, showing neither."""
    return [
        f"{name} (environment): expected the same value as its other name {alias}, "
        "found another (values not shown); unset one of them"
        for name, alias in NAMES
        if environ.get(name)
        and environ.get(alias)
        and not same_secret(environ[name], environ[alias])
    ]


def passwords_of(url: str) -> list[str]:
    """The passwords in a journal's URL, as written and as meant."""
    if not has_password(url):
        return []
    try:
        parts = urlsplit(url)
        query = [value for key, value in parse_qsl(parts.query) if "passw" in key.lower()]
        written = [parts.password or "", *query]
    except ValueError:
        return []
    return [text for password in written if password for text in (password, unquote(password))]


def has_password(url: str) -> bool:
    """Whether `url` carries a password, before its host or in its query."""
    return bool(_PASSWORD.search(url) or _QUERY_SECRET.search(url))


def same_secret(first: str, second: str) -> bool:
    """Whether two secrets are equal, in a time that does not tell where they differ."""
    return hmac.compare_digest(
        first.encode("utf-8", "surrogateescape"), second.encode("utf-8", "surrogateescape")
    )
