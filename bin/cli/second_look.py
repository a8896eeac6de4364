"""The second look of `replay`, run by it in a process of its own with another hash seed."""

import argparse
import os
import random
import sys

import orjson

from bin.cli.journals import read
from bin.cli.replay import look_at


def disturb() -> None:
    """Move what every strategy in this process shares: the global generator."""
    random.seed()


if __name__ == "__main__":
    target = sys.argv[1] if len(sys.argv) > 1 else None
    journal = read(argparse.Namespace(journal=os.environ["REFOLD_JOURNAL"]))
    document = look_at(journal, target, disturb=disturb)
    sys.stdout.buffer.write(orjson.dumps(document, default=str))
