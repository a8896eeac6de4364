"""A moving-average crossover: long while the fast average is above the slow one, else flat."""

from collections.abc import Iterable
from decimal import Decimal

from core.strategy import OrderRequest, QuoteView, View


class Crossover:
    """Buy `quantity` when the fast average of mids rises above the slow one; sell it when it falls.

    Averages are over `fast` and `slow` cycles; it waits for `slow` of them. Orders are day limits
    at the opposite touch, so they usually fill at once, and never through their limit; with
    `passive` they rest at the near touch and wait to be taken.
    """

    window = 20

    def __init__(
        self, fast: int = 5, slow: int = 20, quantity: int = 100, *, passive: bool = False
    ) -> None:
        """Lengths in cycles, quantity in shares."""
        if not 0 < fast < slow <= self.window:
            message = f"crossover: expected 0 < fast < slow <= {self.window}, found {fast}, {slow}"
            raise ValueError(message)
        self.fast = fast
        self.slow = slow
        self.quantity = Decimal(quantity)
        self.passive = passive

    def decide(self, view: View) -> Iterable[OrderRequest]:
        """One request for each symbol whose averages and position disagree."""
        working = {intent.symbol for intent in view.open_intents}
        for symbol in view.symbols:
            quotes = view.window.get(symbol, ())
            if len(quotes) < self.slow or symbol in working:
                continue
            rising = average(quotes[-self.fast :]) > average(quotes[-self.slow :])
            held = view.positions.get(symbol, Decimal(0))
            if rising and held <= 0:
                quantity = -held if held else self.quantity
                price = quotes[-1].bid if self.passive else quotes[-1].ask
                yield OrderRequest(
                    symbol, "buy", quantity, limit_price=price, reason="fast above slow"
                )
            elif not rising and held > 0:
                price = quotes[-1].ask if self.passive else quotes[-1].bid
                yield OrderRequest(
                    symbol, "sell", held, limit_price=price, reason="fast below slow"
                )


def average(quotes: tuple[QuoteView, ...]) -> Decimal:
    """The mean of the mids."""
    return sum((quote.mid for quote in quotes), Decimal(0)) / len(quotes)
