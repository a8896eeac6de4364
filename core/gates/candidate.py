"""The order a gate judges, what a gate is, and the verdicts that gates have in common.

shape   gate(Candidate) -> Reason | None; `above` and `below` compare, `missing` says what is not
rule    At the limit passes. A number that is not finite passes nothing. A gate that guards openings
        says so (`guards_openings`) and is not asked about a closing order: one that reduces a
        position without passing zero (`core.gates.size.position_reversal` comes before it).
"""

from collections.abc import Callable, Iterable
from decimal import Decimal
from functools import wraps

import msgspec
from msgspec.structs import force_setattr

from core.contract_risk import Risk
from core.events import Quote
from core.reasons import Reason, ReasonCode
from core.state import Intent, State
from core.values import CONTEXT, ZERO, DecimalText, OrderType, Side, decimal_text

BPS = Decimal(10_000)
GREATEST_TOLD = Decimal(10**24)
"""A reason's numbers stay within this, so that they have 34 digits with their nine places."""


class Candidate(msgspec.Struct, frozen=True, kw_only=True):
    """An order as the strategy wants it, quantity and limit already rounded, and the state."""

    state: State
    symbol: str
    side: Side
    quantity: Decimal
    order_type: OrderType
    limit_price: Decimal | None
    requested_quantity: Decimal
    expected_edge_bps: Decimal | None = None
    closing: bool = False
    """Whether it only reduces what is held; derived, and kept because nearly every gate asks."""

    def __post_init__(self) -> None:
        """Derive what is kept; a quantity that is no number closes nothing."""
        closing = False
        if self.quantity.is_finite() and (held := self.held):
            closing = (held > 0) != (self.quantity * self.side.sign > 0)
        force_setattr(self, "closing", closing)

    @property
    def risk(self) -> Risk:
        """The limits in force."""
        return self.state.config.risk

    @property
    def quote(self) -> Quote | None:
        """The symbol's last quote."""
        return self.state.quotes.get(self.symbol)

    @property
    def held(self) -> Decimal:
        """Signed shares held."""
        return self.state.position(self.symbol)

    @property
    def worst_price(self) -> Decimal:
        """The price to reckon with: the limit, or the opposite touch."""
        if self.limit_price is not None:
            return self.limit_price
        quote = self.quote
        if quote is None:
            return ZERO
        return Decimal(quote.ask if self.side is Side.BUY else quote.bid)

    @property
    def notional(self) -> Decimal:
        """Quantity at the worst price."""
        return CONTEXT.multiply(self.quantity, self.worst_price)

    @property
    def working(self) -> list[Intent]:
        """Our open intents in its symbol."""
        return [i for i in self.state.intents.values() if i.symbol == self.symbol]


Gate = Callable[[Candidate], Reason | None]
GUARDED = "guarded_gate"


def guards_openings(gate: Gate) -> Gate:
    """`gate`, not asked about an order that only reduces what is held."""

    @wraps(gate)
    def guarded(order: Candidate) -> Reason | None:
        return None if order.closing else gate(order)

    guarded.__dict__[GUARDED] = gate
    return guarded


def gates_for(gates: Iterable[Gate], *, closing: bool) -> tuple[Gate, ...]:
    """The gates that are asked about such an order, in their order, without their wrappers."""
    if closing:
        return tuple(gate for gate in gates if not hasattr(gate, GUARDED))
    return tuple(getattr(gate, GUARDED, gate) for gate in gates)


def above(code: ReasonCode, limit: Decimal, observed: Decimal) -> Reason | None:
    """A reason when `observed` is above `limit`."""
    if not observed.is_finite():
        return Reason(code=code, limit=_short(limit), missing="a finite number")
    return None if observed <= limit else told(code, limit, observed)


def below(code: ReasonCode, limit: Decimal, observed: Decimal) -> Reason | None:
    """A reason when `observed` is below `limit`."""
    if not observed.is_finite():
        return Reason(code=code, limit=_short(limit), missing="a finite number")
    return None if observed >= limit else told(code, limit, observed)


def missing(code: ReasonCode, what: str) -> Reason:
    """The reason of a gate that cannot know."""
    return Reason(code=code, missing=what)


def told(code: ReasonCode, limit: Decimal, observed: Decimal) -> Reason:
    """A reason with its two numbers."""
    return Reason(code=code, limit=_short(limit), observed=_short(observed))


def _short(value: Decimal) -> DecimalText:
    """A gate's number, to nine places, at most 1e24: a quotient may not end, a wish may be any."""
    within = max(min(value, GREATEST_TOLD), -GREATEST_TOLD)
    return decimal_text(within.quantize(Decimal("1e-9"), context=CONTEXT))
