"""The venue itself: orders, their steps in time, executions, cash and positions.

shape   a call or a quote at a time -> the keys of what changed (`changed`) and messages of the
        stream (`outbox`); deterministic given seed, times, quotes and calls
rules   1. an accepted order is `pending_new` (`accepted` while the venue is closed), and `new`
           a few milliseconds later; then it matches: matching.py
        2. what an order will suffer is drawn when it is accepted and stands in its script, so a
           killed venue goes on with it
        3. nothing fills outside a session; a day order expires at its session's close
        4. an order that is replaced: replacing.py
"""

from collections.abc import Callable, Iterator
from decimal import Decimal

import msgspec

from core.values import CONTEXT, decimal_text
from live.venue import matching, replacing
from live.venue.book import (
    Execution,
    Order,
    Quote,
    order_json,
    venue_uuid,
    working_status,
)
from live.venue.clock import MILLISECOND, Calendar, ns_text
from live.venue.faults import Fault, Faults, Struck
from live.venue.replacing import ACCEPT_NS, NEVER

CANCEL_NS = 8 * MILLISECOND
PART_NS = 60 * MILLISECOND
AMEND_NS = 120 * MILLISECOND
UNKNOWN_NS = 250 * MILLISECOND
UNKNOWN_STATUS = "venue_review"

Message = dict[str, object]


