"""What the adapter's tests share: keys, a clock, an order and its client against a server."""

import time
from typing import Any

from core.values import DecimalText, OrderType, Side, TimeInForce, TimeText, time_text
from live.brokers.alpaca.client import AlpacaClient
from live.brokers.alpaca.orders import Orders
from live.brokers.alpaca.settings import AlpacaSettings
from live.brokers.ticket import Ticket
from live.secrets import Secrets

KEY_ID = "PKMADEUPKEYID0123456"  # pragma: allowlist secret
SECRET_KEY = "MadeUpSecretOfTheTests/0123456789+abcdef"  # pragma: allowlist secret
SECRETS = Secrets({"APCA_API_KEY_ID": KEY_ID, "APCA_API_SECRET_KEY": SECRET_KEY})
ORDER_ID = "rf-0123abcd-thisistheorder"
NOW = TimeText("2026-11-23T15:00:00.000000Z")

TICKET = Ticket(
    client_order_id=ORDER_ID,
    symbol="KO",
    side=Side.BUY,
    quantity=DecimalText("10"),
    order_type=OrderType.LIMIT,
    limit_price=DecimalText("86.88"),
    time_in_force=TimeInForce.DAY,
)


def wall() -> TimeText:
    """The machine's time."""
    return time_text(time.time_ns() // 1000)


def order(**changes: object) -> dict[str, object]:
    """Alpaca's answer to the ticket, in the shape of the recordings."""
    return {
        "id": "61d1feca-aa11-4863-8b79-64c5e4731a98",
        "client_order_id": ORDER_ID,
        "symbol": "KO",
        "side": "buy",
        "qty": "10",
        "type": "limit",
        "order_type": "limit",
        "limit_price": "86.88",
        "time_in_force": "day",
        "status": "pending_new",
        "filled_qty": "0",
        "filled_avg_price": None,
        "submitted_at": None,
        "updated_at": "2026-11-23T15:00:00.01080215Z",
        "legs": None,
        "replaced_by": None,
        **changes,
    }


def settings(url: str, **changes: Any) -> AlpacaSettings:
    """Loopback endpoints and short times."""
    return AlpacaSettings(
        **{
            "trading_url": url,
            "data_url": url,
            "trading_stream_url": url.replace("http", "ws", 1) + "/stream",
            "connect_s": 1.0,
            "read_s": 1.0,
            "total_s": 1.5,
            **changes,
        }
    )


def client(url: str, **changes: Any) -> AlpacaClient:
    """A client of a server on loopback."""
    return AlpacaClient(settings(url, **changes), SECRETS, wall)


def orders(url: str, **changes: Any) -> Orders:
    """The requests against a server on loopback."""
    return Orders(client(url, **changes))
