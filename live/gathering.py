"""Reading a configuration's sources: what each setting is given, from where, and every problem.

shape   `Gathered`: values and sources by key, the problems and the warnings as lines
order   `take_file`, `take_environment`, `take_flags`: a later one goes over an earlier one
rule    An old name never goes over anything: what it says must be what the file and our own
        variables say, or it is a problem. Flags go over all: they were written for this start
errors  none is raised; no line has a secret's value, or the value of a key nobody knows
"""

import datetime as dt
import re
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path

from core.config import DECLARATIONS, PARAMETERS
from core.settings import (
    PARAMETER_PATTERN,
    FloatText,
    Refused,
    read_parameter,
    read_plain,
    read_text,
)
from live.old_names import (
    NO_SIMULATOR,
    OldName,
    allows_chance,
    read_old,
    variable_of,
    without_meaning,
)
from live.secrets import FILE, MASTER, NAMES, Secrets, has_password
from live.wording import (
    HIDDEN,
    TABLE_KEYS,
    nearest_key,
    nearest_variable,
    printable,
    shown_of,
)

PREFIX = "REFOLD_"
FLAGS = {
    "market": "market.source",
    "broker": "broker.kind",
    "strategy": "strategy.target",
    "signals": "market.signals",
}
"""Flags that are not named like their setting."""

URLS = ("journal", "rate.store")
"""Settings that can be a URL with a password in it, which is not for a file of settings."""

FILE_LIMIT_BYTES = 1_000_000
SECRET_WORD = re.compile(
    r"secret|passw|passphrase|credential|api_?key|key_?id|private|token$"
    r"|(?:^|[^a-z])(?:keys?|tokens?)(?:$|[^a-z])",
    re.ASCII,
)
SECRET_VARIABLES = (
    *(variable for pair in NAMES for name in pair for variable in (name, f"{name}{FILE}")),
    *MASTER,
)
_WHERE_SECRETS_COME_FROM = (
    "the broker's keys come from APCA_API_KEY_ID and APCA_API_SECRET_KEY, "
    "the master key from REFOLD_ENCRYPTION__KEY"
)


class Gathered:
    """What was read so far: values and sources by key, problems and warnings as lines."""

    def __init__(self, secrets: Secrets) -> None:
        self.values: dict[str, object] = {}
        self.sources: dict[str, str] = {}
        self.lines: list[str] = []
        self.warnings: list[str] = []
        self.secrets = secrets

    def take(self, key: str, value: object, source: str) -> None:
        """`value` for `key`, over what an earlier source said."""
        self.values[key] = value
        self.sources[key] = source

    def refuse(self, key: str, source: str, problem: str, mend: str = "") -> None:
        """Note a problem that shows no value."""
        line = f"{printable(self.secrets.mask(key))} ({source}): {problem}"
        self.lines.append(f"{line}; {mend}" if mend else line)

    def refuse_value(self, key: str, value: object, source: str, refused: Refused) -> None:
        """Note a value that its setting does not take."""
        text = f"{printable(key)} = {shown_of(key, value, self.secrets)}"
        line = f"{text} ({source}): expected {refused.expected}"
        self.lines.append(f"{line}; {refused.mend}" if refused.mend else line)


def refuse_secrets(gathered: Gathered) -> None:
    """A secret that strayed into a setting would be committed to the journal, and logged.

    A place's URL is neither, it may hold a password, and it is masked wherever it is shown.
    """
    for key, value in gathered.values.items():
        if key not in URLS and gathered.secrets.shown_by(f"{key} {value}"):
            problem = f"expected no secret, found one of those in the environment {HIDDEN}"
            mend = "the journal keeps every setting; take it out"
            gathered.refuse(key, gathered.sources[key], problem, mend)


def take_file(path: str, gathered: Gathered) -> None:
    """Every setting of a TOML file; if it cannot be read, a problem."""
    source = f"file {printable(path)}"
    for key, value in _read_file(path, source, gathered):
        _take_plain(key, value, source, gathered)


def take_environment(environ: Mapping[str, str], gathered: Gathered) -> None:
    """Every `REFOLD_…` variable, in sorted order, then the old names; unknown ones are refused."""
    gathered.lines.extend(gathered.secrets.problems)
    for variable in sorted(environ):
        if not variable.startswith(PREFIX) or variable in SECRET_VARIABLES:
            continue
        source = f"environment {printable(variable)}"
        key = variable.removeprefix(PREFIX).replace("__", ".").lower()
        parameter = key.startswith(f"{PARAMETERS}.")
        if not (parameter or key in DECLARATIONS) or variable != variable.upper():
            mend = nearest_variable(variable)
            gathered.refuse(variable, "environment", "unknown variable", mend)
        elif parameter:
            _take(key, _toml_value(environ[variable]), source, gathered)
        else:
            _take_text(key, environ[variable], source, gathered)
    _take_old_names(environ, gathered)


def take_flags(flags: Mapping[str, object], gathered: Gathered) -> None:
    """Every flag, by its own name (`market`) or by its setting's (`market.source`)."""
    for flag, value in flags.items():
        key = FLAGS.get(flag, flag)
        source = f"flag --{printable(flag)}"
        if key not in DECLARATIONS and not key.startswith(f"{PARAMETERS}."):
            gathered.refuse(key, source, "unknown setting", nearest_key(key))
        elif key != flag and flags.get(key, value) != value:
            gathered.refuse(key, source, f"expected the same value as its other name --{key}")
        elif isinstance(value, str) and key in DECLARATIONS:
            _take_text(key, value, source, gathered)
        else:
            _take(key, _toml_value(value) if isinstance(value, str) else value, source, gathered)


