"""The second look of `replay`, run by it in a process of its own with another hash seed."""

import json
import random
import sys

import orjson

from bin.cli.replay import look_at
from journal import open_journal
from journal.master_key import read_key


def disturb() -> None:
    """Move what every strategy in this process shares: the global generator."""
    random.seed()


if __name__ == "__main__":
    target = sys.argv[1] if len(sys.argv) > 1 else None
    told = json.loads(sys.stdin.buffer.read())
    key = None if told["key"] is None else read_key(told["key"], "pipe")
    journal = open_journal(told["journal"], read_only=True, accept_anchor_missing=True, key=key)
    document = look_at(journal, target, disturb=disturb)
    sys.stdout.buffer.write(orjson.dumps(document, default=str))
