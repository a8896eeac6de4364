"""The secrets of a command: taken from its environment at the start, refused among its words.

shape   `hold()` first of all, then `refuse_words(words)`; `held()` are the broker's keys
why     everybody on a machine can read the words of a command (ps), and every child inherits its
        environment. Key ids and secrets come from APCA_… variables, better from a file
errors  `SecretWordError` in one line, without the word
"""

import os
import re
import sys
from collections.abc import Sequence
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from live.secrets import Secrets

_SOURCES = (
    "APCA_",
    "ALPACA_",
    "CREDENTIALS_DIRECTORY",
    "PGPASSWORD",
    "REFOLD_JOURNAL",
    "REFOLD_ENCRYPTION__KEY",
    "MASTER_ENCRYPTION_KEY",
)
"""How variables begin that may hold, or lead to, a secret."""

_FLAG = re.compile(
    r"--?[\w-]*(?:secret|passw|passphrase|credential|token|api-?key|key-?id)[\w-]*", re.IGNORECASE
)
_KEY_ID = re.compile(r"(?<![A-Za-z0-9])(?:PK|AK|CK)[A-Z0-9]{18,30}(?![A-Za-z0-9])")
_LONG = re.compile(r"(?:^|[=:])((?=.*[a-z])(?=.*[A-Z])(?=.*[0-9])[A-Za-z0-9]{40,44})$")
_MASTER = re.compile(r"(?:^|[=:])(?:[A-Za-z0-9+/]{43}|[A-Za-z0-9_-]{43})=$")
"""A master key as `keys new` writes it. One in hex looks like an event's id, which is no secret."""
_PASSWORD = re.compile(r"://[^/?#@:]+:[^/?#@]+@|[?&](?:ssl)?passw[^=&]*=[^&]", re.IGNORECASE)
FAMILY = "APCA_API_KEY_ID_FILE and APCA_API_SECRET_KEY_FILE"


class SecretWordError(Exception):
    """A word of the command is a secret, or looks like one."""


def hold() -> None:
    """Take the secrets out of the environment, and guard what this process prints from them."""
    if not any(name.startswith(_SOURCES) for name in os.environ):
        return
    held()
    from live.redaction import HELD, guarded

    if HELD.holds_any:
        sys.stdout, sys.stderr = guarded(sys.stdout), guarded(sys.stderr)


@cache
def held() -> "Secrets":
    """The broker's keys; asked for the first time, they leave the environment."""
    from live.secrets import taken

    return taken(os.environ)


def refuse_words(words: Sequence[str]) -> None:
    """Stop where a word is a secret: a flag that asks for one, a key's form, one that is held."""
    for number, word in enumerate(words, start=1):
        if _FLAG.fullmatch(word.partition("=")[0]):
            mend = f"name a file by {FAMILY}"
        elif _PASSWORD.search(word):
            mend = "give the URL as REFOLD_JOURNAL, or the password as PGPASSWORD or in ~/.pgpass"
        elif _MASTER.search(word):
            mend = "name its file by --key-file, and draw this key anew"
        elif _KEY_ID.search(word) or _LONG.search(word) or _is_held(word):
            mend = f"name a file by {FAMILY}, and draw this key anew"
        else:
            continue
        message = (
            f"word {number} of the command: expected no secret, for everybody on this machine can "
            f"read it, found what looks like one (not shown); {mend}"
        )
        raise SecretWordError(message)


def _is_held(word: str) -> bool:
    if "live.redaction" not in sys.modules:
        return False
    from live.redaction import redact

    return redact(word) != word