def _take_old_names(environ: Mapping[str, str], gathered: Gathered) -> None:
    """Old names say what nobody has said yet, or the same; each with a warning."""

    def refuse(old: OldName, variable: str, expected: str) -> None:
        mend = f"its name here is {variable_of(old.key)}"
        source = f"environment {variable}"
        gathered.refuse_value(old.key, environ[variable], source, Refused(expected, mend))

    for said in read_old(environ, refuse):
        source = f"environment {said.variable}"
        before = gathered.values.get(said.key)
        by = gathered.sources.get(said.key)
        try:
            value = read_text(DECLARATIONS[said.key], said.text)
        except Refused as refused:
            gathered.refuse_value(said.key, environ[said.variable], source, refused)
            continue
        if by is not None and before != value:
            found = shown_of(said.key, value, gathered.secrets)
            other = shown_of(said.key, before, gathered.secrets)
            problem = f"expected {other} as {by} says, found {found}"
            gathered.refuse(said.key, source, problem, f"unset {said.variable}, or make them agree")
            continue
        if by is None:
            gathered.take(said.key, value, source)
        gathered.warnings.append(
            f"{said.variable} (environment): read as {said.key}; "
            f"its name here is {variable_of(said.key)}"
        )
    _warn(environ, gathered)
    if allows_chance(environ):
        problem = "there is no simulator that is not deterministic"
        gathered.refuse(NO_SIMULATOR, "environment", problem, "unset it")


def _warn(environ: Mapping[str, str], gathered: Gathered) -> None:
    """The keys' other names, and variables of other tools that say nothing here: names only."""
    for name, alias in NAMES:
        if environ.get(alias):
            gathered.warnings.append(f"{alias} (environment): read as {name}; its name here")
    for variable in without_meaning(environ, SECRET_VARIABLES):
        gathered.warnings.append(
            f"{printable(variable)} (environment): no setting here has this name; it does nothing"
        )


def _read_file(path: str, source: str, gathered: Gathered) -> Iterator[tuple[str, object]]:
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
        gathered.refuse("config", source, f"expected TOML, found: {printable(words)}")
    else:
        return _leaves(tree, "")
    return iter(())


def _leaves(table: Mapping[str, object], prefix: str) -> Iterator[tuple[str, object]]:
    """Every value below `table` by dotted key; a table nobody declared is a value of its own."""
    for name, value in table.items():
        key = f'{prefix}"{name}"' if "." in name or not name else f"{prefix}{name}"
        if isinstance(value, dict) and key in TABLE_KEYS:
            yield from _leaves(value, f"{key}.")
        else:
            yield key, value


def _take_plain(key: str, value: object, source: str, gathered: Gathered) -> None:
    """A value of the file, of its TOML type."""
    declaration = DECLARATIONS.get(key)
    if declaration is None and SECRET_WORD.search(key.lower()):
        problem = f"expected no secret in a file of settings {HIDDEN}"
        gathered.refuse(key, source, problem, _WHERE_SECRETS_COME_FROM)
    elif declaration is None and not key.startswith(f"{PARAMETERS}."):
        table = key in TABLE_KEYS
        problem = "expected a table" if table else "unknown setting"
        gathered.refuse(key, source, problem, "" if table else nearest_key(key))
    elif key in URLS and has_password(str(value)):
        problem = f"expected no password in a file of settings {HIDDEN}"
        gathered.refuse(key, source, problem, f"give it as {variable_of(key)}")
    else:
        if isinstance(value, dt.date) and declaration and declaration.about.form == "day":
            value = value.isoformat()
        _take(key, value, source, gathered)


def _take_text(key: str, text: str, source: str, gathered: Gathered) -> None:
    """The text of a variable or flag, read as its setting's type."""
    try:
        gathered.take(key, read_text(DECLARATIONS[key], text), source)
    except Refused as refused:
        gathered.refuse_value(key, text, source, refused)


def _take(key: str, value: object, source: str, gathered: Gathered) -> None:
    """A value that has its type already: a setting's, or one of the strategy's parameters."""
    declaration = DECLARATIONS.get(key)
    name = key.rpartition(".")[2]
    try:
        if declaration is not None:
            gathered.take(key, read_plain(declaration, value), source)
        elif PARAMETER_PATTERN.fullmatch(name) is None or key.count(".") > 2:
            gathered.refuse(key, source, "expected a lower-case name of a-z, 0-9 and _")
        elif SECRET_WORD.search(name):
            problem = f"expected no secret among the parameters {HIDDEN}"
            mend = "the journal keeps every parameter; give it another name if it is none"
            gathered.refuse(key, source, problem, mend)
        else:
            gathered.take(key, read_parameter(DECLARATIONS[PARAMETERS], value), source)
    except Refused as refused:
        gathered.refuse_value(key, value, source, refused)


def _toml_value(text: str) -> object:
    """`text` as a TOML value if it is one ("0.5", "true", '["a"]'), else as it is: a bare word."""
    try:
        tree = tomllib.loads(f"value = {text}", parse_float=FloatText)
    except (ValueError, RecursionError):
        return text
    return tree["value"] if len(tree) == 1 else text
