"""Whether a journal proves itself, and it and the fault venue say the same.

shape   `wrong_of(url, dump, behavior)` -> (what is wrong, orders still open, heads of the journal);
        `dump` is the venue's own state, from its admin side
"""

from typing import Any

from replay.agreement import disagreements
from tests.campaign.alpaca_scenario import BEHAVIORS
from tests.campaign.proof import proved


def wrong_of(url: str, dump: dict[str, Any], behavior: str) -> tuple[list[str], int, list[str]]:
    """What is wrong, how many orders are open, and "sequence chain" of every event."""
    wrong, records = proved(url)
    events = [record.event for record in records]
    extra = int(BEHAVIORS[behavior].doubled)
    disagreed, state = disagreements(events, dump, posts_extra=extra)
    heads = [f"{record.sequence} {record.chain}" for record in records]
    return [*wrong, *disagreed], len(state.intents), heads
