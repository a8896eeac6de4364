"""The simulated venue: (state, input) -> the state after it and what happened to which order.

Inputs  `open_slot`, `submit`, `cancel`, `pass_time`; the state holds open orders only
Rules
    1. What fills, when, and under which ids is a function of the seed, the order and its client
       order id, the slot it arrived in, and the market: of no other order, attempt or restart.
    2. So an order's times count from its slot: however late in a slot it comes, the venue matches
       it with the slot's quote at the slot's time and its own latency.
    3. Nothing fills outside a session. A day order expires at the close of the session it is in;
       one that arrives outside waits for the next. Good-till-canceled stays.
    4. A refused order leaves nothing in the state; who shows an order twice is the file's to know.
"""

import msgspec

from core.events.lifecycle import Session
from core.events.market import Quote
from core.sim import matching
from core.sim.account import affords, booked
from core.sim.chance import between, happens, venue_bits, venue_id
from core.sim.types import (
    Execution,
    OrderEvent,
    Refusal,
    Step,
    VenueOrder,
    VenueParameters,
    VenueRequest,
    VenueState,
)
from core.values import (
    CONTEXT,
    DecimalText,
    TimeText,
    decimal_text,
    is_decimal_text,
    micros,
    number,
    time_text,
)

_AVERAGE_UNIT = number("0.00000001")
_REFUSED_BY_CHANCE = Refusal(
    status_code=403, error_code="40310000", detail="order refused by the simulated venue"
)
_KEYS_REFUSED = {
    "unauthorized": Refusal(status_code=401, error_code=None, detail="unauthorized"),
    "forbidden": Refusal(status_code=403, error_code=None, detail="forbidden."),
}


def initial(parameters: VenueParameters) -> VenueState:
    """A venue nobody has traded at."""
    return VenueState(cash=parameters.cash, positions={}, quotes={}, orders={})


def is_open(state: VenueState) -> bool:
    """Whether the state's slot lies in its session: open <= slot < close."""
    session = state.session
    return (
        session is not None and state.slot is not None
        and session.open <= state.slot < session.close
    )  # fmt: skip


def open_slot(
    parameters: VenueParameters,
    state: VenueState,
    slot: TimeText,
    quotes: dict[str, Quote],
    session: Session | None,
) -> Step:
    """The venue one slot on: expiries first, then fills of resting orders. Twice is once."""
    if state.slot is not None and slot <= state.slot:
        return Step(state=state)
    passed = pass_time(parameters, state, slot)
    state = msgspec.structs.replace(
        passed.state, slot=slot, session=session, quotes={**passed.state.quotes, **quotes}
    )
    orders, events = list(passed.orders), list(passed.events)
    if not is_open(state):
        return Step(state=state, orders=tuple(orders), events=tuple(events))
    for waiting in tuple(state.orders.values()):
        order = _with_expiry(waiting, state.session)
        quote = quotes.get(order.symbol)
        take = matching.on_slot(parameters, order, quote, slot) if quote is not None else None
        if take is not None:
            latency = _latency(parameters, order, "rest", (order.executions + 1, 10_000, 200_000))
            order, event = _filled(parameters, order, take, micros(slot) + latency)
            events.append(event)
            state = booked(state, _execution(event))
        if order is not waiting:
            orders.append(order)
            state = _kept(state, order)
    return Step(state=state, orders=tuple(orders), events=tuple(events))


