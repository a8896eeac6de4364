"""Reading old events: upcasters by tag, and the one way from stored bytes to an event.

shape   {old tag: upcaster}; an upcaster takes the old event as plain data and gives the new one,
        its new tag under "type". They chain until the tag is one this release writes.
why     only what is decoded changes: stored bytes, ids and the chain stay for ever
errors  `NewerJournalError` for a tag nobody here knows; `UndecodableEventError` for bytes that are
        not the event their tag names
"""

from collections.abc import Callable, Mapping
from functools import cache
from typing import TYPE_CHECKING, Any

import msgspec

from core.events import EVENT_BY_TAG
from journal.errors import NewerJournalError, UndecodableEventError

if TYPE_CHECKING:
    from core.events import Event

Plain = dict[str, Any]
Upcaster = Callable[[Plain], Plain]

UPCASTERS: dict[str, Upcaster] = {}
"""The upcasters of this release: none yet, every tag is still its first."""

_MAX_STEPS = 100


def decode_event(
    tag: str, payload: bytes, upcasters: Mapping[str, Upcaster] = UPCASTERS
) -> "Event":
    """The event of a stored payload."""
    if tag in upcasters:
        return _upcast(tag, payload, upcasters)
    decoder = _decoder(tag)
    try:
        return decoder.decode(payload)
    except (msgspec.MsgspecError, ValueError) as error:
        raise UndecodableEventError(tag, str(error)) from None


def _upcast(tag: str, payload: bytes, upcasters: Mapping[str, Upcaster]) -> "Event":
    try:
        plain: Plain = msgspec.json.decode(payload, type=dict[str, Any])
    except (msgspec.MsgspecError, ValueError) as error:
        raise UndecodableEventError(tag, str(error)) from None
    current = tag
    for _ in range(_MAX_STEPS):
        upcaster = upcasters.get(current)
        if upcaster is None:
            break
        plain = upcaster(dict(plain))
        current = str(plain.get("type"))
    else:
        raise UndecodableEventError(tag, f"its upcasters go round in circles at {current}")
    try:
        return msgspec.convert(plain, _type(current))
    except (msgspec.MsgspecError, ValueError) as error:
        raise UndecodableEventError(tag, f"upcast to {current}: {error}") from None


def _type(tag: str) -> "type[Event]":
    found = EVENT_BY_TAG.get(tag)
    if found is None:
        raise NewerJournalError("journal", "an event's tag", found=tag, known="no such event")
    return found  # type: ignore[return-value]


@cache
def _decoder(tag: str) -> "msgspec.json.Decoder[Event]":
    return msgspec.json.Decoder(_type(tag))
