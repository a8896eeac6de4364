"""Exit statuses, stable for scripts, printed by `--help`."""

from enum import IntEnum


class Exit(IntEnum):
    """What a command ended with."""

    GOOD = 0
    CHECK_FAILED = 1
    CANNOT_RUN = 2
    FENCED = 3
    ROLLED_BACK = 4
    COMMIT_UNKNOWN = 5
    HALTED = 6
    NOT_CONFIRMED = 7
    FAULT = 70
    LOCKED = 75
    PIPE_CLOSED = 141


MEANING = {
    Exit.GOOD: "good",
    Exit.CHECK_FAILED: (
        "the check failed: verify, replay, matrix or diff found something wrong; status and "
        "doctor: something needs a person"
    ),
    Exit.CANNOT_RUN: "cannot run: bad input, named in one line",
    Exit.FENCED: "fenced: a newer runner has claimed the journal",
    Exit.ROLLED_BACK: "the journal stands behind its anchor, or on another branch (ROLLBACK, FORK)",
    Exit.COMMIT_UNKNOWN: "a commit's outcome is unknown; the next start reads what is there",
    Exit.HALTED: "status: halted, or locked out; nothing is sent until that ends",
    Exit.NOT_CONFIRMED: "the command stands in the journal; the broker did not confirm all of it",
    Exit.FAULT: "a fault of refold itself; the journal holds what was committed",
    Exit.LOCKED: "another runner holds the journal's lock",
    Exit.PIPE_CLOSED: "whoever read standard output closed it early",
}


def help_text() -> str:
    """The table for `--help`."""
    rows = [f"  {int(status):>3}  {MEANING[status]}" for status in Exit]
    return "exit status:\n" + "\n".join(rows)
