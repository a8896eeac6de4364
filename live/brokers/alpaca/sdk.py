"""alpaca-py, hardened: the one module that imports it, itself imported late (2 to 5 s, 90 MB).

shape   `trading(settings, secrets)`, `market_data(...)` -> clients whose every request is one
        `Answer`: status, headers and bytes, or an exception of urllib3, http.client or socket.
        `write(...)` makes a request up to its first byte; `sent(...)` lets it leave
rules   alpaca-py builds URL, keys and body; how they travel and what becomes of the answer is
        replaced, for it retries POSTs on 429 and 504, reads JSON that nobody can trust, and loses
        the bytes; and requests under it takes half a millisecond to send what is made
source  ALPACA.md A3, alpaca-py 0.44.0 common/rest.py
"""

import json
from typing import Any
from urllib.parse import urlencode

from alpaca.data.historical.stock import StockHistoricalDataClient
from alpaca.trading.client import TradingClient
from urllib3.response import BaseHTTPResponse

from live.brokers.alpaca.answer import Answer
from live.brokers.alpaca.ready import Connections, Opened, is_sound
from live.brokers.alpaca.settings import AlpacaSettings
from live.brokers.alpaca.transport import Guarded, current_call
from live.brokers.alpaca.whole import HalfAnswerError
from live.secrets import Secrets

_CHUNK = 1 << 16
_HEADERS = {"Accept": "*/*", "Accept-Encoding": "identity", "Connection": "close"}


class BodyTooLongError(Exception):
    """The body is longer than anything this account can have."""


class _OneRequest:
    """In the place of alpaca-py's `_one_request`: one request, one answer, nothing read into it."""

    connections: Connections
    body_bytes_max = 0
    _origin = ""
    _session: Any
    _into: Guarded | None = None

    def write(self, connection: Guarded, path: str, data: dict[str, Any]) -> None:
        """A POST into `connection`, none of it sent; whether it is open does not matter."""
        self._into = connection
        try:
            self._request("POST", path, data)  # type: ignore[attr-defined]
        finally:
            self._into = None

    def sent(self, written: Opened) -> Answer | None:
        """Its answer; None where the connection is not as it was, and nothing of it left."""
        connection = written[0]
        try:
            if not is_sound(written):
                return None
            connection.begin(current_call())
            return self._exchange(connection)
        finally:
            connection.close()

    def _one_request(self, method: str, url: str, opts: dict[str, Any], retry: int) -> Any:
        del retry
        target, body = _wire_form(url.removeprefix(self._origin), opts)
        headers = _HEADERS | opts["headers"]
        if body is not None:
            headers["Content-Type"] = "application/json"
        elif method == "DELETE":
            headers["Content-Length"] = "0"
        if self._into is not None:
            self._into.request(method, target, body=body, headers=headers, preload_content=False)
            return None
        order = method == "POST"
        connection = self.connections.taken() if order else self.connections.new()
        try:
            connection.begin(current_call())
            connection.request(method, target, body=body, headers=headers, preload_content=False)
            return self._exchange(connection)
        finally:
            connection.close()  # no connection is kept for the next call

    def _exchange(self, connection: Guarded) -> Answer:
        """The request that was written into the connection leaves, and what came of it."""
        connection.leave()
        response = connection.getresponse()
        told = {name.lower(): response.headers[name] for name in response.headers}
        return Answer(response.status, told, self._body(response))

    def _body(self, response: BaseHTTPResponse) -> bytes:
        """The whole body, or the proof that it is not whole."""
        body = bytearray()
        try:
            for chunk in response.stream(_CHUNK, decode_content=True):
                body += chunk
                if len(body) > self.body_bytes_max:
                    break
        except Exception as error:
            raise HalfAnswerError(response.status) from error
        if len(body) > self.body_bytes_max:
            raise BodyTooLongError
        return bytes(body)

    def harden(self, root: str, body_bytes_max: int) -> None:
        """No retry, no proxy, no netrc, no cookie jar, no redirect: none of requests at all."""
        self.body_bytes_max = body_bytes_max
        self._retry = 0
        self._retry_codes: list[int] = []
        self._session = None
        self._origin = "/".join(root.split("/")[:3])
        self.connections = Connections(self._origin)


class _Trading(_OneRequest, TradingClient):
    """Orders and account."""


class _MarketData(_OneRequest, StockHistoricalDataClient):
    """Quotes and bars."""


def trading(settings: AlpacaSettings, secrets: Secrets) -> _Trading:
    """A hardened trading client."""
    client = _Trading(
        secrets.key_id.reveal(),
        secrets.secret_key.reveal(),
        raw_data=True,
        url_override=_root(settings.trading_url),
    )
    client.harden(_root(settings.trading_url), settings.body_bytes_max)
    return client


def market_data(settings: AlpacaSettings, secrets: Secrets) -> _MarketData:
    """A hardened market data client."""
    client = _MarketData(
        secrets.key_id.reveal(),
        secrets.secret_key.reveal(),
        raw_data=True,
        url_override=_root(settings.data_url),
    )
    client.harden(_root(settings.data_url), settings.body_bytes_max)
    return client


def _root(url: str) -> str:
    return url.rstrip("/")


def _wire_form(target: str, opts: dict[str, Any]) -> tuple[str, bytes | None]:
    """Target and body: a query for what is asked, JSON of text for what is sent."""
    if opts.get("json") is not None:
        return target, json.dumps(opts["json"], allow_nan=False).encode()
    query = opts.get("params")
    return (f"{target}?{urlencode(query)}" if query else target), None
