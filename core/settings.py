"""A setting: what is declared of it once, and how a value for it is read, checked and refused.

shape   `About` stands beside a field's type in core/config.py; with the field's own name, type and
        default it becomes a `Declaration`, from which reading, checks and documents are made
        `read_text` (environment, flags) and `read_plain` (TOML) -> a value in its one form
errors  `Refused` with what was expected and how to mend it; the caller adds key, value and source
why     equal settings must have equal bytes: decimals become canonical text, symbols are sorted
"""

import re
from enum import Enum
from typing import NamedTuple

import msgspec

from core.events.lifecycle import Setting
from core.values import (
    MAX_INTEGER,
    DecimalText,
    decimal_text,
    is_decimal_text,
    is_time_text,
    number,
)

Parameters = dict[str, str | int | bool | tuple[str, ...]]
"""What a strategy is built from; decimals are canonical text."""


class Kind(Enum):
    """The shapes a setting's value can have."""

    BOOLEAN = "boolean"
    INTEGER = "integer"
    DECIMAL = "decimal"
    CHOICE = "choice"
    TEXT = "text"
    SYMBOLS = "symbols"
    PARAMETERS = "parameters"


class Form(NamedTuple):
    """The pattern of a text setting, the same in words, and an example."""

    pattern: str
    words: str
    example: str


