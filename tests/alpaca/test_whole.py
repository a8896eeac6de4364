"""An answer that was cut within its head: its status is known, no word of its headers counts."""

import pytest

from live.brokers.alpaca.answer import Answer, NoAnswer
from tests.alpaca.conftest import Serving
from tests.alpaca.server import Reply, http
from tests.alpaca.world import client

LIMITED = http(429, b"", {"Retry-After": "120", "X-RateLimit-Limit": "1000"})
CANCELED = Reply(b"HTTP/1.1 204 No Content\r\nX-Request-ID: abc\r\nX-RateLimit-Limit: 1000\r\n\r\n")
HEAD_ENDS = (b"\r\n\r\n", b"\n\n")


def within_the_head(data: bytes) -> range:
    """Where an answer may be cut so that its status line came and its empty line did not."""
    return range(data.index(b"\r\n"), data.index(b"\r\n\r\n") + 2)


@pytest.mark.parametrize("cut", within_the_head(LIMITED.data))
def test_of_a_cut_head_no_wait_and_no_limit_is_believed(serve: Serving, cut: int) -> None:
    server = serve(Reply(LIMITED.data, cut=cut))
    ours = client(server.url)
    before = ours.budget.left()

    answer = ours.get("/account")

    assert isinstance(answer, NoAnswer)
    assert (answer.sent, answer.kind, answer.status) == (True, "half_answer", 429)
    after = ours.budget.left()
    assert (after.limit, after.why) == (before.limit, "")


@pytest.mark.parametrize("cut", within_the_head(CANCELED.data))
def test_a_cut_success_is_none(serve: Serving, cut: int) -> None:
    server = serve(Reply(CANCELED.data, cut=cut))

    answer = client(server.url).delete("/orders/1")

    assert isinstance(answer, NoAnswer)
    assert (answer.kind, answer.status) == ("half_answer", 204)


@pytest.mark.parametrize("end", HEAD_ENDS)
def test_a_whole_head_is_believed_however_its_lines_end(serve: Serving, end: bytes) -> None:
    line = end[: len(end) // 2]
    data = line.join([b"HTTP/1.1 200 OK", b"Content-Length: 2", b"X-RateLimit-Limit: 150"]) + end
    server = serve(Reply(data + b"{}"))

    answer = client(server.url).get("/account")

    assert isinstance(answer, Answer)
    assert (answer.status, answer.body, answer.headers["x-ratelimit-limit"]) == (200, b"{}", "150")


def test_a_head_behind_100_continue_must_be_whole_too(serve: Serving) -> None:
    whole = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"

    told = client(serve(Reply(whole)).url).get("/account")
    cut = client(serve(Reply(whole, cut=whole.rindex(b"\r\n\r\n") + 2)).url).get("/account")

    assert isinstance(told, Answer)
    assert isinstance(cut, NoAnswer)
