"""`bin/refold COMMAND`: parse, run the command, turn what went wrong into one line and a status."""

import os
import sys

from bin.cli.arguments import parser
from bin.cli.exits import Exit
from bin.cli.output import complain


def main(arguments: list[str] | None = None) -> int:
    """The exit status of one command."""
    options = parser().parse_args(arguments)
    from live.committer import FencedError  # noqa: PLC0415 - after the parser, so --help is fast

    import journal.errors as errors  # noqa: PLC0415 - see above

    try:
        return int(options.command(options))
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
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return Exit.CANNOT_RUN
    except KeyboardInterrupt:
        return _ended("interrupted", Exit.CANNOT_RUN)
    except Exception as error:
        if not _is_for_people(error):
            raise
        return _ended(error, Exit.CANNOT_RUN)


def _is_for_people(error: Exception) -> bool:
    """Whether the error's message was written to be read by the user."""
    names = {"BadInputError", "ConfigError", "StrategySourceError", "CannotRunError"}
    return any(kind.__name__ in names for kind in type(error).__mro__)


def _ended(error: object, status: Exit) -> int:
    for line in str(error).splitlines() or [type(error).__name__]:
        complain(line)
    return int(status)


if __name__ == "__main__":
    sys.exit(main())
