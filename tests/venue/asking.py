"""What tests ask of the venue through alpaca-py, and how they read what it says."""

import json

import pytest
import requests
from alpaca.common.exceptions import APIError
from alpaca.trading.client import TradingClient
from alpaca.trading.enums import OrderSide, TimeInForce
from alpaca.trading.models import Order
from alpaca.trading.requests import LimitOrderRequest, MarketOrderRequest

BROKEN = (requests.RequestException, APIError, TypeError, ValueError, AttributeError)
"""What the SDK raises where an answer did not come, or cannot be read."""


def market(client_order_id: str, quantity: int = 10, side: str = "buy") -> MarketOrderRequest:
    """A market order."""
    return MarketOrderRequest(
        symbol="AAPL",
        qty=quantity,
        side=OrderSide(side),
        time_in_force=TimeInForce.DAY,
        client_order_id=client_order_id,
    )


def limit(
    client_order_id: str, price: str, quantity: int = 10, side: str = "buy"
) -> LimitOrderRequest:
    """A limit order."""
    return LimitOrderRequest(
        symbol="AAPL",
        qty=quantity,
        side=OrderSide(side),
        time_in_force=TimeInForce.DAY,
        client_order_id=client_order_id,
        limit_price=float(price),
    )


def sent(client: TradingClient, request: MarketOrderRequest | LimitOrderRequest) -> Order:
    """The order as it was answered."""
    order = client.submit_order(request)
    assert isinstance(order, Order)
    return order


def status_of(client: TradingClient, client_order_id: str) -> str:
    """The order's status now."""
    order = client.get_order_by_client_id(client_order_id)
    assert isinstance(order, Order)
    return order.status.value


def refusal(error: pytest.ExceptionInfo[APIError]) -> tuple[int | None, int, str]:
    """The status, the code and the words of a refusal."""
    body = json.loads(str(error.value))
    return error.value.status_code, body.get("code", 0), body["message"]
