"""The venue's own market: simulated, or from files; and calls that are no calls."""

import json
import socket
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import hypothesis.strategies as st
import pytest
from hypothesis import given, settings

from tests.venue.process import Running, eventually, start

FREELY = ("--requests-per-minute", "1000000")
ROWS = """time,symbol,bid,ask,bid_size,ask_size,last,volume
2013-10-07T13:31:00Z,XYZ,10.00,10.02,100,100,10.01,1000
2013-10-07T13:32:00Z,XYZ,11.00,11.02,100,100,11.01,1000
"""


def test_a_simulated_market_moves_at_its_pace() -> None:
    with start(None, "--market", "sim", "--symbols", "AAPL", "--pace", "0.02", quotes=False) as v:
        eventually(lambda: v.get("state")["quotes"].get("AAPL", {}).get("version", 0) > 5)
        latest: Any = v.data().get("/stocks/quotes/latest", {"symbols": "AAPL"})
        assert latest["quotes"]["AAPL"]["bp"] > 0
        assert v.stop() == 0


def test_a_market_of_files_is_played_to_its_end(tmp_path: Path) -> None:
    (tmp_path / "rows.csv").write_text(ROWS)
    where = f"csv:{tmp_path}/rows.csv"
    with start(None, "--market", where, "--pace", "0.02", quotes=False) as venue:
        shown = eventually(lambda: (q := venue.get("state")["quotes"].get("XYZ")) and
                           q["version"] == 2 and q)  # fmt: skip

        assert (shown["bid"], shown["last"]) == ("11", "11.01")
        assert venue.get("state")["is_open"] is True


NAMES = ["symbol", "qty", "side", "type", "time_in_force", "limit_price", "client_order_id"]
VALUES = st.one_of(
    st.sampled_from(["AAPL", "buy", "sell", "market", "limit", "day", "gtc", "1", "99.5"]),
    st.text(max_size=20), st.integers(), st.floats(), st.none(), st.lists(st.none(), max_size=2),
)  # fmt: skip
PATHS = st.one_of(
    st.sampled_from(
        ["/v2/orders", "/v2/orders:by_client_order_id", "/v2/account", "/v2/positions",
         "/v2/calendar", "/v2/account/activities/FILL", "/v2/stocks/bars", "/v2/orders/x",
         "/v2/stocks/quotes/latest", "/_venue/arm", "/_venue/quotes", "/_venue/fill"]
    ),
    st.text(max_size=12).map(lambda text: f"/v2/{text}"),
)  # fmt: skip
QUERIES = st.dictionaries(
    st.sampled_from(
        ["limit", "after", "until", "date", "start", "end", "page_token", "page_size", "status",
         "symbols", "timeframe", "client_order_id", "after_order_id", "direction"]
    ),
    st.one_of(st.text(max_size=12), st.sampled_from(["9999-12-31", "0001-01-01", "AAPL", "1Min"])),
    max_size=3,
)  # fmt: skip


def test_no_call_breaks_the_venue() -> None:
    """Whatever is asked, the answer is one of Alpaca's, and the next call is answered too."""
    with start(None, *FREELY) as venue:
        keys = venue.trading()._get_auth_headers()

        @settings(max_examples=150)
        @given(
            method=st.sampled_from(["GET", "POST", "DELETE", "PATCH"]),
            path=PATHS,
            query=QUERIES,
            body=st.dictionaries(st.sampled_from(NAMES), VALUES),
        )
        def ask(method: str, path: str, query: dict[str, str], body: dict[str, object]) -> None:
            url = venue.ready["trading_url"] + quote(path, errors="replace")
            text = json.dumps(body)
            answer = venue.session.request(
                method, url, params=query, data=text, headers=keys, timeout=30
            )
            assert answer.status_code < 500

        ask()
        assert venue.stop() == 0


@pytest.mark.parametrize(
    "junk",
    [
        b"\r\n\r\n",
        b"GET\r\n\r\n",
        b"GET //[ HTTP/1.1\r\n\r\n",
        b"\x16\x03\x01\x02\x00\r\n\r\n",
        b"POST /v2/orders HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
        b"POST /v2/orders HTTP/1.1\r\nContent-Length: 99\r\n\r\nhalf",
        b"GET / HTTP/1.1\r\n" + b"x" * 70_000,
        b"half a head",
    ],
)
def test_bytes_that_are_no_call_break_nothing(venue: Running, junk: bytes) -> None:
    parts = urlsplit(venue.ready["trading_url"])
    with socket.create_connection((parts.hostname, parts.port), timeout=30) as line:
        line.sendall(junk)
        line.shutdown(socket.SHUT_WR)
        while line.recv(4096):
            pass

    assert venue.get("state")["orders"] == []
