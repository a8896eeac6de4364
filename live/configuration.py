"""The configuration as given: a TOML file, `REFOLD_…` variables and flags, made into one `Config`.

shape   `load(path, environ, flags)` -> `Loaded`: config, where each setting came from, the secrets
order   defaults < file < environment (`REFOLD_SEED`, `REFOLD_BROKER__TRADING_URL`) < flags
errors  `ConfigError` with every problem, a line each: key, value, source, expected, mend; no
        message has a secret's value, or the value of a key nobody knows
why     a typing error in a limit must stop the start; a runner that guesses trades on the guess
"""

import datetime as dt
import difflib
import re
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path

import msgspec

from core.config import DECLARATIONS, PARAMETERS, TABLES, Config, Mode, check, value_of
from core.settings import (
    PARAMETER_PATTERN,
    FloatText,
    Kind,
    Refused,
    read_parameter,
    read_plain,
    read_text,
)
from live.secrets import VARIABLES, Secrets, disagreements, has_password

PREFIX = "REFOLD_"
FLAGS = {
    "market": "market.source",
    "broker": "broker.kind",
    "strategy": "strategy.target",
    "signals": "market.signals",
}
"""Flags that are not named like their setting."""

FILE_LIMIT_BYTES = 1_000_000
_SECRET_WORD = re.compile(
    r"secret|passw|passphrase|credential|api_?key|key_?id|private|token$"
    r"|(?:^|[^a-z])(?:keys?|tokens?)(?:$|[^a-z])",
    re.ASCII,
)


class Loaded(msgspec.Struct, frozen=True, kw_only=True):
    """A configuration that stands, and where each of its settings came from."""

    config: Config
    sources: dict[str, str]
    secrets: Secrets


class ConfigError(Exception):
    """The configuration cannot stand: one line for each problem."""

    def __init__(self, lines: tuple[str, ...]) -> None:
        super().__init__("\n".join(lines))
        self.lines = lines


class _Gathered:
    """What was read so far: values and sources by key, and every problem as a line."""

    def __init__(self, secrets: Secrets) -> None:
        self.values: dict[str, object] = {}
        self.sources: dict[str, str] = {}
        self.lines: list[str] = []
        self.secrets = secrets

    def take(self, key: str, value: object, source: str) -> None:
        """`value` for `key`, over what an earlier source said."""
        self.values[key] = value
        self.sources[key] = source

    def refuse(self, key: str, source: str, problem: str, mend: str = "") -> None:
        """Note a problem that shows no value."""
        line = f"{_printable(key)} ({source}): {problem}"
        self.lines.append(f"{line}; {mend}" if mend else line)

    def refuse_value(self, key: str, value: object, source: str, refused: Refused) -> None:
        """Note a value that its setting does not take."""
        shown = f"{_printable(key)} = {_show(value, self.secrets)}"
        line = f"{shown} ({source}): expected {refused.expected}"
        self.lines.append(f"{line}; {refused.mend}" if refused.mend else line)


def load(
    config_path: str | None, environ: Mapping[str, str], flags: Mapping[str, object]
) -> Loaded:
    """The configuration of a file (if any), an environment and flags, or `ConfigError` with all."""
    secrets = Secrets(environ)
    gathered = _Gathered(secrets)
    gathered.lines.extend(disagreements(environ))
    if config_path is not None:
        source = f"file {_printable(config_path)}"
        for key, value in _read_file(config_path, source, gathered):
            _take_plain(key, value, source, gathered)
    _take_environment(environ, gathered)
    _take_flags({flag: value for flag, value in flags.items() if value is not None}, gathered)
    config = _build(gathered.values)
    for problem in check(config):
        source = gathered.sources.get(problem.key, "default")
        because = Refused(problem.expected, problem.mend)
        gathered.refuse_value(problem.key, problem.found, source, because)
    _refuse_plain_live(config, gathered)
    if gathered.lines:
        raise ConfigError(tuple(gathered.lines))
    sources = {key: "default" for key in DECLARATIONS if key != PARAMETERS}
    return Loaded(config=config, sources={**sources, **gathered.sources}, secrets=secrets)


def _refuse_plain_live(config: Config, gathered: _Gathered) -> None:
    """Only the file may leave a live journal plain: a variable is too easily left over."""
    key = "encryption.enabled"
    source = gathered.sources.get(key, "default")
    if config.mode is Mode.LIVE and not config.encrypted and not source.startswith("file"):
        problem = "expected it in the file, where mode is live"
        gathered.refuse(key, source, problem, "write enabled = false below [encryption] there")