_HOST = r"(?:\[[0-9a-f:]+\]|[a-z0-9.-]+)(?::[0-9]{1,5})?(?:/[A-Za-z0-9._~/-]*)?"
_HERE = r"(?:localhost|127\.[0-9.]+|\[::1\])(?::[0-9]{1,5})?(?:/[A-Za-z0-9._~/-]*)?"
_PAIR = r"[A-Z][A-Z0-9./-]{0,15}=[A-Za-z0-9_.-]{1,32}"
FORMS = {
    "any": Form(r".{0,1000}", "at most 1000 printable characters", ""),
    "credential": Form(
        r"(?:[A-Za-z0-9][A-Za-z0-9_.-]{0,63})?",
        "at most 64 letters, digits, _ . -, or nothing",
        "refold-key",
    ),
    "day": Form(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", "a day", "2026-11-27"),
    "groups": Form(
        rf"(?:{_PAIR}(?:,{_PAIR})*)?",
        "SYMBOL=GROUP pairs with commas between them, or nothing",
        "AAPL=technology,XOM=energy",
    ),
    "journal": Form(
        r"sqlite:///.+|postgres(?:ql)?://.+|memory:.*",
        "a journal's URL, sqlite:///PATH or postgresql://HOST/NAME",
        "sqlite:///var/main.db",
    ),
    "label": Form(r"[A-Za-z0-9_.-]{0,64}", "at most 64 letters, digits, _ . -", "Crossover"),
    "market": Form(r"sim|alpaca|csv:.+", "sim, alpaca or csv:GLOB", "csv:quotes/*.csv.gz"),
    "name": Form(r"[a-z0-9-]{1,32}", "1 to 32 of a-z, 0-9 and -", "main"),
    "path": Form(r".{0,4096}", "a path, or nothing", "var/main.venue.db"),
    "rate_store": Form(
        r"file|rediss?://.+|postgres(?:ql)?://.+",
        "file, or a URL, redis://HOST/NUMBER or postgresql://HOST/NAME",
        "file",
    ),
    "signals": Form(r"(?:csv:.+)?", "csv:GLOB, or nothing", "csv:signals/*.csv"),
    "target": Form(
        r"[^:]+:[A-Za-z_][A-Za-z0-9_]*",
        "FILE_OR_MODULE:CLASS",
        "core/strategies/crossover.py:Crossover",
    ),
    "https": Form(
        rf"https://{_HOST}|http://{_HERE}",
        "an https:// URL without user, password or query (http:// only to this machine)",
        "https://paper-api.alpaca.markets",
    ),
    "wss": Form(
        rf"wss://{_HOST}|ws://{_HERE}",
        "a wss:// URL without user, password or query (ws:// only to this machine)",
        "wss://paper-api.alpaca.markets/stream",
    ),
}
SYMBOL_PATTERN = re.compile(r"[A-Z][A-Z0-9./-]{0,15}", re.ASCII)
PARAMETER_PATTERN = re.compile(r"[a-z][a-z0-9_]{0,63}", re.ASCII)
_INTEGER = re.compile(r"0|-?[1-9][0-9]{0,18}", re.ASCII)
_DECIMAL = re.compile(r"-?(?:0|[1-9][0-9]{0,33})(?:\.[0-9]{1,33})?", re.ASCII)


class About(msgspec.Struct, frozen=True, kw_only=True):
    """What a field's name, type and default do not say. Bounds are inclusive.

    `place`: says where something lies, so it is neither in the snapshot nor in the hash.
    `hidden`: is shown nowhere, only whether it is set. `by_mode`: (mode, default) where a mode has
    another default than the field.
    """

    summary: str
    unit: str = ""
    low: str = "0"
    high: str = ""
    form: str = "any"
    place: bool = False
    hidden: bool = False
    by_mode: tuple[tuple[str, Setting], ...] = ()


class Declaration(msgspec.Struct, frozen=True, kw_only=True):
    """One setting of the contract: its dotted key and all that is known of it."""

    key: str
    kind: Kind
    default: object
    choices: tuple[str, ...]
    about: About

    def default_for(self, mode: str) -> object:
        """The default in `mode`: the mode's own, else the field's."""
        return dict(self.about.by_mode).get(mode, self.default)

    @property
    def expected(self) -> str:
        """What a value must be, in words."""
        match self.kind:
            case Kind.BOOLEAN:
                return "true or false"
            case Kind.INTEGER | Kind.DECIMAL:
                kind = "an integer" if self.kind is Kind.INTEGER else "a decimal"
                unit = f" ({self.about.unit})" if self.about.unit else ""
                return f"{kind} from {self.about.low} to {self.about.high}{unit}"
            case Kind.CHOICE:
                return " or ".join(self.choices)
            case Kind.TEXT:
                return FORMS[self.about.form].words
            case Kind.SYMBOLS:
                return "symbols in capitals, each once"
            case Kind.PARAMETERS:
                return "text, an integer, true or false, a decimal, or a list of texts"


class Refused(ValueError):
    """A value that its setting does not take: what was expected, and the mend."""

    def __init__(self, expected: str, mend: str = "") -> None:
        super().__init__(f"expected {expected}")
        self.expected = expected
        self.mend = mend


class FloatText(str):
    """A TOML float as it was written, so that 0.01 is read exactly."""

    __slots__ = ()


def read_text(declaration: Declaration, text: str) -> Setting:
    """The value that `text`, from a variable or a flag, writes for `declaration`."""
    match declaration.kind:
        case Kind.BOOLEAN:
            if text not in ("true", "false"):
                raise Refused(declaration.expected, "write it in lower case")
            return text == "true"
        case Kind.INTEGER:
            if _INTEGER.fullmatch(text) is None:
                raise Refused(declaration.expected, "write digits only")
            return read_plain(declaration, int(text))
        case Kind.SYMBOLS:
            return read_plain(declaration, text.split(",") if text else [])
        case _:
            return read_plain(declaration, text)


def read_plain(declaration: Declaration, value: object) -> Setting:
    """The value that `value`, from TOML or from code, is for `declaration`, in its one form."""
    match declaration.kind:
        case Kind.DECIMAL:
            value = _read_decimal(declaration, value)
        case Kind.SYMBOLS if isinstance(value, list | tuple):
            value = tuple(sorted(value)) if all(type(one) is str for one in value) else None
        case Kind.INTEGER | Kind.TEXT | Kind.BOOLEAN if type(value) is FloatText:
            raise Refused(declaration.expected)
        case _:
            pass
    refusal = refusal_of(declaration, value)
    if refusal is not None:
        raise refusal
    return value  # type: ignore[return-value]  # refusal_of has checked that it is a Setting


def read_parameter(declaration: Declaration, value: object) -> str | int | bool | tuple[str, ...]:
    """The value of one of a strategy's parameters, in its one form."""
    if type(value) is FloatText:
        return _read_decimal(declaration, value)
    if isinstance(value, list | tuple):
        value = tuple(value)
        if all(type(one) is str and _encodable(one) for one in value):
            return value
    if type(value) is bool or (type(value) is int and abs(value) <= MAX_INTEGER):
        return value
    if type(value) is str and _encodable(value):
        return value
    raise Refused(declaration.expected, "integers stay below 2^53")


def refusal_of(declaration: Declaration, value: object) -> Refused | None:
    """Why `declaration` does not take `value` as it is, or None."""
    good = False
    mend = ""
    match declaration.kind:
        case Kind.BOOLEAN:
            unset = value is None and declaration.default is None
            good, mend = type(value) is bool or unset, "write it without quotes"
        case Kind.INTEGER:
            low, high = int(declaration.about.low), int(declaration.about.high)
            good = type(value) is int and low <= value <= high
            mend = "write it without quotes" if isinstance(value, str) else ""
        case Kind.DECIMAL:
            good = isinstance(value, str) and is_decimal_text(value) and _within(declaration, value)
        case Kind.CHOICE:
            good = value in declaration.choices
        case Kind.TEXT:
            form = FORMS[declaration.about.form]
            good = type(value) is str and _has_form(declaration.about.form, value)
            mend = f"write it like {form.example}" if form.example else ""
        case Kind.SYMBOLS:
            good = isinstance(value, tuple) and _are_symbols(value)
            mend = 'write them like AAPL,BRK.B, in TOML ["AAPL", "BRK.B"]'
        case Kind.PARAMETERS:
            good, mend = isinstance(value, dict), "write a table [strategy.parameters]"
    return None if good else Refused(declaration.expected, mend)


def _read_decimal(declaration: Declaration, value: object) -> DecimalText:
    """`value` as canonical text; no exponent, no NaN, no sign before a positive number."""
    text = value.replace("_", "").removeprefix("+") if type(value) is FloatText else value
    if type(text) is int and abs(text) <= MAX_INTEGER:
        return decimal_text(text)
    if not isinstance(text, str) or _DECIMAL.fullmatch(text) is None:
        raise Refused(declaration.expected, "write digits with at most one point, like 0.5")
    return decimal_text(text)


def _within(declaration: Declaration, text: str) -> bool:
    return number(declaration.about.low) <= number(text) <= number(declaration.about.high)


def _has_form(form: str, text: str) -> bool:
    if not text.isprintable() or re.fullmatch(FORMS[form].pattern, text, re.ASCII) is None:
        return False
    return form != "day" or is_time_text(f"{text}T00:00:00.000000Z")


def _are_symbols(values: tuple[object, ...]) -> bool:
    texts = [
        value for value in values if isinstance(value, str) and SYMBOL_PATTERN.fullmatch(value)
    ]
    return len(set(texts)) == len(values) and texts == sorted(texts)


def _encodable(text: str) -> bool:
    """Whether `text` is UTF-8 text: an environment can hold bytes that are not."""
    return not any("\ud800" <= char <= "\udfff" for char in text)
