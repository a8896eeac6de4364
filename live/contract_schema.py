"""The JSON Schema (draft 2020-12) of the configuration file, made from the contract.

shape   `schema()` -> the schema of a TOML file read as a tree: tables are objects
agrees  with the loader on types, bounds, choices, forms and unknown keys. What settings must be
        together (mode and broker, the reserve), and passwords in a URL, the loader alone refuses
why     an editor that knows the schema shows a wrong limit while it is being typed
"""

from core.config import DECLARATIONS, TABLES
from core.settings import FORMS, PARAMETER_PATTERN, SYMBOL_PATTERN, Declaration, Kind
from core.values import MAX_INTEGER
from live.decimal_pattern import decimal_pattern
from live.gathering import SECRET_WORD

Schema = dict[str, object]
_UNPRINTABLE = r"[\u0000-\u001f\u007f-\u00a0\u2028\u2029]"


def schema() -> Schema:
    """The schema of the whole file."""
    properties: dict[str, Schema] = {}
    tables: dict[str, dict[str, Schema]] = {name: {} for name in TABLES}
    for key, declaration in DECLARATIONS.items():
        table, _, name = key.rpartition(".")
        (tables[table] if table else properties)[name] = _of(declaration)
    for table, settings in tables.items():
        properties[table] = _table(settings)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "refold's configuration file",
        **_table(properties),
    }


def _table(properties: dict[str, Schema]) -> Schema:
    return {"type": "object", "additionalProperties": False, "properties": properties}


def _of(declaration: Declaration) -> Schema:
    """One setting: what its value must be, what it is for, and its default."""
    about = declaration.about
    unit = f" Unit: {about.unit}." if about.unit else ""
    modes = "".join(f" In {mode}: {_json(value)}." for mode, value in about.by_mode)
    return {
        **_value(declaration),
        "description": f"{about.summary}{unit}{modes}",
        "default": _json(declaration.default),
    }


def _json(value: object) -> object:
    return list(value) if isinstance(value, tuple) else value


def _value(declaration: Declaration) -> Schema:
    about = declaration.about
    match declaration.kind:
        case Kind.BOOLEAN:
            return {"type": "boolean"}
        case Kind.INTEGER:
            return {"type": "integer", "minimum": int(about.low), "maximum": int(about.high)}
        case Kind.DECIMAL:
            return _decimal(about.low, about.high)
        case Kind.CHOICE:
            return {"enum": [str(choice) for choice in declaration.choices]}
        case Kind.TEXT:
            return _text(about.form)
        case Kind.SYMBOLS:
            symbol = {"type": "string", "pattern": _whole(SYMBOL_PATTERN.pattern)}
            return {"type": "array", "uniqueItems": True, "items": symbol}
        case Kind.PARAMETERS:
            return _parameters()


def _decimal(low: str, high: str) -> Schema:
    """A number, or the same as text."""
    number = {"type": "number", "minimum": _number(low), "maximum": _number(high)}
    return {"anyOf": [number, {"type": "string", "pattern": decimal_pattern(low, high)}]}


def _number(text: str) -> int | float:
    return float(text) if "." in text else int(text)


def _text(form: str) -> Schema:
    """A text of its form; a day must be one of the calendar, which `format` says."""
    found: Schema = {
        "type": "string",
        "pattern": rf"^(?!.*{_UNPRINTABLE})(?:{FORMS[form].pattern})$(?!\n)",
    }
    return {**found, "format": "date"} if form == "day" else found


def _whole(pattern: str) -> str:
    return rf"^(?:{pattern})$(?!\n)"


def _parameters() -> Schema:
    """A strategy's own: whatever a snapshot can hold, under names that are no secret's."""
    bound = {"minimum": -MAX_INTEGER, "maximum": MAX_INTEGER}
    texts = {"type": "array", "items": {"type": "string"}}
    return {
        "type": "object",
        "propertyNames": {
            "pattern": _whole(PARAMETER_PATTERN.pattern),
            "not": {"pattern": SECRET_WORD.pattern},
        },
        "additionalProperties": {
            "anyOf": [
                {"type": "string"},
                {"type": "boolean"},
                {"type": "integer", **bound},
                {"type": "number", "not": {"type": "integer"}},
                texts,
            ]
        },
    }
