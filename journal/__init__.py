"""The journal: an append-only, hash-chained record on disk, and the only truth.

`create_journal` and `open_journal` give a `Journal`; `verify` says whether one is as it was
written; `WriterLock` keeps a second runner out. The stored form is in codec.py, byte by byte.
"""

from journal import errors
from journal.journal import Journal
from journal.lock import WriterLock
from journal.opening import create_journal, open_journal
from journal.recorded import GENESIS, Head, Recorded
from journal.url import JournalUrl, parse_url
from journal.verify import Problem, VerifyReport, verify

__all__ = [
    "GENESIS",
    "Head",
    "Journal",
    "JournalUrl",
    "Problem",
    "Recorded",
    "VerifyReport",
    "WriterLock",
    "create_journal",
    "errors",
    "open_journal",
    "parse_url",
    "verify",
]
