"""A program that appends to a journal and prints each acknowledged sequence, until it is killed.

usage   python -m tests.journal.writer JOURNAL BATCH [COUNT] [ANCHOR]
output  one acknowledged sequence a line; "moved" is retried; "unknown N" and exit status 3 where a
        commit is unknown, after a second append was tried and refused
"""

import resource
import sys

from journal import Journal, open_journal
from journal.errors import CommitUnknownError, DiskFullError, JournalBusyError, JournalMovedError
from tests.journal.sample import at, timers


def say(text: object) -> None:
    """One line, at once."""
    print(text, flush=True)


def step(journal: Journal, batch: int) -> int:
    """Append one batch, after whatever others appended."""
    while True:
        head = journal.head
        try:
            events = timers(head.sequence, batch)
            return journal.append(events, expected=head, epoch=1, recorded_at=at(1)).sequence
        except JournalMovedError:
            journal.read_head()
        except JournalBusyError:
            continue


def main(path: str, batch: int, count: int, file_limit: int) -> int:
    """Append `count` batches."""
    with open_journal(path) as journal:
        say("ready")
        if file_limit:
            resource.setrlimit(resource.RLIMIT_FSIZE, (file_limit, file_limit))
        for _ in range(count):
            try:
                say(step(journal, batch))
                journal.anchor()
            except DiskFullError:
                say("full")
                return 4
            except CommitUnknownError as error:
                try:
                    step(journal, batch)
                except CommitUnknownError:
                    say(f"unknown {error.first}")
                    return 3
    return 0


if __name__ == "__main__":
    numbers = [int(text) for text in sys.argv[2:]] + [10**9, 0][len(sys.argv) - 3 :]
    sys.exit(main(sys.argv[1], *numbers))
