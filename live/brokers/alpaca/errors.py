"""What an answer means for the request it answers: one table, read from the top.

shape   (status, code, message) -> `Verdict` and the kind of error, the first row that matches
rules   REFUSED needs an error that could be read and a row that says so. Everything else on a POST
        is UNKNOWN: looked up, never sent again blindly. 422 with 40010001 is a bucket that taken
        ids are in; a text in it that nobody knows is looked up too, so no order of ours is ever
        taken for refused because Alpaca changed a wording. 403 with 40310000 is a bucket as well:
        its texts only name the kind.
source  ALPACA.md A4, FAULTS.md 3C and 4.3
"""

import re
from enum import StrEnum
from typing import NamedTuple

from live.brokers.alpaca.reading import Figure, read_object, text


class Verdict(StrEnum):
    """What happened to a submit, as far as its answer tells."""

    REFUSED = "refused"
    RATE_LIMITED = "rate_limited"
    DUPLICATE = "duplicate"
    UNKNOWN = "unknown"


class ErrorBody(NamedTuple):
    """What an error says of itself; `readable` is false for HTML, nothing, or no message."""

    readable: bool
    code: str | None = None
    message: str = ""


class Row(NamedTuple):
    """`status` None: any; `code` "": any or none; `message` None: any text."""

    status: int
    code: str
    message: str | None
    verdict: Verdict
    kind: str


_VALIDATION = (
    r"(?:us_equity orders not allowed for account"
    r'|only type="limit" is allowed for extended hours orders'
    r"|(?:qty|symbol|side|type|time_in_force|limit_price|stop_price|notional)\b.*)"
)
TABLE = (
    Row(400, "", None, Verdict.REFUSED, "bad_request"),
    Row(401, "", None, Verdict.REFUSED, "unauthorized"),
    Row(403, "", r"forbidden\.?", Verdict.REFUSED, "forbidden"),
    Row(403, "", r"insufficient qty.*", Verdict.REFUSED, "insufficient_quantity"),
    Row(403, "", r"insufficient .*buying power.*", Verdict.REFUSED, "insufficient_buying_power"),
    Row(403, "", r".*wash trade.*", Verdict.REFUSED, "wash_trade"),
    Row(403, "", r"order parameters are not changed.*", Verdict.REFUSED, "not_changed"),
    Row(403, "", r".*minimum.*|.*min.* notional.*", Verdict.REFUSED, "minimum_notional"),
    Row(403, "", r".*suspend.*", Verdict.REFUSED, "suspended"),
    Row(403, "40310100", None, Verdict.REFUSED, "pattern_day_trading"),
    Row(403, "", None, Verdict.REFUSED, "forbidden_unlisted"),
    Row(
        422,
        "",
        r".*(?:client.?order.?id|unique|duplicate|already).*",
        Verdict.DUPLICATE,
        "duplicate_id",
    ),
    Row(422, "", r".*wash trade.*", Verdict.REFUSED, "wash_trade"),
    Row(422, "40010001", _VALIDATION, Verdict.REFUSED, "validation"),
    Row(422, "40010001", None, Verdict.UNKNOWN, "validation_unlisted"),
    Row(422, "", None, Verdict.REFUSED, "unprocessable"),
)
"""For errors that could be read. 429 needs no body; every other status is UNKNOWN."""

_NEEDS_A_CODE = {400, 422}
_ANY_CASE = re.IGNORECASE | re.DOTALL


def read_error(body: bytes) -> ErrorBody:
    """The code and message of an error's body."""
    found = read_object(body)
    if not isinstance(found, dict):
        return ErrorBody(readable=False)
    code, message = found.get("code"), text(found.get("message"))
    if message is None:
        return ErrorBody(readable=False)
    known = code if isinstance(code, str) and re.fullmatch(r"[0-9]{1,12}", code) else None
    return ErrorBody(
        readable=True, code=None if known is None else str(Figure(known)), message=message
    )


def verdict_of(status: int, error: ErrorBody) -> tuple[Verdict, str]:
    """What became of a submit that was answered with an error."""
    if status == 429:
        return Verdict.RATE_LIMITED, "rate_limited"
    if not error.readable:
        return Verdict.UNKNOWN, f"http_{status}_unreadable"
    if error.code is None and status in _NEEDS_A_CODE:
        return Verdict.UNKNOWN, f"http_{status}_without_code"
    for row in TABLE:
        if row.status != status or row.code not in ("", error.code):
            continue
        if row.message is None or re.fullmatch(row.message, error.message, _ANY_CASE):
            return row.verdict, row.kind
    return Verdict.UNKNOWN, f"http_{status}"


def is_lockout(status: int, error: ErrorBody) -> bool:
    """Whether the keys are not valid here: nothing more is asked until a person looked."""
    return status == 401 or (status == 403 and error.readable and error.code is None)


def is_absence(status: int, error: ErrorBody) -> bool:
    """Whether Alpaca itself, and no proxy's page, says there is no such order."""
    known = error.code == "40410000" or "not found" in error.message.lower()
    return status == 404 and error.readable and known
