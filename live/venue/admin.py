"""The tester's side of the venue, at /_venue/: state, faults, market, clock, and what others do.

paths   GET  state      orders, executions, posts by client order id, counts, money, streams
        GET  rest       what goes on by itself: moving, stuck, listening, armed, time
        GET  order      ?client_order_id=…: {"order": that order, or null}
        GET  calls      the log of calls; ?after=NUMBER
        GET  campaign   what was declared, how often each happened, what is missing, ok
        POST quotes     {SYMBOL: {bid, ask, last?, bid_size?, ask_size?, volume?, time?}}
        POST clock      {"time"?, "advance_s"?, "hold"?}
        POST calendar   {DATE: [open, close] or null}, hours of New York
        POST arm        a fault or a list of them, as `faults.Armed`
        POST disarm     {}: armed faults that wait will not happen
        POST rates      {"faults": "all=0.02,bust=0.1"}
        POST fill, bust, correct, status, cancel, expire, reject: what the venue does by itself, of
             {"client_order_id"}; fill takes quantity and price, correct takes price and quantity,
             status takes status and event, and an execution_id chooses among fills
        POST replace    a person's replace: {"client_order_id", "quantity"?, "limit_price"?,
             "time_in_force"?, "successor"? (its client order id)}; with "corporate_action": true
             the order is replaced at once, and by nothing
        POST order      somebody else's: {symbol, side, quantity, limit_price?, client_order_id?}
        POST position   shares that came from nowhere: {symbol, quantity, price}
        POST keys       {"refuses": 401, 403, or null where the keys hold again}
        POST account    {"trading_blocked" | "account_blocked": bool, "status": word}
        POST stream     {"do": "disconnect" | "half_open" | "raw", "data"?}
why     none of it is subject to faults, limits or keys: it listens on loopback only
"""

from collections.abc import Callable, Mapping
from decimal import Decimal

import msgspec

from core.values import decimal_text
from live.venue import replacing
from live.venue.answers import Answer
from live.venue.book import Execution, Order, Quote, order_json, venue_uuid
from live.venue.clock import SECOND, ns_of, ns_text
from live.venue.faults import Armed, parse_rates
from live.venue.orders import RefusedError, body_of, order_of
from live.venue.replacing import NEVER
from live.venue.stream import TradeUpdates
from live.venue.venue import Venue
from live.venue.wire import HttpCall

Body = dict[str, object]
_BAD_QUESTION = (
    KeyError, TypeError, ValueError, ArithmeticError, AssertionError, msgspec.MsgspecError,
)  # fmt: skip


