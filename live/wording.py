"""How a value, a key or a text given to us is said in one short line that holds no secret."""

import difflib
from collections.abc import Iterable

from core.config import DECLARATIONS, PARAMETERS, TABLES
from live.old_names import variable_of
from live.secrets import Secrets

LINE_MAX = 120
TABLE_KEYS = frozenset(TABLES) | {PARAMETERS}
HIDDEN = "(value not shown)"
"""What stands where a value may be a secret, or lead to one."""
SET = "set, not shown"


def shown(value: object, secrets: Secrets) -> str:
    """`value` in one short printable line, masked before it is cut."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        bits = value.bit_length()
        return printable(secrets.mask(str(value))) if bits <= 256 else f"an integer of {bits} bits"
    if isinstance(value, str):
        return printable(secrets.mask(value)) if value else '""'
    if isinstance(value, tuple | list):
        text = ",".join(one if isinstance(one, str) else type(one).__name__ for one in value)
        return printable(secrets.mask(text)) if value else "none"
    return "a table" if isinstance(value, dict) else f"a {type(value).__name__}"


def shown_of(key: str, value: object, secrets: Secrets) -> str:
    """`value` of the setting `key`; of one that is hidden only whether it is set."""
    return SET if is_hidden(key, value) else shown(value, secrets)


def is_hidden(key: str, value: object) -> bool:
    """Whether of `value` is said only that it is set."""
    declaration = DECLARATIONS.get(key)
    return declaration is not None and declaration.about.hidden and value != declaration.default


def printable(text: str) -> str:
    """`text` on one line, without control characters, cut to 120."""
    safe = "".join(char if char.isprintable() else ascii(char)[1:-1] for char in text)
    return safe if len(safe) <= LINE_MAX else safe[: LINE_MAX - 1] + "…"


def nearest_key(key: str) -> str:
    """The declared key that `key` most looks like, as a mend."""
    near = _nearest(key, [*DECLARATIONS, *sorted(TABLE_KEYS)])
    if not near:
        name = key.rpartition(".")[2]
        near = [known for known in DECLARATIONS if known.rpartition(".")[2] == name]
    return f"did you mean {near[0]}" if near else "remove it"


def nearest_variable(variable: str) -> str:
    """The variable of ours that `variable` most looks like, as a mend."""
    near = _nearest(variable.upper(), map(variable_of, DECLARATIONS))
    return f"did you mean {near[0]}" if near else "unset it"


def _nearest(word: str, known: Iterable[str]) -> list[str]:
    return difflib.get_close_matches(word, list(known), n=1, cutoff=0.6)
