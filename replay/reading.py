"""The acceptor's own fold: at which stage each order of a journal is, by the protocol's table.

shape   `Reader`: `read(event, epoch)` for every event in order, `end_commit()` behind the last;
        what leaves the protocol raises `Refusal`
rule    One fold of its own, far smaller than `evolve` and not made from it: two that agree on
        every journal of the campaigns are worth more than one that is read twice
"""

import re
from decimal import Decimal
from typing import NoReturn

from msgspec.structs import replace

from core import fills as fill_rules
from core.events import (
    CancelAttempted,
    ConfigSnapshot,
    CycleOpened,
    Event,
    FillBusted,
    FillCorrected,
    FillReported,
    IntentClosed,
    IntentCreated,
    JournalCreated,
    KillSwitchLatched,
    KillSwitchReleased,
    LookupRequested,
    OrderLookedUp,
    OrderReported,
    OrderSubmitAttempted,
    OrderSubmitFailed,
    OrderSubmitted,
    OrderSubmitUnknown,
    ReconcileMismatched,
    ReplaceAnswered,
    RollbackAccepted,
    RunnerStarted,
    StrategyLoaded,
    SubmitFailure,
)
from core.events.base import ObservationEvent
from core.order import TerminalStatus, status_of
from core.state import VANISHED
from core.values import DecimalText, TimeText, seconds_between
from replay.protocol import FREE, PASSING, Condition, Letter, Stage, after
from replay.standing import Heard, Standing, id_of, is_same, tag_of, with_told

Answer = OrderSubmitted | OrderSubmitFailed | OrderSubmitUnknown
OURS_UNKNOWN = "foreign-order-with-our-tag"
_KNOWN_ID = re.compile(
    r"client.?order.?id.*(?:unique|exist|duplicate)|duplicate_id", re.IGNORECASE | re.DOTALL
)
_RISEN = (Stage.GIVEN_UP, Stage.RISEN, Stage.ORPHAN, Stage.BURIED)


class Refusal(Exception):
    """The event leaves the protocol."""

    def __init__(self, why: str, client_order_id: str = "") -> None:
        """Why, and of which order."""
        super().__init__(why)
        self.why = why
        self.client_order_id = client_order_id


