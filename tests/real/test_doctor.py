"""`doctor` at a venue: what the broker itself says, and what is wrong with the way to it."""

import datetime as dt
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from bin.cli.exits import Exit
from tests.cli.command import Ran
from tests.real.world import KEY_ID, KEYS, SECRET, Drill, drill


@pytest.fixture
def here(tmp_path: Path) -> Iterator[Drill]:
    """A venue and a folder."""
    with drill(tmp_path / "run") as made:
        made.plan({}, rate={"per_minute": 200})
        yield made


def doctor(here: Drill, **env: str) -> Ran:
    """`doctor --json`; it shows no key, whatever it finds."""
    ran = here.refold("doctor", "--config", "c.toml", "--json", **env)
    assert KEY_ID not in ran.out + "".join(ran.lines)
    assert SECRET not in ran.out + "".join(ran.lines)
    return ran


def results(ran: Ran) -> dict[str, str]:
    """The result of each check."""
    return {row["check"]: row["result"] for row in ran.json["rows"]}


def found(ran: Ran, check: str) -> str:
    """What one check found."""
    (row,) = [row for row in ran.json["rows"] if row["check"] == check]
    return str(row["found"])


def test_a_broker_in_order_and_the_account_of_the_journal(here: Drill) -> None:
    assert here.run("--cycles", 1).status == 0
    before = len(here.writes())

    ran = doctor(here)

    assert ran.status == Exit.GOOD, ran.json
    assert set(results(ran).values()) <= {"ok", "warn"}  # a small disk of a test machine may warn
    for check in ("clock", "account", "account of the journal", "calendar", "stream", "limiter"):
        assert results(ran)[check] == "ok", ran.json
    days = found(ran, "calendar").replace("(early close)", "").split()
    assert len(days) == 10
    assert days == sorted(days)
    assert days[0] >= str(dt.datetime.now(dt.UTC).date() - dt.timedelta(days=1))
    assert len(here.writes()) == before


def test_a_suspended_account_is_found_with_its_mend(here: Drill) -> None:
    here.venue.trading().patch("/account/configurations", {"suspend_trade": True})

    ran = doctor(here)

    assert (ran.status, results(ran)["account"]) == (Exit.CHECK_FAILED, "fail")
    (row,) = [row for row in ran.json["rows"] if row["check"] == "account"]
    assert row["mend"] == "resume --broker-resume"


def test_keys_that_are_not_the_brokers_fail_at_account_and_stream(here: Drill) -> None:
    wrong = {**KEYS, "APCA_API_SECRET_KEY": "another-made-up-one"}  # pragma: allowlist secret

    ran = doctor(here, **wrong)

    assert ran.status == Exit.CHECK_FAILED
    assert results(ran)["account"] == results(ran)["stream"] == "fail"
    assert found(ran, "stream") == "unauthorized"


def test_without_keys_the_brokers_rows_are_skipped_and_say_so(here: Drill) -> None:
    ran = doctor(here, APCA_API_KEY_ID="", APCA_API_SECRET_KEY="")

    assert (ran.status, results(ran)["keys"]) == (Exit.CHECK_FAILED, "fail")
    assert results(ran)["stream"] == "skipped"


def test_a_broker_that_cannot_be_reached(here: Drill) -> None:
    here.venue.process.kill()
    here.venue.process.wait(10)

    ran = doctor(here)

    assert ran.status == Exit.CHECK_FAILED
    for check in ("clock", "account", "calendar", "stream"):
        assert results(ran)[check] == "fail", json.dumps(ran.json)


def test_a_paper_key_is_refused_where_live_is_meant(here: Drill) -> None:
    here.configure(mode="live", market=f"csv:{here.folder}/quotes.csv")

    ran = doctor(here)

    assert results(ran)["keys"] == "fail"
    assert found(ran, "keys") == "a key of a paper account"
