"""Alpaca as a broker: REST for what is asked, the stream for what happens, nothing decided here.

shape   the `Broker` protocol in real time. `start` connects the stream; `messages(after, until)`
        takes what arrived, stamped with when it did, and `wait` sleeps until something is there
rules   Three names in `StreamWentUp`/`Down` tell whether the account can be believed:
          "trade_updates"  the socket is authenticated and listening
          "account"        all was compared since it last was in doubt
          "trading"        the account can be read, and may trade
        All are down when a runner starts. "account" goes down with every connection made or lost,
        every message nobody can read and a failed list; it goes up as the last observation of a
        `reconcile` that came whole, never otherwise. "trading" follows `account`, by the next
        `messages`. While one is down no opening order may go out, and its `why` is the reason.
        `reconcile_due` says that it should be called now, and not only before a cycle.
        An answer that refuses the keys shuts the barrier and is told as "trading" being down;
        from then on nothing leaves but `probe`, which the core's timer allows.
identity  nothing the stream says of an order of ours counts before its parameters were compared:
        by the answer to its POST, by REST, or by the message itself, which carries the whole order.
        A message without them is journaled as one that cannot be read, and the account is compared
policy  an unknown outcome is looked up and held: absent only after `settle_s` and `looks` looks,
        and never sent again (Alpaca's own advice, FAULTS.md 0.6)
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from decimal import Decimal

from core.events import (
    AccountReported,
    CancelAnswered,
    FillBusted,
    FillCorrected,
    FillReported,
    Observation,
    OrderLookedUp,
    OrderReported,
    OrderSubmitted,
    Quote,
    RateBudgetReported,
    ReplaceAnswered,
    Session,
    StreamWentDown,
    StreamWentUp,
)
from core.values import DecimalText, TimeText, later_by
from live.brokers.alpaca import listing
from live.brokers.alpaca.answer import Answer, NoAnswer
from live.brokers.alpaca.barrier import Refused
from live.brokers.alpaca.client import AlpacaClient
from live.brokers.alpaca.errors import read_error
from live.brokers.alpaca.identity import account_id
from live.brokers.alpaca.inbox import Inbox
from live.brokers.alpaca.listing import Failed
from live.brokers.alpaca.orders import Orders
from live.brokers.alpaca.reading import Unreadable, read_object, text
from live.brokers.alpaca.reconcile import compare
from live.brokers.alpaca.records import AccountRecord, read_account
from live.brokers.alpaca.settings import AlpacaSettings
from live.brokers.alpaca.stream import ACCOUNT, TRADE_UPDATES, TradeStream
from live.brokers.base import Known, SubmitAnswer
from live.brokers.ticket import Ticket
from live.rate.budget import RateBudget
from live.rate.window import LIMITED
from live.secrets import Secrets

TRADING = "trading"
_OF_ORDERS = (OrderLookedUp, OrderReported, FillReported, FillBusted, FillCorrected)


class AlpacaBroker:
    """One account at Alpaca behind the `Broker` protocol."""

    name = "alpaca"
    settle_s = Decimal(300)
    looks = 5
    resend = False

    def __init__(
        self,
        settings: AlpacaSettings,
        secrets: Secrets,
        clock: Callable[[], TimeText],
        tag: str = "",
        budgets: tuple[RateBudget, RateBudget] | None = None,
    ) -> None:
        """`clock` is the runner's: read from two threads, it never runs backwards.

        `tag` begins the client order ids of this journal ("rf-0123abcd-"). `budgets`: the
        account's, of trading and of market data; without, this process counts for itself.
        """
        self._settings = settings
        self.tag = tag
        self._client = AlpacaClient(settings, secrets, clock, budgets)
        self._client.on_limited = lambda _: self._inbox.put(self.rate_budget(clock()))
        self._orders = Orders(self._client)
        self._inbox = Inbox(settings.inbox_messages, clock)
        self._stream = TradeStream(
            settings, secrets, self._inbox, self._client.raw, self._client.budget
        )
        self._stream.on_limited = self._client.on_limited
        self._down: dict[str, str] = {}
        self._cancels: dict[str, int] = {}
        self._started = False
        self._answered: Answer | NoAnswer | None = None
        self._missing_since: dict[str, TimeText] = {}
        self._compared: set[str] = set()
        self._strangers: set[str] = set()
        self.confirm: Callable[[str], None] = lambda _: None

    def __repr__(self) -> str:
        return "AlpacaBroker(not shown)"

    def identity(self) -> str:
        """The account's own id; `BadInputError` where Alpaca does not say it."""
        return account_id(self._client)

    @property
    def client(self) -> AlpacaClient:
        """The connection, for whoever else asks this account's endpoints within its budget."""
        return self._client

    def start(self) -> None:
        """Connect the stream; what it says waits for `messages`. Again: connect it at once."""
        if self._started:
            self._stream.try_again()
            return
        self._started = self._client.barrier.driven = True
        why = "not read yet"
        self._inbox.put(*self._went_down(TRADING, why, self._client.clock()))
        self._stream.start()

    def wait(self, timeout_s: float) -> bool:
        """Wait until a message is there, at most `timeout_s`; whether one is."""
        return self._inbox.wait(timeout_s)

    @property
    def down(self) -> Mapping[str, str]:
        """What is down and why, as far as it was told: empty when openings may go out."""
        return self._down

    @property
    def is_shut(self) -> bool:
        """Whether the keys were refused, and `messages` has told so."""
        return self._client.barrier.is_shut and self._client.barrier.is_told

    @property
    def reconcile_due(self) -> bool:
        """Whether the account is in doubt and can be compared."""
        return ACCOUNT in self._down

    def open_slot(
        self, slot: TimeText, quotes: Mapping[str, Quote], session: Session | None
    ) -> None:
        """Nothing: the market is not ours to open."""

    def prepare(self, meanwhile: Callable[[], object] = lambda: None) -> None:
        """Connections for the orders of the cycle that is decided next."""
        self._client.prepare(meanwhile)

    def write(self, ticket: Ticket) -> None:
        """The order's request, up to its first byte."""
        self._orders.write(ticket)

    def submit(self, ticket: Ticket, attempt: int, now: TimeText) -> SubmitAnswer:
        """One POST of the ticket, and its answer or the lack of one."""
        answer = self._orders.submit(ticket, attempt, now)
        if isinstance(answer, OrderSubmitted):
            self._compared.add(ticket.client_order_id)
        return answer

    def cancel(self, client_order_id: str, attempt: int, now: TimeText) -> CancelAnswered:
        """One cancel request, and its answer."""
        self._cancels[client_order_id] = attempt
        return self._orders.cancel(client_order_id, attempt, now)

    @contextmanager
    def reserved(self) -> Iterator[None]:
        """Calls that a halt rests on: they may use what the rate budget keeps back."""
        with self.client.reserved():
            yield

    def learn(self, client_order_id: str, venue_order_id: str) -> None:
        """Alpaca's id of an order, which a cancel needs: one request less."""
        self._orders.learn(client_order_id, venue_order_id)

    def replace(
        self,
        client_order_id: str,
        successor: str,
        quantity: DecimalText,
        limit_price: DecimalText | None,
        *,
        attempt: int,
        now: TimeText,
    ) -> ReplaceAnswered:
        """One replace request, and its answer."""
        return self._orders.replace(
            client_order_id, successor, quantity, limit_price, attempt=attempt, now=now
        )

    def look_up(self, client_order_id: str, now: TimeText) -> OrderLookedUp:
        """What Alpaca has under this id."""
        looked = self._orders.look_up(client_order_id, now)
        if looked.found:
            self._compared.add(client_order_id)
        return looked

    def next_due(self, after: TimeText) -> TimeText | None:
        """When the oldest message that waits is due; None: nothing has arrived."""
        return self._inbox.next_due(after)

    def messages(self, after: TimeText, until: TimeText) -> list[Observation]:
        """What arrived up to `until` and was not taken yet, in order of arrival."""
        found: list[Observation] = [self._refused(one) for one in self._client.barrier.news()]
        for message in self._inbox.take(after, until):
            heard = self._identified(self._orders.linked(message))
            if heard is None:
                continue
            found.append(heard)
            self._remember(heard)
            refused = self._cancel_refused(heard)
            if refused is not None:
                found.append(refused)
        return found

    def reconcile(self, known: Known, now: TimeText) -> list[Observation]:
        """What Alpaca has and the journal does not; last, whether the account agrees again."""
        compared = compare(
            self._client, self.tag, known, now, self._missing_since, strangers=self._strangers
        )
        for order in compared.orders:
            self._orders.learn(order.client_order_id, order.venue_order_id)
            if known.knows_order(order.client_order_id):
                self._compared.add(order.client_order_id)
        self._doubt_a_silent_stream(compared.news_since)
        found = compared.observations
        at = max(now, self._client.clock())
        if compared.failed is not None:
            found += self._went_down(ACCOUNT, f"not compared: {compared.failed}", at)
        elif ACCOUNT in self._down:
            del self._down[ACCOUNT]
            found.append(StreamWentUp(observed_at=at, stream=ACCOUNT))
        return found

    def account(self, now: TimeText) -> AccountReported | None:
        """The account at `now`; None where Alpaca did not say. `messages` tells of "trading"."""
        answer = self._client.get("/account")
        held = listing.positions(self._client)
        self._answered = answer
        at = max(now, self._client.clock())
        account: AccountRecord | Unreadable
        if isinstance(answer, NoAnswer):
            account = Unreadable(answer.kind)
        elif answer.status != 200:
            account = Unreadable(f"HTTP {answer.status}")
        else:
            account = read_account(read_object(answer.body))
        if isinstance(account, Unreadable) or isinstance(held, Failed):
            failed = account if isinstance(account, Unreadable) else held
            why = failed.why if isinstance(failed, Unreadable | Failed) else ""
            self._inbox.put(*self._went_down(TRADING, f"account: {why}", at))
            return None
        if account.blocked is not None:
            self._inbox.put(*self._went_down(TRADING, account.blocked, at))
        elif TRADING in self._down:
            self._inbox.put(StreamWentUp(observed_at=at, stream=TRADING))
        return AccountReported(
            observed_at=at,
            cash=account.cash,
            equity=account.equity,
            buying_power=account.buying_power,
            positions={symbol: held[symbol] for symbol in sorted(held) if held[symbol] != "0"},
            blocked=account.blocked,
        )

    def probe(self, now: TimeText) -> AccountReported | StreamWentDown:
        """Whether the keys hold again: one read of the account, and what came of it.

        `confirm` is asked first whether the account is the journal's.
        """
        with self._client.barrier.trying():
            account = self.account(now)
        answer = self._answered
        status = None if answer is None else answer.status
        whole = answer if isinstance(answer, Answer) else None
        if account is not None and whole is not None:
            found = read_object(whole.body)
            named = text(found.get("id")) if isinstance(found, dict) else None
            self.confirm(named or "")
            return account
        return StreamWentDown(
            observed_at=max(now, self._client.clock()),
            stream=TRADING,
            why=self._down.get(TRADING, "account: not read"),
            status_code=status,
            error_code=None if whole is None else read_error(whole.body).code,
        )

    def shut(self) -> None:
        """Ask nothing until a `probe`: the journal says that the keys are refused."""
        self._client.barrier.driven = True
        self._client.barrier.shut()

    def hold_permits(self, orders: int) -> None:
        """Take the permits of the orders that may be decided next, as far as there are any."""
        self._client.hold(orders)

    def give_back_permits(self) -> None:
        """What no order used is free again, for whoever shares the account."""
        self._client.give_back()

    def rate_budget(self, now: TimeText) -> RateBudgetReported:
        """What the account has left, by its processes' count and Alpaca's, and what is held here.

        `remaining` counts what is held as left; it is 0 while a wait or a seal holds all back.
        """
        left, held = self._client.budget.left(), self._client.held
        at = max(now, self._client.clock())
        resets_at = later_by(at, Decimal(f"{left.wait_s:.6f}"))
        return RateBudgetReported(
            observed_at=at, limit=left.limit,
            remaining=0 if left.why else left.left + (held or 0), resets_at=resets_at,
            retry_at=resets_at if left.why == LIMITED else None, permits=held,
            broker_limit=left.told_limit, broker_remaining=left.told_left, why=left.why or None,
        )  # fmt: skip

    def close(self) -> None:
        """End the stream, and the connections that were ready."""
        self._stream.close()
        self._client.give_back()
        self._client.close()

    def _refused(self, refused: Refused) -> StreamWentDown:
        """The answer that shut the barrier, for the core."""
        self._down[TRADING] = refused.why
        return StreamWentDown(
            observed_at=refused.at,
            stream=TRADING,
            why=refused.why,
            status_code=refused.status,
            error_code=refused.code,
        )

    def _identified(self, heard: Observation) -> Observation | None:
        """The message, as far as it may count; None of a comparison that was made before."""
        if isinstance(heard, OrderLookedUp) and heard.predecessor is not None:
            told_before = heard.client_order_id in self._compared
            self._compared.add(heard.client_order_id)
            return None if told_before else heard
        if not isinstance(heard, _OF_ORDERS) or not heard.client_order_id.startswith(self.tag):
            return None if isinstance(heard, OrderLookedUp) else heard
        order_id = heard.client_order_id
        known = order_id in self._compared
        if isinstance(heard, OrderLookedUp):
            self._compared.add(order_id)
            return None if known else heard
        if known:
            return heard
        why = f"unreadable on trade_updates: order {order_id} without the parameters to compare"
        return StreamWentDown(observed_at=heard.observed_at, stream=ACCOUNT, why=why, raw=heard.raw)

    def _remember(self, heard: Observation) -> None:
        """What a message changes here: Alpaca's id of an order, and what is down."""
        match heard:
            case OrderReported():
                self._orders.learn(heard.client_order_id, heard.venue_order_id)
            case StreamWentDown():
                self._down[heard.stream] = heard.why
            case StreamWentUp():
                self._down.pop(heard.stream, None)
            case _:
                pass

    def _cancel_refused(self, heard: Observation) -> CancelAnswered | None:
        """A cancel this process sent that Alpaca first took and then refused."""
        if not isinstance(heard, OrderReported) or heard.why is None:
            return None
        attempt = self._cancels.get(heard.client_order_id)
        if attempt is None or not heard.why.startswith("order_cancel_rejected"):
            return None
        return CancelAnswered(
            observed_at=heard.observed_at,
            client_order_id=heard.client_order_id,
            attempt=attempt,
            outcome="refused",
        )

    def _went_down(self, what: str, why: str, at: TimeText) -> list[StreamWentDown]:
        """It is down; told once for each why."""
        if self._down.get(what) == why:
            return []
        self._down[what] = why
        return [StreamWentDown(observed_at=at, stream=what, why=why)]

    def _doubt_a_silent_stream(self, news_since: TimeText | None) -> None:
        """REST knew of something long ago that the stream, which says it is up, never told."""
        if news_since is None or TRADE_UPDATES in self._down or len(self._inbox):
            return
        if later_by(news_since, Decimal(str(self._settings.stale_s))) < self._client.clock():
            self._stream.reconnect(f"silent: REST told of what happened at {news_since}")