class Reader:
    """What was read so far."""

    def __init__(self) -> None:
        self.orders: dict[str, Standing] = {}
        self.by_symbol: dict[str, set[str]] = {}
        self.passing: set[str] = set()
        self.must_halt = ""
        self.halted = False
        self.rolled_back = False
        self.journal_id = self.strategy = ""
        self.epoch = 0
        self.slot = ""
        self.config: dict[str, object] = {}
        self.next_config: dict[str, object] | None = None

    def read(self, event: Event, epoch: int) -> None:
        """The next event and the epoch it was written under."""
        if epoch < self.epoch:
            self._refuse(f"written under epoch {epoch}, after {self.epoch} was claimed: fenced")
        if isinstance(event, ObservationEvent):
            self.end_commit()
        match event:
            case IntentCreated():
                self._create(event)
            case OrderSubmitAttempted():
                self._attempt(event)
            case LookupRequested():
                self._take(event.client_order_id, Letter.LOOK)
            case CancelAttempted():
                self._take(event.client_order_id, Letter.CANCEL)
            case IntentClosed():
                letters = {TerminalStatus.FAILED: Letter.FAIL, TerminalStatus.SKIPPED: Letter.SKIP}
                self._take(event.client_order_id, letters.get(event.status, Letter.CLOSE))
            case KillSwitchLatched():
                self.halted, self.must_halt = True, ""
            case KillSwitchReleased():
                self.halted = False
            case OrderSubmitted() | OrderSubmitFailed() | OrderSubmitUnknown():
                self._answer(event)
            case OrderLookedUp():
                self._looked_up(event)
            case OrderReported() | FillReported():
                self._reported(event)
            case FillBusted() | FillCorrected():
                self._amended(event)
            case ReplaceAnswered():
                self._replaced(event)
            case _:
                self._surroundings(event)

    def end_commit(self) -> None:
        """Nothing may be left half decided: an observation's decisions stand directly behind it."""
        for client_order_id in self.passing:
            stage = self.orders[client_order_id].stage
            self._refuse(
                f"expected {PASSING[stage]} in the commit before, which left it {stage}",
                client_order_id,
            )
        if self.must_halt:
            self._refuse(f"expected the kill switch in the commit before: {self.must_halt}")

    # -- decisions

    def _create(self, event: IntentCreated) -> None:
        key = event.client_order_id
        expected = id_of(self.journal_id, event)
        if key != expected:
            self._refuse(f"expected the id of its slot, {expected}", key)
        if key in self.orders:
            self._refuse("its intent is created a second time", key)
        if self.halted:
            self._refuse("created while the kill switch is latched", key)
        for other in self.by_symbol.setdefault(event.symbol, set()):
            self._refuse(f"created while {other} of {event.symbol} is not over", key)
        self.orders[key] = Standing(event)
        self._take(key, Letter.CREATE)

    def _attempt(self, event: OrderSubmitAttempted) -> None:
        key = event.client_order_id
        order = self._of(key, "attempted")
        if event.attempt != order.attempt + 1:
            self._refuse(f"expected attempt {order.attempt + 1}, found {event.attempt}", key)
        if self.halted:
            self._refuse("attempted while the kill switch is latched", key)
        holds = {Condition.RESEND} if self.config.get("broker.resend_unknown", True) else set()
        self._take(key, Letter.ATTEMPT, frozenset(holds))
        order.attempt, order.doubted_since = event.attempt, None

    # -- observations

    def _answer(self, event: Answer) -> None:
        key = event.client_order_id
        order = self._of(key, "answered")
        if event.attempt != order.attempt:
            self._refuse(f"an answer to attempt {event.attempt}, after {order.attempt}", key)
        if isinstance(event, OrderSubmitted):
            self._take(key, Letter.ANSWERED)
            self._heard(order, event, event.status)
        elif isinstance(event, OrderSubmitUnknown):
            self._doubt(order, event.observed_at)
            self._take(key, Letter.LOST)
        elif event.error_class is SubmitFailure.REFUSED:
            told = f"{event.error_code} {event.detail} {event.raw}"
            if event.status_code == 422 and _KNOWN_ID.search(told):
                self._refuse("422 for an id the broker knows, read as a refusal", key)
            self._take(key, Letter.REFUSED)
        else:
            self._take(key, Letter.NOT_SENT)

    def _looked_up(self, event: OrderLookedUp) -> None:
        key = event.client_order_id
        if event.found and key not in self.orders and event.predecessor in self.orders:
            self._succeed(event.predecessor, key, event.quantity)
            self._heard(self.orders[key], event, event.status or "new")
            return
        order = self._of(key, "looked up")
        if event.found and not is_same(order.intent, event):
            self.must_halt = "" if self.halted else f"another order has the id {key}"
            self._take(key, Letter.FOUND_OTHER)
        elif event.found:
            self._take(key, Letter.FOUND)
            order.doubted_since = None
            self._heard(order, event, event.status or "new")
        elif not event.complete:
            self._take(key, Letter.LOOK_FAILED)
        else:
            order.absent_looks += 1
            self._take(key, Letter.NOT_FOUND, frozenset({self._proof(order, event.observed_at)}))

    def _succeed(self, before: str, key: str, quantity: DecimalText | None) -> None:
        """The intent lives on under another order, which the broker has."""
        intent = self.orders[before].intent
        own = replace(intent, client_order_id=key, quantity=quantity or intent.quantity)
        self.orders[key] = Standing(own, Stage.WORKING)
        self.by_symbol.setdefault(intent.symbol, set()).add(key)

    def _replaced(self, event: ReplaceAnswered) -> None:
        heir = event.successor_client_order_id
        if event.outcome == "accepted" and heir is not None and heir not in self.orders:
            self._of(event.client_order_id, "replaced")
            self._succeed(event.client_order_id, heir, None)

    def _proof(self, order: Standing, now: TimeText) -> Condition:
        """Whether that many looks, so long after the doubt began, prove it absent."""
        settle_s = Decimal(str(self.config.get("broker.settle_s", "0")))
        looks = int(str(self.config.get("broker.looks", 1)))
        since = order.doubted_since or now
        proven = order.absent_looks >= looks and seconds_between(since, now) >= settle_s
        return Condition.PROVEN if proven else Condition.UNPROVEN

    def _reported(self, event: OrderReported | FillReported) -> None:
        key = event.client_order_id
        order = self.orders.get(key)
        if order is None:
            if key.startswith(tag_of(self.journal_id)):
                self._stranger(key)
            return
        if order.stage is Stage.STRANGER:
            return
        self._take(key, Letter.REPORTED)
        order.doubted_since = None
        self._heard(order, event, event.status if isinstance(event, OrderReported) else "new")

    def _amended(self, event: FillBusted | FillCorrected) -> None:
        order = self.orders.get(event.client_order_id)
        if order is None or order.stage is Stage.STRANGER:
            return
        if order.stage not in _RISEN:
            self._take(event.client_order_id, Letter.REPORTED)
        self._heard(order, event, "new")

    def _heard(self, order: Standing, event: Heard, word: str) -> None:
        """The shares it tells of; whether it is over by its word, or by its last share."""
        order.fills = with_told(order.fills, event)
        full = fill_rules.filled(order.fills) >= Decimal(order.intent.quantity)
        risen = order.stage in (Stage.RISEN, Stage.ORPHAN)
        amends = isinstance(event, FillBusted | FillCorrected)
        if (
            (status_of(word)[1] or full)
            and (order.stage is Stage.WORKING or risen)
            and not (amends and risen)
        ):
            self._take(order.intent.client_order_id, Letter.OVER)

    def _stranger(self, client_order_id: str) -> None:
        """The broker has an order of ours that the journal does not know."""
        if not self.rolled_back:
            why = "the broker has an order of this journal's that it never decided on, or has lost"
            self._refuse(why, client_order_id)

    # -- what stands around the orders

    def _surroundings(self, event: Event) -> None:
        match event:
            case RunnerStarted():
                self._start(event)
            case CycleOpened():
                if event.slot <= self.slot:
                    self._refuse(f"slot {event.slot} is opened after {self.slot}")
                self.slot = event.slot
                self.config, self.next_config = self.next_config or self.config, None
            case ConfigSnapshot():
                self.next_config = dict(event.config)
                if not self.slot:
                    self.config, self.next_config = self.next_config, None
            case JournalCreated():
                self.journal_id = event.journal_id
            case StrategyLoaded():
                self.strategy = event.name
            case RollbackAccepted():
                self.rolled_back = True
            case ReconcileMismatched(resolved=False):
                self._mismatch(event)
            case _:
                pass

    def _start(self, event: RunnerStarted) -> None:
        if event.epoch <= self.epoch:
            self._refuse(f"expected an epoch above {self.epoch}, found {event.epoch}")
        self.epoch = event.epoch
        for key in sorted(key for keys in self.by_symbol.values() for key in keys):
            if self.orders[key].stage is Stage.STRANGER:
                continue
            if self.orders[key].stage is Stage.SUBMITTING:
                self._doubt(self.orders[key], event.observed_at)
            self._take(key, Letter.STARTED)

    def _mismatch(self, event: ReconcileMismatched) -> None:
        key = event.client_order_id or ""
        if event.what == OURS_UNKNOWN:
            self._stranger(key)
            self.must_halt = "" if self.halted else f"{key} is at the broker and not here"
        elif event.what == VANISHED and key in self.orders:
            order = self.orders[key]
            if order.stage is Stage.WORKING:
                self._doubt(order, event.observed_at)
            self._take(key, Letter.VANISHED)

    # -- the table

    def _take(self, key: str, letter: Letter, holds: frozenset[Condition] = frozenset()) -> None:
        """What the letter makes of the order, and what it leaves to be done in its commit."""
        order = self._of(key, letter.name)
        before, now = order.stage, after(order.stage, letter, holds)
        if now is None:
            self._refuse(f"{letter.name} at {before}", key)
        order.stage = now
        (self.passing.add if now in PASSING else self.passing.discard)(key)
        standing = self.by_symbol.setdefault(order.intent.symbol, set())
        (standing.discard if now in FREE else standing.add)(key)

    def _of(self, key: str, what: str) -> Standing:
        order = self.orders.get(key)
        if order is None:
            self._refuse(f"{what} without an intent", key)
        return order

    def _doubt(self, order: Standing, since: TimeText) -> None:
        order.doubted_since, order.absent_looks = since, 0

    def _refuse(self, why: str, client_order_id: str = "") -> NoReturn:
        raise Refusal(why, client_order_id)
