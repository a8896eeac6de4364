"""What every journal has to show after a campaign: it verifies, and replays to its own decisions.

shape   `proved(url)` -> (what is wrong, every record)
"""

from journal import open_journal, verify
from journal.recorded import Recorded
from replay.parity import parity


def proved(url: str) -> tuple[list[str], list[Recorded]]:
    """What verify and replay complain of, and the records they were asked about."""
    report = verify(url)
    wrong = [f"verify: {problem}" for problem in report.problems]
    with open_journal(url, read_only=True) as journal:
        records = list(journal.read())
    if not report.ok or report.events != len(records):
        wrong.append(f"verify: {report.events} of {len(records)} events are good")
    found = parity(records, disturb=lambda: None)
    if found.parity is not True:
        wrong.append(f"replay: parity {found.parity}, {found.divergence}")
    return wrong, records
