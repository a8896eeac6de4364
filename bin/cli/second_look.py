"""The second look of `replay`, run by it in a process of its own with another hash seed."""

import sys

import orjson

from bin.cli.replay import look_at

if __name__ == "__main__":
    target = sys.argv[2] if len(sys.argv) > 2 else None
    sys.stdout.buffer.write(orjson.dumps(look_at(sys.argv[1], target, fresh=True), default=str))