class Admin:
    """What a test sees and does; `shown` are quotes the data stream has not sent yet."""

    def __init__(self, venue: Venue, updates: TradeUpdates) -> None:
        self.venue = venue
        self.updates = updates
        self.shown: list[tuple[str, Quote]] = []

    def answer(self, call: HttpCall) -> Answer:
        """What the tester is answered; a bad question is 400 in words."""
        name = f"{call.method} {call.path.removeprefix('/_venue/')}"
        handlers: Mapping[str, Callable[[HttpCall], object]] = {
            "GET state": self.state,
            "GET rest": lambda _: self.rest(),
            "GET order": self.order,
            "GET calls": self.calls,
            "GET campaign": lambda _: self.campaign(),
            "POST quotes": lambda call: self.quotes(body_of(call.body)),
            "POST clock": lambda call: self.clock(body_of(call.body)),
            "POST calendar": lambda call: self.calendar(body_of(call.body)),
            "POST arm": self.arm,
            "POST disarm": lambda _: self.disarm(),
            "POST rates": lambda call: self.rates(body_of(call.body)),
            "POST keys": lambda call: self.keys(body_of(call.body)),
            "POST account": lambda call: self.account(body_of(call.body)),
            "POST replace": lambda call: self.replace(body_of(call.body)),
            "POST order": lambda call: self.foreign_order(body_of(call.body)),
            "POST position": lambda call: self.foreign_position(body_of(call.body)),
            "POST stream": lambda call: self.stream(body_of(call.body)),
        }
        acts = ("fill", "bust", "correct", "status", "cancel", "expire", "reject")
        try:
            if name in handlers:
                return Answer(200, handlers[name](call))
            act = name.removeprefix("POST ")
            if act in acts and call.method == "POST":
                return Answer(200, self.act(act, body_of(call.body)))
        except RefusedError as refused:
            return refused.answer
        except _BAD_QUESTION as problem:
            return Answer(400, {"message": f"{type(problem).__name__}: {problem}"})
        return Answer(404, {"message": f"no admin call {name}"})

    def state(self, _call: HttpCall) -> Body:
        """Everything the venue has."""
        engine, venue = self.venue.engine, self.venue
        now = venue.clock.now()
        return {
            "time": ns_text(now),
            "is_open": venue.calendar.is_open(now),
            "orders": [_order_json(order) for order in engine.orders.values()],
            "executions": [_execution_json(engine.orders, e) for e in engine.executions],
            "posts": venue.store.posts(),
            "counts": dict(venue.faults.counts),
            "cash": decimal_text(engine.cash),
            "positions": {s: decimal_text(q) for s, q in sorted(engine.positions.items())},
            "quotes": {s: msgspec.to_builtins(q) for s, q in sorted(engine.quotes.items())},
            "armed": msgspec.to_builtins(venue.faults.armed),
            "listening": len(self.updates.listening),
            "connected": len(self.updates.open),
        }

    def rest(self) -> Body:
        """What goes on at the venue by itself, who listens, and which faults wait."""
        engine = self.venue.engine
        stuck = [o.client_order_id for o in engine.open.values() if o.due >= NEVER]
        return {
            "time": ns_text(self.venue.clock.now()),
            "moving": engine.moving(),
            "stuck": stuck,
            "listening": len(self.updates.listening),
            "armed": msgspec.to_builtins(self.venue.faults.armed),
        }

    def order(self, call: HttpCall) -> Body:
        """One order, whether a client would find it or not."""
        found = self.venue.engine.find(call.query["client_order_id"])
        return {"order": None if found is None else _order_json(found)}

    def calls(self, call: HttpCall) -> list[Body]:
        """The log of calls, oldest first."""
        after = int(call.query.get("after", "0"))
        return [
            {"number": number, **row._asdict(), "time": ns_text(row.at)}
            for number, row in self.venue.store.calls(after)
        ]

    def campaign(self) -> Body:
        """Whether every declared fault happened."""
        faults = self.venue.faults
        declared, never = faults.declared(), faults.never_happened()
        return {
            "declared": declared,
            "counts": {kind: faults.counts.get(kind, 0) for kind in declared},
            "missing": never,
            "ok": bool(declared) and not never,
        }

    def quotes(self, body: Body) -> Body:
        """The market at these quotes."""
        now = self.venue.clock.now()
        for symbol, found in body.items():
            assert isinstance(found, dict)
            time = found.pop("time", None)
            numbers = {name: Decimal(str(value)) for name, value in found.items()}
            numbers.setdefault("last", (numbers["bid"] + numbers["ask"]) / 2)
            self.show(symbol, ns_of(str(time)) if time else now, numbers)
        self.venue.engine.advance(self.venue.clock.now())
        return {"symbols": sorted(body)}

    def show(self, symbol: str, at: int, numbers: dict[str, Decimal]) -> None:
        """One quote: to the engine, the data API and the data stream."""
        version = self.venue.engine.next_version(symbol)
        quote = Quote(at=at, version=version, **numbers)
        self.venue.quote(symbol, quote)
        self.shown.append((symbol, quote))

    def clock(self, body: Body) -> Body:
        """The venue's time, set or moved on."""
        clock = self.venue.clock
        if "time" in body or "hold" in body:
            at = ns_of(str(body["time"])) if "time" in body else clock.now()
            clock.set(at, hold=body.get("hold") is True)
        if "advance_s" in body:
            clock.advance(int(Decimal(str(body["advance_s"])) * SECOND))
        self.venue.engine.changed.add(("state", "clock"))
        now = clock.now()
        self.venue.engine.advance(now)
        return {"time": ns_text(now)}

    def calendar(self, body: Body) -> Body:
        """Days set by hand."""
        days = msgspec.convert(body, dict[str, tuple[str, str] | None])
        self.venue.calendar.change(days)
        self.venue.engine.changed.add(("state", "calendar"))
        return {"days": sorted(days)}

    def arm(self, call: HttpCall) -> Body:
        """Faults that wait for their occasions."""
        found = msgspec.json.decode(call.body, type=Armed | list[Armed])
        for armed in found if isinstance(found, list) else [found]:
            self.venue.faults.arm(armed)
        return {"armed": len(self.venue.faults.armed)}

    def disarm(self) -> Body:
        """No armed fault waits any more."""
        faults = self.venue.faults
        dropped, faults.armed, faults.armed_changed = len(faults.armed), [], True
        return {"disarmed": dropped}

    def rates(self, body: Body) -> Body:
        """Other rates from now on."""
        rates = parse_rates(str(body["faults"]))
        self.venue.faults.rates = rates
        return {"rates": {kind: str(rate) for kind, rate in rates.items()}}

    def keys(self, body: Body) -> Body:
        """Whether right keys are refused from now on, and how."""
        refuses = body["refuses"]
        if refuses not in (None, 401, 403):
            raise ValueError(f"refuses: expected 401, 403 or null, found {refuses}")
        self.venue.door.refuses = None if refuses is None else int(str(refuses))
        self.venue.engine.changed.add(("state", "door"))
        return {"refuses": refuses}

    def account(self, body: Body) -> Body:
        """What the account says of itself; while it may not trade, no order is taken."""
        known = {"trading_blocked": bool, "account_blocked": bool, "status": str}
        for name, value in body.items():
            if not isinstance(value, known[name]):
                raise TypeError(f"{name}: expected {known[name].__name__}, found {value}")
        self.venue.trading.flags.update(body)
        self.venue.engine.changed.add(("state", "flags"))
        return dict(self.venue.trading.flags)

    def act(self, what: str, body: Body) -> Body:
        """What the venue does by itself with one order."""
        engine, now = self.venue.engine, self.venue.clock.now()
        order = self._order(body)
        if what == "fill":
            quantity = _number(body, "quantity", order.leaves)
            engine.fill(order, quantity, _number(body, "price", self._price(order)), now)
        elif what in ("bust", "correct"):
            execution = self._execution(order, body)
            quantity = _number(body, "quantity", execution.quantity)
            nothing = Decimal(0)
            price = nothing if what == "bust" else _number(body, "price", execution.price)
            engine.amend(execution, now, nothing if what == "bust" else quantity, price)
        elif what == "status":
            order.status, order.updated = str(body["status"]), now
            (engine.open.pop(order.id, None) if order.is_closed else self._reopen(order))
            engine.touch(order)
            reason = str(body["reason"]) if "reason" in body else None
            engine.say(str(body.get("event", order.status)), order, now, reason=reason)
        else:
            ends = {"cancel": "canceled", "expire": "expired", "reject": "rejected"}
            setattr(order, {"reject": "failed"}.get(what, ends[what]), now)
            reason = str(body["reason"]) if "reason" in body else None
            engine.close(order, ends[what], now, reason=reason)
        return order_json(order)

    def replace(self, body: Body) -> object:
        """A replace by a person, as PATCH makes it, or by a corporate action."""
        engine, now = self.venue.engine, self.venue.clock.now()
        order = self._order(body)
        if body.get("corporate_action") is True:
            replacing.by_nothing(engine, order, now, "CORPORATE_ACTION")
            return order_json(order)
        names = {
            "qty": "quantity", "limit_price": "limit_price", "time_in_force": "time_in_force",
            "client_order_id": "successor",
        }  # fmt: skip
        asked: Body = {name: str(body[key]) for name, key in names.items() if key in body}
        answer = self.venue.trading.replaced(order, asked, now)
        if answer.status != 200:
            raise RefusedError(answer)
        return answer.body

    def _order(self, body: Body) -> Order:
        order = self.venue.engine.find(str(body["client_order_id"]))
        if order is None:
            raise ValueError(f"no order {body['client_order_id']}")
        return order

    def _reopen(self, order: Order) -> None:
        self.venue.engine.open[order.id] = order

    def _price(self, order: Order) -> Decimal:
        quote = self.venue.engine.quotes[order.symbol]
        return order.limit_price or (quote.ask if order.side == "buy" else quote.bid)

    def _execution(self, order: Order, body: Body) -> Execution:
        """The fill that is meant: the named one, or the order's last that stands."""
        wanted = body.get("execution_id")
        for execution in reversed(self.venue.engine.executions):
            stands = execution.order_id == order.id and not execution.busted
            if stands and wanted in (None, execution.id):
                return execution
        raise ValueError(f"no fill of {order.client_order_id} that stands")

    def foreign_order(self, body: Body) -> Body:
        """An order that somebody else sent under this account."""
        engine, now = self.venue.engine, self.venue.clock.now()
        number = len(engine.orders) + 1
        limit = body.get("limit_price")
        asked: Body = {
            "symbol": body["symbol"],
            "side": body["side"],
            "qty": str(body["quantity"]),
            "type": "market" if limit is None else "limit",
            "limit_price": None if limit is None else str(limit),
            "time_in_force": body.get("time_in_force", "day"),
            "client_order_id": body.get("client_order_id", venue_uuid(0, "foreign", number)),
        }
        order = order_of(engine, asked, now, number)
        order.foreign = True
        engine.accept(order, [], now)
        return order_json(order)

    def foreign_position(self, body: Body) -> Body:
        """Shares by a transfer, a corporate action, or an order of another system."""
        quantity, price = Decimal(str(body["quantity"])), Decimal(str(body.get("price", 0)))
        engine = self.venue.engine
        engine.book(str(body["symbol"]), quantity, price)
        return {s: decimal_text(q) for s, q in engine.positions.items()}

    def stream(self, body: Body) -> Body:
        """Something done to the open trade_updates connections."""
        sockets = list(self.updates.listening)
        for socket in sockets:
            if body["do"] == "disconnect":
                socket.reset()
                self.updates.listening.discard(socket)
            elif body["do"] == "half_open":
                socket.deaf = True
                self.updates.listening.discard(socket)
            elif body["do"] == "raw":
                socket.send(body.get("data"), binary=True)
            else:
                raise ValueError(f"no such thing to do: {body['do']}")
        return {"sockets": len(sockets)}


def _number(body: Body, name: str, default: Decimal) -> Decimal:
    return Decimal(str(body[name])) if name in body else default


def _order_json(order: Order) -> Body:
    hidden = {"number": order.number, "script": order.script, "foreign": order.foreign}
    return {**order_json(order), **hidden}


def _execution_json(orders: Mapping[str, Order], execution: Execution) -> Body:
    client_order_id = orders[execution.order_id].client_order_id
    found: Body = msgspec.to_builtins(execution)
    return {**found, "client_order_id": client_order_id, "time": ns_text(execution.at)}
