"""Reading a value back from its canonical bytes by its type, whatever the type is made of.

shape   decoder_of(State) -> a function: bytes -> `State`; made once a type
why     msgspec reads all of our types but one kind: a union of enums (core.order.Status). It is
        given a twin of each struct that holds one, in which that field is text, and what it makes
        of the twin is finished here; so reading stays about as fast as msgspec is
errors  `ReadingError` where the bytes are not of the type; `TypeError`, when the decoder is made,
        for a type that cannot be read back without loss
"""

from collections.abc import Callable
from enum import StrEnum
from functools import lru_cache
from types import NoneType, UnionType
from typing import TypeGuard, Union, get_args, get_origin

import msgspec

Finish = Callable[[object], object]
"""From what msgspec read to the value."""


class ReadingError(ValueError):
    """Bytes that are not of the type they should be read as."""


@lru_cache(maxsize=16)
def decoder_of(kind: object) -> Callable[[bytes], object]:
    """The function that reads values of the type `kind`."""
    readable, finish = _readable(kind)
    decoder = msgspec.json.Decoder(readable)

    def decode(data: bytes) -> object:
        try:
            return finish(decoder.decode(data))
        except (msgspec.MsgspecError, ValueError) as error:
            raise ReadingError(str(error)) from None

    return decode


def same(value: object) -> object:
    """What msgspec read is the value."""
    return value


def _readable(kind: object) -> tuple[object, Finish]:
    """A type that msgspec can read, and what makes a value of `kind` of what it read."""
    if _is_msgspecs(kind):
        return kind, same
    origin, arguments = get_origin(kind), get_args(kind)
    if origin in (Union, UnionType):
        return _union(kind, arguments)
    if origin is dict and arguments[0] is str:
        return _map(arguments[1])
    if origin is tuple and len(arguments) == 2 and arguments[1] is ...:
        return _sequence(arguments[0])
    if _is_struct(kind):
        return _struct(kind)
    message = f"{kind}: expected a type that can be read back, found another; teach core/reading.py"
    raise TypeError(message)


def _is_msgspecs(kind: object) -> bool:
    try:
        msgspec.json.Decoder(kind)
    except TypeError:
        return False
    return True


def _union(kind: object, arguments: tuple[object, ...]) -> tuple[object, Finish]:
    """A union of enums of texts, or of one type and None."""
    kinds = [one for one in arguments if one is not NoneType]
    enums = [one for one in kinds if isinstance(one, type) and issubclass(one, StrEnum)]
    if len(enums) == len(kinds):
        return (str | None if len(kinds) < len(arguments) else str), _members(kind, enums)
    if len(kinds) > 1 or len(kinds) == len(arguments):
        message = f"{kind}: expected a union of enums, or of one type and None, found another"
        raise TypeError(message)
    readable, finish = _readable(kinds[0])

    def finished(value: object) -> object:
        return None if value is None else finish(value)

    return Union[readable, None], finished  # noqa: UP007 - a type made as we go


def _members(kind: object, enums: list[type[StrEnum]]) -> Finish:
    members: dict[object, object] = {None: None}
    for member in (member for enum in enums for member in enum):
        if member.value in members:
            message = f"{kind}: expected each value in one enum, found {member.value!r} in two"
            raise TypeError(message)
        members[member.value] = member

    def finish(value: object) -> object:
        if value not in members:
            message = f"expected {kind}, found {str(value)[:40]!r}"
            raise ReadingError(message)
        return members[value]

    return finish


def _map(kind: object) -> tuple[object, Finish]:
    readable, finish = _readable(kind)

    def finished(value: object) -> object:
        assert isinstance(value, dict)
        return {key: finish(item) for key, item in value.items()}

    return dict[str, readable], finished  # type: ignore[valid-type]  # a type made as we go


def _sequence(kind: object) -> tuple[object, Finish]:
    readable, finish = _readable(kind)

    def finished(value: object) -> object:
        assert isinstance(value, tuple)
        return tuple(map(finish, value))

    return tuple[readable, ...], finished  # type: ignore[valid-type]  # a type made as we go


def _is_struct(kind: object) -> TypeGuard[type[msgspec.Struct]]:
    origin = get_origin(kind) or kind
    return isinstance(origin, type) and issubclass(origin, msgspec.Struct)


def _struct(kind: type[msgspec.Struct]) -> tuple[object, Finish]:
    """Every field of the struct, none missing and none more: it was written whole."""
    make: type[msgspec.Struct] = get_origin(kind) or kind
    config = make.__struct_config__
    if config.omit_defaults or config.tag is not None or config.array_like:
        message = f"{kind}: expected a struct written with all its fields by name, found another"
        raise TypeError(message)
    fields: list[tuple[str, type]] = []
    unfinished: list[tuple[str, Finish]] = []
    for field in msgspec.structs.fields(kind):
        readable, finish = _readable(field.type)
        fields.append((field.name, readable))  # type: ignore[arg-type]  # whatever msgspec reads
        if finish is not same:
            unfinished.append((field.name, finish))
    twin = msgspec.defstruct(make.__name__, fields, kw_only=True, forbid_unknown_fields=True)

    def finished(value: object) -> object:
        assert isinstance(value, msgspec.Struct)
        plain = msgspec.structs.asdict(value)
        for name, finish in unfinished:
            plain[name] = finish(plain[name])
        return make(**plain)

    return twin, finished
