"""A submit is one POST, whatever comes back, and only a whole right answer counts as taken."""

import json
import socket
import time
from decimal import Decimal
from pathlib import Path

import pytest

from core.events import OrderSubmitFailed, OrderSubmitted, OrderSubmitUnknown, SubmitFailure
from core.values import later_by
from live.brokers.alpaca.client import AlpacaClient
from live.brokers.alpaca.orders import Orders
from tests.alpaca.conftest import Serving
from tests.alpaca.server import Reply, Request, http
from tests.alpaca.world import KEY_ID, NOW, SECRET_KEY, SECRETS, TICKET, order, orders, settings

GOOD = http(200, order(), {"X-Request-ID": "req-1"})
HTML = b"<html><body>Bad gateway</body></html>"
DUPLICATE = {"code": 40010001, "message": "client_order_id must be unique"}

UNKNOWN: dict[str, Reply] = {
    "500": http(500, {"code": 50010000, "message": "internal server error"}),
    "502": http(502, HTML),
    "503": http(503, HTML),
    "504": http(504, b"gateway timeout"),
    "504 as JSON": http(504, {"code": 50410000, "message": "gateway timeout"}),
    "302": http(302, b"", {"Location": "/elsewhere"}),
    "307": http(307, b"", {"Location": "/v2/orders"}),
    "HTML 200": http(200, HTML),
    "empty 200": http(200, b""),
    "204": Reply(b"HTTP/1.1 204 No Content\r\n\r\n"),
    "202": http(202, order()),
    "200 with an error": http(200, DUPLICATE),
    "200 with another id": http(200, order(client_order_id="another")),
    "200 with another quantity": http(200, order(qty="11")),
    "200 with another symbol": http(200, order(symbol="PEP")),
    "200 without a status": http(200, order(status=None)),
    "200 without an id": http(200, order(id="")),
    "200 with a list": http(200, [order()]),
    "200 with null": http(200, b"null"),
    "200 with NaN": http(200, json.dumps(order()).replace('"0"', "NaN").encode()),
    "200 with 1e999": http(200, json.dumps(order()).replace('"0"', "1e999").encode()),
    "200 with 5,000 digits": http(200, json.dumps(order()).replace('"0"', "9" * 5000).encode()),
    "200 with a key twice": http(200, json.dumps(order())[:-1].encode() + b',"status":"new"}'),
    "200 nested deep": http(200, b'{"a":' * 100_000 + b"1" + b"}" * 100_000),
    "200 with a quantity below zero": http(200, order(filled_qty="-1")),
    "200 in another encoding": http(200, json.dumps(order()).encode("utf-16")),
    "duplicate": http(422, DUPLICATE),
    "duplicate in other words": http(422, {"code": 40010001, "message": "id already exists"}),
    "422 nobody lists": http(422, {"code": 40010001, "message": "no such thing"}),
    "422 without code": http(422, {"message": "unprocessable"}),
    "422 as HTML": http(422, HTML),
    "403 as HTML": http(403, HTML),
    "404": http(404, {"code": 40410000, "message": "asset not found"}),
    "408": http(408, {"code": 1, "message": "request timeout"}),
    "409": http(409, {"code": 1, "message": "conflict"}),
    "not HTTP": Reply(b"SSH-2.0-OpenSSH_9.2\r\n", cut=99),
    "nothing": Reply(b"", cut=0),
    "reset after accept": Reply(b"", cut=0, reset=True),
    "silence": Reply(hang=True),
    "no length and cut": Reply(b"HTTP/1.1 200 OK\r\n\r\n" + json.dumps(order()).encode(), cut=150),
}
REFUSED: dict[str, Reply] = {
    "401": http(401, {"message": "unauthorized"}),
    "403 forbidden": http(403, {"message": "forbidden."}),
    "insufficient quantity": http(
        403,
        {
            "available": "0.5",
            "code": 40310000,
            "message": "insufficient qty available for order (requested: 1, available: 0.5)",
        },
    ),
    "buying power": http(403, {"code": 40310000, "message": "insufficient buying power"}),
    "wash trade": http(
        403, {"code": 40310000, "message": "potential wash trade detected. use complex orders"}
    ),
    "403 nobody lists": http(403, {"code": 40310000, "message": "something new"}),
    "validation": http(422, {"code": 42210000, "message": "invalid limit_price 86.8812"}),
    "400": http(400, {"code": 40010000, "message": "request body format is invalid"}),
}


