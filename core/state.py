"""What `decide` needs to know, and nothing more: a frozen value, changed only by `evolve`.

shape   `State`: the runner, the config in force, the market's last facts, the account, the open
        intents, the intents closed in the last two sessions, positions, timers, alerts; and of
        the gates: orders that filled since the last resume (`executions`), lockouts by scope,
        refusals lately by symbol and of all ("") and the windows of core/rolling.py
why     history is a projection. A state that kept it would make folding quadratic (DESIGN §1).
"""

from bisect import bisect_right
from collections.abc import Iterable, Iterator
from decimal import Decimal
from operator import attrgetter

import msgspec

from core import fills as fill_rules
from core.contract import Config
from core.events import AccountReported, Quote, RateBudgetReported, Session, SignalObserved
from core.fills import NO_FILLS, Fills
from core.order import GIVEN_UP, OpenStatus, Status, TerminalStatus, status_of
from core.positions import FLAT, Position
from core.reasons import Reason
from core.rolling import Day, Exit, Sent
from core.shards import Shards
from core.values import CONTEXT, ZERO, OrderType, Side, TimeInForce, TimeText, later_by

ONE_DAY_S = Decimal(86_400)
STRATEGY = "strategy"
"""The scope of a lockout that disables the strategy; the others: core/lockout_facts.py."""
ORDER_UPDATES, COMPARED, TRADING = "trade_updates", "account", "trading"
"""What must be up for an opening: the stream of order updates; all was compared since it was last
in doubt; the account may trade."""
VANISHED = "order-vanished"
"""The mismatch of an order that the broker acknowledged and no longer has."""
_REPLACED = TerminalStatus.REPLACED  # a name, for looking it up in its enum takes 0.1 µs
_open_of = attrgetter("open")
NOT_AT_VENUE = (OpenStatus.PENDING_SUBMIT, OpenStatus.SUBMITTING, OpenStatus.UNKNOWN)


class Successor(msgspec.Struct, frozen=True, gc=False):
    """The order an intent lives on under: its client order id, and the broker's.

    A client order id of "" is a person's word that there is no such order.
    """

    client_order_id: str
    venue_order_id: str | None


class Replacement(msgspec.Struct, frozen=True, gc=False):
    """What a replace of ours asked for."""

    client_order_id: str
    quantity: Decimal
    limit_price: Decimal | None


