"""The commented sample of the configuration file, made from the contract.

shape   `sample()` -> TOML text: every setting with what it is, as a comment that sets its default
why     nothing in it is set. A sample that set the defaults would hold them against the mode: a
        person who changes `mode` alone must get that mode's endpoints and its encryption
"""

import json

from core.config import DECLARATIONS, TABLES
from core.settings import Declaration, Kind

_TOP = """\
# refold's configuration. Every setting is shown with its default; to change one, take away the
# "# " before it. Flags go over REFOLD_… variables, and those over this file.
# Secrets never stand here: the broker's keys come from the environment (APCA_API_KEY_ID,
# APCA_API_SECRET_KEY), the master key from there, a file or systemd. Check: refold config check.
"""


def sample() -> str:
    """The whole file."""
    lines = [_TOP]
    for table in ("", *TABLES):
        settings = [
            declaration
            for key, declaration in DECLARATIONS.items()
            if key.rpartition(".")[0] == table
        ]
        lines.append(f"[{table}]\n" if table else "")
        lines += [_setting(declaration) for declaration in settings]
    return "".join(lines)


def _setting(declaration: Declaration) -> str:
    """Its summary, what a value must be, what another mode's default is, and the default."""
    about = declaration.about
    name = declaration.key.rpartition(".")[2]
    said = [about.summary]
    if declaration.kind is not Kind.PARAMETERS:
        said.append(f"Takes {declaration.expected}.")
    lines = [f"# {text}" for text in said]
    if about.by_mode:
        by_mode = ", ".join(f"{mode}: {toml(value)}" for mode, value in about.by_mode)
        lines.append(f"# Default for {by_mode}.")
    value = "{ fast = 5, slow = 20 }" if declaration.kind is Kind.PARAMETERS else ""
    example = value or toml(declaration.default, decimal=declaration.kind is Kind.DECIMAL)
    lines.append(f"{'# for example: ' if value else '# '}{name} = {example}")
    return "".join(f"{line}\n" for line in lines) + "\n"


def toml(value: object, *, decimal: bool = False) -> str:
    """A setting's value as TOML writes it; a decimal as a number."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, tuple | list):
        return f"[{', '.join(toml(one) for one in value)}]"
    if isinstance(value, str) and not decimal:
        return json.dumps(str(value), ensure_ascii=False)
    return str(value)
