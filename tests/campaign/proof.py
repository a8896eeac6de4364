"""What a journal has to show after a campaign: it verifies, replays, and keeps to the protocol.

shape   `proved(url)` -> (what is wrong, every record)
"""

from journal import open_journal, verify
from journal.recorded import Recorded
from replay.acceptor import rejected
from replay.parity import parity


def proved(url: str) -> tuple[list[str], list[Recorded]]:
    """What verify, replay and the protocol's acceptor complain of, and the records they read."""
    report = verify(url)
    wrong = [f"verify: {problem}" for problem in report.problems]
    with open_journal(url, read_only=True) as journal:
        records = list(journal.read())
    if not report.ok or report.events != len(records):
        wrong.append(f"verify: {report.events} of {len(records)} events are good")
    found = parity(records, disturb=lambda: None)
    if found.parity is not True:
        wrong.append(f"replay: parity {found.parity}, {found.divergence}")
    left = rejected(records)
    if left is not None:
        wrong.append(f"protocol: {left}")
    return wrong, records
