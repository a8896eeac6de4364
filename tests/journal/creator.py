"""A program that creates a journal.

usage   python -m tests.journal.creator JOURNAL
"""

import sys
from pathlib import Path

from tests.journal.sample import make

if __name__ == "__main__":
    make(Path(sys.argv[1]))
