"""The broker's keys, given to a real run whose broker says them back: nowhere afterwards."""

import json
from pathlib import Path

from tests.alpaca.account import Account
from tests.alpaca.server import Reply, Request, Server, http
from tests.cli.test_canary import KEY_ID, SECRET, Watch, assert_nowhere, told
from tests.real.world import JOURNAL, drill

ECHO = {"code": 40110000, "message": f"request is not authorized for {KEY_ID} {SECRET}"}
PAGE = f"<html><body>apca-api-secret-key: {SECRET} {KEY_ID}</body></html>".encode()
ECHOES = {
    "PAGE": http(200, PAGE),
    "R422": http(422, {**ECHO, "code": 40010001}),
    "R500": http(500, ECHO, {"X-Request-ID": SECRET, "Retry-After": KEY_ID}),
    "Z401": http(401, ECHO),  # the last: after it nothing leaves for a minute
}


def test_a_broker_that_echoes_the_keys_to_each_order_finds_them_kept_nowhere(
    tmp_path: Path,
) -> None:
    account = Account()
    account.account["id"] = "an-account"

    def reply(request: Request) -> Reply:
        if request.method != "POST":
            return account.reply(request)
        return ECHOES[json.loads(request.body)["symbol"]]

    server = Server(reply)
    keys = ("--key-id", KEY_ID, "--secret", SECRET)
    try:
        with drill(tmp_path / "run", *keys, symbols=tuple(ECHOES)) as here, Watch() as watch:
            orders = [(symbol, "buy", 1, "100.02") for symbol in ECHOES]
            here.plan({1: orders}, risk={"intent_valid_s": "2"})
            text = here.file.read_text(encoding="utf-8")
            text = text.replace(f'"{here.venue.ready["trading_url"]}"', f'"{server.url}"')
            here.file.write_text(text, encoding="utf-8")
            folder = here.folder
            status, printed = told("run", "--config", "c.toml", "--cycles", 1, cwd=folder)
            exported = told("export", "--journal", JOURNAL, cwd=folder)[1]
            outputs = [printed, exported, b"\n".join(watch.seen)]
    finally:
        server.close()
    assert status == 0, printed
    assert len(server.posts()) == len(ECHOES)
    assert exported.count(b'"type":"order-submit-unknown') >= 3, exported
    assert_nowhere(folder, *outputs)


def test_a_broker_that_refuses_the_keys_with_the_keys_is_one_clean_line(tmp_path: Path) -> None:
    server = Server(lambda _: http(401, ECHO))
    try:
        with drill(tmp_path / "run") as here:
            here.plan({})
            text = here.file.read_text(encoding="utf-8")
            text = text.replace(here.venue.ready["trading_url"], server.url)
            here.file.write_text(text, encoding="utf-8")
            status, printed = told("run", "--config", "c.toml", cwd=here.folder)
    finally:
        server.close()
    assert status == 2
    assert printed.count(b"\n") == 1, printed
    assert_nowhere(here.folder, printed)