def submit(
    parameters: VenueParameters, state: VenueState, request: VenueRequest, script: tuple[str, ...]
) -> Step | Refusal:
    """The order accepted, with whatever it takes at once, or why it is refused."""
    refusal = _invalid(parameters, state, request)
    if refusal is not None:
        return refusal
    for fault, keys_refused in _KEYS_REFUSED.items():
        if fault in script:
            return keys_refused
    bits = venue_bits(parameters.seed, request.client_order_id, "reject", 0)
    if happens(bits, parameters.rates.reject_rate) or "reject" in script:
        return _REFUSED_BY_CHANCE
    order = _accepted(parameters, state, request, script)
    if not affords(state, parameters, order):
        return Refusal(status_code=403, error_code="40310000", detail="insufficient buying power")
    accept = micros(order.slot) + _latency(parameters, order, "accept", (0, 20_000, 80_000))
    order, event = _changed(order, "new", accept)
    events = [event]
    if happens(bits, parameters.rates.late_reject_rate) or "late_reject" in script:
        latency = _latency(parameters, order, "late", (0, 30_000, 300_000))
        order, event = _changed(order, "rejected", accept + latency, "rejected by the venue")
        return Step(state=state, orders=(order,), events=(*events, event))
    if is_open(state):
        quote = state.quotes[order.symbol]
        take = matching.on_arrival(parameters, order, quote, order.slot)
        if take is not None:
            latency = _latency(parameters, order, "take", (1, 10_000, 120_000))
            order, event = _filled(parameters, order, take, accept + latency)
            events.append(event)
            state = booked(state, _execution(event))
    if order.time_in_force in ("ioc", "fok") and order.leaves_quantity:
        latency = _latency(parameters, order, "kill", (0, 1_000, 5_000))
        order, event = _changed(order, "canceled", micros(order.last_event_time) + latency)
        events.append(event)
    return Step(state=_kept(state, order), orders=(order,), events=tuple(events))


def cancel(
    parameters: VenueParameters, state: VenueState, client_order_id: str, now: TimeText
) -> Step | None:
    """The open order canceled at `now` and a latency; None when there is no such open order."""
    order = state.orders.get(client_order_id)
    if order is None:
        return None
    latency = _latency(parameters, order, "cancel", (0, 20_000, 80_000))
    order, event = _changed(order, "canceled", micros(now) + latency)
    return Step(state=_kept(state, order), orders=(order,), events=(event,))


def pass_time(parameters: VenueParameters, state: VenueState, until: TimeText) -> Step:
    """The day orders whose session closed by `until`, expired at its close and a latency."""
    orders, events = [], []
    for waiting in tuple(state.orders.values()):
        if waiting.expires_at is None or waiting.expires_at > until:
            continue
        latency = _latency(parameters, waiting, "expire", (0, 1_000, 50_000))
        order, event = _changed(waiting, "expired", micros(waiting.expires_at) + latency)
        orders.append(order)
        events.append(event)
        state = _kept(state, order)
    return Step(state=state, orders=tuple(orders), events=tuple(events))


def _invalid(
    parameters: VenueParameters, state: VenueState, request: VenueRequest
) -> Refusal | None:
    """Why the request cannot be an order at this venue, whoever sends it."""
    words = None
    if request.side not in ("buy", "sell"):
        words = f"side must be buy or sell, found {request.side}"
    elif request.order_type not in ("market", "limit"):
        words = f"order type {request.order_type} is not supported"
    elif request.time_in_force not in ("day", "gtc", "ioc", "fok"):
        words = f"time in force {request.time_in_force} is not supported"
    elif (request.order_type == "limit") != (request.limit_price is not None):
        words = "a limit order needs a limit price, and only a limit order has one"
    elif request.limit_price is not None and not _is_positive(request.limit_price):
        words = "limit price must be above zero"
    elif not request.quantity.isdecimal() or not _is_positive(request.quantity):
        words = f"quantity must be whole shares above zero, found {request.quantity}"
    if words is not None:
        return Refusal(status_code=422, error_code="40010001", detail=words)
    if parameters.symbols and request.symbol not in parameters.symbols:
        words = f"asset {request.symbol} not found"
    elif request.symbol not in state.quotes or state.slot is None:
        words = f"no quote for {request.symbol}"
    if words is None:
        return None
    return Refusal(status_code=422, error_code="42210000", detail=words)


def _is_positive(text: str) -> bool:
    return is_decimal_text(text) and number(text) > 0