def rows_of(loaded: Loaded) -> list[tuple[str, str, str]]:
    """(key, value, source) of every setting in force, in the contract's order, then the secrets."""
    rows = []
    for key, declaration in DECLARATIONS.items():
        value = value_of(loaded.config, key)
        if declaration.kind is not Kind.PARAMETERS:
            shown = _show(value, loaded.secrets)
            rows.append((key, shown, loaded.sources[key]))
            continue
        for name, parameter in sorted(loaded.config.strategy.parameters.items()):
            dotted = f"{PARAMETERS}.{name}"
            shown = _show(parameter, loaded.secrets)
            rows.append((dotted, shown, loaded.sources.get(dotted, "default")))
    rows.extend((name, "set, not shown", f"environment {name}") for name in loaded.secrets.names)
    return rows


def render_effective(loaded: Loaded, config_hash: str) -> list[str]:
    """The effective configuration as lines for people: its hash, then each setting."""
    rows = rows_of(loaded)
    key_width = max(len(key) for key, _, _ in rows)
    value_width = min(44, max(len(value) for _, value, _ in rows))
    lines = [f"config {config_hash}"]
    lines += [
        f"  {key:<{key_width}}  {value:<{value_width}}  {source}" for key, value, source in rows
    ]
    return lines


def _read_file(path: str, source: str, gathered: _Gathered) -> Iterator[tuple[str, object]]:
    """(dotted key, value) of every leaf of the file; if it is unreadable, a problem."""
    try:
        with Path(path).open("rb") as file:
            data = file.read(FILE_LIMIT_BYTES + 1)
    except (OSError, ValueError) as error:
        words = error.strerror if isinstance(error, OSError) else str(error)
        gathered.refuse("config", source, f"expected a TOML file, found: {str(words).lower()}")
        return iter(())
    if len(data) > FILE_LIMIT_BYTES:
        gathered.refuse("config", source, "expected a TOML file, found more than 1 MB")
        return iter(())
    try:
        tree = tomllib.loads(data.decode("utf-8"), parse_float=FloatText)
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        gathered.refuse("config", source, f"expected UTF-8, found another byte at line {line}")
    except (ValueError, RecursionError) as error:
        words = "nested too deep" if isinstance(error, RecursionError) else str(error)
        gathered.refuse("config", source, f"expected TOML, found: {_printable(words)}")
    else:
        return _leaves(tree, "")
    return iter(())


def _leaves(table: Mapping[str, object], prefix: str) -> Iterator[tuple[str, object]]:
    """Every value below `table` by dotted key; a table nobody declared is a value of its own."""
    for name, value in table.items():
        key = f'{prefix}"{name}"' if "." in name or not name else f"{prefix}{name}"
        if isinstance(value, dict) and _is_table(key):
            yield from _leaves(value, f"{key}.")
        else:
            yield key, value


def _take_plain(key: str, value: object, source: str, gathered: _Gathered) -> None:
    """A value of the file, of its TOML type."""
    declaration = DECLARATIONS.get(key)
    if declaration is None and _SECRET_WORD.search(key.lower()):
        gathered.refuse(
            key,
            source,
            "expected no secret in a file of settings (value not shown)",
            "broker keys come from APCA_API_KEY_ID and APCA_API_SECRET_KEY",
        )
    elif declaration is None and not key.startswith(f"{PARAMETERS}."):
        problem = "expected a table" if _is_table(key) else "unknown setting"
        gathered.refuse(key, source, problem, "" if _is_table(key) else _nearest_key(key))
    elif key == "journal" and has_password(str(value)):
        gathered.refuse(
            key,
            source,
            "expected no password in a file of settings (value not shown)",
            "give it as REFOLD_JOURNAL",
        )
    else:
        if isinstance(value, dt.date) and declaration and declaration.about.form == "day":
            value = value.isoformat()
        _take(key, value, source, gathered)


def _take_environment(environ: Mapping[str, str], gathered: _Gathered) -> None:
    """Every `REFOLD_…` variable, in sorted order; one that nobody knows is refused."""
    for variable in sorted(environ):
        if not variable.startswith(PREFIX):
            continue
        source = f"environment {_printable(variable)}"
        if variable in VARIABLES:
            continue
        key = variable.removeprefix(PREFIX).replace("__", ".").lower()
        parameter = key.startswith(f"{PARAMETERS}.")
        if not (parameter or key in DECLARATIONS) or variable != variable.upper():
            gathered.refuse(
                variable, "environment", "unknown variable", _nearest_variable(variable)
            )
        elif parameter:
            _take(key, _toml_value(environ[variable]), source, gathered)
        else:
            _take_text(key, environ[variable], source, gathered)
    if environ.get("AI_TRADING_ALLOW_NONDETERMINISTIC_SIM", "").lower() not in ("", "0", "false"):
        gathered.refuse(
            "AI_TRADING_ALLOW_NONDETERMINISTIC_SIM",
            "environment",
            "there is no simulator that is not deterministic",
            "unset it",
        )


