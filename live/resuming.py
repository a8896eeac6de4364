"""A committer on an open journal, from its snapshot on where there is a good one (DESIGN §4.6).

rule    From the snapshot to the head every byte is checked as it is read, and the anchor was when
        the journal was opened; all of it is checked by a full pass that halts the runner on a
        fault and takes the snapshot away, so that no later start goes on from it. Without one
        everything is read, and so checked, before anything acts.
"""

import contextlib

from core.contract import Config
from journal import Journal
from live.committer import Committer, Listener
from live.full_pass import FullPass
from live.snapshots import Snapshots


def resumed(
    config: Config,
    strategy: type,
    journal: Journal,
    stack: contextlib.ExitStack,
    listener: Listener | None,
) -> Committer:
    """The runner's committer; what it starts beside it is ended by `stack`."""
    snapshots = Snapshots(journal, every=config.projections.snapshot_every)
    committer = Committer(journal, strategy, listener, snapshots)
    if committer.started_from:
        sequence = committer.head.sequence
        committer.full_pass = FullPass(
            config.journal, journal.url.where, events=sequence, on_fault=snapshots.discard
        )
        stack.callback(committer.full_pass.close)
    return committer
