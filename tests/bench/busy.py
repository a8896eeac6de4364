"""The strategy of the benchmarks: each cycle an order in every symbol that has none."""

from collections.abc import Iterable
from decimal import Decimal

from core.strategy import OrderRequest, View


class Busy:
    """Buys `quantity` where nothing is held and sells it again, at the opposite touch."""

    def __init__(self, quantity: int = 10) -> None:
        """Quantity in shares."""
        self.quantity = Decimal(quantity)

    def decide(self, view: View) -> Iterable[OrderRequest]:
        """One request for each symbol without an open intent."""
        working = {intent.symbol for intent in view.open_intents}
        for symbol in view.symbols:
            if symbol in working or symbol not in view.quotes:
                continue
            quote, held = view.quotes[symbol], view.positions.get(symbol, Decimal(0))
            if held > 0:
                yield OrderRequest(symbol, "sell", held, limit_price=quote.bid)
            else:
                quantity = self.quantity - held
                yield OrderRequest(symbol, "buy", quantity, limit_price=quote.ask)