def _take_flags(flags: Mapping[str, object], gathered: _Gathered) -> None:
    """Every flag, by its own name (`market`) or by its setting's (`market.source`)."""
    for flag, value in flags.items():
        key = FLAGS.get(flag, flag)
        source = f"flag --{_printable(flag)}"
        if key not in DECLARATIONS and not key.startswith(f"{PARAMETERS}."):
            gathered.refuse(key, source, "unknown setting", _nearest_key(key))
        elif key != flag and flags.get(key, value) != value:
            gathered.refuse(key, source, f"expected the same value as its other name --{key}")
        elif isinstance(value, str) and key in DECLARATIONS:
            _take_text(key, value, source, gathered)
        else:
            _take(key, _toml_value(value) if isinstance(value, str) else value, source, gathered)


def _take_text(key: str, text: str, source: str, gathered: _Gathered) -> None:
    """The text of a variable or flag, read as its setting's type."""
    try:
        gathered.take(key, read_text(DECLARATIONS[key], text), source)
    except Refused as refused:
        gathered.refuse_value(key, text, source, refused)


def _take(key: str, value: object, source: str, gathered: _Gathered) -> None:
    """A value that has its type already: a setting's, or one of the strategy's parameters."""
    declaration = DECLARATIONS.get(key)
    name = key.rpartition(".")[2]
    try:
        if declaration is not None:
            gathered.take(key, read_plain(declaration, value), source)
        elif PARAMETER_PATTERN.fullmatch(name) is None or key.count(".") > 2:
            gathered.refuse(key, source, "expected a lower-case name of a-z, 0-9 and _")
        elif _SECRET_WORD.search(name):
            gathered.refuse(
                key,
                source,
                "expected no secret among the parameters (value not shown)",
                "the journal keeps every parameter; give it another name if it is none",
            )
        else:
            gathered.take(key, read_parameter(DECLARATIONS[PARAMETERS], value), source)
    except Refused as refused:
        gathered.refuse_value(key, value, source, refused)


def _build(values: Mapping[str, object]) -> Config:
    """The `Config` of what was read; what was refused has its default."""
    nested: dict[str, dict[str, object]] = {"": {}}
    for key, value in values.items():
        table, _, name = key.rpartition(".")
        nested.setdefault(table, {})[name] = value
    parameters = nested.pop(PARAMETERS, {})
    top = nested.pop("")
    nested.setdefault("strategy", {})["parameters"] = parameters
    return msgspec.convert({**top, **nested}, Config)


def _toml_value(text: str) -> object:
    """`text` as a TOML value if it is one ("0.5", "true", '["a"]'), else as it is: a bare word."""
    try:
        tree = tomllib.loads(f"value = {text}", parse_float=FloatText)
    except (ValueError, RecursionError):
        return text
    return tree["value"] if len(tree) == 1 else text


def _is_table(key: str) -> bool:
    return key in _TABLE_KEYS


def _nearest_key(key: str) -> str:
    """The declared key that `key` most looks like, as a mend."""
    known = [*DECLARATIONS, *sorted(_TABLE_KEYS)]
    near = difflib.get_close_matches(key, known, n=1, cutoff=0.6)
    if not near:
        name = key.rpartition(".")[2]
        near = [known for known in DECLARATIONS if known.rpartition(".")[2] == name]
    return f"did you mean {near[0]}" if near else "remove it"


def _nearest_variable(variable: str) -> str:
    names = {PREFIX + key.upper().replace(".", "__"): key for key in DECLARATIONS}
    near = difflib.get_close_matches(variable.upper(), names, n=1, cutoff=0.6)
    return f"did you mean {near[0]}" if near else "unset it"


def _show(value: object, secrets: Secrets) -> str:
    """`value` in one short printable line, masked before it is cut."""
    if value is None:
        return "by mode"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        bits = value.bit_length()
        return _printable(secrets.mask(str(value))) if bits <= 256 else f"an integer of {bits} bits"
    if isinstance(value, str):
        return _printable(secrets.mask(value)) if value else '""'
    if isinstance(value, tuple | list):
        shown = ",".join(one if isinstance(one, str) else type(one).__name__ for one in value)
        return _printable(secrets.mask(shown)) if value else "none"
    return "a table" if isinstance(value, dict) else f"a {type(value).__name__}"


def _printable(text: str) -> str:
    """`text` on one line, without control characters, cut to 120."""
    safe = "".join(char if char.isprintable() else ascii(char)[1:-1] for char in text)
    return safe if len(safe) <= 120 else safe[:119] + "…"


_TABLE_KEYS = frozenset(TABLES) | {PARAMETERS}
