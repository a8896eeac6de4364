"""`show`: a projection, now or as of any sequence."""

import argparse
import contextlib

from bin.cli.exits import Exit
from bin.cli.journals import read
from bin.cli.output import print_json, print_lines, table
from bin.cli.problems import CannotRunError
from bin.cli.views import view_of
from projections.registry import named


def show(options: argparse.Namespace) -> int:
    """Rows, the sequence they are of, and their digest."""
    journal = read(options)
    with contextlib.closing(journal):
        head = journal.read_head()
        if options.at is not None and options.at > head.sequence:
            message = (
                f"show --at {options.at}: expected at most {head.sequence}, the journal's last "
                "sequence; leave --at out for now"
            )
            raise CannotRunError(message)
        sequence = head.sequence if options.at is None else options.at
        rows, digest = view_of(journal, named(options.view), sequence)
    if options.json:
        print_json({"rows": rows, "sequence": sequence, "digest": digest})
    else:
        print_lines([*table(rows), f"as of sequence {sequence}  digest {digest[:16]}"])
    return Exit.GOOD
