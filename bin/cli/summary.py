"""What a run says of its journal as a whole: the counts of the cycle summary, and the head."""

from live.committer import Committer
from projections.cycle_summary import CYCLE_SUMMARY
from projections.projection import fold_all

COUNTS = ("universe", "intents", "submitted", "failed", "unknown", "dropped", "fills")


def summary_of(committer: Committer, seed: int) -> dict[str, object]:
    """The document of `run --json`."""
    journal, state = committer.journal, committer.state
    view = fold_all(CYCLE_SUMMARY, journal.events(limit=committer.head.sequence))
    totals = dict.fromkeys(COUNTS, 0)
    skipped: dict[str, int] = {}
    cycles = 0
    for row in CYCLE_SUMMARY.rows(view):
        cycles += 1
        for name in COUNTS:
            value = row[name]
            totals[name] += value if isinstance(value, int) else 0
        reasons = row["reasons"]
        for code, count in reasons.items() if isinstance(reasons, dict) else ():
            skipped[code] = skipped.get(code, 0) + int(count)
    return {
        "journal": str(journal.url),
        "head": {"sequence": committer.head.sequence, "chain": committer.head.chain},
        "config_hash": state.config_hash if state.next_config is None else state.next_config[2],
        "seed": seed,
        "cycles": cycles,
        **totals,
        "skipped": dict(sorted(skipped.items())),
        "open": len(state.intents),
    }
