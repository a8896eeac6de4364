"""How much of an order a quote fills, and at which price.

Rules
    1. An order fills only against a quote of the slot itself; a silent or crossed symbol fills
       nothing.
    2. On arrival a market order, and a limit order that is marketable, take the opposite touch.
    3. Later a market order's remainder takes the touch of each slot; a resting limit order fills
       at its limit, when the opposite touch reaches it or the last trade went strictly through it.
    4. A limit is never filled through: a buy pays at most its limit, a sell gets at least that.
    5. One fill takes at most a random part of the displayed size and a share of the slot's volume.
    6. Fill-or-kill takes everything on arrival or nothing at all.
"""

from decimal import Decimal
from typing import NamedTuple

from core.events.market import Quote
from core.sim.chance import between, venue_bits
from core.sim.types import VenueOrder, VenueParameters
from core.values import CONTEXT, DecimalText, TimeText


class Take(NamedTuple):
    """A fill to be: shares, and the price of each."""

    quantity: int
    price: DecimalText


def on_arrival(
    parameters: VenueParameters, order: VenueOrder, quote: Quote, slot: TimeText
) -> Take | None:
    """What the order takes at once from the slot it arrives in."""
    if not _is_tradable(quote, slot):
        return None
    touch, size = _opposite(order, quote)
    if order.limit_price is not None and not _reaches(order, Decimal(touch)):
        return None
    quantity = _available(parameters, order, quote, slot, size)
    if order.time_in_force == "fok" and quantity < order.quantity:
        return None
    return _take(order, quantity, touch)


def on_slot(
    parameters: VenueParameters, order: VenueOrder, quote: Quote, slot: TimeText
) -> Take | None:
    """What a resting order gets in a later slot."""
    if not _is_tradable(quote, slot):
        return None
    touch, size = _opposite(order, quote)
    if order.limit_price is None:
        return _take(order, _available(parameters, order, quote, slot, size), touch)
    limit, last = Decimal(order.limit_price), Decimal(quote.last)
    traded_through = last < limit if order.side == "buy" else last > limit
    if _reaches(order, Decimal(touch)):
        quantity = _available(parameters, order, quote, slot, size)
    elif traded_through:
        quantity = _available(parameters, order, quote, slot, None)
    else:
        return None
    return _take(order, quantity, order.limit_price)


def _is_tradable(quote: Quote, slot: TimeText) -> bool:
    return quote.time == slot and Decimal(quote.bid) <= Decimal(quote.ask)


def _opposite(order: VenueOrder, quote: Quote) -> tuple[DecimalText, DecimalText]:
    """The touch the order would trade with, and the size displayed there."""
    if order.side == "buy":
        return quote.ask, quote.ask_size
    return quote.bid, quote.bid_size


def _reaches(order: VenueOrder, touch: Decimal) -> bool:
    limit = Decimal(order.limit_price or touch)
    return touch <= limit if order.side == "buy" else touch >= limit


def _available(
    parameters: VenueParameters,
    order: VenueOrder,
    quote: Quote,
    slot: TimeText,
    size: DecimalText | None,
) -> int:
    """Whole shares one fill may take; `size` None when nothing is displayed at the price."""
    quantity = int(CONTEXT.multiply(Decimal(quote.volume), parameters.volume_share))
    if size is not None:
        quantity = min(quantity, int(Decimal(size)))
    bits = venue_bits(parameters.seed, order.client_order_id, "part", slot)
    everything = bits.getrandbits(2) != 0
    part = between(bits, 100, 900)
    return quantity if everything else quantity * part // 1_000


def _take(order: VenueOrder, available: int, price: DecimalText) -> Take | None:
    quantity = min(order.leaves_quantity, available)
    if "partial_fill" in order.script and order.executions == 0 and order.time_in_force != "fok":
        quantity = min(quantity, max(1, order.quantity // 2))
    return Take(quantity, price) if quantity > 0 else None
