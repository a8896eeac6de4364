"""The table of A4: what an error means for a submit, a cancel and a look."""

import json

import pytest

from live.brokers.alpaca.errors import Verdict, is_absence, is_lockout, read_error, verdict_of

INSUFFICIENT = "insufficient qty available for order (requested: 1.05, available: 0.55)"
TABLE = [
    (401, {"message": "unauthorized"}, Verdict.REFUSED, "unauthorized"),
    (401, "<html>", Verdict.UNKNOWN, "http_401_unreadable"),
    (403, {"message": "forbidden."}, Verdict.REFUSED, "forbidden"),
    (403, {"code": 40310000, "message": INSUFFICIENT}, Verdict.REFUSED, "insufficient_quantity"),
    (
        403,
        {"code": 40310000, "message": "insufficient buying power"},
        Verdict.REFUSED,
        "insufficient_buying_power",
    ),
    (
        403,
        {"code": 40310000, "message": "potential wash trade detected. use complex orders"},
        Verdict.REFUSED,
        "wash_trade",
    ),
    (
        422,
        {"code": 42210000, "message": "potential wash trade detected. use complex orders"},
        Verdict.REFUSED,
        "wash_trade",
    ),
    (
        403,
        {"code": 40310000, "message": "order parameters are not changed"},
        Verdict.REFUSED,
        "not_changed",
    ),
    (403, {"code": 40310100, "message": "pdt"}, Verdict.REFUSED, "pattern_day_trading"),
    (403, {"code": 40310000, "message": "a new text"}, Verdict.REFUSED, "forbidden_unlisted"),
    (404, {"code": 40410000, "message": "order not found"}, Verdict.UNKNOWN, "http_404"),
    (
        422,
        {"code": 40010001, "message": "client_order_id must be unique"},
        Verdict.DUPLICATE,
        "duplicate_id",
    ),
    (
        422,
        {"code": "40010001", "message": "Client Order ID must be unique"},
        Verdict.DUPLICATE,
        "duplicate_id",
    ),
    (
        422,
        {"code": 40010001, "message": "us_equity orders not allowed for account"},
        Verdict.REFUSED,
        "validation",
    ),
    (422, {"code": 40010001, "message": "a new text"}, Verdict.UNKNOWN, "validation_unlisted"),
    (422, {"code": 42210000, "message": "invalid limit_price"}, Verdict.REFUSED, "unprocessable"),
    (422, {"message": "no code"}, Verdict.UNKNOWN, "http_422_without_code"),
    (422, {"code": 40010001}, Verdict.UNKNOWN, "http_422_unreadable"),
    (422, "", Verdict.UNKNOWN, "http_422_unreadable"),
    (400, {"code": 40010000, "message": "bad body"}, Verdict.REFUSED, "bad_request"),
    (
        429,
        {"code": 42910000, "message": "rate limit exceeded"},
        Verdict.RATE_LIMITED,
        "rate_limited",
    ),
    (429, "too many requests", Verdict.RATE_LIMITED, "rate_limited"),
    (500, {"code": 50010000, "message": "internal server error"}, Verdict.UNKNOWN, "http_500"),
    (502, "<html>", Verdict.UNKNOWN, "http_502_unreadable"),
    (503, "", Verdict.UNKNOWN, "http_503_unreadable"),
    (504, "gateway timeout", Verdict.UNKNOWN, "http_504_unreadable"),
    (302, "", Verdict.UNKNOWN, "http_302_unreadable"),
    (409, {"code": 1, "message": "conflict"}, Verdict.UNKNOWN, "http_409"),
    (599, {"code": 1, "message": "x"}, Verdict.UNKNOWN, "http_599"),
]


def body(found: object) -> bytes:
    """The bytes of a row's body."""
    return found.encode() if isinstance(found, str) else json.dumps(found).encode()


@pytest.mark.parametrize(("status", "said", "verdict", "kind"), TABLE)
def test_an_error_means_what_the_table_says(
    status: int, said: object, verdict: Verdict, kind: str
) -> None:
    assert verdict_of(status, read_error(body(said))) == (verdict, kind)


@pytest.mark.parametrize("status", range(100, 600))
def test_no_status_is_refused_without_a_body_that_can_be_read(status: int) -> None:
    for said in ("", "<html>forbidden</html>", "null", "[]", '{"message":null}', '{"code":1}'):
        verdict, _ = verdict_of(status, read_error(said.encode()))
        assert verdict is (Verdict.RATE_LIMITED if status == 429 else Verdict.UNKNOWN)


def test_only_alpacas_own_404_is_absence() -> None:
    own = {"code": 40410000, "message": "order not found"}

    assert is_absence(404, read_error(body(own)))
    assert not is_absence(404, read_error(b"<html>404 Not Found</html>"))
    assert not is_absence(404, read_error(b""))
    assert not is_absence(200, read_error(body(own)))
    assert not is_absence(503, read_error(body(own)))


def test_a_lockout_is_a_refused_key_and_no_refused_order() -> None:
    assert is_lockout(401, read_error(b"<html>"))
    assert is_lockout(403, read_error(body({"message": "forbidden."})))
    assert not is_lockout(403, read_error(body({"code": 40310000, "message": INSUFFICIENT})))
    assert not is_lockout(403, read_error(b"<html>"))
