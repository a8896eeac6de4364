"""What every market feed is: slots of quotes, strictly forward in time, from any point on."""

from collections.abc import Iterator, Mapping
from typing import NamedTuple, Protocol, runtime_checkable

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
class LiveFeed(Feed, Protocol):
    """A market of today: a slot comes when its time comes, and is asked for then."""

    def upcoming(self, after: TimeText | None, now: TimeText) -> TimeText | None:
        """The next slot later than `after` and not before `now`; None: no session is known.

        Slots that were missed while nobody looked are not made up for.
        """
        ...

    def observed(self, slot: TimeText) -> MarketSlot:
        """The quotes at `slot`, asked for now; symbols without one are left out."""
        ...
