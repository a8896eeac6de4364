"""Whether a journal says that the broker refuses our keys, read before anybody is asked.

why     a start asks whose account it is; a supervisor that starts a locked-out runner again and
        again would hammer with that. Under a lockout the journal itself names its account and
        sessions, and the first try that succeeds shows whether the account is the journal's
cost    from the snapshot on, and only events of three kinds are decoded
errors  none: a journal that cannot be read is refused later, where it is opened
"""

import contextlib
from typing import NamedTuple

from core.events import CalendarObserved, LockoutEnded, LockoutStarted, Session
from core.lockout_facts import BROKER
from journal import open_journal
from journal.errors import JournalError
from journal.master_key import MasterKey
from live.snapshots import Snapshots

_TAGS = tuple(
    kind.__struct_config__.tag for kind in (LockoutStarted, LockoutEnded, CalendarObserved)
)


class Refused(NamedTuple):
    """What a start under refused keys goes by: the account's hash, and the sessions known."""

    account_hash: str
    sessions: tuple[Session, ...]


def refused_keys(url: str, key: MasterKey | None) -> Refused | None:
    """What to go by while the lockout stands; None where there is none."""
    try:
        journal = open_journal(url, read_only=True, key=key, accept_anchor_missing=True)
    except JournalError:
        return None
    with contextlib.closing(journal):
        try:
            state, head = Snapshots(journal, say=lambda _: None).newest()
            locked = BROKER in state.lockouts
            sessions = {session.date: session for session in state.sessions}
            for recorded in journal.read(after=head):
                if recorded.tag not in _TAGS:
                    continue
                event = recorded.event
                if isinstance(event, CalendarObserved):
                    sessions.update((session.date, session) for session in event.sessions)
                elif isinstance(event, LockoutStarted | LockoutEnded) and event.scope == BROKER:
                    locked = isinstance(event, LockoutStarted)
        except JournalError:
            return None
        known = tuple(sessions[day] for day in sorted(sessions))
        return Refused(journal.created.account_hash, known) if locked else None
