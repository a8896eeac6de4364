"""What a soak trades: something in most cycles, at the touch, far from it, or at the market."""

from core.strategy import OrderRequest


class Restless:
    """Buys where flat, sells what is held; now and then too much, or where nobody trades."""

    window = 1

    def decide(self, view):  # type: ignore[no-untyped-def]
        """One request for most symbols."""
        for symbol in view.symbols:
            draw = view.rng.random()
            if symbol not in view.quotes or draw < 0.25:
                continue
            quote, held = view.quotes[symbol], view.positions.get(symbol, 0)
            side = "sell" if held > 0 else "buy"
            quantity = abs(held) or (40 if draw < 0.9 else 4_000)
            if draw < 0.4:
                yield OrderRequest(symbol, side, quantity, order_type="market")
                continue
            away = 0 if draw < 0.75 else 1
            limit = quote.ask - away if side == "buy" else quote.bid + away
            yield OrderRequest(symbol, side, quantity, limit_price=limit)
