"""The life of an order: rules in prose, one table, then code.

Rules
    1. Everything that says what a status means stands in this file and nowhere else.
    2. An intent is **open** until an `IntentClosed` names one of the terminal statuses. Closing
       with another status is impossible by type.
    3. UNKNOWN is a state of its own. It is entered when an attempt has no certain outcome (also
       after a crash between the attempt's commit and its answer's), counts as worst-case
       exposure, and only evidence clears it.
    4. A report is never refused: it happened. A fill may come before the answer, after the cancel,
       after the close. It is counted; the status it finds does not matter.
    5. Filled quantity never moves backwards but by a bust or a correction.
    6. Terminal is not immutable in its amounts, but it is in its status: late fills, busts and
       corrections amend a closed intent, and nothing reopens it.
    7. A status string nobody knows is open, keeps its raw text, and raises an alert.

Life (drawn from `OPEN_STATUSES` and `TERMINAL_STATUSES`; the broker's words map in `BROKER_STATUS`)

    PENDING_SUBMIT --attempt--> SUBMITTING --answer--> SUBMITTED --fill--> PARTIALLY_FILLED
          |                        |  ^                     |                     |
          |                      lost |  found              +----- cancel --------+-> PENDING_CANCEL
          |                        v  |                     |                     |         |
          +--invalid--> SKIPPED  UNKNOWN --absent--> FAILED +--> FILLED CANCELED REJECTED EXPIRED
"""

from enum import StrEnum
from functools import lru_cache


class OpenStatus(StrEnum):
    """Statuses in which an intent still needs attention (FIX OrdStatus 39, and our own)."""

    PENDING_SUBMIT = "PENDING_SUBMIT"
    SUBMITTING = "SUBMITTING"
    UNKNOWN = "UNKNOWN"
    SUBMITTED = "SUBMITTED"
    PARTIALLY_FILLED = "PARTIALLY_FILLED"
    PENDING_CANCEL = "PENDING_CANCEL"
    PENDING_REPLACE = "PENDING_REPLACE"
    HELD = "HELD"
    STOPPED = "STOPPED"
    SUSPENDED = "SUSPENDED"
    DONE_FOR_DAY = "DONE_FOR_DAY"
    CALCULATED = "CALCULATED"


class TerminalStatus(StrEnum):
    """Statuses an intent is closed with."""

    FILLED = "FILLED"
    CANCELED = "CANCELED"
    REJECTED = "REJECTED"
    EXPIRED = "EXPIRED"
    FAILED = "FAILED"
    REPLACED = "REPLACED"
    SKIPPED = "SKIPPED"
    CLOSED = "CLOSED"


Status = OpenStatus | TerminalStatus

WATCHED = frozenset(
    {
        OpenStatus.HELD,
        OpenStatus.STOPPED,
        OpenStatus.SUSPENDED,
        OpenStatus.DONE_FOR_DAY,
        OpenStatus.CALCULATED,
        OpenStatus.PENDING_REPLACE,
    }
)
"""Open statuses that raise an alert: an order in one of them may need a person."""

DEADLINED = WATCHED | {OpenStatus.PENDING_CANCEL}
"""Open statuses with a deadline: still in one of them then, an order raises an alert. Every cancel
passes through PENDING_CANCEL, so only one that is stuck there needs a person."""

GIVEN_UP = frozenset({TerminalStatus.FAILED, TerminalStatus.SKIPPED})
"""Closed without an order at the broker, as far as we know; a report of one is an orphan's."""

_O = OpenStatus
_T = TerminalStatus
BROKER_STATUS: dict[str, Status] = {
    # Alpaca's OrderStatus, all 17, and the SDK's pending_review
    "accepted": _O.SUBMITTED,
    "pending_new": _O.SUBMITTED,
    "accepted_for_bidding": _O.SUBMITTED,
    "new": _O.SUBMITTED,
    "held": _O.HELD,
    "partially_filled": _O.PARTIALLY_FILLED,
    "pending_cancel": _O.PENDING_CANCEL,
    "pending_replace": _O.PENDING_REPLACE,
    "stopped": _O.STOPPED,
    "suspended": _O.SUSPENDED,
    "done_for_day": _O.DONE_FOR_DAY,
    "calculated": _O.CALCULATED,
    "pending_review": _O.HELD,
    "replaced": _T.REPLACED,
    "filled": _T.FILLED,
    "canceled": _T.CANCELED,
    "expired": _T.EXPIRED,
    "rejected": _T.REJECTED,
    # other spellings in the journals and databases we import from (VOCABULARY.md 2.1)
    "acknowledged": _O.SUBMITTED,
    "open": _O.SUBMITTED,
    "pending": _O.SUBMITTED,
    "submitted": _O.SUBMITTED,
    "submitting": _O.SUBMITTING,
    "pending_submit": _O.PENDING_SUBMIT,
    "partial": _O.PARTIALLY_FILLED,
    "partial_fill": _O.PARTIALLY_FILLED,
    "pending_cancelled": _O.PENDING_CANCEL,
    "pending_cancelled_all": _O.PENDING_CANCEL,
    "stopped_out": _O.STOPPED,
    "done": _O.DONE_FOR_DAY,
    "completed": _T.FILLED,
    "cancelled": _T.CANCELED,
    "failed": _T.FAILED,
    "error": _T.FAILED,
    "skipped": _T.SKIPPED,
    "closed": _T.CLOSED,
    "no_fill": _T.CLOSED,
}
"""The one status map: broker's word, lower case -> ours. A word not here is open."""


@lru_cache(maxsize=1 << 8)
def status_of(word: str) -> tuple[Status, bool, bool]:
    """(status, terminal?, known?) of a broker's status word; an unknown word is open."""
    status = BROKER_STATUS.get(word.strip().lower())
    if status is None:
        return OpenStatus.SUBMITTED, False, False
    return status, isinstance(status, TerminalStatus), True
