"""What becomes of a runner: the faults its orders are dealt, and the steps it dies at.

shape   `Fate.heard(events)` listens to every commit; `MortalBroker` passes the steps of a call by
rules   A card is dealt when the attempt's commit has returned, before its POST: what a cycle
        decides never hangs on a fault that was armed for it. Each kill happens once.
        It kills this process and no other
"""

import os
import signal
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Any

from msgspec.structs import replace

from core.events import (
    CancelAnswered,
    CycleOpened,
    Event,
    FillReported,
    IntentCreated,
    OrderLookedUp,
    OrderReported,
    OrderSubmitAttempted,
    OrderSubmitFailed,
    OrderSubmitted,
    OrderSubmitUnknown,
)
from core.values import Side, TimeText
from live.brokers.alpaca.broker import AlpacaBroker
from live.brokers.alpaca.settings import AlpacaSettings
from live.brokers.base import SubmitAnswer
from live.brokers.ticket import Ticket
from live.chaos.deck import Card, Deck, card_of
from live.chaos.diary import Diary
from live.rate.budget import RateBudget
from live.secrets import Secrets

Ask = Callable[[str, str, Any], Any]
_NEWS = (
    CancelAnswered, FillReported, OrderLookedUp, OrderReported, OrderSubmitFailed, OrderSubmitted,
    OrderSubmitUnknown,
)  # fmt: skip


class Fate:
    """The cards of one runner's orders.

    `news` counts what the broker said of orders; `held` are the symbols whose market stays away
    from an order until it is over.
    """

    def __init__(self, deck: Deck, diary: Diary, ask: Ask) -> None:
        self.deck = deck
        self.diary = diary
        self.ask = ask
        self.news = 0
        self.cards: dict[str, Card] = {}
        self.held: dict[str, str] = {}
        lines = diary.lines()
        for line in lines:
            if "dealt" in line:
                self._take(line["dealt"], line["symbol"], card_of(line["card"]))
        self._killed = {(line["order"], line["killed"]) for line in lines if "killed" in line}

    def _take(self, order_id: str, symbol: str, card: Card) -> None:
        self.cards[order_id] = card
        if card.rests:
            self.held[symbol] = order_id

    def heard(self, events: Sequence[Event]) -> None:
        """A commit: cards for new attempts, deaths behind it."""
        self.news += sum(isinstance(event, _NEWS) for event in events)
        created = {e.client_order_id: e for e in events if isinstance(e, IntentCreated)}
        first = [
            e.client_order_id
            for e in events
            if isinstance(e, OrderSubmitAttempted) and e.attempt == 1
        ]
        if first:
            cycle = next((e.number for e in events if isinstance(e, CycleOpened)), 0)
            self._deal([created[order_id] for order_id in first], cycle)
        for order_id in first:
            self.step("decided", order_id)
        for event in events:
            if isinstance(event, OrderSubmitted | OrderSubmitFailed | OrderSubmitUnknown):
                self.step("answered", event.client_order_id)
            elif isinstance(event, FillReported):
                self.step("filled", event.client_order_id)

    def step(self, step: str, client_order_id: str) -> None:
        """Die here, if the order's card says so and it is the first time."""
        card = self.cards.get(client_order_id)
        if card is None or card.kill != step or (client_order_id, step) in self._killed:
            return
        self.diary.write(killed=step, order=client_order_id)
        os.kill(os.getpid(), signal.SIGKILL)

    def _deal(self, intents: Sequence[IntentCreated], cycle: int) -> None:
        """A card each, and what each arms."""
        dealt = self.deck.deal_cycle(len(self.cards), len(intents))
        arms: list[dict[str, Any]] = []
        for intent, card in zip(intents, dealt, strict=True):
            order_id, symbol = intent.client_order_id, intent.symbol
            self._take(order_id, symbol, card)
            self.diary.write(dealt=order_id, symbol=symbol, cycle=cycle, card=card)
            arms += card.arms(order_id)
            if card.rests and intent.limit_price is not None:
                self.ask("POST", "quotes", {symbol: away_from(intent)})
        if arms:
            self.ask("POST", "arm", arms)


def away_from(intent: IntentCreated) -> Mapping[str, str]:
    """A quote that does not reach the order's limit."""
    assert intent.limit_price is not None
    limit = Decimal(intent.limit_price)
    low, high = (limit + 1, limit + 2) if intent.side is Side.BUY else (limit - 2, limit - 1)
    low = max(low, Decimal("0.01"))
    return {"bid": str(low), "ask": str(high), "last": str(high if low > limit else low)}


class MortalBroker(AlpacaBroker):
    """Alpaca's adapter, whose runner dies beside its calls."""

    fate: Fate

    def __init__(
        self,
        settings: AlpacaSettings,
        secrets: Secrets,
        clock: Callable[[], TimeText],
        tag: str = "",
        budgets: tuple[RateBudget, RateBudget] | None = None,
    ) -> None:
        """A stream on loopback is silent for seconds, not for half a minute, before it is dead."""
        patient = replace(settings, answer_s=3.0, ping_s=3.0, backoff_s=(0.2, 1.0))
        super().__init__(patient, secrets, clock, tag, budgets)

    def submit(self, ticket: Ticket, attempt: int, now: TimeText) -> SubmitAnswer:
        """One POST, or a death before or after it."""
        self.fate.step("before submit", ticket.client_order_id)
        answer = super().submit(ticket, attempt, now)
        self.fate.step("after submit", ticket.client_order_id)
        return answer

    def cancel(self, client_order_id: str, attempt: int, now: TimeText) -> CancelAnswered:
        """One DELETE, or a death before or after it."""
        self.fate.step("before cancel", client_order_id)
        answer = super().cancel(client_order_id, attempt, now)
        self.fate.step("after cancel", client_order_id)
        return answer

    def look_up(self, client_order_id: str, now: TimeText) -> OrderLookedUp:
        """One look, or a death before or after it."""
        self.fate.step("before look-up", client_order_id)
        answer = super().look_up(client_order_id, now)
        self.fate.step("after look-up", client_order_id)
        return answer
