"""`export`: every event with its envelope, one JSON line each; the event's bytes as stored."""

import argparse
import sys
from typing import BinaryIO, cast

from bin.cli.exits import Exit
from bin.cli.problems import CannotRunError


def export(options: argparse.Namespace) -> int:
    """JSON lines on standard output."""
    from journal import open_journal
    from journal.export import export_jsonl

    journal = open_journal(options.journal, read_only=True, accept_anchor_missing=True)
    try:
        head = journal.read_head()
        if options.after > head.sequence:
            message = (
                f"export --after {options.after}: expected at most {head.sequence}, the journal's "
                "last sequence; give a smaller one"
            )
            raise CannotRunError(message)
        export_jsonl(journal, cast("BinaryIO", _Checked()), after=options.after)
    finally:
        journal.close()
    sys.stdout.flush()
    return Exit.GOOD


class _Checked:
    """Standard output's bytes; a line that shows a secret is refused, for a changed one lies."""

    def write(self, line: bytes) -> int:
        """The bytes written, all of them."""
        from live.redaction import refuse_line

        refuse_line(line, "export")
        return sys.stdout.buffer.write(line)
