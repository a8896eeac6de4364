"""What the simulated venue speaks of: its parameters, an order, an execution, an event of an order.

units   quantities in whole shares, prices and money as decimals, times as `TimeText`
"""

import re
from decimal import Decimal

import msgspec

from core.events.lifecycle import Session
from core.events.market import Quote
from core.values import ZERO, DecimalText, TimeText

KEY_PATTERN = re.compile(
    r"(?:[A-Z0-9./-]{1,16})?#[1-9][0-9]{0,8}|[A-Z0-9./-]{1,16}@[0-9T:.-]{26}Z", re.ASCII
)
FAULTS = frozenset(
    {
        "reject",
        "late_reject",
        "lost_request",
        "lost_answer",
        "partial_fill",
        "drop",
        "duplicate",
        "delay",
        "reorder",
        "unauthorized",
        "forbidden",
        "rate_limited",
    }
)
"""Names of faults a script can ask for; the last three are 401, 403 and, to one POST, 429."""


class FaultRates(msgspec.Struct, frozen=True, kw_only=True):
    """How often, from 0 to 1, something goes wrong at the venue; nothing does by default.

    `reject`: refused at once. `late_reject`: accepted, then rejected. `lost_request`: the POST
    never arrives. `lost_answer`: it does, the answer gets lost. The other four are of the stream.
    """

    reject_rate: Decimal = ZERO
    late_reject_rate: Decimal = ZERO
    lost_request_rate: Decimal = ZERO
    lost_answer_rate: Decimal = ZERO
    drop_rate: Decimal = ZERO
    duplicate_rate: Decimal = ZERO
    delay_rate: Decimal = ZERO
    reorder_rate: Decimal = ZERO

    def __post_init__(self) -> None:
        """Refuse a rate that is no probability."""
        for name in self.__struct_fields__:
            rate = getattr(self, name)
            if not isinstance(rate, Decimal) or not rate.is_finite() or not 0 <= rate <= 1:
                message = f"{name}: expected a decimal from 0 to 1, found {rate!r}"
                raise ValueError(message)


class VenueParameters(msgspec.Struct, frozen=True, kw_only=True):
    """What the venue is like.

    `symbols`: those it lists; empty lists whatever it has a quote of. `multiplier`: buying power
    for each unit of equity. `volume_share`: the part of a minute's volume one order may take.
    `script`: {"SYMBOL@SLOT", "SYMBOL#N" or "#N": fault}; N counts the orders the venue has seen,
    of the symbol or of all, from 1.
    """

    seed: int
    symbols: tuple[str, ...] = ()
    cash: Decimal = Decimal(100_000)
    multiplier: Decimal = Decimal(1)
    volume_share: Decimal = Decimal("0.1")
    requests_per_minute: int = 200
    rates: FaultRates = FaultRates()
    script: dict[str, str] = {}

    def __post_init__(self) -> None:
        """Refuse a script that names no order, or a fault nobody knows."""
        for key, fault in self.script.items():
            if KEY_PATTERN.fullmatch(key) is None or fault not in FAULTS:
                message = (
                    "expected SYMBOL#N=FAULT, #N=FAULT or SYMBOL@TIME=FAULT, of the faults "
                    f"{', '.join(sorted(FAULTS))}; found {key}={fault}"
                )
                raise ValueError(message)


class VenueRequest(msgspec.Struct, frozen=True, kw_only=True):
    """An order as it arrives, nothing checked yet."""

    client_order_id: str
    symbol: str
    side: str
    quantity: str
    order_type: str
    limit_price: str | None
    time_in_force: str


class Refusal(msgspec.Struct, frozen=True, kw_only=True):
    """The venue's no: HTTP status, error code and words, as Alpaca's."""

    status_code: int
    error_code: str | None
    detail: str


class VenueOrder(msgspec.Struct, frozen=True, kw_only=True):
    """An accepted order: what was asked, and what became of it so far.

    `slot`: the slot it arrived in. `reference_price`: what buying power is held at. `notional`:
    money of its executions. `events`: how many it has had, the last at `last_event_time`.
    `script`: the faults asked for it.
    """

    client_order_id: str
    venue_order_id: str
    symbol: str
    side: str
    quantity: int
    order_type: str
    limit_price: DecimalText | None
    time_in_force: str
    slot: TimeText
    expires_at: TimeText | None
    reference_price: DecimalText
    script: tuple[str, ...] = ()
    filled_quantity: int = 0
    notional: DecimalText = DecimalText("0")
    executions: int = 0
    events: int = 0
    last_event_time: TimeText
    status: str = "pending_new"

    @property
    def leaves_quantity(self) -> int:
        """Shares not yet executed."""
        return self.quantity - self.filled_quantity

    @property
    def is_over(self) -> bool:
        """Whether nothing more can happen to the order."""
        return self.status in ("filled", "canceled", "expired", "rejected")


class Execution(msgspec.Struct, frozen=True, kw_only=True):
    """One fill of one order."""

    execution_id: str
    client_order_id: str
    symbol: str
    side: str
    quantity: int
    price: DecimalText
    event_time: TimeText
    cumulative_quantity: int


class OrderEvent(msgspec.Struct, frozen=True, kw_only=True):
    """A change of an order's status at the venue: the `n`th of the order, from 1."""

    client_order_id: str
    n: int
    status: str
    event_time: TimeText
    filled_quantity: int
    average_price: DecimalText | None
    why: str | None = None
    execution: Execution | None = None


class VenueState(msgspec.Struct, frozen=True, kw_only=True):
    """All the venue must hold to go on: open orders and symbols, never history."""

    slot: TimeText | None = None
    session: Session | None = None
    cash: Decimal
    positions: dict[str, int]
    quotes: dict[str, Quote]
    orders: dict[str, VenueOrder]


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """What one input did: the state after it, the orders it touched, and their events in order."""

    state: VenueState
    orders: tuple[VenueOrder, ...] = ()
    events: tuple[OrderEvent, ...] = ()