class Intent(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """An order the core decided on, or one that took its place, and how far it is.

    `outcome`: "" while there is none, then submitted, failed or dropped. `since`: when its life
    began by the runner's clock, from which its timers count. `stranger`: what the broker has under
    our id is another order than ours, and nothing that is said of it is. `intent_id` and `since`
    are those of the chain's first order; `replaces` is the client order id of the one before,
    `replaced_by` the broker's id of the one behind (core/succession.py).
    """

    client_order_id: str
    intent_id: str
    symbol: str
    side: Side
    quantity: Decimal
    order_type: OrderType
    limit_price: Decimal | None
    time_in_force: TimeInForce
    closing: bool
    cycle: int
    slot: TimeText
    since: TimeText
    valid_until: TimeText
    worst_price: Decimal
    status: Status = OpenStatus.PENDING_SUBMIT
    outcome: str = ""
    reported_status: str | None = None
    venue_order_id: str | None = None
    attempt: int = 0
    unknown_since: TimeText | None = None
    lookups: int = 0
    absent_looks: int = 0
    cancel_attempt: int = 0
    cancel_pending: bool = False
    cancel_reason: Reason | None = None
    stranger: bool = False
    closed_at: TimeText | None = None
    fills: Fills = NO_FILLS
    replaces: str | None = None
    replaced_by: str | None = None
    successor: Successor | None = None
    replacement: Replacement | None = None

    @property
    def filled(self) -> Decimal:
        """Shares filled so far."""
        return fill_rules.filled(self.fills)

    @property
    def at_venue(self) -> bool:
        """Whether the broker is known to have, or to have had, the order."""
        return self.status not in NOT_AT_VENUE

    @property
    def leaves(self) -> Decimal:
        """Shares that may still fill (FIX LeavesQty 151), never below zero."""
        return max(CONTEXT.subtract(self.quantity, self.filled), ZERO)

    @property
    def is_unfollowed(self) -> bool:
        """Whether it is over, replaced, and nobody knows by what."""
        if self.closed_at is None or self.reported_status is None:
            return False
        if status_of(self.reported_status)[0] is not _REPLACED:
            return False
        if self.successor is None:
            return True
        known, named = self.successor, self.replaced_by
        return bool(known.client_order_id) and named not in (None, known.venue_order_id)


class Lockout(msgspec.Struct, frozen=True, gc=False):
    """A lockout in force: its reason's code, its end, and how often it was prolonged."""

    why: str
    until: TimeText | None = None
    prolonged: int = 0


class CycleCounts(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """The tally of one cycle while it is open."""

    number: int
    slot: TimeText
    universe: int = 0
    intents: int = 0
    skipped: int = 0
    submitted: int = 0
    failed: int = 0
    dropped: int = 0
    closed: bool = False

    @property
    def waiting(self) -> int:
        """Intents without an outcome yet."""
        return self.intents - self.submitted - self.failed - self.dropped


class StrategyFacts(msgspec.Struct, frozen=True, kw_only=True):
    """Which strategy runs: its name and source hash, and the length of its window."""

    name: str
    source_hash: str
    window: int


class State(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """The fold of a journal. `now` is the last observation's time; it never decreases.

    `orphans`: orders given up that are alive at the broker, and their symbols. `unfollowed`: orders
    replaced nobody knows by what, and their symbols. `streams`: "" for what is up at a real broker,
    else why it is not; nothing of it before the runner's first word.
    """

    journal_id: str = ""
    mode: str = ""
    now: TimeText = TimeText("1970-01-01T00:00:00.000000Z")
    epoch: int = 0
    seed: int = 0
    decisions: int = 0
    config: Config = Config()
    config_id: str = ""
    config_hash: str = ""
    rules: int = 0
    next_config: tuple[Config, str, str] | None = None
    strategy: StrategyFacts | None = None
    sessions: tuple[Session, ...] = ()
    quotes: dict[str, Quote] = {}
    windows: dict[str, tuple[Quote, ...]] = {}
    signals: dict[str, SignalObserved] = {}
    account: AccountReported | None = None
    rate: RateBudgetReported | None = None
    permits_used: int = 0
    cycle: CycleCounts | None = None
    unsettled: CycleCounts | None = None
    intents: dict[str, Intent] = {}
    closed: Shards[Intent] = Shards()
    positions: dict[str, Position] = {}
    timers: dict[str, TimeText] = {}
    halted: bool = False
    lockouts: dict[str, Lockout] = {}
    rejects: dict[str, tuple[TimeText, ...]] = {}
    executions: int = 0
    sent: tuple[Sent, ...] = ()
    exits: dict[str, Exit] = {}
    day: Day | None = None
    mismatched: dict[str, str] = {}
    orphans: dict[str, str] = {}
    unfollowed: dict[str, str] = {}
    streams: dict[str, str] = {}
    reconciled_at: TimeText | None = None
    alerts: frozenset[str] = frozenset()

    # -- what a broker adapter asks (live/brokers/base.py, Known)

    def open_client_order_ids(self) -> Iterable[str]:
        """The ids of all open intents, in the order in which they were decided.

        After a restart they are asked for in this order, so a venue sees what it would have seen.
        """
        intents = sorted(self.intents.values(), key=lambda intent: (intent.cycle, intent.symbol))
        return [intent.client_order_id for intent in intents]

    def intent(self, client_order_id: str) -> Intent | None:
        """The intent of this id, open or closed lately."""
        return self.intents.get(client_order_id) or self.closed.get(client_order_id)

    def alive(self, client_order_id: str) -> Intent | None:
        """The open intent of this id, or the orphan."""
        if client_order_id in self.orphans:
            return self.closed.get(client_order_id)
        return self.intents.get(client_order_id)

    def knows_order(self, client_order_id: str) -> bool:
        """Whether this id is an intent of ours that is open or was closed lately."""
        return self.intent(client_order_id) is not None

    def is_stranger(self, client_order_id: str) -> bool:
        """Whether the broker has another order under this id of ours."""
        intent = self.intent(client_order_id)
        return intent is not None and intent.stranger

    def symbol_of(self, client_order_id: str) -> str:
        """The symbol of this order; "" of one that is not known."""
        intent = self.intent(client_order_id)
        return "" if intent is None else intent.symbol

    def reported_status(self, client_order_id: str) -> str | None:
        """The broker's last word on this order.

        None of one given up that was alive by that word: should it come back, that is news.
        """
        intent = self.intent(client_order_id)
        if intent is None or intent.reported_status is None:
            return None
        over = status_of(intent.reported_status)[1]
        if intent.status in GIVEN_UP and not over and client_order_id not in self.orphans:
            return None
        return intent.reported_status

    def has_execution(self, client_order_id: str, execution_id: str) -> bool:
        """Whether this execution was heard."""
        intent = self.intent(client_order_id)
        return intent is not None and fill_rules.has_execution(intent.fills, execution_id)

    def has_fill_to(self, client_order_id: str, cumulative: Decimal) -> bool:
        """Whether the execution that filled the order to `cumulative` was heard."""
        intent = self.intent(client_order_id)
        return intent is not None and fill_rules.has_cumulative(intent.fills, cumulative)

    def filled(self, client_order_id: str) -> Decimal:
        """Shares of the order that are filled, whoever said so."""
        intent = self.intent(client_order_id)
        return ZERO if intent is None else intent.filled

    def executed(self, client_order_id: str) -> Decimal:
        """Shares of the order's executions that were heard."""
        intent = self.intent(client_order_id)
        return ZERO if intent is None else fill_rules.executed(intent.fills)

    def average_price(self, client_order_id: str) -> Decimal | None:
        """The average price of the order's filled shares; None while nothing is filled."""
        intent = self.intent(client_order_id)
        return None if intent is None else fill_rules.average_price(intent.fills)

    def position(self, symbol: str) -> Decimal:
        """Signed shares held by the fold's own count."""
        return self.positions.get(symbol, FLAT).quantity

    def held(self) -> Iterable[str]:
        """The symbols in which the fold counts a position."""
        return [symbol for symbol, position in self.positions.items() if position.quantity]

    def awaited_successors(self) -> Iterable[tuple[str, str | None]]:
        """(order replaced nobody knows by what, the broker's id of its successor where named)."""
        for client_order_id in sorted(self.unfollowed):
            intent = self.intent(client_order_id)
            yield client_order_id, None if intent is None else intent.replaced_by

    def needs_reconcile_since(self) -> TimeText | None:
        """How far back late reports are asked for: a day; None before anything happened."""
        return later_by(self.now, -ONE_DAY_S) if self.cycle is not None else None

    # -- what gates ask

    def universe(self) -> list[str]:
        """Symbols of a cycle: configured, held, or with an open intent; sorted."""
        held = {symbol for symbol, position in self.positions.items() if position.quantity}
        working = {intent.symbol for intent in self.intents.values()}
        return sorted({*self.config.symbols, *held, *working})

    def runner_time(self, slot: TimeText) -> TimeText:
        """When this slot's intents begin to live: in sim at the slot, else by the runner's clock.

        A recorded market's slots can be traded against a broker of today; a simulated session must
        not hang on when an answer was heard.
        """
        return slot if self.mode == "sim" else self.now

    def working(self) -> Iterator[Intent]:
        """Every order that may still fill: the open intents, the orphans, and what nobody knows.

        An unknown successor is counted as asking for the whole quantity again (ALPACA.md A2).
        """
        yield from self.intents.values()
        for client_order_id in sorted(self.orphans):
            orphan = self.closed.get(client_order_id)
            if orphan is not None:
                yield orphan
        for client_order_id in sorted(self.unfollowed):
            replaced = self.closed.get(client_order_id)
            if replaced is not None:
                yield msgspec.structs.replace(replaced, fills=NO_FILLS)

    def session_at(self, time: str) -> Session | None:
        """The session with open <= time < close; every cycle asks, so history may cost nothing."""
        begun = bisect_right(self.sessions, time, key=_open_of)
        if not begun or time >= self.sessions[begun - 1].close:
            return None
        return self.sessions[begun - 1]


INITIAL = State()
"""The fold of no events."""
