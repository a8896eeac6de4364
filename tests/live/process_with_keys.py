"""A process that takes its keys and then waits, or aborts: what tests look at from outside.

usage   python -m tests.live.process_with_keys wait|abort     tells "ready" when it has them
"""

import os
import sys

from live.secrets import taken

if __name__ == "__main__":
    secrets = taken(os.environ)
    sys.stdout.write(f"ready {len(secrets.secret_key.reveal())} {sorted(os.environ)}\n")
    sys.stdout.flush()
    if sys.argv[1] == "abort":
        os.abort()
    sys.stdin.read()
