"""What came of a request: a whole answer, or no answer and whether the request was sent."""

from typing import NamedTuple


class Answer(NamedTuple):
    """A whole answer: HTTP status, headers with lower-case names, the body's bytes."""

    status: int
    headers: dict[str, str]
    body: bytes


class NoAnswer(NamedTuple):
    """No answer, or not a whole one. `sent` is false only where provably no byte left."""

    sent: bool
    kind: str
    detail: str
    status: int | None = None


def request_id(answer: Answer) -> str | None:
    """Alpaca's own name of the call, where it gives one an event can carry."""
    found = answer.headers.get("x-request-id", "")
    return found if 0 < len(found) <= 128 and found.isascii() and found.isprintable() else None