def _accepted(
    parameters: VenueParameters, state: VenueState, request: VenueRequest, script: tuple[str, ...]
) -> VenueOrder:
    """The order the request becomes, no event yet."""
    assert state.slot is not None
    quote = state.quotes[request.symbol]
    limit = None if request.limit_price is None else DecimalText(request.limit_price)
    order = VenueOrder(
        client_order_id=request.client_order_id,
        venue_order_id=venue_id(parameters.seed, request.client_order_id, "order", 0),
        symbol=request.symbol,
        side=request.side,
        quantity=int(request.quantity),
        order_type=request.order_type,
        limit_price=limit,
        time_in_force=request.time_in_force,
        slot=state.slot,
        expires_at=None,
        reference_price=limit or (quote.ask if request.side == "buy" else quote.bid),
        script=script,
        last_event_time=state.slot,
    )
    return _with_expiry(order, state.session) if is_open(state) else order


def _with_expiry(order: VenueOrder, session: Session | None) -> VenueOrder:
    if order.time_in_force != "day" or order.expires_at is not None or session is None:
        return order
    return msgspec.structs.replace(order, expires_at=session.close)


def _latency(
    parameters: VenueParameters, order: VenueOrder, what: str, range_: tuple[int, int, int]
) -> int:
    """The latency of the order's nth `what`, from `range_` = (n, lowest, highest)."""
    n, low, high = range_
    bits = venue_bits(parameters.seed, order.client_order_id, f"latency-{what}", n)
    return between(bits, low, high)


def _changed(
    order: VenueOrder, status: str, at: int, why: str | None = None
) -> tuple[VenueOrder, OrderEvent]:
    """The order in its new status and the event that says so; its times never go backwards."""
    time = time_text(at)
    if order.events and time <= order.last_event_time:
        time = time_text(micros(order.last_event_time) + 1)
    order = msgspec.structs.replace(
        order, status=status, events=order.events + 1, last_event_time=time
    )
    event = OrderEvent(
        client_order_id=order.client_order_id,
        n=order.events,
        status=status,
        event_time=time,
        filled_quantity=order.filled_quantity,
        average_price=average_price(order),
        why=why,
    )
    return order, event


def average_price(order: VenueOrder) -> DecimalText | None:
    """Money by shares of the order's executions, to eight digits; None before the first."""
    if not order.filled_quantity:
        return None
    average = CONTEXT.divide(number(order.notional), number(str(order.filled_quantity)))
    return decimal_text(CONTEXT.quantize(average, _AVERAGE_UNIT))


def _filled(
    parameters: VenueParameters, order: VenueOrder, take: matching.Take, at: int
) -> tuple[VenueOrder, OrderEvent]:
    """The order after the fill, and the event that carries its execution."""
    money = CONTEXT.multiply(number(take.price), number(str(take.quantity)))
    order = msgspec.structs.replace(
        order,
        filled_quantity=order.filled_quantity + take.quantity,
        notional=decimal_text(CONTEXT.add(number(order.notional), money)),
        executions=order.executions + 1,
    )
    status = "partially_filled" if order.leaves_quantity else "filled"
    order, event = _changed(order, status, at)
    execution = Execution(
        execution_id=venue_id(
            parameters.seed, order.client_order_id, "execution", order.executions
        ),
        client_order_id=order.client_order_id,
        symbol=order.symbol,
        side=order.side,
        quantity=take.quantity,
        price=take.price,
        event_time=event.event_time,
        cumulative_quantity=order.filled_quantity,
    )
    return order, msgspec.structs.replace(event, execution=execution)


def _execution(event: OrderEvent) -> Execution:
    assert event.execution is not None
    return event.execution


def _kept(state: VenueState, order: VenueOrder) -> VenueState:
    """`state` with the order among the open ones, or without it once it is over."""
    orders = dict(state.orders)
    if order.is_over:
        orders.pop(order.client_order_id, None)
    else:
        orders[order.client_order_id] = order
    return msgspec.structs.replace(state, orders=orders)
