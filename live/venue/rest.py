"""The trading API: which call does what, in Alpaca's paths, parameters and answers.

shape   a call -> `Answer`; nothing is written here: the server commits what changed, then answers
source  the OpenAPI; ALPACA.md A2 (ids, paging), A4 (errors)
"""

import re
from collections.abc import Callable, Mapping
from datetime import date, timedelta
from typing import NamedTuple

from live.venue import answers, money, replacing
from live.venue.answers import Answer, error
from live.venue.book import Execution, Order, activity_id, activity_json, order_json
from live.venue.clock import VenueClock, new_york, ns_of
from live.venue.engine import Engine
from live.venue.faults import Fault, Occasion
from live.venue.orders import RefusedError, body_of, order_of, successor_of

NOT_REPLACEABLE = ("accepted", "pending_new", "pending_cancel", "pending_replace")


class Call(NamedTuple):
    """A call of the trading API; `query` and header names as given, the last of a name wins."""

    method: str
    path: str
    query: Mapping[str, str]
    body: bytes


Handler = Callable[["TradingApi", Call, int, str], Answer]


class TradingApi:
    """`/v2/...` of the trading host."""

    def __init__(self, engine: Engine, clock: VenueClock) -> None:
        self.engine = engine
        self.clock = clock
        self.flags: dict[str, object] = {}
        self.configurations: dict[str, object] = {
            "dtbp_check": "entry",
            "fractional_trading": True,
            "max_margin_multiplier": "1",
            "max_options_trading_level": 0,
            "no_shorting": False,
            "pdt_check": "entry",
            "ptp_no_exception_entry": False,
            "suspend_trade": False,
            "trade_confirm_email": "all",
            "disable_overnight_trading": False,
        }

    def answer(self, call: Call, now: int) -> Answer:
        """What the call is answered, everything it does done in memory."""
        for method, pattern, handler in ROUTES:
            match = pattern.fullmatch(call.path)
            if match and method == call.method:
                try:
                    return handler(self, call, now, match.groupdict().get("id") or "")
                except RefusedError as refused:
                    return refused.answer
                except (ValueError, ArithmeticError) as problem:
                    return error(422, 40010001, f"invalid parameter: {problem}")
        return answers.NO_ENDPOINT

    def submit(self, call: Call, now: int, _id: str) -> Answer:
        """`POST /v2/orders`."""
        engine = self.engine
        if any(value not in (False, "ACTIVE") for value in self.flags.values()):
            return error(403, 40310000, "trading is blocked for this account")
        if self.configurations["suspend_trade"]:
            return error(403, 40310000, "new orders are rejected by user request")
        order = order_of(engine, body_of(call.body), now, len(engine.orders) + 1)
        return self._taken(order, now)

    def _taken(self, order: Order, now: int) -> Answer:
        """The order accepted, or why not."""
        if order.client_order_id in self.engine.by_client_id:
            return answers.NOT_UNIQUE
        refusal = money.refusal(self.engine, order)
        if refusal is not None:
            return Answer(*refusal)
        faults, client_order_id = self.engine.faults, order.client_order_id
        occasion = Occasion(
            client_order_id=client_order_id,
            order_number=faults.number_of(client_order_id),
            symbol=order.symbol,
        )
        self.engine.accept(order, faults.of_order(occasion), now)
        return Answer(200, order_json(order))

    def orders(self, call: Call, now: int, _id: str) -> Answer:
        """`GET /v2/orders`."""
        query = call.query
        symbols = set(filter(None, query.get("symbols", "").split(",")))
        found = [order for order in self.engine.orders.values() if _wanted(order, query, symbols)]
        found = [order for order in found if self._is_visible(order, now)]
        newest_first = query.get("direction", "desc") != "asc"
        found.sort(key=lambda order: order.number, reverse=newest_first)
        limit = min(500, max(1, int(query.get("limit", "50"))))
        found = _after_cursor(self.engine, found, query)[:limit]
        return Answer(200, [order_json(order) for order in found])

    def order(self, call: Call, now: int, order_id: str) -> Answer:
        """`GET /v2/orders/{order_id}` and `/v2/orders:by_client_order_id`."""
        if order_id:
            found = self.engine.orders.get(order_id)
        else:
            found = self.engine.find(call.query.get("client_order_id", ""))
        if found is None or not self._is_visible(found, now):
            return answers.NO_ORDER
        return Answer(200, order_json(found))

    def _is_visible(self, order: Order, now: int) -> bool:
        """Whether a reader finds the order; one that is late and asked for has been so."""
        if order.visible <= now:
            return True
        self.engine.takes(order, Fault.LATE_VISIBLE)
        return False

    def cancel(self, _call: Call, now: int, order_id: str) -> Answer:
        """`DELETE /v2/orders/{order_id}`."""
        order = self.engine.orders.get(order_id)
        if order is None:
            return answers.NO_ORDER
        if order.is_closed:
            return error(422, 42210000, f'order is already in "{order.status}" state')
        if order.status in ("pending_cancel", "pending_replace"):
            return error(422, 42210000, f"order pending {order.status.removeprefix('pending_')}")
        self.engine.cancel(order, now)
        return Answer(204)

    def cancel_all(self, call: Call, now: int, _id: str) -> Answer:
        """`DELETE /v2/orders`: each order has its own status."""
        found: list[dict[str, object]] = []
        for order in list(self.engine.open.values()):
            answer = self.cancel(call, now, order.id)
            status = 200 if answer.status == 204 else answer.status
            found.append({"id": order.id, "status": status})
        return Answer(207, found)

    def replace(self, call: Call, now: int, order_id: str) -> Answer:
        """`PATCH /v2/orders/{order_id}`: the new order; 200 does not mean replaced."""
        order = self.engine.orders.get(order_id)
        if order is None:
            return answers.NO_ORDER
        return self.replaced(order, body_of(call.body), now)

    def replaced(self, order: Order, body: dict[str, object], now: int) -> Answer:
        """The successor that `body` asks for, or why there is none."""
        if order.is_closed or order.status in NOT_REPLACEABLE:
            return error(422, 42210000, f'order in "{order.status}" state cannot be replaced')
        successor = successor_of(self.engine, order, body, now)
        if successor.client_order_id in self.engine.by_client_id:
            return answers.NOT_UNIQUE
        more = money.needs(self.engine, successor) - money.needs(self.engine, order)
        refusal = money.unaffordable(self.engine, more)
        if refusal is not None:
            return Answer(*refusal)
        replacing.begin(self.engine, order, successor, now)
        return Answer(200, order_json(successor))

    def account(self, _call: Call, now: int, _id: str) -> Answer:
        """`GET /v2/account`."""
        suspended = self.configurations["suspend_trade"] is True
        account = answers.account_json(self.engine, suspended=suspended, now=now)
        return Answer(200, {**account, **self.flags})

    def configuration(self, call: Call, _now: int, _id: str) -> Answer:
        """`GET` and `PATCH /v2/account/configurations`."""
        if call.method == "PATCH":
            asked = body_of(call.body)
            known = {name: asked[name] for name in asked if name in self.configurations}
            self.configurations.update(known)
            self.engine.changed.add(("state", "configurations"))
        return Answer(200, dict(self.configurations))

    def positions(self, _call: Call, _now: int, symbol: str) -> Answer:
        """`GET /v2/positions` and `/v2/positions/{symbol}`."""
        engine = self.engine
        if symbol:
            if symbol not in engine.positions:
                return answers.NO_POSITION
            return Answer(200, answers.position_json(engine, symbol))
        return Answer(200, [answers.position_json(engine, s) for s in sorted(engine.positions)])

    def close_position(self, _call: Call, now: int, symbol: str) -> Answer:
        """`DELETE /v2/positions/{symbol}`: a market order for all of it."""
        held = self.engine.positions.get(symbol)
        if held is None:
            return answers.NO_POSITION
        body: dict[str, object] = {
            "symbol": symbol,
            "qty": abs(held),
            "side": "sell" if held > 0 else "buy",
            "type": "market",
            "time_in_force": "day",
        }
        return self._taken(order_of(self.engine, body, now, len(self.engine.orders) + 1), now)

    def close_positions(self, call: Call, now: int, _id: str) -> Answer:
        """`DELETE /v2/positions`."""
        if call.query.get("cancel_orders") == "true":
            self.cancel_all(call, now, "")
        found = []
        for symbol in sorted(self.engine.positions):
            answer = self.close_position(call, now, symbol)
            found.append({"symbol": symbol, "status": answer.status, "body": answer.body})
        return Answer(207, found)

    def activities(self, call: Call, _now: int, kind: str) -> Answer:
        """`GET /v2/account/activities` and `/FILL`: what stands, page by page."""
        query = call.query
        kinds = [kind] if kind else query.get("activity_types", "FILL").split(",")
        if "FILL" not in kinds:
            return Answer(200, [])
        after, until = query.get("after"), query.get("until")
        low = ns_of(after) if after else -1
        high = ns_of(until) if until else 1 << 62
        day = query.get("date")

        def wanted(execution: Execution) -> bool:
            on = day is None or new_york(execution.at).date().isoformat() == day[:10]
            return on and low < execution.at < high

        found = sorted(self.engine.standing(wanted), key=lambda e: (e.at, e.number))
        if query.get("direction", "desc") != "asc":
            found.reverse()
        token = query.get("page_token")
        if token:
            ids = [activity_id(execution) for execution in found]
            found = found[ids.index(token) + 1 :] if token in ids else []
        size = min(100, max(1, int(query.get("page_size", "100"))))
        return Answer(200, [activity_json(execution) for execution in found[:size]])

    def clock_(self, _call: Call, now: int, _id: str) -> Answer:
        """`GET /v2/clock`."""
        return Answer(200, answers.clock_json(self.engine.calendar, now))

    def calendar(self, call: Call, now: int, _id: str) -> Answer:
        """`GET /v2/calendar`."""
        today = new_york(now).date()
        start, end = call.query.get("start"), call.query.get("end")
        first = date.fromisoformat(start[:10]) if start else today - timedelta(days=366)
        last = date.fromisoformat(end[:10]) if end else today + timedelta(days=366)
        days = self.engine.calendar.days(first, min(last, first + timedelta(days=4_000)))
        return Answer(200, [answers.day_json(day) for day in days])

    def assets(self, _call: Call, _now: int, symbol: str) -> Answer:
        """`GET /v2/assets` and `/v2/assets/{symbol}`."""
        known = sorted(self.engine.quotes)
        if not symbol:
            return Answer(200, [answers.asset_json(name) for name in known])
        if symbol not in known:
            return error(404, 40410000, f"asset not found for {symbol}")
        return Answer(200, answers.asset_json(symbol))


