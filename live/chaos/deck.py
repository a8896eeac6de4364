"""Which order meets which fault, and where its runner dies: dealt from the seed, card by card.

shape   `Deck(seed, kinds)`: `deal(number)` -> the `Card` of the campaign's nth order
rule    A card is a function of the seed and the order's number alone, and what it arms is bound to
        that order: neither hangs on when anything arrives. Every kind is once in a round, in an
        order of the round's own; kills fall on every third order or so
why     faults of a list or a look-up have no order of their own: they are armed with the order's
        attempt, after its cycle was decided, and are used up before the next is (settling.py)
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

from core.rng import rng_from_parts
from core.sim.chance import below
from live.venue.faults import CONNECT, ORDER, REQUEST, STREAM, Fault

DEALT = tuple(kind for kind in Fault if kind is not Fault.REPLACE_REJECTED)
"""Every kind but the one no runner can meet: refold replaces no order."""

STEPS = (
    "decided", "before submit", "after submit", "answered", "filled",
    "before look-up", "after look-up", "before cancel", "after cancel",
)  # fmt: skip
"""Where a runner dies: with an order's attempt committed; before and after its POST; with the
answer committed, or the first fill; before and after a look-up, or a cancel."""

ALONE = frozenset({Fault.BUST, Fault.CORRECT})
"""Told by the stream alone: with a deaf stream or a dead runner nobody would hear of them."""
HEARD = frozenset({*STREAM, *CONNECT})
"""Of messages: while nobody listens they cannot happen."""
DEAFENS = frozenset({*HEARD, Fault.DIE_AFTER})
RESTS = frozenset({Fault.FILL_AFTER_CANCEL, Fault.CANCEL_REJECTED, Fault.STUCK_CANCEL})
"""Of orders that work until they are canceled."""
_LOOKED_UP = frozenset({"before look-up", "after look-up"})
_CANCELED = frozenset({"before cancel", "after cancel"})
_KILL_ONE_IN = 3
_POST = {"method": "POST", "path": "/v2/orders"}


class Card(NamedTuple):
    """What becomes of one order: the fault, of which call, whether it must rest, where we die."""

    fault: Fault | None
    place: str = ""
    rests: bool = False
    kill: str = ""

    def arms(self, client_order_id: str) -> list[dict[str, Any]]:
        """What the venue is told, as `live.venue.faults.Armed`."""
        if self.fault is None:
            return []
        mine: dict[str, Any] = {"client_order_id": client_order_id}
        fault: dict[str, Any] = {"fault": self.fault.value}
        if self.fault is Fault.RATE_LIMITED:
            fault["seconds"] = 2
        elif self.fault is Fault.STREAM_REORDER:
            fault["seconds"] = 5
        unanswered = {"fault": Fault.RESET_AFTER.value, "at_byte": 0, **_POST, **mine}
        if self.fault in CONNECT:
            return [{"fault": Fault.STREAM_DISCONNECT.value, **mine}, fault]
        if self.fault is Fault.LATE_VISIBLE:
            return [unanswered, {**fault, **mine, "seconds": 4}]
        if self.fault not in REQUEST or self.place == "post":
            return [{**fault, **(_POST if self.fault in REQUEST else {}), **mine}]
        if self.place == "look-up":
            path = "/v2/orders:by_client_order_id"
            return [unanswered, {**fault, **mine, "method": "GET", "path": path}]
        return [{**fault, "method": "GET", "path": "/v2/orders"}]


NOTHING = Card(None)


def card_of(values: Sequence[Any]) -> Card:
    """A card as it was written down."""
    fault, place, rests, kill = values
    return Card(None if fault is None else Fault(fault), place, rests, kill)


class Deck:
    """The cards of one seed."""

    def __init__(self, seed: int, kinds: Sequence[Fault] = DEALT) -> None:
        self.seed = seed
        self.kinds = tuple(kinds)

    def deal_cycle(self, first: int, count: int) -> list[Card]:
        """The cards of a cycle's orders, the nth of the campaign first; without what cannot meet.

        Where one is alone nothing happens to the others; where one is of the stream, nobody dies
        and nothing else makes it deaf.
        """
        cards = [self.deal(first + index) for index in range(count)]
        if cards[0].fault in ALONE:
            return [cards[0], *(NOTHING for _ in cards[1:])]
        cards = [NOTHING if card.fault in ALONE else card for card in cards]
        kept = next((n for n, card in enumerate(cards) if card.fault in HEARD), None)
        if kept is None:
            return cards
        return [
            card if n == kept or card.fault not in DEAFENS else NOTHING
            for n, card in enumerate(card._replace(kill="") for card in cards)
        ]

    def deal(self, number: int) -> Card:
        """The card of the nth order, from 0."""
        round_number, index = divmod(number, len(self.kinds))
        fault = self._round(round_number)[index]
        bits = rng_from_parts(self.seed, "chaos", "card", number)
        kill = STEPS[below(bits, len(STEPS))] if below(bits, _KILL_ONE_IN) == 0 else ""
        # the first round is the kind in its own place; later ones also strike look-ups and lists
        place = ("post", "post", "look-up", "list")[below(bits, 4)] if round_number else "post"
        if fault is Fault.DIE_AFTER or fault is Fault.RATE_LIMITED:
            place = "post"
        if fault in ALONE or fault in STREAM or fault in CONNECT:
            kill = ""
        if kill in _LOOKED_UP and fault not in (Fault.TIMEOUT_AFTER, Fault.LATE_VISIBLE):
            kill = "after submit"
        rests = fault in RESTS or (kill in _CANCELED and fault not in ORDER)
        return Card(fault, place, rests, kill if rests or kill not in _CANCELED else "answered")

    def _round(self, number: int) -> list[Fault]:
        bits = rng_from_parts(self.seed, "chaos", "round", number)
        kinds = list(self.kinds)
        for last in range(len(kinds) - 1, 0, -1):
            other = below(bits, last + 1)
            kinds[last], kinds[other] = kinds[other], kinds[last]
        return kinds
