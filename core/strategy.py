"""What a strategy is: a class, built anew each cycle, that looks at a view and asks for orders.

    class Momentum:
        window = 20                                  # cycles of quotes the view holds; default 1

        def __init__(self, threshold: str = "0.5"):  # from [strategy.parameters]; may be left out
            self.threshold = Decimal(threshold)

        def decide(self, view: View) -> Iterable[OrderRequest]:
            for symbol in view.symbols:
                ...
                yield OrderRequest(symbol, "buy", 100, limit_price=view.quotes[symbol].ask)

At most one request a symbol. Its only memory is the view's window; its only randomness `view.rng`.
Whatever else it reads (clock, `random`, `hash()` of text, the order of a set) replay will find and
name the first decision that came out different.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from decimal import Decimal
from functools import lru_cache
from typing import Generic, Protocol, TypeVar

import msgspec

from core.events import Quote, SignalObserved
from core.events.lifecycle import Setting
from core.rng import Random
from core.values import CONTEXT, OrderType, Side, TimeInForce, TimeText

TWO = Decimal(2)
S = TypeVar("S")
T = TypeVar("T")


class OrderRequest(msgspec.Struct, frozen=True):
    """What a strategy asks for.

    The core rounds the quantity toward zero to the lot, and the limit to the passive tick. A limit
    order without a price is priced at the opposite touch. `expected_edge_bps` is what the strategy
    expects to gain, in basis points of the price; `risk.edge_required` holds it to the cost.
    """

    symbol: str
    side: Side | str
    quantity: Decimal | int | str | float
    order_type: OrderType | str = OrderType.LIMIT
    limit_price: Decimal | int | str | float | None = None
    time_in_force: TimeInForce | str = TimeInForce.DAY
    reason: str = ""
    expected_edge_bps: Decimal | int | str | float | None = None


class QuoteView:
    """A quote in numbers: bid, ask, their sizes, last, volume, mid; and its time."""

    __slots__ = ("_quote",)

    def __init__(self, quote: Quote) -> None:
        """Wrap a quote of the journal."""
        self._quote = quote

    @property
    def bid(self) -> Decimal:
        """Best bid, money a share."""
        return Decimal(self._quote.bid)

    @property
    def ask(self) -> Decimal:
        """Best ask, money a share."""
        return Decimal(self._quote.ask)

    @property
    def bid_size(self) -> Decimal:
        """Shares shown at the bid."""
        return Decimal(self._quote.bid_size)

    @property
    def ask_size(self) -> Decimal:
        """Shares shown at the ask."""
        return Decimal(self._quote.ask_size)

    @property
    def last(self) -> Decimal:
        """Last trade's price."""
        return Decimal(self._quote.last)

    @property
    def volume(self) -> Decimal:
        """Shares traded in the slot."""
        return Decimal(self._quote.volume)

    @property
    def mid(self) -> Decimal:
        """The middle of bid and ask."""
        return mid_of(self._quote)

    @property
    def time(self) -> TimeText:
        """When the quote was true."""
        return self._quote.time


class OpenIntentView(msgspec.Struct, frozen=True):
    """An order of ours that is not over."""

    client_order_id: str
    symbol: str
    side: Side
    quantity: Decimal
    leaves_quantity: Decimal
    limit_price: Decimal | None
    status: str
    slot: TimeText


class LazyMap(Mapping[str, T], Generic[S, T]):
    """A read-only map in sorted order whose values are made when they are looked at."""

    __slots__ = ("_items", "_make")

    def __init__(self, items: Mapping[str, S], make: Callable[[S], T]) -> None:
        """`make` turns a stored value into what the strategy sees."""
        self._items = items
        self._make = make

    def __getitem__(self, key: str) -> T:
        """The value at `key`, made anew."""
        return self._make(self._items[key])

    def __iter__(self) -> Iterator[str]:
        """The keys, sorted."""
        return iter(sorted(self._items))

    def __len__(self) -> int:
        """How many keys."""
        return len(self._items)


class View(msgspec.Struct, frozen=True, kw_only=True):
    """All a strategy sees in a cycle.

    time        the cycle's slot            cycle       its number, from 1
    symbols     configured, sorted          quotes      symbol -> latest `QuoteView`
    window      symbol -> tuple of `QuoteView`, oldest first, at most `window` of them
    signals     symbol -> latest `SignalObserved` (value is decimal text)
    positions   symbol -> signed shares, symbols held only
    open_intents  orders not over, by id    cash        money the broker reported
    parameters  [strategy.parameters]       rng         seeded by journal seed, strategy and slot
    """

    time: TimeText
    cycle: int
    symbols: tuple[str, ...]
    quotes: Mapping[str, QuoteView]
    window: Mapping[str, tuple[QuoteView, ...]]
    signals: Mapping[str, SignalObserved]
    positions: Mapping[str, Decimal]
    open_intents: tuple[OpenIntentView, ...]
    cash: Decimal
    parameters: Mapping[str, Setting]
    rng: Random


class Strategy(Protocol):
    """The protocol: nothing to inherit from."""

    def decide(self, view: View) -> Iterable[OrderRequest] | None:
        """The orders wanted in this cycle."""


def mid_of(quote: Quote) -> Decimal:
    """The middle of bid and ask of a journaled quote."""
    return _middle(quote.bid, quote.ask)


@lru_cache(maxsize=1 << 16)
def _middle(bid: str, ask: str) -> Decimal:
    """Kept because a window shows each quote to the strategy many times."""
    return CONTEXT.divide(CONTEXT.add(Decimal(bid), Decimal(ask)), TWO)