def _wanted(order: Order, query: Mapping[str, str], symbols: set[str]) -> bool:
    status = query.get("status", "open")
    if status not in ("all", "closed" if order.is_closed else "open"):
        return False
    after, until = query.get("after"), query.get("until")
    return (
        (not symbols or order.symbol in symbols)
        and query.get("side") in (None, order.side)
        and (not after or order.created > ns_of(after))
        and (not until or order.created < ns_of(until))
    )


def _after_cursor(engine: Engine, found: list[Order], query: Mapping[str, str]) -> list[Order]:
    """What lies behind the cursors, both exclusive: later than one, earlier than the other."""
    for name, later in (("after_order_id", True), ("before_order_id", False)):
        if query.get(name):
            edge = engine.orders.get(query[name])
            if edge is None:
                raise RefusedError(error(422, 40010001, f"{name} is invalid"))
            number = edge.number
            found = [o for o in found if (o.number > number if later else o.number < number)]
    return found


def _route(method: str, path: str, handler: Handler) -> tuple[str, re.Pattern[str], Handler]:
    return method, re.compile(path), handler


_ID = r"(?P<id>[^/]+)"
ROUTES = (
    _route("POST", "/v2/orders", TradingApi.submit),
    _route("GET", "/v2/orders", TradingApi.orders),
    _route("DELETE", "/v2/orders", TradingApi.cancel_all),
    _route("GET", "/v2/orders:by_client_order_id", TradingApi.order),
    _route("GET", f"/v2/orders/{_ID}", TradingApi.order),
    _route("PATCH", f"/v2/orders/{_ID}", TradingApi.replace),
    _route("DELETE", f"/v2/orders/{_ID}", TradingApi.cancel),
    _route("GET", "/v2/account", TradingApi.account),
    _route("GET", "/v2/account/configurations", TradingApi.configuration),
    _route("PATCH", "/v2/account/configurations", TradingApi.configuration),
    _route("GET", "/v2/account/activities", TradingApi.activities),
    _route("GET", f"/v2/account/activities/{_ID}", TradingApi.activities),
    _route("GET", "/v2/positions", TradingApi.positions),
    _route("DELETE", "/v2/positions", TradingApi.close_positions),
    _route("GET", f"/v2/positions/{_ID}", TradingApi.positions),
    _route("DELETE", f"/v2/positions/{_ID}", TradingApi.close_position),
    _route("GET", "/v2/clock", TradingApi.clock_),
    _route("GET", "/v2/calendar", TradingApi.calendar),
    _route("GET", "/v2/assets", TradingApi.assets),
    _route("GET", f"/v2/assets/{_ID}", TradingApi.assets),
)
