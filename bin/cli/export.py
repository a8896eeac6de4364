"""`export`: every event with its envelope, one JSON line each; the event's bytes as stored."""

import argparse
import sys
from typing import BinaryIO, cast

from bin.cli.exits import Exit
from bin.cli.journals import read
from bin.cli.problems import CannotRunError


def export(options: argparse.Namespace) -> int:
    """JSON lines on standard output; of an encrypted journal open only when told so."""
    from journal import open_journal
    from journal.export import export_jsonl, export_sealed

    journal = open_journal(options.journal, read_only=True, sealed=True)
    write = export_jsonl
    if journal.encrypted and options.sealed:
        write = export_sealed
    elif journal.encrypted:
        journal.close()
        if not options.plaintext:
            message = (
                f"export {journal.url}: it is encrypted; --plaintext writes its events open, "
                "--sealed as they are stored, without a key"
            )
            raise CannotRunError(message)
        journal = read(options)
    try:
        head = journal.read_head()
        if options.after > head.sequence:
            message = (
                f"export --after {options.after}: expected at most {head.sequence}, the journal's "
                "last sequence; give a smaller one"
            )
            raise CannotRunError(message)
        write(journal, cast("BinaryIO", _Checked()), after=options.after)
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
