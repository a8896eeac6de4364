"""The reference page of the configuration, live/CONFIGURATION.md, made from the contract.

shape   `page()` -> Markdown: a table of settings for each table of the file, the old names, the
        secrets. A test compares it with the stored file
"""

from collections.abc import Iterable

from core.config import DECLARATIONS, TABLES
from core.settings import FORMS, Declaration, Kind
from live.contract_sample import toml
from live.old_names import NO_SIMULATOR, OLD_NAMES
from live.secrets import NAMES

_TOP = """\
# Configuration

Made by `bin/refold config reference` from the contract (`core/contract.py`); do not edit.

A setting comes from the TOML file of `--config`, then from its variable (`REFOLD_` and its key in
capitals, two underscores for the point: `REFOLD_RISK__ALLOW_SHORT`), then from a flag; the later
goes over the earlier. Unknown keys and variables, and values that are not as said here, stop the
start, all of them at once. `config show` prints what is in force, where it comes from and what a
running journal has otherwise; `config init` writes a commented file, `config schema` a JSON Schema.

Every setting is in the configuration's hash, which is on every decision, but for the places marked
`place`: where something lies decides nothing, and what lies there is in the hash by its content.
Decimals are written as numbers or as text, without exponent. `mode = "live"` needs `--live` on the
command line of `run` as well.
"""
_OLD = f"""\

## Other names

Variables of the bot that operators come from and of Alpaca's tools are read with a warning. One
that says something else than the file, our own variable or another of them is refused, in every
mode. A variable that only begins like them is named in a warning and does nothing.
`{NO_SIMULATOR}` is refused: there is no such simulator.

| variable | is | its value |
| --- | --- | --- |
"""
_SECRETS = """\

## Secrets

They are read from the environment, never from the file, and shown nowhere.

| variable | other name |
| --- | --- |
"""


def page() -> str:
    """The whole page."""
    parts = [_TOP]
    for table in ("", *TABLES):
        settings = [d for key, d in DECLARATIONS.items() if key.rpartition(".")[0] == table]
        parts.append(f"\n## {f'[{table}]' if table else 'Top level'}\n\n")
        parts.append(_table(settings) if settings else "No settings.\n")
    rows = [(f"`{v}`", f"`{old.key}`", old.how) for old in OLD_NAMES for v in old.variables]
    parts += [_OLD, _rows(rows), _SECRETS]
    parts.append(_rows((f"`{name}`", f"`{alias}`") for name, alias in NAMES))
    return "".join(parts)


def _table(settings: Iterable[Declaration]) -> str:
    head = "| setting | what it is | value | default |\n| --- | --- | --- | --- |\n"
    return head + _rows(
        (
            f"`{declaration.key}`{' (place)' if declaration.about.place else ''}",
            declaration.about.summary,
            _value(declaration),
            _default(declaration),
        )
        for declaration in settings
    )


def _value(declaration: Declaration) -> str:
    if declaration.kind is Kind.TEXT and declaration.about.form != "any":
        example = FORMS[declaration.about.form].example
        return f"{declaration.expected}, like `{example}`" if example else declaration.expected
    return declaration.expected


def _default(declaration: Declaration) -> str:
    if declaration.kind is Kind.PARAMETERS:
        return "none"
    own = _code(declaration.default, declaration)
    modes = (f"{mode}: {_code(value, declaration)}" for mode, value in declaration.about.by_mode)
    return "; ".join([own, *modes])


def _code(value: object, declaration: Declaration) -> str:
    return f"`{toml(value, decimal=declaration.kind is Kind.DECIMAL)}`"


def _rows(rows: Iterable[tuple[str, ...]]) -> str:
    return "".join(f"| {' | '.join(_cell(cell) for cell in row)} |\n" for row in rows)


def _cell(text: str) -> str:
    return text.replace("|", "\\|")
