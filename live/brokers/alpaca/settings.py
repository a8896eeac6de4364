"""Where Alpaca is and how long it may take: endpoints and limits of one account's connection.

units   seconds and bytes, in the names
errors  `BadInputError` for an endpoint that would carry the keys in plain text off this machine
"""

from ipaddress import ip_address
from urllib.parse import urlsplit

import msgspec

from live.feeds.errors import BadInputError

PAPER = "https://paper-api.alpaca.markets"
DATA = "https://data.alpaca.markets"
PAPER_STREAM = "wss://paper-api.alpaca.markets/stream"


class AlpacaSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Endpoints as configured, and limits that every call and the stream keep.

    `connect_s` bounds name and connection, `read_s` a silence, `total_s` the whole call whatever
    trickles. The stream answers a step within `answer_s`; after `probe_s` without a message it is
    asked again; `stale_s` is how much later than REST it may be.
    """

    trading_url: str = PAPER
    data_url: str = DATA
    trading_stream_url: str = PAPER_STREAM
    feed: str = "iex"
    connect_s: float = 5.0
    read_s: float = 10.0
    total_s: float = 15.0
    body_bytes_max: int = 16 << 20
    requests_per_minute: int = 200
    answer_s: float = 10.0
    ping_s: float = 10.0
    probe_s: float = 30.0
    stale_s: float = 30.0
    backoff_s: tuple[float, float] = (1.0, 30.0)
    unauthorized_wait_s: float = 900.0
    inbox_messages: int = 10_000
    message_bytes_max: int = 1 << 20

    def __post_init__(self) -> None:
        """Refuse a place the keys must not be sent to."""
        for name in ("trading_url", "data_url", "trading_stream_url"):
            _refuse_plain(name, getattr(self, name))
        if self.feed not in ("iex", "sip"):
            message = f"alpaca feed: expected iex or sip, found {self.feed!r}; choose one"
            raise BadInputError(message)


def _refuse_plain(name: str, url: str) -> None:
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
    except ValueError:
        parts, host = urlsplit(""), ""
    secure = "wss" if name == "trading_stream_url" else "https"
    if host and parts.scheme == secure:
        return
    if host and parts.scheme == secure[:-1] and _is_loopback(host):
        return
    message = (
        f"broker.{name}: expected {secure}://HOST ({secure[:-1]}:// only on this machine), "
        f"found scheme {parts.scheme[:12]!r}; mend the address"
    )
    raise BadInputError(message)


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
