"""A secret is shown by `reveal` and by nothing else, whatever a program does with what it holds."""

import copy
import dataclasses
import inspect
import io
import json
import pickle
import pprint
import traceback
from collections.abc import Callable
from typing import NoReturn

import msgspec
import orjson
import pytest
from rich.console import Console
from rich.traceback import Traceback

from core.secret import REDACTED, Secret

CANARY = "canary-of-a-secret-0123456789"


@dataclasses.dataclass
class Holder:
    """Somebody's dataclass with a secret among its fields."""

    name: str
    key: Secret


class StructHolder(msgspec.Struct):
    """Somebody's struct."""

    key: Secret


def in_a_traceback(secret: Secret) -> str:
    """A traceback that shows the local variables, in which the secret is one."""

    def fail(key: Secret) -> NoReturn:
        raise ValueError(key)

    try:
        fail(secret)
    except ValueError as error:
        page = io.StringIO()
        Console(file=page, width=200).print(
            Traceback.from_exception(type(error), error, error.__traceback__, show_locals=True)
        )
        whole = traceback.TracebackException.from_exception(error, capture_locals=True)
        return page.getvalue() + "".join(whole.format())


SHOWN: dict[str, Callable[[Secret], object]] = {
    "str": str,
    "repr": repr,
    "ascii": ascii,
    "format": lambda secret: f"{secret} {secret!r:>40} {secret:>60}",
    "percent": lambda secret: "%s %r" % (secret, secret),  # noqa: UP031
    "str.format": "{0} {0!s:.99}".format,
    "in a list": lambda secret: f"{[secret]} {({'a': secret},)}",
    "pprint": pprint.pformat,
    "dataclass": lambda secret: f"{Holder('a', secret)} {dataclasses.asdict(Holder('a', secret))}",
    "struct": lambda secret: msgspec.structs.asdict(StructHolder(secret)),
    "struct's text": lambda secret: str(StructHolder(secret)),
    "members": inspect.getmembers,
    "dir": lambda secret: [getattr(secret, name, "") for name in dir(secret)],
    "json with a default": lambda secret: json.dumps({"a": secret}, default=str),
    "orjson with a default": lambda secret: orjson.dumps({"a": secret}, default=str),
    "copies": lambda secret: f"{copy.copy(secret)} {copy.deepcopy([secret])}",
    "traceback": in_a_traceback,
    "exception": lambda secret: f"{ValueError(secret)} {ValueError('a', secret)!r}",
}


@pytest.mark.parametrize("way", SHOWN)
def test_no_way_of_printing_shows_it(way: str) -> None:
    shown = str(SHOWN[way](Secret(CANARY)))

    assert CANARY not in shown
    assert CANARY[:12] not in shown


REFUSED: dict[str, Callable[[Secret], object]] = {
    "json": json.dumps,
    "orjson": orjson.dumps,
    "msgspec": msgspec.json.encode,
    "msgspec struct": lambda secret: msgspec.json.encode(StructHolder(secret)),
    "builtins": msgspec.to_builtins,
    "pickle": pickle.dumps,
    "pickle of a holder": lambda secret: pickle.dumps(Holder("a", secret)),
    "hash": hash,
    "key": lambda secret: {secret: 1},
    "text": lambda secret: "a" + secret,  # type: ignore[operator]
    "join": lambda secret: ", ".join(["a", secret]),  # type: ignore[list-item] # noqa: FLY002
    "bytes": bytes,  # type: ignore[dict-item]
    "length": len,  # type: ignore[dict-item]
    "letters": list,  # type: ignore[dict-item]
    "index": lambda secret: secret[0],  # type: ignore[index]
    "variables": vars,
    "a change": lambda secret: setattr(secret, "_reveal", None),
    "another field": lambda secret: setattr(secret, "other", 1),
    "deletion": lambda secret: delattr(secret, "_reveal"),
}


@pytest.mark.parametrize("way", REFUSED)
def test_what_would_need_the_text_is_refused_without_it(way: str) -> None:
    with pytest.raises(TypeError) as refused:
        REFUSED[way](Secret(CANARY))

    assert CANARY not in str(refused.value)


def test_it_is_shown_to_whoever_asks_by_name() -> None:
    assert Secret(CANARY).reveal() == CANARY
    assert str(Secret(CANARY)) == REDACTED


@pytest.mark.parametrize(
    ("other", "equal"),
    [(Secret(CANARY), True), (Secret(CANARY + "a"), False), (Secret(""), False), (CANARY, False),
     (None, False), (Secret("ä\ud800"), False)],
)  # fmt: skip
def test_it_equals_a_secret_with_the_same_text_and_nothing_else(other: object, equal: bool) -> None:
    assert (Secret(CANARY) == other) is equal
    assert (Secret(CANARY) != other) is not equal


def test_equality_is_asked_of_compare_digest(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[bytes, bytes]] = []

    def always(left: bytes, right: bytes) -> bool:
        asked.append((left, right))
        return True

    monkeypatch.setattr("hmac.compare_digest", always)

    assert Secret("a") == Secret("b")
    assert asked == [(b"a", b"b")]


def test_a_secret_that_is_not_set_is_false() -> None:
    assert not Secret("")
    assert Secret(CANARY)