def test_a_whole_right_answer_is_submitted_with_what_was_said(serve: Serving) -> None:
    server = serve(GOOD)

    answer = orders(server.url).submit(TICKET, 1, NOW)

    assert isinstance(answer, OrderSubmitted)
    assert (answer.status, answer.attempt, answer.request_id) == ("pending_new", 1, "req-1")
    assert answer.venue_order_id == order()["id"]
    assert answer.source_time == "2026-11-23T15:00:00.010802Z"
    assert answer.raw is not None
    assert json.loads(answer.raw) == order()
    assert len(server.posts()) == 1


@pytest.mark.parametrize("case", UNKNOWN)
def test_what_is_not_certain_is_unknown_after_one_post(serve: Serving, case: str) -> None:
    server = serve(UNKNOWN[case])

    answer = orders(server.url).submit(TICKET, 1, NOW)

    assert isinstance(answer, OrderSubmitUnknown), answer
    assert len(server.posts()) == 1


@pytest.mark.parametrize("case", REFUSED)
def test_a_listed_no_is_refused_after_one_post(serve: Serving, case: str) -> None:
    server = serve(REFUSED[case])

    answer = orders(server.url).submit(TICKET, 1, NOW)

    assert isinstance(answer, OrderSubmitFailed), answer
    assert answer.error_class is SubmitFailure.REFUSED
    assert answer.raw is not None
    assert len(server.posts()) == 1


def test_429_is_rate_limited_after_one_post_and_nothing_follows_it(serve: Serving) -> None:
    body = {"code": 42910000, "message": "rate limit exceeded"}
    server = serve(http(429, body, {"Retry-After": "20"}))
    ours = orders(server.url)

    answer = ours.submit(TICKET, 1, NOW)
    again = ours.submit(TICKET, 2, NOW)

    assert isinstance(answer, OrderSubmitFailed)
    assert isinstance(again, OrderSubmitFailed)
    assert answer.error_class is again.error_class is SubmitFailure.RATE_LIMITED
    assert (answer.status_code, again.status_code) == (429, None)
    assert (answer.retry_after_s, again.retry_after_s) == ("20", None)
    assert len(server.posts()) == 1


@pytest.mark.parametrize("status", [401, 403])
def test_refused_keys_are_not_tried_again_at_once(serve: Serving, status: int) -> None:
    server = serve(http(status, {"message": "forbidden."}))
    ours = orders(server.url)

    ours.submit(TICKET, 1, NOW)
    again = ours.submit(TICKET, 2, NOW)
    look = ours.look_up(TICKET.client_order_id, NOW)

    assert isinstance(again, OrderSubmitFailed)
    assert again.error_class is SubmitFailure.NOT_SENT
    assert not look.complete
    assert len(server.requests) == 1


def test_an_absence_is_as_old_as_its_question(serve: Serving) -> None:
    asked: list[str] = []
    clock = [NOW]

    def reply(request: Request) -> Reply:
        asked.append(request.target)
        clock[0] = later_by(clock[0], Decimal(7))
        if "by_client_order_id" in request.target:
            return http(404, {"code": 40410000, "message": "order not found"})
        return http(200, [])

    ours = Orders(AlpacaClient(settings(serve(reply).url), SECRETS, lambda: clock[0]))

    look = ours.look_up(TICKET.client_order_id, NOW)

    assert (look.found, look.complete, len(asked)) == (False, True, 2)
    assert look.observed_at == NOW


@pytest.mark.parametrize("reset", [False, True])
def test_an_answer_cut_at_any_byte_is_unknown_after_one_post(serve: Serving, reset: bool) -> None:
    for cut in range(0, len(GOOD.data), 7):
        server = serve(Reply(GOOD.data, cut=cut, reset=reset))

        answer = orders(server.url).submit(TICKET, 1, NOW)

        assert isinstance(answer, OrderSubmitUnknown), cut
        assert len(server.posts()) == 1, cut


