"""Whether a journal proves itself, and it and the fault venue say the same.

shape   `wrong_of(url, dump, behavior)` -> (what is wrong, orders still open, heads of the journal);
        `dump` is the venue's own state, from its admin side
"""

from typing import Any

from journal import open_journal, verify
from replay.agreement import disagreements
from replay.parity import parity
from tests.campaign.alpaca_scenario import BEHAVIORS


def wrong_of(url: str, dump: dict[str, Any], behavior: str) -> tuple[list[str], int, list[str]]:
    """What is wrong, how many orders are open, and "sequence chain" of every event."""
    report = verify(url)
    wrong = [f"verify: {problem}" for problem in report.problems]
    with open_journal(url, read_only=True) as journal:
        records = list(journal.read())
    if not report.ok or report.events != len(records):
        wrong.append(f"verify: {report.events} of {len(records)} events are good")
    found = parity(records, disturb=lambda: None)
    if found.parity is not True:
        wrong.append(f"replay: parity {found.parity}, {found.divergence}")
    events = [record.event for record in records]
    extra = int(BEHAVIORS[behavior].doubled)
    disagreed, state = disagreements(events, dump, posts_extra=extra)
    heads = [f"{record.sequence} {record.chain}" for record in records]
    return [*wrong, *disagreed], len(state.intents), heads
