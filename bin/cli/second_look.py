"""The second look of `replay`, run by it in a process of its own with another hash seed."""

import os
import sys

import orjson

from bin.cli.replay import look_at

if __name__ == "__main__":
    target = sys.argv[1] if len(sys.argv) > 1 else None
    look = look_at(os.environ["REFOLD_JOURNAL"], target, fresh=True)
    sys.stdout.buffer.write(orjson.dumps(look, default=str))