def test_nobody_listening_is_provably_not_sent() -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]

    answer = orders(f"http://127.0.0.1:{port}").submit(TICKET, 1, NOW)

    assert isinstance(answer, OrderSubmitFailed)
    assert answer.error_class is SubmitFailure.NOT_SENT


def test_a_name_without_address_is_provably_not_sent() -> None:
    answer = orders("https://no-such-host.invalid").submit(TICKET, 1, NOW)

    assert isinstance(answer, OrderSubmitFailed)
    assert answer.error_class is SubmitFailure.NOT_SENT


def test_a_tls_handshake_that_fails_is_provably_not_sent(serve: Serving) -> None:
    server = serve(GOOD)

    answer = orders(server.url.replace("http", "https")).submit(TICKET, 1, NOW)

    assert isinstance(answer, OrderSubmitFailed)
    assert answer.error_class is SubmitFailure.NOT_SENT
    assert not server.posts()


def test_a_listener_that_never_speaks_tls_is_not_sent_within_the_deadline() -> None:
    with socket.create_server(("127.0.0.1", 0)) as mute:
        started = time.monotonic()
        answer = orders(f"https://127.0.0.1:{mute.getsockname()[1]}").submit(TICKET, 1, NOW)

    assert isinstance(answer, OrderSubmitFailed)
    assert answer.error_class is SubmitFailure.NOT_SENT
    assert time.monotonic() - started < 30


@pytest.mark.parametrize("start", [0, 20, 60])
def test_a_server_that_trickles_keeps_no_call_beyond_its_deadline(
    serve: Serving, start: int
) -> None:
    """A byte every 0.1 s: every read is in time, the whole would take half a minute."""
    server = serve(Reply(GOOD.data[start:], trickle_s=0.1))
    started = time.monotonic()

    answer = orders(server.url, total_s=1.0).submit(TICKET, 1, NOW)

    assert isinstance(answer, OrderSubmitUnknown)
    assert answer.error_class == "timeout"
    assert time.monotonic() - started < 15
    assert len(server.posts()) == 1


def test_a_proxy_a_netrc_and_a_redirect_see_nothing(
    serve: Serving, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    server, proxy = serve(GOOD), serve(GOOD)
    (tmp_path / ".netrc").write_text("machine 127.0.0.1 login somebody password else\n")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("NETRC", str(tmp_path / ".netrc"))
    for name in ("http_proxy", "HTTP_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, proxy.url)
    monkeypatch.setenv("APCA_API_BASE_URL", proxy.url)

    orders(server.url).submit(TICKET, 1, NOW)

    (post,) = server.posts()
    assert not proxy.connections
    assert "authorization" not in post.headers
    assert (post.headers["apca-api-key-id"], post.target) == (KEY_ID, "/v2/orders")


def test_a_body_is_text_alone(serve: Serving) -> None:
    server = serve(GOOD)

    orders(server.url).submit(TICKET, 1, NOW)

    (post,) = server.posts()
    sent = json.loads(post.body)
    assert all(isinstance(value, str) for value in sent.values())
    assert (sent["qty"], sent["limit_price"]) == ("10", "86.88")


def test_keys_that_come_back_are_masked(serve: Serving) -> None:
    echo = f"{KEY_ID} {SECRET_KEY} ".replace("/", "\\/") + SECRET_KEY + SECRET_KEY.encode().hex()
    server = serve(http(500, echo.encode()))

    answer = orders(server.url).submit(TICKET, 1, NOW)

    assert KEY_ID not in repr(answer)
    assert SECRET_KEY[:22] not in repr(answer)
    assert SECRET_KEY.encode().hex() not in repr(answer)


def test_the_adapter_takes_every_way_to_a_second_request_from_the_library(serve: Serving) -> None:
    """An upgrade that renames what is overridden must be seen here."""
    server = serve(http(429, b"{}"))
    ours = orders(server.url)

    ours.submit(TICKET, 1, NOW)

    assert len(server.requests) == server.connections == 1
