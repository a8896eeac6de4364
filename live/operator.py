"""An operator's command, appended under the epoch in force; the runner need not be alive.

rule    The command's process folds the journal, decides and appends like a runner, without claiming
        an epoch. A running runner finds its head moved, folds the command, and obeys before its
        next call to the broker.
        From a snapshot it needs not fold what is before it, but it still reads all of that: every
        byte is checked before anything is appended.
"""

from collections.abc import Sequence

from core.events import Decision, OperatorCommanded, RollbackAccepted
from core.values import TimeText
from journal import Journal
from live.committer import Committer
from live.snapshots import Snapshots


def accept_rollback(journal: Journal, *, who: str, why: str) -> bool:
    """Write down that the journal stands behind its anchor, both heads named; False if it does not.

    Nothing is forgotten: the orders that were lost here stand at the broker, and the next start
    finds them with our tag, names them, and halts until a person has seen to them.
    """
    lost, head = journal.rolled_back_from, journal.head
    if lost is None:
        return False
    committer = folded(journal)
    committer.observe(
        RollbackAccepted(
            observed_at=committer.state.now,
            journal_sequence=head.sequence,
            journal_chain=head.chain,
            anchor_sequence=lost.sequence,
            anchor_chain=lost.chain,
            who=who,
            why=why,
        )
    )
    return True


def command(
    journal: Journal, word: str, *, who: str, where: str, why: str, now: TimeText | None
) -> list[Decision]:
    """Append `word` (halt, pause, resume, cancel-all) and what the core derives of it.

    `now`: of the operator's clock; None where time is simulated, and stands at the last event.
    """
    return commanded(folded(journal), (word,), who=who, where=where, why=why, now=now)


def commanded(
    committer: Committer,
    words: Sequence[str],
    *,
    who: str,
    where: str,
    why: str,
    now: TimeText | None,
) -> list[Decision]:
    """Append the commands, in one append, and anchor it: it stands whatever comes after it.

    dies  before the append: nothing was commanded. After it: all of them stand, anchored or not
    """
    decisions = committer.observe(
        *(
            OperatorCommanded(
                observed_at=now or committer.state.now, command=word, who=who, where=where, why=why
            )
            for word in words
        )
    )
    committer.journal.anchor()
    return decisions


def folded(journal: Journal) -> Committer:
    """The state at the head of a journal that was checked from its first event on."""
    committer = Committer(journal, snapshots=Snapshots(journal))
    for _ in journal.read(limit=committer.started_from):
        pass
    return committer
