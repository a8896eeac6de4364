"""The operator's own hand at a real broker: cancel what is open, suspend the account, take it back.

why     the runner may be dead, stuck, or stopped; what an operator asks for is done by the
        operator's own process then, with the committer and the actions a runner has
rules   What is asked is in the journal, and anchored, before any call. The core decides the
        cancels; this process sends them under the epoch in force and commits their answers. A
        runner that lives is told of the same cancels and sends those that were not answered yet:
        a cancel sent twice cancels once (422 the second time).
        Its calls are the account's budget's, the reserve included, and wait for nothing.
        It looks until every order is closed, or `within_s` is over; what is left is named
dies    anywhere: what was asked stands. A cancel without an answer is sent again by the runner
        that goes on, or by the next one when it starts
"""

from collections.abc import Callable, Iterable
from decimal import Decimal
from typing import NamedTuple

from core.contract import BrokerKind, Config
from core.events import (
    CancelAttempted,
    Decision,
    TimerElapsed,
)
from core.lockout_facts import BROKER
from core.state import Intent, State
from core.values import seconds_between
from live.actions import Actions
from live.brokers.alpaca.open_orders import seen, suspended
from live.brokers.real import operators_broker
from live.clock import WallClock
from live.committer import Committer
from live.feeds.errors import BadInputError
from live.inputs import account_hash
from live.secrets import Secrets

WITHIN_S = Decimal(20)
"""How long an operator's command looks for what it asked."""
LOOKS_S = (Decimal("0.25"), Decimal("0.5"), Decimal(1), Decimal(2))
"""The waits between its looks; the last one repeats."""
LOOKS_AGAIN = 3
"""After so many looks a cancel that did nothing is sent again."""
SOON_S = Decimal(60)
"""A timer that is due by then is one of ours; one of an order's greatest age is later."""
_TIMERS = ("cancel", "cancel-all", "pause")


class Left(NamedTuple):
    """An order that is not known to be over, and why."""

    client_order_id: str
    symbol: str
    side: str
    leaves_quantity: str
    status: str
    why: str


class Canceled(NamedTuple):
    """What came of canceling: how many were open, what is left, what is open and not ours."""

    asked: int
    left: list[Left]
    others: list[str]
    why: str


def config_of(state: State) -> Config:
    """The configuration that a runner of this journal started with last."""
    return state.config if state.next_config is None else state.next_config[0]


def has_broker(state: State) -> bool:
    """Whether there is a broker to ask; a simulated one acts in its runner's time alone."""
    return config_of(state).broker.kind is not BrokerKind.SIM


