"""Redaction: the secrets this process holds, taken out of whatever would leave it.

shape   `hide(secret, …)` once it is read; from then on `redact(text)`, `redact_bytes(data)` and
        `redacted(observation)` say `<redacted>` where it stood, and `guarded(stream)` writes so
forms   as it is, as JSON and `repr` escape it, URL-encoded, hexadecimal, and base64 wherever it
        begins in the encoded text (`Basic` is base64 of id, colon, secret)
limits  a secret of fewer than 8 characters is hidden only where it is the whole text: redacting a
        short one would take words apart, and an empty one everything
state   one list for the whole process, because a traceback is printed by whoever finds it
"""

import base64
import json
from collections.abc import Iterable, Iterator, Sequence
from typing import Final, TextIO, TypeVar, cast
from urllib.parse import quote, quote_plus

import msgspec

from core.events import ConfigSnapshot, Event, StrategyLoaded, tag_of
from core.secret import REDACTED, Secret

SHORTEST: Final = 8
"""Characters below which a secret is hidden only where it is the whole text."""

Any_ = TypeVar("Any_", bound=Event)


class SecretFoundError(Exception):
    """A secret stands where it cannot be taken out; `CannotRunError`'s kin, one line for people."""


class Redactor:
    """Some secrets, and every form they may take in a text."""

    def __init__(self) -> None:
        self._whole: set[str] = set()
        self._texts: tuple[str, ...] = ()
        self._bytes: tuple[bytes, ...] = ()
        self._telling: tuple[bytes, ...] = ()

    def hide(self, *secrets: Secret) -> None:
        """From now on these are redacted as well; empty ones are none."""
        self._whole |= {secret.reveal() for secret in secrets if secret}
        long = [text for text in self._whole if len(text) >= SHORTEST]
        forms = {form for text in long for form in forms_of(text)}
        self._texts = tuple(sorted(forms, key=lambda form: (-len(form), form)))
        self._bytes = tuple(form.encode("utf-8", "surrogatepass") for form in self._texts)
        self._telling = tuple(
            form
            for form in self._bytes
            if not any(other in form for other in self._bytes if other != form)
        )

    @property
    def holds_any(self) -> bool:
        """Whether there is anything to redact."""
        return bool(self._whole)

    def found_in(self, data: bytes) -> bool:
        """Whether UTF-8 `data` shows a secret in any form."""
        return any(form in data for form in self._telling)  # each other has one of these in it

    def redact(self, text: str) -> str:
        """`text` without the secrets; the longest form is taken out first."""
        if text in self._whole:
            return REDACTED
        for form in self._texts:
            if form in text:
                text = text.replace(form, REDACTED)
        return text

    def redact_bytes(self, data: bytes) -> bytes:
        """UTF-8 `data` without the secrets."""
        for form in self._bytes:
            if form in data:
                data = data.replace(form, REDACTED.encode())
        return data


