"""An account on loopback that a test writes by hand: orders, activities, positions, pages.

shape   `Account().reply` is a server's reply; `failing[path]` answers a path in its place; `hidden`
        orders are too old for the lists
"""

from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests.alpaca.server import Reply, Request, http

NOT_FOUND = {"code": 40410000, "message": "order not found"}


class Account:
    """What Alpaca has."""

    def __init__(self) -> None:
        self.orders: list[dict[str, Any]] = []
        self.hidden: list[dict[str, Any]] = []
        self.activities: list[dict[str, Any]] = []
        self.positions: dict[str, str] = {}
        self.account: dict[str, Any] = {
            "status": "ACTIVE",
            "cash": "1000.5",
            "equity": "2000",
            "buying_power": "4000",
            "account_blocked": False,
            "trading_blocked": False,
            "trade_suspended_by_user": False,
        }
        self.failing: dict[str, Reply] = {}
        self.orders_a_page = 500
        self.fills_a_page = 100

    def reply(self, request: Request) -> Reply:
        """The answer to one request."""
        parts = urlsplit(request.target)
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        path = parts.path.removeprefix("/v2")
        for prefix, failure in self.failing.items():
            if path.startswith(prefix):
                return failure
        if request.method == "DELETE":
            return Reply(b"HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n")
        if path == "/orders":
            return http(200, self._list(query))
        if path == "/orders:by_client_order_id":
            found = [o for o in self.orders if o["client_order_id"] == query["client_order_id"]]
            return http(200, found[0]) if found else http(404, NOT_FOUND)
        if path.startswith("/orders/"):
            name = path.removeprefix("/orders/")
            found = [o for o in self.hidden + self.orders if o["id"] == name]
            return http(200, found[0]) if found else http(404, NOT_FOUND)
        if path == "/account/activities/FILL":
            return http(200, self._fills(query))
        if path == "/positions":
            rows = [{"symbol": s, "qty": q, "side": "long"} for s, q in self.positions.items()]
            return http(200, rows)
        return http(200, self.account) if path == "/account" else http(404, NOT_FOUND)

    def fill(self, order: dict[str, Any], shares: int, price: str, number: int) -> None:
        """An execution of an order, with its activity and position."""
        filled = int(order["filled_qty"]) + shares
        order["filled_qty"], order["filled_avg_price"] = str(filled), price
        order["status"] = "filled" if filled == int(order["qty"]) else "partially_filled"
        held = int(self.positions.get(order["symbol"], "0")) + shares
        self.positions[order["symbol"]] = str(held)
        self.activities.append(
            {
                "activity_type": "FILL",
                "id": f"20260302093100000::{number:04}",
                "order_id": order["id"],
                "symbol": order["symbol"],
                "side": order["side"],
                "qty": str(shares),
                "price": price,
                "cum_qty": str(filled),
                "leaves_qty": str(int(order["qty"]) - filled),
                "transaction_time": order["updated_at"],
                "type": "fill",
                "date": order["updated_at"][:10],
            }
        )

    def _list(self, query: dict[str, str]) -> list[dict[str, Any]]:
        terminal = {"filled", "canceled", "expired", "rejected", "replaced"}
        rows = self.orders
        if query.get("status", "open") == "open":
            rows = [row for row in rows if row["status"] not in terminal]
        if query.get("direction") == "desc":
            rows = rows[::-1]
        ids = [row["id"] for row in rows]
        if "after_order_id" in query:
            rows = rows[ids.index(query["after_order_id"]) + 1 :]
        return rows[: min(int(query["limit"]), self.orders_a_page)]

    def _fills(self, query: dict[str, str]) -> list[dict[str, Any]]:
        rows = [row for row in self.activities if row["date"] == query["date"]]
        ids = [row["id"] for row in rows]
        if "page_token" in query:
            rows = rows[ids.index(query["page_token"]) + 1 :]
        return rows[: self.fills_a_page]