class Engine:
    """The venue's memory, and the only thing that changes it."""

    def __init__(self, seed: int, calendar: Calendar, faults: Faults, cash: Decimal) -> None:
        self.seed = seed
        self.calendar = calendar
        self.faults = faults
        self.cash = cash
        self.positions: dict[str, Decimal] = {}
        self.costs: dict[str, Decimal] = {}
        self.quotes: dict[str, Quote] = {}
        self.orders: dict[str, Order] = {}
        self.by_client_id: dict[str, str] = {}
        self.open: dict[str, Order] = {}
        self.executions: list[Execution] = []
        self.amends: dict[str, int] = {}
        self.changed: set[tuple[str, str]] = set()
        self.outbox: list[tuple[str, Order, Message]] = []

    def moving(self) -> list[str]:
        """The client order ids of orders that something will happen to without a call or a quote.

        One stuck in its cancel is none of them.
        """
        found = [order.client_order_id for order in self.open.values() if self._is_moving(order)]
        return found + [self.orders[order_id].client_order_id for order_id in self.amends]

    def _is_moving(self, order: Order) -> bool:
        if order.due >= NEVER or order.status == "held":
            return False
        quote = self.quotes.get(order.symbol)
        unmatched = quote is not None and quote.version > order.quote_version
        return order.status not in ("new", "partially_filled") or unmatched

    def restore(self, order: Order) -> None:
        """An order of the file, in the order of their numbers."""
        self.orders[order.id] = order
        self.by_client_id[order.client_order_id] = order.id
        if not order.is_closed:
            self.open[order.id] = order
        elif {Fault.BUST, Fault.CORRECT} & set(order.script) and order.executions:
            self.amends[order.id] = order.updated + AMEND_NS

    def find(self, client_order_id: str) -> Order | None:
        """The order under a client order id."""
        order_id = self.by_client_id.get(client_order_id)
        return None if order_id is None else self.orders[order_id]

    def accept(self, order: Order, script: list[Struck], now: int) -> None:
        """The order is the venue's from now on."""
        order.script = [struck.fault.value for struck in script]
        for struck in script:
            if struck.fault is Fault.LATE_VISIBLE:
                order.visible = now + int(struck.seconds(300, 2_500) * 1000) * MILLISECOND
        if not self.calendar.is_open(now):
            order.status = "accepted"
        self._expiry(order, now)
        self.orders[order.id] = order
        self.by_client_id[order.client_order_id] = order.id
        self.open[order.id] = order
        self.touch(order)

    def cancel(self, order: Order, now: int) -> None:
        """The cancel is accepted; what comes of it is a step."""
        order.status, order.updated, order.due = "pending_cancel", now, now + CANCEL_NS
        self.touch(order)
        self.say("pending_cancel", order, now)

    def quote(self, symbol: str, quote: Quote) -> None:
        """The market moved."""
        self.quotes[symbol] = quote
        self.changed.add(("quote", symbol))

    def next_version(self, symbol: str) -> int:
        """The version of the symbol's next quote."""
        quote = self.quotes.get(symbol)
        return 1 if quote is None else quote.version + 1

    def advance(self, now: int) -> None:
        """Every step that is due by `now`, in the orders' own order."""
        is_open = self.calendar.is_open(now)
        for order in list(self.open.values()):
            if not order.is_closed:
                self._step(order, now, is_open=is_open)
        for order_id, due in list(self.amends.items()):
            if due <= now:
                del self.amends[order_id]
                self._amend_by_script(self.orders[order_id], now)

    def _step(self, order: Order, now: int, *, is_open: bool) -> None:
        if order.expires is not None and order.expires <= now:
            order.expired = now
            self.close(order, "expired", now)
            return
        if order.due > now or order.status == "held":
            return
        if order.status == "pending_cancel":
            self._end_of_cancel(order, now)
        elif order.status == "pending_replace":
            replacing.end(self, order, now)
        elif is_open and order.status in ("accepted", "pending_new", UNKNOWN_STATUS):
            self._arrival(order, now)
        if is_open and order.status in ("new", "partially_filled") and order.due <= now:
            self._match(order, now)

    def _arrival(self, order: Order, now: int) -> None:
        """From accepted to new, by way of what the script holds."""
        self._expiry(order, now)
        if order.status == "accepted":
            self.change(order, "pending_new", now)
            order.due = now + ACCEPT_NS
        elif self.takes(order, Fault.UNKNOWN_STATUS):
            order.due = now + UNKNOWN_NS
            self.change(order, UNKNOWN_STATUS, now)
        elif self.takes(order, Fault.LATE_REJECT):
            order.failed = now
            self.close(order, "rejected", now, reason="rejected by the venue")
        else:
            order.submitted = now
            self.change(order, "new", now)

    def _match(self, order: Order, now: int) -> None:
        quote = self.quotes.get(order.symbol)
        resting = order.executions > 0 or order.quote_version > 0
        take = None
        if quote is not None and quote.version > order.quote_version:
            take = matching.take(order, quote, resting=resting)
            order.quote_version = quote.version
            self.touch(order)
        if take is not None:
            quantity, price = take
            if order.executions == 0 and order.time_in_force != "fok" and order.leaves > 1:
                half = max(Decimal(1), order.quantity // 2)
                if quantity > half and self.takes(order, Fault.PARTIAL_FILL):
                    # the other half takes from the same quote a little later
                    quantity, order.quote_version = half, order.quote_version - 1
                    order.due = now + PART_NS
            self.fill(order, quantity, price, now)
        if order.time_in_force in ("ioc", "fok") and not order.is_closed and order.due <= now:
            order.canceled = now
            self.close(order, "canceled", now)

    def _end_of_cancel(self, order: Order, now: int) -> None:
        quote = self.quotes.get(order.symbol)
        if Fault.STUCK_CANCEL in order.script:
            self.faults.count(Fault.STUCK_CANCEL)
            order.due = NEVER
            self.touch(order)
        elif quote is not None and self.takes(order, Fault.FILL_AFTER_CANCEL):
            price = order.limit_price or (quote.ask if order.side == "buy" else quote.bid)
            self.fill(order, order.leaves, price, now)
        elif self.takes(order, Fault.CANCEL_REJECTED):
            order.status, order.updated = working_status(order), now
            self.touch(order)
            self.say("order_cancel_rejected", order, now, reason="TOO_LATE_TO_CANCEL")
        else:
            order.canceled = now
            self.close(order, "canceled", now)

    def fill(self, order: Order, quantity: Decimal, price: Decimal, now: int) -> Execution:
        """The order takes `quantity` at `price`."""
        order.filled_quantity += quantity
        order.notional = CONTEXT.add(order.notional, CONTEXT.multiply(quantity, price))
        order.executions += 1
        closed = order.leaves <= 0
        if closed or order.status != "pending_replace":
            order.status = working_status(order)
        order.updated = order.filled = now
        execution = Execution(
            number=len(self.executions) + 1,
            id=venue_uuid(self.seed, "execution", order.client_order_id, order.executions),
            order_id=order.id,
            symbol=order.symbol,
            side=order.side,
            quantity=quantity,
            price=price,
            at=now,
            cumulative_quantity=order.filled_quantity,
            leaves_quantity=max(Decimal(0), order.leaves),
            order_status=order.status,
        )
        self.keep(execution)
        self.book(order.symbol, order.sign * quantity, price)
        if closed:
            self.open.pop(order.id, None)
        if {Fault.BUST, Fault.CORRECT} & set(order.script):
            self.amends[order.id] = now + AMEND_NS
        self.touch(order)
        self.say("fill" if closed else "partial_fill", order, now, execution)
        if closed:
            replacing.reject(self, order, now)
        return execution

    def amend(self, execution: Execution, now: int, quantity: Decimal, price: Decimal) -> None:
        """The execution is corrected to `quantity` at `price`; busted where that is nothing.

        The activity list shows what stands, so its sums stay those of the orders.
        """
        order = self.orders[execution.order_id]
        execution.busted = True
        self.changed.add(("execution", f"{execution.number:09d}"))
        self.book(order.symbol, -order.sign * execution.quantity, execution.price)
        order.filled_quantity += quantity - execution.quantity
        old, new = CONTEXT.multiply(execution.quantity, execution.price), quantity * price
        order.notional = CONTEXT.add(CONTEXT.subtract(order.notional, old), new)
        order.executions += 1
        order.updated = now
        number = len(self.executions) + 1
        entry = msgspec.structs.replace(
            execution,
            number=number,
            id=venue_uuid(self.seed, "execution", order.client_order_id, order.executions),
            quantity=quantity or -execution.quantity,
            price=price or execution.price,
            at=now,
            busted=not quantity,
            previous=execution.id,
            cumulative_quantity=order.filled_quantity,
        )
        self.keep(entry)
        if quantity:
            self.book(order.symbol, order.sign * quantity, price)
        self.touch(order)
        event = "trade_correct" if quantity else "trade_bust"
        reason = None if quantity else "TRADE_BUST"
        self.say(event, order, now, entry, reason=reason)

    def _amend_by_script(self, order: Order, now: int) -> None:
        last = next((e for e in reversed(self.executions) if e.order_id == order.id), None)
        if last is None or last.busted:
            return
        if self.takes(order, Fault.BUST):
            self.amend(last, now, Decimal(0), Decimal(0))
        elif self.takes(order, Fault.CORRECT):
            self.amend(last, now, last.quantity, last.price + order.sign * Decimal("0.01"))

    def change(self, order: Order, status: str, now: int, *, reason: str | None = None) -> None:
        """The order's status is another, and the stream says so under the same name."""
        order.status, order.updated = status, now
        self.touch(order)
        self.say(status, order, now, reason=reason)

    def close(self, order: Order, status: str, now: int, *, reason: str | None = None) -> None:
        """The order is over, and with it a replace of it that was under way."""
        self.open.pop(order.id, None)
        self.change(order, status, now, reason=reason)
        if order.replaced_by is None:
            replacing.reject(self, order, now)

    def takes(self, order: Order, fault: Fault) -> bool:
        """Whether the script holds the fault: then it happens now, and is counted."""
        if fault.value not in order.script:
            return False
        order.script.remove(fault.value)
        self.faults.count(fault)
        self.touch(order)
        return True

    def book(self, symbol: str, quantity: Decimal, price: Decimal) -> None:
        """Shares in (or out, below zero) at a price: cash, position and its cost."""
        self.cash = CONTEXT.subtract(self.cash, CONTEXT.multiply(quantity, price))
        held, cost = self.positions.get(symbol, Decimal(0)), self.costs.get(symbol, Decimal(0))
        after = held + quantity
        if held * quantity >= 0:
            cost = CONTEXT.add(cost, CONTEXT.multiply(quantity, price))
        elif held * after > 0:
            cost = CONTEXT.divide(CONTEXT.multiply(cost, after), held)
        else:
            cost = CONTEXT.multiply(after, price)
        self.positions.pop(symbol, None)
        self.costs.pop(symbol, None)
        if after:
            self.positions[symbol], self.costs[symbol] = after, cost
        self.changed.add(("state", "money"))

    def keep(self, execution: Execution) -> None:
        """The execution is the venue's."""
        self.executions.append(execution)
        self.changed.add(("execution", f"{execution.number:09d}"))

    def touch(self, order: Order) -> None:
        """The order has to be written."""
        self.changed.add(("order", order.id))

    def say(
        self,
        event: str,
        order: Order,
        now: int,
        execution: Execution | None = None,
        *,
        reason: str | None = None,
    ) -> None:
        """A message of the stream, in the fields of ALPACA.md A1."""
        name = execution.id if execution else venue_uuid(self.seed, event, order.id, now)
        data: Message = {"event": event, "timestamp": ns_text(now), "order": order_json(order)}
        if execution is not None or event == "new":
            data["execution_id"] = name
        if execution is not None:
            data["price"] = decimal_text(execution.price)
            data["qty"] = decimal_text(execution.quantity)
            position = self.positions.get(order.symbol, Decimal(0))
            data["position_qty"] = decimal_text(position)
            if execution.previous is not None:
                data["previous_execution_id"] = execution.previous
        if reason is not None:
            data["reason"] = reason
        self.outbox.append((event, order, data))

    def _expiry(self, order: Order, now: int) -> None:
        if order.time_in_force == "day" and order.expires is None:
            order.expires = self.calendar.next_close(now)

    def standing(self, keep: Callable[[Execution], bool]) -> Iterator[Execution]:
        """The executions that count and are kept, oldest first."""
        return (e for e in self.executions if not e.busted and keep(e))
