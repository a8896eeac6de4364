"""Reading a value back from plain JSON data by its type, whatever the type is made of.

shape   reader_of(State) -> a function: plain data -> `State`; made once a type
why     msgspec reads all of our types but one kind: a union of enums (core.order.Status). Where a
        type holds one, its fields are read one by one; everything else is msgspec's own work
errors  `PlainError` where the data is not of the type; `TypeError`, when the reader is made, for a
        type that cannot be read back without loss
"""

from collections.abc import Callable
from enum import Enum
from functools import lru_cache
from types import NoneType, UnionType
from typing import TypeGuard, Union, get_args, get_origin

import msgspec

Reader = Callable[[object], object]


class PlainError(ValueError):
    """Plain data that is not of the type it should be read as."""


@lru_cache(maxsize=256)
def reader_of(kind: object) -> Reader:
    """The reader of values of the type `kind`."""
    if _is_msgspecs(kind):
        return _by_msgspec(kind)
    origin, arguments = get_origin(kind), get_args(kind)
    if origin in (Union, UnionType):
        return _of_union(kind, arguments)
    if origin is dict and arguments[0] is str:
        return _of_dict(reader_of(arguments[1]))
    if origin is tuple and len(arguments) == 2 and arguments[1] is ...:
        return _of_tuple(reader_of(arguments[0]))
    if _is_struct(kind):
        return _of_struct(kind)
    message = f"{kind}: expected a type that can be read back, found another; teach core/plain.py"
    raise TypeError(message)


def _is_msgspecs(kind: object) -> bool:
    try:
        msgspec.json.Decoder(kind)
    except TypeError:
        return False
    return True


def _by_msgspec(kind: object) -> Reader:
    def read(plain: object) -> object:
        try:
            return msgspec.convert(plain, kind)
        except (msgspec.ValidationError, ValueError) as error:
            raise PlainError(str(error)) from None

    return read


def _of_union(kind: object, arguments: tuple[object, ...]) -> Reader:
    """A union of enums, or of one type and None."""
    kinds = [one for one in arguments if one is not NoneType]
    enums = [one for one in kinds if isinstance(one, type) and issubclass(one, Enum)]
    if len(enums) == len(kinds):
        return _of_enums(kind, enums, none=len(kinds) < len(arguments))
    if len(kinds) > 1 or len(kinds) == len(arguments):
        message = f"{kind}: expected a union of enums, or of one type and None, found another"
        raise TypeError(message)
    inner = reader_of(kinds[0])
    return lambda plain: None if plain is None else inner(plain)


def _of_enums(kind: object, kinds: list[type[Enum]], *, none: bool) -> Reader:
    members: dict[object, object] = {}
    for member in (member for one in kinds for member in one):
        if member.value in members:
            message = f"{kind}: expected each value in one enum, found {member.value!r} in two"
            raise TypeError(message)
        members[member.value] = member
    if none:
        members[None] = None

    def read(plain: object) -> object:
        try:
            return members[plain]
        except (KeyError, TypeError):
            raise PlainError(_differs(kind, plain)) from None

    return read


def _of_dict(inner: Reader) -> Reader:
    def read(plain: object) -> object:
        if not isinstance(plain, dict):
            raise PlainError(_differs("an object", plain))
        return {key: inner(value) for key, value in plain.items()}

    return read


def _of_tuple(inner: Reader) -> Reader:
    def read(plain: object) -> object:
        if not isinstance(plain, list):
            raise PlainError(_differs("an array", plain))
        return tuple(inner(value) for value in plain)

    return read


def _is_struct(kind: object) -> TypeGuard[type[msgspec.Struct]]:
    origin = get_origin(kind) or kind
    return isinstance(origin, type) and issubclass(origin, msgspec.Struct)


def _of_struct(kind: type[msgspec.Struct]) -> Reader:
    """Every field of the struct, none missing and none more: it was written whole."""
    make: type[msgspec.Struct] = get_origin(kind) or kind
    config = make.__struct_config__
    if config.omit_defaults or config.tag is not None or config.array_like:
        message = f"{kind}: expected a struct written with all its fields by name, found another"
        raise TypeError(message)
    readers = {field.name: reader_of(field.type) for field in msgspec.structs.fields(kind)}

    def read(plain: object) -> object:
        if not isinstance(plain, dict) or plain.keys() != readers.keys():
            raise PlainError(_differs(f"{make.__name__} with {', '.join(readers)}", plain))
        return make(**{name: inner(plain[name]) for name, inner in readers.items()})

    return read


def _differs(expected: object, found: object) -> str:
    return f"expected {expected}, found {str(found)[:60]!r}"
