"""A secret: a text that is shown only to whoever asks for it by name.

shape   `Secret(text)`; `.reveal()` is the text, everything else says `<redacted>`
equal   only to another Secret with the same text, in a time that does not tell where they differ
errors  it cannot be pickled, hashed, changed or encoded as JSON: `TypeError`, without the text.
        A copy is the same object, so a dataclass or struct made plain still holds a Secret
why     a key that reaches a log, an event or a traceback is a key that must be drawn anew. The text
        stands in a closure, not in an attribute: what lists attributes lists no secret
"""

import hmac
from collections.abc import Callable
from typing import Final, NoReturn

REDACTED: Final = "<redacted>"
"""What stands where a secret was."""


class Secret:
    """A text that no printing, formatting, copying or encoding shows."""

    __slots__ = ("_reveal",)
    _reveal: Callable[[], str]

    def __init__(self, text: str) -> None:
        """`text` may be empty: a secret that is not set is false."""
        object.__setattr__(self, "_reveal", lambda: text)

    def reveal(self) -> str:
        """The text itself, for the one call that needs it."""
        return self._reveal()

    def __bool__(self) -> bool:
        return bool(self._reveal())

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Secret):
            return NotImplemented
        ours, theirs = (one.reveal().encode("utf-8", "surrogatepass") for one in (self, other))
        return hmac.compare_digest(ours, theirs)

    def __repr__(self) -> str:
        return REDACTED

    def __format__(self, _: str) -> str:
        return REDACTED

    def __copy__(self) -> "Secret":
        return self

    def __deepcopy__(self, _: object) -> "Secret":
        return self

    def __hash__(self) -> int:
        message = "a secret: expected no use as a key, found one; a hash would tell of the text"
        raise TypeError(message)

    def __reduce_ex__(self, _: object) -> NoReturn:
        message = "a secret: expected to stay in this process, found an attempt to pickle it"
        raise TypeError(message)

    def __setattr__(self, name: str, value: object) -> NoReturn:
        message = "a secret: expected to stay as it is, found an attempt to change it"
        raise TypeError(message)

    __delattr__ = __setattr__  # type: ignore[assignment]
