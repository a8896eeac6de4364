"""alpaca-py, hardened: the one module that imports it, itself imported late (2 to 5 s, 90 MB).

shape   `trading(settings, secrets)`, `market_data(...)` -> clients whose every request is one
        `Answer`: status, headers and bytes, or an exception of requests
rules   alpaca-py builds URL, keys and body; what it does with the answer is replaced, for it
        retries POSTs on 429 and 504, reads JSON that nobody can trust, and loses the bytes
source  ALPACA.md A3, alpaca-py 0.44.0 common/rest.py
"""

from typing import Any

from alpaca.data.historical.stock import StockHistoricalDataClient
from alpaca.trading.client import TradingClient
from requests import Response, Session

from live.brokers.alpaca.answer import Answer
from live.brokers.alpaca.settings import AlpacaSettings
from live.brokers.alpaca.transport import HardenedAdapter
from live.secrets import Secrets

_CHUNK = 1 << 16


class BodyTooLongError(Exception):
    """The body is longer than anything this account can have."""


class HalfAnswerError(Exception):
    """The status came and the body did not."""

    def __init__(self, status: int) -> None:
        super().__init__(f"status {status}, body cut")
        self.status = status


class _OneRequest:
    """In the place of alpaca-py's `_one_request`: one request, one answer, nothing read into it."""

    body_bytes_max = 0
    _session: Session

    def _one_request(self, method: str, url: str, opts: dict[str, Any], retry: int) -> Any:
        del retry
        response = self._session.request(method, url, **opts)
        try:
            headers = {name.lower(): value for name, value in response.headers.items()}
            return Answer(response.status_code, headers, self._body(response))
        finally:
            response.close()
            self._session.close()  # the adapter keeps no connection for the next call

    def _body(self, response: Response) -> bytes:
        """The whole body, or the proof that it is not whole."""
        body = bytearray()
        try:
            for chunk in response.iter_content(_CHUNK):
                body += chunk
                if len(body) > self.body_bytes_max:
                    break
        except Exception as error:
            raise HalfAnswerError(response.status_code) from error
        if len(body) > self.body_bytes_max:
            raise BodyTooLongError
        return bytes(body)

    def harden(self, body_bytes_max: int) -> None:
        """No retry, no proxy, no netrc, no cookie jar of use, our transport."""
        self.body_bytes_max = body_bytes_max
        self._retry = 0
        self._retry_codes: list[int] = []
        session = self._session
        session.trust_env = False
        session.headers["Accept-Encoding"] = "identity"
        session.headers["Connection"] = "close"
        session.mount("https://", HardenedAdapter())
        session.mount("http://", HardenedAdapter())


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
    client.harden(settings.body_bytes_max)
    return client


def market_data(settings: AlpacaSettings, secrets: Secrets) -> _MarketData:
    """A hardened market data client."""
    client = _MarketData(
        secrets.key_id.reveal(),
        secrets.secret_key.reveal(),
        raw_data=True,
        url_override=_root(settings.data_url),
    )
    client.harden(settings.body_bytes_max)
    return client


def _root(url: str) -> str:
    return url.rstrip("/")
