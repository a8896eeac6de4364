"""The effective configuration: every setting in force with its source, for people and for scripts.

shape   `rows_of(loaded)` -> a `Row` a setting, in the contract's order, then one a secret that is
        set; `differences(running, loaded)` -> what the journal has in force and this have apart
rule    secrets, hidden places and passwords are masked in every row
"""

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from core.config import DECLARATIONS, PARAMETERS, flatten, value_of
from core.events import Setting
from core.settings import Kind
from live.configuration import Loaded
from live.secrets import Secrets
from live.wording import SET, is_hidden, shown, shown_of

MARKET_SYMBOLS = "symbols"


class Row(NamedTuple):
    """One setting: `text` for people; `value` and `default` for scripts, as in a snapshot.

    A parameter and a secret have no default of ours: None.
    """

    key: str
    text: str
    source: str
    value: object
    default: object = None
    unit: str = ""


class Difference(NamedTuple):
    """A setting that the running configuration and its file have apart, both masked."""

    key: str
    running: object
    file: object


def rows_of(loaded: Loaded) -> list[Row]:
    """Every setting in force, in the contract's order, then the secrets that are set."""
    rows = [row for key in DECLARATIONS for row in _rows(key, loaded)]
    secrets = (Row(name, SET, f"environment {name}", SET) for name in loaded.secrets.names)
    return [*rows, *secrets]


def _rows(key: str, loaded: Loaded) -> Iterator[Row]:
    declaration = DECLARATIONS[key]
    secrets = loaded.secrets
    if declaration.kind is Kind.PARAMETERS:
        for name, given in sorted(loaded.config.strategy.parameters.items()):
            dotted = f"{PARAMETERS}.{name}"
            source = loaded.sources.get(dotted, "default")
            yield Row(dotted, shown(given, secrets), source, plain_of(given, secrets))
        return
    value = value_of(loaded.config, key)
    default = declaration.default_for(loaded.config.mode)
    yield Row(
        key=key,
        text=shown_of(key, value, secrets),
        source=loaded.sources[key],
        value=SET if is_hidden(key, value) else plain_of(value, secrets),
        default=plain_of(default, secrets),
        unit=declaration.about.unit,
    )


def plain_of(value: object, secrets: Secrets) -> object:
    """`value` as a snapshot holds it, its texts masked."""
    if isinstance(value, bool) or value is None:
        return value
    if isinstance(value, str):
        return secrets.mask(str(value))
    if isinstance(value, tuple | list):
        return [secrets.mask(str(one)) for one in value]
    masked = secrets.mask(str(value))
    return value if masked == str(value) else masked


def render_effective(loaded: Loaded, config_hash: str) -> list[str]:
    """The effective configuration as lines for people: its hash, then each setting."""
    rows = rows_of(loaded)
    key_width = max(len(row.key) for row in rows)
    value_width = min(44, max(len(row.text) for row in rows))
    lines = [f"config {config_hash}"]
    lines += [f"  {row.key:<{key_width}}  {row.text:<{value_width}}  {row.source}" for row in rows]
    return lines


def running_settings(
    snapshot: Mapping[str, Setting], loaded: Loaded, symbols: tuple[str, ...] | None
) -> dict[str, Setting]:
    """The settings of a snapshot, without the shell's facts (hashes of files, kept beside them).

    `symbols`: what an empty list of symbols means in this market, None if that is not known. A
    snapshot always names them; where they are these, it says what the empty list says.
    """
    ours = flatten(loaded.config)
    found = {
        key: value
        for key, value in snapshot.items()
        if key in ours or key.startswith(f"{PARAMETERS}.")
    }
    if not loaded.config.symbols and symbols in (None, found.get(MARKET_SYMBOLS)):
        found[MARKET_SYMBOLS] = ()
    return found


def differences(running: Mapping[str, Setting], loaded: Loaded) -> list[Difference]:
    """What settings in force and this configuration have apart, by key; None: there is none."""
    file = flatten(loaded.config)
    secrets = loaded.secrets
    return [
        Difference(key, plain_of(running.get(key), secrets), plain_of(file.get(key), secrets))
        for key in sorted({*running, *file})
        if running.get(key) != file.get(key)
    ]
