"""The simulated venue with its file: every input is one transaction, committed before the answer.

dies    kill -9 anywhere: an input is wholly in the file or not at all, and the same input again
        goes on from there. A slot is opened once; an order id is accepted once, and a refused one
        stays refused, so a second POST after a crash cannot end differently from the first
cost    opening reads the state: open orders, quotes, positions; never the history
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from decimal import Decimal
from enum import Enum
from pathlib import Path
from typing import NamedTuple

import msgspec

from core.events import Quote, Session
from core.sim import venue
from core.sim.chance import happens, venue_bits
from core.sim.stream import deliveries
from core.sim.types import (
    OrderEvent,
    Refusal,
    Step,
    VenueOrder,
    VenueParameters,
    VenueRequest,
    VenueState,
)
from core.values import TimeText, decimal_text, micros
from live.brokers import venue_schema

_ENCODER = msgspec.json.Encoder()
_ORDER = msgspec.json.Decoder(VenueOrder)
_EVENT = msgspec.json.Decoder(OrderEvent)
_QUOTE = msgspec.json.Decoder(Quote)
_SESSION = msgspec.json.Decoder(Session)
_REFUSAL = msgspec.json.Decoder(Refusal)
_MINUTE = 60_000_000


class Post(Enum):
    """What can become of a POST beside an order or a refusal."""

    LOST = "lost"
    """No answer comes: the request or the answer got lost."""
    DUPLICATE = "duplicate"
    """The venue has an order under this id."""
    RATE_LIMITED = "rate_limited"
    """Too many new orders in this minute."""


Answer = VenueOrder | Refusal | Post


class Message(NamedTuple):
    """One delivery of the stream: when, of which order, what."""

    due: TimeText
    order: VenueOrder
    event: OrderEvent


class VenueFile:
    """The venue: inputs change it durably, questions are answered from the file."""

    def __init__(self, path: Path | None, parameters: VenueParameters, journal_id: str) -> None:
        """Open the file, or make it; None keeps it in memory. Refuses another run's file."""
        self.place = "in memory" if path is None else str(path)
        self.parameters = parameters
        self.database = venue_schema.connect(
            path,
            seed=parameters.seed,
            journal_id=journal_id,
            cash=decimal_text(parameters.cash),
        )
        self.state = self._loaded()
        self._version = self._one("PRAGMA data_version")

    def close(self) -> None:
        """Close the file."""
        self.database.close()

    def open_slot(
        self, slot: TimeText, quotes: Mapping[str, Quote], session: Session | None
    ) -> None:
        """The market is at `slot`; a slot that was opened before changes nothing."""
        if self.state.slot is not None and slot <= self.state.slot:
            return
        with self._input():
            # another runner may have been here: what we knew before the lock is no answer
            if self.state.slot is not None and slot <= self.state.slot:
                return
            step = venue.open_slot(self.parameters, self.state, slot, dict(quotes), session)
            self._save(step, slot)
            self.database.executemany(
                "INSERT OR REPLACE INTO quotes VALUES (?, ?)",
                [(symbol, _text(quote)) for symbol, quote in quotes.items()],
            )
            self.database.execute(
                "UPDATE meta SET slot = ?, session = ?",
                (slot, None if session is None else _text(session)),
            )

    def submit(self, request: VenueRequest, now: TimeText) -> Answer:
        """One POST: counted, then answered, unless a fault loses it."""
        with self._input():
            self._pass(now)
            posts, ordinal, symbol_ordinal, counted, refused = self._posted(request)
            script = self._script(request.symbol, ordinal, symbol_ordinal)
            fault = self._post_fault(request.client_order_id, posts, script)
            if fault == "lost_request":
                return Post.LOST
            if fault == "rate_limited":
                return Post.RATE_LIMITED
            answer = self._answered(request, script, now, counted=counted, refused=refused)
        return Post.LOST if fault == "lost_answer" else answer

    def cancel(self, client_order_id: str, now: TimeText) -> bool | None:
        """Whether the order was open and is canceled now; None when there is no such order."""
        with self._input():
            self._pass(now)
            step = venue.cancel(self.parameters, self.state, client_order_id, now)
            if step is not None:
                self._save(step, now)
                return True
        return None if self.order(client_order_id) is None else False

    def pass_time(self, until: TimeText) -> None:
        """Let day orders expire whose session closed by `until`."""
        if any(o.expires_at is not None and o.expires_at <= until
               for o in self.state.orders.values()):  # fmt: skip
            with self._input():
                self._pass(until)

    def next_due(self, after: TimeText) -> TimeText | None:
        """When a message is due, or a close is at which day orders expire, later than `after`."""
        self.pass_time(after)
        found = self._one("SELECT min(due) FROM messages WHERE due > ?", after)
        closes = {o.expires_at for o in self.state.orders.values() if o.expires_at is not None}
        dues = closes if found is None else {*closes, TimeText(str(found))}
        return min(dues, default=None)

    def messages(self, after: TimeText, until: TimeText) -> list[Message]:
        """The deliveries with after < due <= until, in order."""
        self.pass_time(until)
        rows = self.database.execute(
            "SELECT m.due, o.ticket, e.event FROM messages m JOIN events e USING"
            " (client_order_id, n) JOIN orders o USING (client_order_id)"
            " WHERE m.due > ? AND m.due <= ? ORDER BY m.due, m.client_order_id, m.n, m.copy",
            (after, until),
        )
        return [
            Message(TimeText(due), _ORDER.decode(ticket), _EVENT.decode(event))
            for due, ticket, event in rows
        ]

    def order(self, client_order_id: str) -> VenueOrder | None:
        """The order as it stands, or None."""
        ticket = self._one("SELECT ticket FROM orders WHERE client_order_id = ?", client_order_id)
        return None if ticket is None else _ORDER.decode(str(ticket))

    def events(self, client_order_id: str, until: TimeText) -> list[OrderEvent]:
        """The order's events up to `until`: what anyone can see of it then."""
        rows = self.database.execute(
            "SELECT event FROM events WHERE client_order_id = ? AND event_time <= ? ORDER BY n",
            (client_order_id, until),
        )
        return [_EVENT.decode(event) for (event,) in rows]

    def changed_since(self, since: TimeText | None, until: TimeText) -> list[str]:
        """The ids of orders with an event later than `since`, and of all that are open."""
        rows = self.database.execute(
            "SELECT client_order_id FROM events WHERE event_time > ? AND event_time <= ?"
            " UNION SELECT client_order_id FROM orders WHERE is_open ORDER BY 1",
            (since or "", until),
        )
        return [client_order_id for (client_order_id,) in rows]

    def holdings(self, now: TimeText) -> tuple[Decimal, dict[str, int]]:
        """Cash and positions at `now`: executions of a later time have not happened yet."""
        cash, positions = self.state.cash, dict(self.state.positions)
        rows = self.database.execute(
            "SELECT symbol, side, quantity, price FROM executions WHERE event_time > ?", (now,)
        )
        for symbol, side, quantity, price in rows:
            signed = quantity if side == "buy" else -quantity
            cash += signed * Decimal(price)
            positions[symbol] = positions.get(symbol, 0) - signed
        return cash, {symbol: quantity for symbol, quantity in positions.items() if quantity}

    def new_orders(self, minute: int) -> int:
        """How many orders the venue saw for the first time in this minute of its slots."""
        return int(str(self._one("SELECT count(*) FROM posts WHERE minute = ?", minute)))

    def _answered(
        self,
        request: VenueRequest,
        script: tuple[str, ...],
        now: TimeText,
        *,
        counted: bool,
        refused: Refusal | None,
    ) -> Answer:
        """What the venue says to a POST that arrived."""
        if self.order(request.client_order_id) is not None:
            return Post.DUPLICATE
        if refused is not None:
            return refused
        if not counted:
            minute = micros(self.state.slot or now) // _MINUTE
            if self.new_orders(minute) >= self.parameters.requests_per_minute:
                return Post.RATE_LIMITED
            self.database.execute(
                "UPDATE posts SET minute = ? WHERE client_order_id = ?",
                (minute, request.client_order_id),
            )
        result = venue.submit(self.parameters, self.state, request, script)
        if isinstance(result, Refusal):
            self.database.execute(
                "UPDATE posts SET refusal = ? WHERE client_order_id = ?",
                (_text(result), request.client_order_id),
            )
            return result
        self._save(result, now)
        return result.orders[-1]

    def _posted(self, request: VenueRequest) -> tuple[int, int, int, bool, Refusal | None]:
        """(posts, ordinal, symbol ordinal, counted?, refusal) of the id, this POST included."""
        self.database.execute(
            "INSERT INTO posts SELECT ?1, 0, ?2, 1 + coalesce(max(ordinal), 0), 1 + coalesce("
            "(SELECT max(symbol_ordinal) FROM posts WHERE symbol = ?2), 0), NULL, NULL"
            " FROM posts WHERE true ON CONFLICT DO NOTHING",
            (request.client_order_id, request.symbol),
        )
        row = self.database.execute(
            "UPDATE posts SET posts = posts + 1 WHERE client_order_id = ?"
            " RETURNING posts, ordinal, symbol_ordinal, minute, refusal",
            (request.client_order_id,),
        ).fetchall()[0]
        # SQLite 3.40 returns 1 for `minute IS NOT NULL` of a NULL here, so Python compares
        return row[0], row[1], row[2], row[3] is not None, row[4] and _REFUSAL.decode(row[4])

    def _script(self, symbol: str, ordinal: int, symbol_ordinal: int) -> tuple[str, ...]:
        """The faults the script asks for this order."""
        keys = (f"#{ordinal}", f"{symbol}#{symbol_ordinal}", f"{symbol}@{self.state.slot}")
        script = self.parameters.script
        return tuple(script[key] for key in keys if key in script)

    def _post_fault(self, client_order_id: str, posts: int, script: tuple[str, ...]) -> str | None:
        """What happens to the POST itself; a script touches the first one only."""
        if posts == 1 and "rate_limited" in script:
            return "rate_limited"
        rates = self.parameters.rates
        bits = venue_bits(self.parameters.seed, client_order_id, "post", posts)
        for fault, rate in (
            ("lost_request", rates.lost_request_rate),
            ("lost_answer", rates.lost_answer_rate),
        ):
            if happens(bits, rate) or (posts == 1 and fault in script):
                return fault
        return None

    def _pass(self, until: TimeText) -> None:
        step = venue.pass_time(self.parameters, self.state, until)
        if step.events:
            self._save(step, TimeText(""))

    def _save(self, step: Step, now: TimeText) -> None:
        """Write what a step changed; `now` is when its messages can leave at the earliest."""
        before, self.state = self.state, step.state
        orders = {order.client_order_id: order for order in step.orders}
        self.database.executemany(
            "INSERT INTO orders VALUES (?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT DO UPDATE SET"
            " status = ?3, is_open = ?4, ticket = ?6",
            [
                (o.client_order_id, o.venue_order_id, o.status,
                 o.client_order_id in self.state.orders, o.slot, _text(o))
                for o in orders.values()
            ],
        )  # fmt: skip
        for event in step.events:
            self._save_event(event, orders[event.client_order_id].script, now)
        if self.state.cash != before.cash:
            self.database.execute("UPDATE meta SET cash = ?", (decimal_text(self.state.cash),))
        for symbol in before.positions.keys() | self.state.positions.keys():
            quantity = self.state.positions.get(symbol, 0)
            if quantity == 0:
                self.database.execute("DELETE FROM positions WHERE symbol = ?", (symbol,))
            elif quantity != before.positions.get(symbol, 0):
                self.database.execute(
                    "INSERT OR REPLACE INTO positions VALUES (?, ?)", (symbol, quantity)
                )

    def _save_event(self, event: OrderEvent, script: tuple[str, ...], now: TimeText) -> None:
        self.database.execute(
            "INSERT INTO events VALUES (?, ?, ?, ?)",
            (event.client_order_id, event.n, event.event_time, _text(event)),
        )
        if event.execution is not None:
            self.database.execute(
                "INSERT INTO executions VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                msgspec.structs.astuple(event.execution),
            )
        self.database.executemany(
            "INSERT INTO messages VALUES (?, ?, ?, ?, ?)",
            [
                (event.client_order_id, event.n, delivery.copy, delivery.due, delivery.fault)
                for delivery in deliveries(self.parameters, script, event, now)
            ],
        )

    @contextmanager
    def _input(self) -> Iterator[None]:
        """One input, one transaction; if it does not commit the state is as it was.

        Another process may have dealt with this venue since (a runner that was stopped while a
        second one took over): then the state is read again, as a real venue would know it.
        """
        self.database.execute("BEGIN IMMEDIATE")
        version = self._one("PRAGMA data_version")
        if version != self._version:
            self.state, self._version = self._loaded(), version
        before = self.state
        try:
            yield
            self.database.execute("COMMIT")
        except BaseException:
            self.state = before
            if self.database.in_transaction:
                self.database.execute("ROLLBACK")
            raise

    def _loaded(self) -> VenueState:
        """The state as the file has it."""
        cash, slot, session = self.database.execute(
            "SELECT cash, slot, session FROM meta"
        ).fetchall()[0]
        tickets = self.database.execute(
            "SELECT ticket FROM orders WHERE is_open ORDER BY accepted_at, client_order_id"
        )
        orders = [_ORDER.decode(ticket) for (ticket,) in tickets]
        quotes = self.database.execute("SELECT symbol, quote FROM quotes ORDER BY symbol")
        positions = self.database.execute("SELECT symbol, quantity FROM positions ORDER BY symbol")
        return VenueState(
            slot=slot,
            session=None if session is None else _SESSION.decode(session),
            cash=Decimal(cash),
            positions=dict(positions.fetchall()),
            quotes={symbol: _QUOTE.decode(quote) for symbol, quote in quotes},
            orders={order.client_order_id: order for order in orders},
        )

    def _one(self, statement: str, *values: object) -> object:
        rows = self.database.execute(statement, values).fetchall()
        return rows[0][0] if rows else None


def _text(value: msgspec.Struct) -> str:
    return _ENCODER.encode(value).decode()
