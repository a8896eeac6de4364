"""Mismatches by symbol: which is told, when it is news, and when the symbol agrees again.

shape   `keep` gathers {symbol: mismatch}; `news_of` -> what the journal does not have yet, and what
        agrees again
rules   One mismatch a symbol is told, the gravest, and only while the journal does not have it. A
        symbol with other news is left alone: its counts are of two moments
"""

from core.events import ReconcileMismatched
from core.state import VANISHED
from core.values import TimeText
from live.brokers.base import Known

UNFOLLOWED = "order-replaced"
"""The mismatch of an order that was replaced, and nobody knows by what."""
RANKS = ("foreign-order-with-our-tag", VANISHED, UNFOLLOWED, "foreign-order", "order", "position")
"""What can be mismatched in a symbol, the gravest first."""


def keep(mismatches: dict[str, ReconcileMismatched], mismatch: ReconcileMismatched) -> None:
    """Keep the gravest mismatch of each symbol, the first of those alike."""
    other = mismatches.get(mismatch.symbol)
    if other is None or RANKS.index(mismatch.what) < RANKS.index(other.what):
        mismatches[mismatch.symbol] = mismatch


def news_of(
    mismatches: dict[str, ReconcileMismatched], known: Known, busy: set[str], now: TimeText
) -> list[ReconcileMismatched]:
    """What the journal does not have yet, and what agrees again in symbols that are not `busy`."""
    found = [
        mismatch
        for symbol, mismatch in sorted(mismatches.items())
        if known.mismatched.get(symbol) != mismatch.what
    ]
    for symbol, what in sorted(known.mismatched.items()):
        if symbol not in mismatches and symbol not in busy:
            found.append(
                ReconcileMismatched(
                    observed_at=now,
                    what=what,
                    symbol=symbol,
                    journal_side="agrees",
                    broker_side="agrees",
                    resolved=True,
                )
            )
    return found
