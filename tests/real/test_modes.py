"""Modes by the command line, as a checker from outside would try them: paper, live, and neither."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.command import assert_refused, files
from tests.real.world import JOURNAL, SECRET, Drill, drill

BUYS = {1: [("AAPL", "buy", 10, "100.02"), ("MSFT", "buy", 5, "90.00")]}

WRONG_SECRET = {"APCA_API_SECRET_KEY": "wrong-secret-of-the-test"}  # pragma: allowlist secret
WRONG_KEY = {"APCA_API_KEY_ID": "PKWRONGKEYOFTHETEST1"}  # pragma: allowlist secret


@pytest.fixture
def here(tmp_path: Path) -> Iterator[Drill]:
    """A venue, and a plan of two orders in the first cycle."""
    with drill(tmp_path / "run") as made:
        made.plan(BUYS)
        yield made


def words(here: Drill, *more: object) -> list[object]:
    """An outside checker's command: recorded quotes, broker alpaca."""
    market = f"csv:{here.folder}/quotes.csv"
    common = ("run", "--market", market, "--broker", "alpaca", "--config", "c.toml")
    return [*common, "--cycles", 1, "--json", *more]


@pytest.mark.parametrize("mode", [None, "paper"])
def test_paper_is_the_mode_of_a_real_broker_and_trades(here: Drill, mode: str | None) -> None:
    here.plan(BUYS, mode=mode)
    ran = here.refold(*words(here))

    assert ran.status == 0, ran.lines
    assert (ran.json["intents"], ran.json["submitted"], ran.json["fills"]) == (2, 2, 1)
    assert sorted(here.posts().values()) == [1, 1]
    shown = {row["client_order_id"]: row["status"] for row in here.rows("orders")}
    theirs = {order["client_order_id"]: order["status"] for order in here.orders()}
    assert {name: status.lower() for name, status in shown.items()} == {
        name: {"new": "submitted"}.get(status, status) for name, status in theirs.items()
    }
    here.assert_sound()


def test_live_needs_the_word_on_both_sides(here: Drill) -> None:
    before = files(here.folder)
    here.plan(BUYS, mode="live")
    assert_refused(here.refold(*words(here)), "--live")
    here.plan(BUYS, mode="paper")
    assert_refused(here.refold(*words(here, "--live")), "mode")
    assert files(here.folder) - {"c.toml"} == before - {"c.toml"}
    assert here.venue.get("calls") == []


def test_live_trades_with_both_words_encrypted_or_plain_where_the_file_says_so(
    here: Drill,
) -> None:
    here.plan(BUYS, mode="live", encryption={"enabled": False})
    ran = here.refold(*words(here, "--live"))
    assert ran.status == 0, ran.lines
    assert sorted(here.posts().values()) == [1, 1]


def test_live_without_a_master_key_refuses_before_anything_is_there(here: Drill) -> None:
    here.plan(BUYS, mode="live")
    before = files(here.folder)
    assert_refused(here.refold(*words(here, "--live")), "key")
    assert files(here.folder) == before
    assert here.writes() == []


@pytest.mark.parametrize(
    ("keys", "says"),
    [
        ({"APCA_API_KEY_ID": "", "APCA_API_SECRET_KEY": ""}, "APCA_API_KEY_ID"),
        ({"APCA_API_SECRET_KEY": ""}, "APCA_API_SECRET_KEY"),
        (WRONG_SECRET, "401"),
        (WRONG_KEY, "403"),
    ],
)
def test_keys_that_are_missing_or_wrong_are_one_line_and_leave_nothing(
    here: Drill, keys: dict[str, str], says: str
) -> None:
    before = files(here.folder)
    ran = here.refold(*words(here), **keys)
    assert_refused(ran, says)
    assert "wrong-secret" not in "".join(ran.lines)
    assert SECRET not in "".join(ran.lines)
    assert files(here.folder) == before
    assert here.writes() == []


@pytest.mark.slow
def test_an_account_that_is_not_the_journals_is_refused(here: Drill, tmp_path: Path) -> None:
    assert here.refold(*words(here)).status == 0
    with drill(tmp_path / "other", "--seed", "99") as other:
        other.plan(BUYS)
        text = other.file.read_text(encoding="utf-8").replace("/other/", "/run/")
        here.file.write_text(text, encoding="utf-8")
        before = here.refold("verify", JOURNAL, "--json").json["head"]
        *waited, last = (ran := here.refold(*words(here))).lines
        assert (ran.status, "account" in last) == (2, True), ran
        assert all("waiting for a permit" in line for line in waited), ran
        assert here.refold("verify", JOURNAL, "--json").json["head"] == before
        assert other.writes() == []


def test_a_venue_that_is_not_there_is_one_line_and_leaves_nothing(here: Drill) -> None:
    here.venue.process.kill()
    here.venue.process.wait(5)
    before = files(here.folder)
    assert_refused(here.refold(*words(here)), "broker alpaca")
    assert files(here.folder) == before


def test_a_dry_run_sends_nothing_appends_nothing_and_tells_what_the_run_then_does(
    here: Drill,
) -> None:
    before = files(here.folder)
    dry = here.refold(*words(here, "--dry-run"))
    assert (dry.status, here.writes(), files(here.folder)) == (0, [], before), dry.lines
    assert [row["symbol"] for row in dry.json["intents"]] == ["AAPL", "MSFT"]
    assert here.refold(*words(here)).json["intents"] == 2

    head = here.refold("verify", JOURNAL, "--json").json["head"]
    posted = len(here.writes())
    second = here.refold(*words(here, "--dry-run"))
    assert (second.status, second.json["cycle"]) == (0, 2), second.lines
    assert {row["reason"] for row in second.json["skips"]} == {"signal.none"}
    assert here.refold("verify", JOURNAL, "--json").json["head"] == head
    assert len(here.writes()) == posted


@pytest.mark.slow
def test_a_dry_run_knows_what_the_account_holds_now(here: Drill) -> None:
    """The first cycle's decision is on the account as it is, not as configured."""
    here.venue.post("position", {"symbol": "AAPL", "quantity": "7", "price": "100"})
    dry = here.refold(*words(here, "--dry-run"))
    ran = here.refold(*words(here))

    assert dry.status == 0, dry.lines
    assert [row["symbol"] for row in dry.json["intents"]] == ["MSFT"]
    assert {row["symbol"]: row["reason"] for row in dry.json["skips"]} == {
        "AAPL": "reconcile.mismatch"
    }
    assert ran.json["skipped"] == {"reconcile.mismatch": 1}
