"""Every field of every value that has one form is refused in another, by class and field."""

from typing import get_args, get_type_hints

import pytest

from core.events import DECISION_TYPES, OBSERVATION_TYPES, Quote, Session
from core.struct import Value
from core.values import DecimalText, TimeText

CLASSES: list[type[Value]] = [*OBSERVATION_TYPES, *DECISION_TYPES, Quote, Session]
ANOTHER_FORM: list[tuple[object, list[object]]] = [
    (TimeText, ["2013-10-07T13:30:00Z", "2013-02-29T13:30:00.000000Z", "", 7, []]),
    (DecimalText, ["1.0", "1e3", "-0", "", 7, []]),
    (int, [2**53, -(2**53), True, 1.0, "1"]),
    (dict[str, DecimalText], [{"MSFT": "7", "IBM": "7.0"}, {"MSFT": 7}]),
]


def fields(cls: type[Value]) -> list[tuple[str, object]]:
    """(field, a value of its type in another form) for each that can have one."""
    return [
        (name, value)
        for name, hint in get_type_hints(cls).items()
        for kind, values in ANOTHER_FORM
        if kind in (hint, *(() if hasattr(hint, "__origin__") else get_args(hint)))
        for value in values
    ]


@pytest.mark.parametrize("cls", CLASSES, ids=lambda cls: cls.__name__)
def test_each_field_of_one_form_is_refused_in_another(cls: type[Value]) -> None:
    empty = dict.fromkeys(cls.__struct_fields__)

    assert cls(**empty) == cls(**empty)
    for name, value in fields(cls):
        with pytest.raises(ValueError, match=rf"^{cls.__name__}\.{name}: expected .*, found "):
            cls(**{**empty, name: value})


def test_each_of_them_has_such_a_field() -> None:
    assert [cls.__name__ for cls in CLASSES if not fields(cls)] == []
