"""`export`: every event with its envelope, one JSON line each; the event's bytes as stored."""

import argparse
import sys

from bin.cli.exits import Exit


def export(options: argparse.Namespace) -> int:
    """JSON lines on standard output."""
    from journal import open_journal
    from journal.export import export_jsonl

    journal = open_journal(options.journal, read_only=True, accept_anchor_missing=True)
    try:
        export_jsonl(journal, sys.stdout.buffer, after=options.after)
    finally:
        journal.close()
    sys.stdout.flush()
    return Exit.GOOD
