"""A cycle decided before it is opened, and thrown away: what follows finds its code in the caches.

shape   `rehearse(committer, heard)`, while a broker's handshakes are waited for anyway
rules   No decision of it is kept, no byte of it committed, and the user's strategy is not run.
        `heard` is what will be observed, or as good as that
dies    anywhere: a transaction without a commit, which is nothing
why     code that has not run for a cycle takes two to four times as long, and between a decision
        and its order that is time
"""

from collections.abc import Iterable, Sequence
from itertools import islice

from msgspec.structs import replace

from core.decide import advance
from core.events import Event, Observation
from core.strategy import OrderRequest, View
from live.committer import Committer, later
from live.redaction import all_redacted, refuse_in

ORDERS_MAX = 8


class Rehearsed:
    """Stands in for the strategy: a share of each of the first symbols that have a quote."""

    def __init__(self, **_: object) -> None:
        """Takes whatever parameters the strategy has."""

    def decide(self, view: View) -> Iterable[OrderRequest]:
        """As many orders as leave without waiting."""
        for symbol, quote in islice(view.quotes.items(), ORDERS_MAX):
            yield OrderRequest(symbol, "buy", 1, limit_price=quote.ask)


def rehearse(committer: Committer, heard: Sequence[Observation]) -> None:
    """Decide `heard` on the state as it is, write it as far as its commit, and keep nothing."""
    state, events = committer.state, list[Event]()
    for told in all_redacted(heard):
        observation = replace(told, observed_at=later(told.observed_at, state.now))
        state, decisions = advance(state, observation, Rehearsed)
        events += [observation, *decisions]
    refuse_in(events)
    committer.journal.rehearse(events, state.now)
