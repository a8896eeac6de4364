"""What the acceptor keeps of one order, and the three things it works out for itself.

shape   `Standing`; `with_told(fills, event)`; `is_same(intent, found)`; `id_of(journal_id, intent)`
why     the acceptor shares no code with the fold that it is there to doubt but the arithmetic of
        fills
"""

import base64
import hashlib
from decimal import Decimal

import msgspec

from core import fills as fill_rules
from core.events import (
    FillBusted,
    FillCorrected,
    FillReported,
    IntentCreated,
    OrderLookedUp,
    OrderReported,
    OrderSubmitted,
)
from core.fills import NO_FILLS, Fills
from core.values import OrderType, Side, TimeInForce, TimeText
from replay.protocol import Stage

Heard = OrderReported | FillReported | OrderSubmitted | OrderLookedUp | FillBusted | FillCorrected


class Standing(msgspec.Struct):
    """One order: what was decided of it, how far it is, and the evidence gathered."""

    intent: IntentCreated
    stage: Stage = Stage.NONE
    attempt: int = 0
    doubted_since: TimeText | None = None
    absent_looks: int = 0
    fills: Fills = NO_FILLS


def with_told(fills: Fills, event: Heard) -> Fills:
    """The fills with what the event tells of them."""
    match event:
        case FillReported():
            cumulative = event.cumulative_quantity
            return fill_rules.with_fill(
                fills,
                Decimal(event.quantity),
                Decimal(event.price),
                event.execution_id,
                None if cumulative is None else Decimal(cumulative),
            )
        case FillBusted():
            return fill_rules.with_bust(fills, event.execution_id)
        case FillCorrected():
            quantity, price = Decimal(event.quantity), Decimal(event.price)
            return fill_rules.with_correction(
                fills, event.execution_id, quantity, price, event.correction_id
            )
        case OrderReported() | OrderLookedUp() if event.filled_quantity is not None:
            average = None if event.average_price is None else Decimal(event.average_price)
            return fill_rules.with_report(fills, Decimal(event.filled_quantity), average)
        case _:
            return fills


def is_same(intent: IntentCreated, found: OrderLookedUp) -> bool:
    """Whether what was found is what was meant."""

    def parts(
        of: IntentCreated | OrderLookedUp,
    ) -> tuple[str | None, Side | None, Decimal, OrderType | None, str | None, TimeInForce | None]:
        limit = None if of.limit_price is None else str(Decimal(of.limit_price).normalize())
        quantity = Decimal(of.quantity or "0")
        return of.symbol, of.side, quantity, of.order_type, limit, of.time_in_force

    return parts(intent) == parts(found)


def tag_of(journal_id: str) -> str:
    """What the ids of this journal's orders begin with."""
    return f"rf-{journal_id[:8]}-"


def id_of(journal_id: str, intent: IntentCreated) -> str:
    """The one id of a decision: of journal, strategy, slot, symbol and leg (DESIGN §4.1)."""
    digest = hashlib.sha256(b"refold/order/v1")
    for part in (journal_id, intent.strategy, intent.slot, intent.symbol, str(intent.leg)):
        data = part.encode("utf-8")
        digest.update(len(data).to_bytes(8, "big") + data)
    text = base64.b32encode(digest.digest()[:20]).decode("ascii").lower()
    return tag_of(journal_id) + text
