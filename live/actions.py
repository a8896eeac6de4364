"""Acting on decisions: the calls to the broker, each behind its own checks.

    OrderSubmitAttempted -> Broker.submit      CancelAttempted -> Broker.cancel
    LookupRequested      -> Broker.look_up     everything else is for the state alone

rule    Before any byte goes to the broker the commit that allows it is durable and anchored; the
        journal's head is read again, and the commit is younger than `broker.send_within_s`. If the
        head moved, the tail is folded first: a newer runner fences this one, a halt stops it.
dies    before the call: the attempt has no outcome and the next start looks it up. In the call or
        before its answer is committed: the same. After that: the answer stands.
"""

from collections import deque
from collections.abc import Callable, Iterable, Sequence
from decimal import Decimal

from core.events import (
    CancelAnswered,
    CancelAttempted,
    Decision,
    LookupRequested,
    Observation,
    OrderLookedUp,
    OrderSubmitAttempted,
    OrderSubmitFailed,
    SubmitFailure,
)
from core.lockout_facts import BROKER, in_the_way
from core.order import OpenStatus
from core.state import State
from core.values import TimeText
from live.brokers.base import Broker
from live.brokers.ticket import Ticket, ticket_of
from live.committer import Committer


class Actions:
    """Carries decisions out, one at a time, until none is left to carry out."""

    def __init__(
        self, committer: Committer, broker: Broker, monotonic: Callable[[], Decimal]
    ) -> None:
        """`monotonic` gives seconds; simulated ones where time is simulated."""
        self.write: Callable[[Ticket], None] = lambda _: None
        self.committer = committer
        self.broker = broker
        self.monotonic = monotonic
        self.anchored = 0
        self.keys_hold = False

    @property
    def is_silent(self) -> bool:
        """Whether the broker is asked nothing: locked out, and nobody here saw that keys hold."""
        return BROKER in self.committer.state.lockouts and not self.keys_hold

    def meanwhile(self, state: State, decisions: Sequence[Decision]) -> Callable[[], object] | None:
        """While it is committed, the request of the order that leaves first is written.

        What stands between that commit and its first byte is then what must: the anchor, the head.
        The others wait for an answer anyway, and would only keep the first one waiting.
        """
        ids = (one.client_order_id for one in decisions if isinstance(one, OrderSubmitAttempted))
        intent = state.intents.get(next(ids, ""))
        return None if intent is None else lambda: self.write(ticket_of(intent))

    @property
    def now(self) -> TimeText:
        """The runner's clock: the last observation's time."""
        return self.committer.state.now

    def carry_out(self, decisions: Iterable[Decision]) -> None:
        """Act on `decisions` and on whatever their outcomes cause."""
        committed_at = self.monotonic()
        queue = deque((decision, committed_at) for decision in decisions)
        while queue:
            decision, committed_at = queue.popleft()
            outcome = self._outcome_of(decision, committed_at)
            caused = [] if outcome is None else self.committer.observe(outcome)
            caused += self.committer.take_inherited()
            queue.extend((next_decision, self.monotonic()) for next_decision in caused)

    def _outcome_of(self, decision: Decision, committed_at: Decimal) -> Observation | None:
        match decision:
            case OrderSubmitAttempted():
                return self._submit(decision, committed_at)
            case CancelAttempted():
                self._before_call()
                order_id = decision.client_order_id
                if self.committer.state.alive(order_id) is None:
                    return None  # it is over: whoever else asked for it, or it filled
                if self.committer.is_answered(decision):
                    return None  # another process has sent it
                if self.is_silent:
                    return CancelAnswered(
                        observed_at=self.now,
                        client_order_id=order_id,
                        attempt=decision.attempt,
                        outcome="unknown",
                    )
                return self.broker.cancel(order_id, decision.attempt, self.now)
            case LookupRequested():
                self._before_call()
                return self._look_up(decision.client_order_id)
            case _:
                return None

    def _look_up(self, client_order_id: str) -> OrderLookedUp:
        """One look, or one that was not taken, which proves nothing."""
        if not self.is_silent:
            return self.broker.look_up(client_order_id, self.now)
        return OrderLookedUp(
            observed_at=self.now,
            client_order_id=client_order_id,
            source="by-id",
            found=False,
            complete=False,
            detail="not asked: locked out",
        )

    def _submit(self, attempt: OrderSubmitAttempted, committed_at: Decimal) -> Observation | None:
        """One POST, or the proof that there was none."""
        self._before_call()
        state = self.committer.state
        intent = state.intents.get(attempt.client_order_id)
        if intent is None or intent.status is not OpenStatus.SUBMITTING:
            return None
        late = self.monotonic() - committed_at > Decimal(state.config.broker.send_within_s)
        locked = in_the_way(state, intent.symbol, closing=intent.closing) is not None
        if late or state.halted or locked:
            detail = "locked out before it was sent" if locked else "commit too old to act on"
            detail = "halted before it was sent" if state.halted else detail
            return OrderSubmitFailed(
                observed_at=self.now,
                client_order_id=attempt.client_order_id,
                attempt=attempt.attempt,
                error_class=SubmitFailure.NOT_SENT,
                detail=detail,
            )
        return self.broker.submit(ticket_of(intent), attempt.attempt, self.now)

    def _before_call(self) -> None:
        """Anchor what allows the call, and see whether somebody else wrote."""
        journal, committer = self.committer.journal, self.committer
        committer.check()
        if self.anchored < committer.head.sequence:
            journal.anchor()
            self.anchored = committer.head.sequence
        if journal.read_head() != committer.head:
            committer.catch_up()