def forms_of(text: str) -> Iterator[str]:
    """`text` in every form in which a library may write it down."""
    data = text.encode("utf-8", "surrogatepass")
    yield text
    yield text.replace("/", "\\/")
    escaped = [json.dumps(text)[1:-1], json.dumps(text, ensure_ascii=False)[1:-1]]
    escaped += [repr(text)[1:-1], ascii(text)[1:-1], repr(data)[2:-1]]
    for once in escaped:  # and twice: a body, or a source, quoted in a document
        yield from (once, json.dumps(once)[1:-1], json.dumps(once, ensure_ascii=False)[1:-1])
    for encoded in (quote(data, safe=""), quote(data), quote_plus(data)):
        yield from (encoded, _lower_case_percent(encoded))
    yield from (data.hex(), data.hex().upper())
    for offset in range(3):
        # Only the characters that hang on nothing but the secret: its neighbors may be anything.
        whole = base64.b64encode(bytes(offset) + data)
        middle = whole[-(-8 * offset // 6) : 8 * (offset + len(data)) // 6].decode()
        yield from (middle, middle.replace("+", "-").replace("/", "_"))


def _lower_case_percent(text: str) -> str:
    """`text` with %2F written %2f."""
    first, *others = text.split("%")
    return "%".join((first, *(part[:2].lower() + part[2:] for part in others)))


HELD: Final = Redactor()
"""What this process holds."""
hide = HELD.hide
redact = HELD.redact
redact_bytes = HELD.redact_bytes


def redacted(event: Any_) -> Any_:
    """An observation as it may be committed: a secret in its text is `<redacted>`.

    errors  `SecretFoundError` where the text is hashed elsewhere (a strategy's source, a setting):
            changed text would not be what its hash says, so it is refused instead
    """
    if not HELD.holds_any or not HELD.found_in(msgspec.json.encode(event)):
        return event
    if isinstance(event, ConfigSnapshot | StrategyLoaded):
        message = (
            f"{tag_of(event)}: expected no secret in it, found one (value not shown); the journal "
            "keeps it for ever: take it out of the strategy or the settings"
        )
        raise SecretFoundError(message)
    try:
        return msgspec.convert(_without(msgspec.to_builtins(event)), type(event))
    except (msgspec.ValidationError, ValueError):
        message = f"{tag_of(event)}: expected no secret in it, found one where no text may stand"
        raise SecretFoundError(message) from None


def all_redacted(events: Sequence[Any_]) -> Sequence[Any_]:
    """`redacted` of each, and one look where there is nothing to redact."""
    if not HELD.holds_any or not HELD.found_in(b"\0".join(map(msgspec.json.encode, events))):
        return events
    return [redacted(event) for event in events]


def refuse_in(events: Iterable[Event]) -> None:
    """Stop before decisions that show a secret are committed: derived again they must be equal."""
    if not HELD.holds_any or not HELD.found_in(b"\0".join(map(msgspec.json.encode, events))):
        return
    tags = [tag_of(event) for event in events if HELD.found_in(msgspec.json.encode(event))]
    message = (
        f"{tags[0]}: expected no secret in a decision, found one (value not shown); "
        "the strategy tells it: take it out, and draw the key anew"
    )
    raise SecretFoundError(message)


def _without(plain: object) -> object:
    if isinstance(plain, str):
        return HELD.redact(plain) if len(plain) >= SHORTEST else plain
    if isinstance(plain, dict):
        return {_without(key): _without(value) for key, value in plain.items()}
    if isinstance(plain, list | tuple):
        return [_without(value) for value in plain]
    return plain


def guarded(stream: TextIO) -> TextIO:
    """`stream` without the secrets: log lines, tracebacks, warnings, what a strategy prints."""
    return cast("TextIO", _Guarded(stream))


class _Guarded:
    """A text stream whose text and bytes are redacted; everything else is the stream's."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        """The characters of `text`, as if it had been written as it is."""
        self._stream.write(redact(text))
        return len(text)

    def writelines(self, lines: list[str]) -> None:
        self.write("".join(lines))

    @property
    def buffer(self) -> "_GuardedBytes":
        """The bytes below, redacted too."""
        return _GuardedBytes(self._stream)

    def __getattr__(self, name: str) -> object:
        return getattr(self._stream, name)


def refuse_line(data: bytes, where: str) -> None:
    """Stop before stored bytes that show a secret are written out: changed, they prove nothing."""
    if HELD.found_in(data):
        message = (
            f"{where}: expected no secret in the journal, found one (value not shown); draw the "
            "key anew first, then unset the old one: it is no secret any more"
        )
        raise SecretFoundError(message)


class _GuardedBytes:
    """The bytes below a text stream."""

    def __init__(self, stream: TextIO) -> None:
        self._buffer = stream.buffer

    def write(self, data: bytes) -> int:
        """The bytes of `data`, as if they had been written as they are."""
        self._buffer.write(redact_bytes(data))
        return len(data)

    def __getattr__(self, name: str) -> object:
        return getattr(self._buffer, name)