class AtBroker:
    """One operator's command at one account."""

    def __init__(self, committer: Committer, secrets: Secrets, account: str) -> None:
        """`account` is the hash of the account the journal is bound to.

        Raises `BadInputError` where there are no keys, or they are another account's.
        """
        self.committer = committer
        self.clock = WallClock()
        self.config = config_of(committer.state)
        self.broker = operators_broker(self.config, secrets, self.clock, account, halting=True)
        self.strangers: set[str] = set()
        self.actions = Actions(committer, self.broker, self.clock.monotonic)
        self.why = self._check_account(account)

    def _check_account(self, account: str) -> str:
        """Why the account could not be read; "" where it is the journal's."""
        try:
            with self.broker.reserved():
                found = self.broker.identity()
        except BadInputError as error:
            return str(error)  # cancels are tried all the same: their ids are this account's alone
        if account_hash(self.config, found) != account:
            message = (
                "broker: expected the account this journal is bound to, found another one's keys; "
                "nothing was asked of it; give the keys of the journal's account"
            )
            raise BadInputError(message)
        return ""

    def cancel_open(
        self,
        decisions: Iterable[Decision],
        again: Callable[[], list[Decision]],
        within_s: Decimal,
    ) -> Canceled:
        """Send these cancels, then look until all that was open is over, or the time is.

        `again` commands it once more: an order whose cancel was refused while it was being
        replaced is open again, or lives on under its successor.
        """
        ends = self.clock.monotonic() + within_s
        with self.broker.reserved():
            return self._cancel_open(decisions, again, ends)

    def _cancel_open(
        self, decisions: Iterable[Decision], again: Callable[[], list[Decision]], ends: Decimal
    ) -> Canceled:
        asked = len(self._open())
        for intent in self._open():
            if intent.venue_order_id is not None:
                self.broker.learn(intent.client_order_id, intent.venue_order_id)
        if BROKER in self.committer.state.lockouts:
            self._try_keys()
        if not self._carry_out(decisions, ends):
            self._again(ends)
        others, looks = self._look(), 0
        while self._open() and self.clock.monotonic() < ends:
            wait_s = LOOKS_S[min(looks, len(LOOKS_S) - 1)]
            self.broker.wait(float(max(min(wait_s, ends - self.clock.monotonic()), Decimal(0))))
            looks += 1
            self._timers(ends)
            if looks % LOOKS_AGAIN == 0:
                self._again(ends)
            if any(self._is_forgotten(one) for one in self._open()):
                self._carry_out(again(), ends)
            others = self._look()
        return Canceled(asked, self._left(), others, self.why)

    def _try_keys(self) -> None:
        """Whether these keys hold, the runner's or new ones: the account, or the open orders, tell.

        A cancel needs no more than that. The lockout ends when the account was read whole.
        """
        if self.why:
            self._look()
        else:
            self.actions.keys_hold = True
            self._hear_account()

    def _is_forgotten(self, intent: Intent) -> bool:
        """Whether it is open, and no cancel of it is on its way or waits for its time."""
        timers, now = self.committer.state.timers, self.clock.now()
        dues = (timers.get(f"{kind}:{intent.client_order_id}") for kind in _TIMERS)
        waits = any(due is not None and seconds_between(now, due) < SOON_S for due in dues)
        return intent.at_venue and not (intent.cancel_pending or waits)

    def _again(self, ends: Decimal) -> None:
        """Send the cancels that were sent and did nothing: an answer can be lost, or taken back."""
        for intent in self._open():
            asleep = intent.cancel_pending and intent.reported_status != "pending_cancel"
            silent = self.actions.is_silent or self.clock.monotonic() >= ends
            if intent.at_venue and asleep and not silent:
                order_id, attempt = intent.client_order_id, intent.cancel_attempt
                answer = self.broker.cancel(order_id, attempt, self.clock.now())
                self.actions.carry_out(self.committer.observe(answer))

    def suspend(self, *, suspend: bool) -> str:
        """Ask the broker for it and write down what it says; "" or why that is not certain."""
        with self.broker.reserved():
            flag = suspended(self.broker.client, suspend=suspend)
            self._hear_account()
        return "" if flag.is_suspended is suspend else flag.why or "the broker says otherwise"

    def _hear_account(self) -> None:
        """What the account says of itself: whether it may trade; read, so its keys hold."""
        account = self.broker.account(self.clock.now())
        if account is not None:
            self.actions.carry_out(self.committer.observe(account))

    def close(self) -> None:
        """Let go of the broker."""
        self.broker.close()

    def _carry_out(self, decisions: Iterable[Decision], ends: Decimal) -> bool:
        """One call after the other while there is time; whether there was any to make."""
        cancels = [decision for decision in decisions if isinstance(decision, CancelAttempted)]
        for decision in cancels:
            if self.clock.monotonic() < ends:
                self.actions.carry_out([decision])
        return bool(cancels)

    def _timers(self, ends: Decimal) -> None:
        """Cancels that the core wanted to try again by now."""
        now = self.clock.now()
        due = [(at, key) for key, at in self.committer.state.timers.items() if at <= now]
        for at, key in sorted(due):
            if key.partition(":")[0] in _TIMERS:
                elapsed = TimerElapsed(observed_at=now, key=key, due=at)
                self._carry_out(self.committer.elapse(elapsed) or [], ends)

    def _look(self) -> list[str]:
        """Commit what is new of our orders, and act on it; the orders of nobody here."""
        self.committer.catch_up()
        look = seen(self.broker.client, self.committer.state, self.clock.now(), self.strangers)
        if look.failed is None and BROKER in self.committer.state.lockouts:
            self.actions.keys_hold = True
        for observation in look.observations:
            self.actions.carry_out(self.committer.observe(observation))
        self.committer.catch_up()
        self.why = look.failed or ""
        return look.others

    def _left(self) -> list[Left]:
        """The orders that still are open, or may be."""
        orders = sorted(self._open(), key=lambda intent: intent.client_order_id)
        return [_left_of(intent, self.why) for intent in orders]

    def _open(self) -> list[Intent]:
        """Our orders that are open or may be, those that were given up and are alive as well."""
        state = self.committer.state
        orphans = (state.alive(client_order_id) for client_order_id in state.orphans)
        return [*state.intents.values(), *(one for one in orphans if one is not None)]


def _left_of(intent: Intent, why: str) -> Left:
    said = why or f"the broker's last word is {intent.reported_status or 'none'}"
    if not intent.at_venue:
        said = "whether the broker has it is not known; it is canceled when it turns up"
    return Left(
        intent.client_order_id,
        intent.symbol,
        str(intent.side),
        str(intent.leaves),
        str(intent.status),
        said,
    )
