"""How much of an order a quote fills, and at which price.

rules   those of core/sim/matching.py that need no slot, whole share or chance: on arrival a
        marketable order takes the opposite touch; a resting limit fills at its limit when the touch
        reaches it or the last trade went through it; at most the displayed size, once a quote;
        fill-or-kill takes everything or nothing; a crossed quote fills nothing
why     not that module itself: its shares are whole, its times are slots, and its parts are drawn
        by chance, where a drill has to be able to say what fills
"""

from decimal import Decimal

from live.venue.book import Order, Quote


def take(order: Order, quote: Quote, *, resting: bool) -> tuple[Decimal, Decimal] | None:
    """(quantity, price) of the fill this quote gives the order, None for none."""
    if not quote.is_tradable or order.stop_price is not None:
        return None
    buys = order.side == "buy"
    touch, size = (quote.ask, quote.ask_size) if buys else (quote.bid, quote.bid_size)
    limit = order.limit_price
    price = touch
    if limit is not None:
        reached = touch <= limit if buys else touch >= limit
        through = quote.last < limit if buys else quote.last > limit
        if not reached and not (resting and through):
            return None
        price = limit if resting else touch
    quantity = min(order.leaves, size)
    if order.time_in_force == "fok" and quantity < order.leaves:
        return None
    return (quantity, price) if quantity > 0 else None
