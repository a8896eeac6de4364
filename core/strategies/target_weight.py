"""A target-weight rebalancer: hold each symbol at its share of the equity."""

from collections.abc import Iterable
from decimal import Decimal

from core.strategy import OrderRequest, View


class TargetWeight:
    """Every `every` cycles, trade each symbol back to its weight if it is off by `band` of equity.

    `weight` is the share of equity in each symbol, or "equal" for `gross` split evenly. Orders are
    passive day limits at the near touch; sells come first in size, so cash is there for buys.
    """

    window = 1

    def __init__(
        self, weight: str = "equal", gross: str = "0.9", band: str = "0.02", every: int = 15
    ) -> None:
        """Weights, gross and band as decimal text, shares of equity."""
        self.weight = None if weight == "equal" else Decimal(weight)
        self.gross = Decimal(gross)
        self.band = Decimal(band)
        self.every = every

    def decide(self, view: View) -> Iterable[OrderRequest]:
        """Requests for the symbols outside their band."""
        quotes = {symbol: view.quotes[symbol] for symbol in view.symbols if symbol in view.quotes}
        if (view.cycle - 1) % self.every or not quotes:
            return
        held = {symbol: view.positions.get(symbol, Decimal(0)) for symbol in quotes}
        equity = view.cash + sum((held[s] * quotes[s].mid for s in sorted(quotes)), Decimal(0))
        weight = self.gross / len(quotes) if self.weight is None else self.weight
        for symbol in sorted(quotes):
            quote = quotes[symbol]
            gap = equity * weight - held[symbol] * quote.mid
            if abs(gap) < equity * self.band:
                continue
            side, price = ("buy", quote.bid) if gap > 0 else ("sell", quote.ask)
            quantity = abs(gap) / quote.mid
            if side == "sell":
                quantity = min(quantity, max(held[symbol], Decimal(0)))
            if quantity >= 1:
                yield OrderRequest(symbol, side, quantity, limit_price=price, reason="rebalance")
