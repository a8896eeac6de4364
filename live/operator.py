"""An operator's command, appended under the epoch in force; the runner need not be alive.

rule    The command's process folds the journal, decides and appends like a runner, without claiming
        an epoch. A running runner finds its head moved, folds the command, and obeys before its
        next call to the broker.
"""

from core.events import Decision, OperatorCommanded
from core.values import TimeText
from journal import Journal
from live.committer import Committer


def command(
    journal: Journal, word: str, *, who: str, where: str, why: str, now: TimeText | None
) -> list[Decision]:
    """Append `word` (halt, resume, cancel-all) and what the core derives of it."""
    committer = Committer(journal)
    observed = OperatorCommanded(
        observed_at=now or committer.state.now, command=word, who=who, where=where, why=why
    )
    return committer.observe(observed)
