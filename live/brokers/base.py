"""What the runner asks of a broker, and what a broker asks of the runner's state.

Every answer is an observation; a broker decides nothing. Times are the runner's own: the simulated
venue lives in them, a real broker only stamps its answers with them.
"""

from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal
from typing import Protocol

from core.events import (
    AccountReported,
    CancelAnswered,
    Observation,
    OrderLookedUp,
    OrderSubmitFailed,
    OrderSubmitted,
    OrderSubmitUnknown,
    Quote,
    RateBudgetReported,
    Session,
    StreamWentDown,
)
from core.values import TimeText
from live.brokers.ticket import Ticket

SubmitAnswer = OrderSubmitted | OrderSubmitFailed | OrderSubmitUnknown


class Known(Protocol):
    """What the journal knows, for a broker to compare with what it has."""

    def open_client_order_ids(self) -> Iterable[str]:
        """The orders the journal holds open."""
        ...

    def knows_order(self, client_order_id: str) -> bool:
        """Whether the journal has this order."""
        ...

    def is_stranger(self, client_order_id: str) -> bool:
        """Whether the broker has another order under this id of ours."""
        ...

    def symbol_of(self, client_order_id: str) -> str:
        """The symbol of this order; "" of one that is not known."""
        ...

    def reported_status(self, client_order_id: str) -> str | None:
        """The broker's last word on the order's status, as it was said."""
        ...

    def has_execution(self, client_order_id: str, execution_id: str) -> bool:
        """Whether the journal has this execution."""
        ...

    def has_fill_to(self, client_order_id: str, cumulative: Decimal) -> bool:
        """Whether the execution that filled the order to `cumulative` was heard."""
        ...

    def filled(self, client_order_id: str) -> Decimal:
        """Shares of the order that are filled, whoever said so."""
        ...

    def executed(self, client_order_id: str) -> Decimal:
        """Shares of the order's executions that were heard."""
        ...

    def average_price(self, client_order_id: str) -> Decimal | None:
        """The average price of the order's filled shares; None while nothing is filled."""
        ...

    def awaited_successors(self) -> Iterable[tuple[str, str | None]]:
        """The orders replaced nobody knows by what, and what the broker called the successor."""
        ...

    def position(self, symbol: str) -> Decimal:
        """Signed shares the journal counts in `symbol`."""
        ...

    def held(self) -> Iterable[str]:
        """The symbols in which the journal counts a position."""
        ...

    @property
    def mismatched(self) -> Mapping[str, str]:
        """The symbols in which broker and journal are known to disagree, and what about."""
        ...

    def needs_reconcile_since(self) -> TimeText | None:
        """Orders that changed later than this are compared; None compares all."""
        ...


class Broker(Protocol):
    """A place orders go to. `settle_s`, `looks`, `resend`: its policy for unknown outcomes."""

    name: str
    settle_s: Decimal
    looks: int
    resend: bool

    def open_slot(
        self, slot: TimeText, quotes: Mapping[str, Quote], session: Session | None
    ) -> None:
        """The market is at `slot`; twice is once. Only a simulated venue acts on it."""
        ...

    def submit(self, ticket: Ticket, attempt: int, now: TimeText) -> SubmitAnswer:
        """One POST of the ticket, and its answer or the lack of one."""
        ...

    def cancel(self, client_order_id: str, attempt: int, now: TimeText) -> CancelAnswered:
        """One cancel request, and its answer."""
        ...

    def look_up(self, client_order_id: str, now: TimeText) -> OrderLookedUp:
        """What the broker has under this id."""
        ...

    def next_due(self, after: TimeText) -> TimeText | None:
        """When the broker has to be asked again, later than `after`; None: nothing is on its way.

        It can be hours ahead (the close at which day orders expire): bound it by the next slot.
        """
        ...

    def messages(self, after: TimeText, until: TimeText) -> list[Observation]:
        """The stream's messages with after < due <= until, in order of delivery.

        `after` is the last `until`, not the state's clock: a message can be due before an answer
        that was waited for.
        """
        ...

    def reconcile(self, known: Known, now: TimeText) -> list[Observation]:
        """What the broker has at `now` and the journal does not; nothing when all agrees."""
        ...

    def account(self, now: TimeText) -> AccountReported | None:
        """The account at `now`; None where the broker did not say, which `messages` tells of."""
        ...

    def rate_budget(self, now: TimeText) -> RateBudgetReported:
        """The calls left in the window of `now`."""
        ...

    def close(self) -> None:
        """Let go of connections and files."""
        ...


class RealBroker(Broker, Protocol):
    """A broker whose time passes by itself: its messages come when they come.

    `messages(after, now)` brings what has arrived, stamped later than `after`. `tag` begins the
    client order ids of the journal.
    """

    tag: str

    def identity(self) -> str:
        """The account's own id; `BadInputError` where the broker does not say it."""
        ...

    def start(self) -> None:
        """Begin to listen, or connect at once; returns at once, what comes of it is a message."""
        ...

    def probe(self, now: TimeText) -> AccountReported | StreamWentDown:
        """Whether refused keys hold again, by one read; the only call that leaves meanwhile."""
        ...

    def prepare(self, meanwhile: Callable[[], object] = ...) -> None:
        """Orders may be decided next: whatever they need and can be had before is made ready.

        It takes a moment at most, and it never fails: an order does without. `meanwhile` is done
        while others are waited for.
        """
        ...

    def write(self, ticket: Ticket) -> None:
        """An order was decided and is not committed yet: have its request written, and send none.

        It never fails, and `submit` does not rest on it. What is not submitted is forgotten.
        """
        ...

    def hold_permits(self, orders: int) -> None:
        """Take permits for up to `orders` orders; `rate_budget` tells how many there are."""
        ...

    def give_back_permits(self) -> None:
        """The permits that no order used are free again."""
        ...

    def wait(self, timeout_s: float) -> bool:
        """Until a message waits, at most `timeout_s`; whether one does."""
        ...

    @property
    def down(self) -> Mapping[str, str]:
        """What of the link to the broker is down, and why; empty while all is well."""
        ...

    @property
    def is_shut(self) -> bool:
        """Whether nothing leaves but a `probe`, and all there is to tell of why was told."""
        ...

    @property
    def reconcile_due(self) -> bool:
        """Whether the account is in doubt and can be compared."""
        ...
