"""`bin/refold COMMAND`: parse, run the command, turn what went wrong into one line and a status."""

import contextlib
import os
import sys
import traceback
from pathlib import Path

from bin.cli.arguments import parser
from bin.cli.exits import Exit
from bin.cli.output import clean, complain
from bin.cli.secrets import SecretWordError, hold, refuse_words

FOR_PEOPLE = {
    "BadInputError",
    "CannotRunError",
    "ConfigError",
    "ImpossibleDecisionError",
    "SecretFoundError",
    "StoreError",
    "StrategySourceError",
}
"""Errors whose message was written to be read by the user."""


def main(arguments: list[str] | None = None) -> int:
    """The exit status of one command."""
    _have_streams()
    try:
        hold()
        refuse_words(sys.argv[1:] if arguments is None else arguments)
    except SecretWordError as error:
        return _ended(error, Exit.CANNOT_RUN)
    options = parser().parse_args(arguments)
    from journal import errors
    from live.committer import FencedError

    try:
        status = int(options.command(options))
        sys.stdout.flush()
    except FencedError as error:
        return _ended(error, Exit.FENCED)
    except (errors.RollbackError, errors.ForkError) as error:
        return _ended(error, Exit.ROLLED_BACK)
    except errors.CommitUnknownError as error:
        return _ended(error, Exit.COMMIT_UNKNOWN)
    except errors.LockedError as error:
        return _ended(error, Exit.LOCKED)
    except errors.JournalError as error:
        return _ended(error, Exit.CANNOT_RUN)
    except BrokenPipeError:
        _let_go_of_output()
        return Exit.PIPE_CLOSED
    except KeyboardInterrupt:
        return _ended("interrupted", Exit.CANNOT_RUN)
    except Exception as error:  # noqa: BLE001 - said in one line, whatever it is
        return _unforeseen(error)
    return status


def _unforeseen(error: Exception) -> int:
    """One line for whatever else ended the command; a fault of ours has a status of its own."""
    if any(kind.__name__ in FOR_PEOPLE for kind in type(error).__mro__):
        return _ended(error, Exit.CANNOT_RUN)
    if isinstance(error, OSError):
        where = error.filename or "the system"
        _let_go_of_output()
        return _ended(f"{where}: {error.strerror or error}; mend that", Exit.CANNOT_RUN)
    if type(error).__module__ == "sqlite3":
        return _ended(f"a database beside the journal: {error}; mend that", Exit.CANNOT_RUN)
    if sys.flags.dev_mode:
        raise error
    frame = traceback.extract_tb(error.__traceback__)[-1]
    place = f"{Path(frame.filename).name} line {frame.lineno}"
    text = clean(" ".join(str(error).split()))[:300]
    message = (
        f"a fault of refold: {type(error).__name__}: {text} ({place}); the journal holds what "
        "was committed; PYTHONDEVMODE=1 shows the whole traceback, report it"
    )
    return _ended(message, Exit.FAULT)


def _have_streams() -> None:
    """A stream the caller closed leads nowhere: else the journal's files would get its number."""
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)
    sys.stdout = sys.stdout or os.fdopen(1, "w", encoding="utf-8", closefd=False)
    sys.stderr = sys.stderr or os.fdopen(2, "w", encoding="utf-8", closefd=False)


def _let_go_of_output() -> None:
    """Nobody reads standard output any more: what is still buffered goes nowhere."""
    with contextlib.suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _ended(error: object, status: Exit) -> int:
    with contextlib.suppress(OSError):
        for line in str(error).splitlines() or [type(error).__name__]:
            complain(line)
    return int(status)


if __name__ == "__main__":
    sys.exit(main())
