"""The broker's keys: read from the environment, shown nowhere.

shape   `Secrets(environ)` holds them; `disagreements(environ)` -> problems as lines
errors  two names for one key that are both set and differ are a problem that shows neither value
why     a key that reaches a log, an event or a traceback is a key that must be drawn anew
"""

import hmac
import re
from collections.abc import Mapping
from typing import NoReturn

NAMES = (
    ("APCA_API_KEY_ID", "ALPACA_API_KEY"),
    ("APCA_API_SECRET_KEY", "ALPACA_SECRET_KEY"),
)
"""Key id and secret: each a name and its alias."""
VARIABLES = ("REFOLD_ENCRYPTION__KEY", "MASTER_ENCRYPTION_KEY")
"""The master key of the journal, and its alias; live/keys.py reads them."""

_USERINFO = re.compile(r"(?<!sqlite)://.*@")
_PASSWORD = re.compile(r"://[^/?#@:]*:.*@")
_QUERY_SECRET = re.compile(
    r"([?&;][^=&;]*(?:key|secret|token|passw)[^=&;]*=)[^&;]*", re.IGNORECASE | re.ASCII
)
_SHORTEST = 5
"""A secret shorter than this is masked only where it is the whole text."""
MASK = "***"


class Secrets:
    """The broker's key id and secret, either may be empty; its text shows neither."""

    __slots__ = ("_hidden", "key_id", "names", "secret_key")

    def __init__(self, environ: Mapping[str, str]) -> None:
        """`names`: the variables that are set; the first name of a key goes before its alias."""
        pairs = [(name, environ.get(name, "")) for pair in NAMES for name in pair]
        pairs += [(name, environ.get(name, "")) for name in VARIABLES]
        self.names = tuple(name for name, value in pairs if value)
        self._hidden = tuple(sorted((value for _, value in pairs if value), key=len, reverse=True))
        self.key_id, self.secret_key = (
            environ.get(name) or environ.get(alias, "") for name, alias in NAMES
        )

    def mask(self, text: str) -> str:
        """`text` without these secrets, a URL's user and password, or a query's secrets."""
        for secret in self._hidden:
            if len(secret) >= _SHORTEST or text == secret:
                text = text.replace(secret, MASK)
        return _QUERY_SECRET.sub(rf"\g<1>{MASK}", _USERINFO.sub(f"://{MASK}@", text))

    def __repr__(self) -> str:
        return "Secrets(not shown)"

    def __reduce__(self) -> NoReturn:
        message = "secrets: expected to stay in this process, found an attempt to pickle them"
        raise TypeError(message)


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


def has_password(url: str) -> bool:
    """Whether `url` carries a password, before its host or in its query."""
    return bool(_PASSWORD.search(url) or _QUERY_SECRET.search(url))


def same_secret(first: str, second: str) -> bool:
    """Whether two secrets are equal, in a time that does not tell where they differ."""
    return hmac.compare_digest(
        first.encode("utf-8", "surrogateescape"), second.encode("utf-8", "surrogateescape")
    )
