"""What every market feed is: slots of quotes, strictly forward in time, from any point on."""

from collections.abc import Iterator, Mapping
from typing import NamedTuple, Protocol, runtime_checkable

from core.events import Observation
from core.events.lifecycle import Session
from core.events.market import Quote
from core.values import TimeText


class MarketSlot(NamedTuple):
    """One slot of the market: its time, and the rows of exactly this time by symbol."""

    time: TimeText
    quotes: Mapping[str, Quote]


class Feed(Protocol):
    """A source of quotes.

    `name` goes into `QuotesObserved.feed`; `symbols` are all it can quote, sorted; `data_hash`
    names the data (sha256, hex); `paced` is true where the market itself sets the pace.
    """

    @property
    def name(self) -> str:
        """The feed's name in events: "sim" or "csv"."""
        ...

    @property
    def symbols(self) -> tuple[str, ...]:
        """Everything the feed can quote, sorted."""
        ...

    @property
    def data_hash(self) -> str:
        """sha256 of the data, hex: the same data has the same hash wherever it lies."""
        ...

    @property
    def paced(self) -> bool:
        """Whether the market itself sets the pace."""
        ...

    def calendar(self) -> tuple[str, tuple[Session, ...]]:
        """The source of the sessions, and the sessions in order."""
        ...

    def slots(self, after: TimeText | None) -> Iterator[MarketSlot]:
        """The slots later than `after` (all, if None), strictly forward."""
        ...


@runtime_checkable
class PacedFeed(Feed, Protocol):
    """A market of today: `slots` waits for each, and what happened to it meanwhile is news."""

    def news(self) -> list[Observation]:
        """What went down or up and which sessions are new, since this was asked for last."""
        ...
