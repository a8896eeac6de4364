"""`diff`: the first difference of two journals."""

import argparse
import contextlib

from bin.cli.exits import Exit
from bin.cli.output import print_json, print_lines
from journal import open_journal
from replay.difference import first_difference


def diff(options: argparse.Namespace) -> int:
    """Exit status 1 when they differ."""
    left = open_journal(options.left, read_only=True, accept_anchor_missing=True)
    with contextlib.closing(left):
        right = open_journal(options.right, read_only=True, accept_anchor_missing=True)
        with contextlib.closing(right):
            first = first_difference(left.read(), right.read())
    if options.json:
        print_json({"equal": first is None, "first": first})
    elif first is None:
        print_lines(["equal"])
    else:
        print_lines([f"first difference at sequence {first['sequence']}: {first['diff']}"])
    return Exit.GOOD if first is None else Exit.CHECK_FAILED
