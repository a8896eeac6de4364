"""The venue's file: its own, durable, and gone on from after SIGKILL at any moment."""

import os
import random
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest

from core.sim.types import VenueOrder
from live.brokers.venue_file import VenueFile
from live.feeds.errors import BadInputError
from tests.sim.build import Floor, at, parameters, quote, request

ROOT = Path(__file__).resolve().parents[2]
TRADER = """
import sys
from pathlib import Path
from tests.sim.build import *
floor = Floor(parameters(seed=3, script={"#4": "lost_answer", "#7": "lost_request",
    "#9": "reject", "#2": "partial_fill"}), Path(sys.argv[1]))
last = floor.venue.state.slot
for minute in range(60):
    if last is not None and at(minute) < last:
        continue
    row = quote(at(minute), 100 + minute % 3, 101 + minute % 3, size=120, volume=900)
    floor.opens(minute, row)
    print(minute, flush=True)
    for n in range(2):
        order = request(f"o-{minute}-{n}", quantity=50 + minute, side=("buy", "sell")[minute % 2],
            limit=(None, 101)[n], time_in_force=("day", "gtc", "ioc", "fok")[minute % 4])
        floor.sends(order)
        floor.sends(order)
    if minute % 5 == 4:
        floor.venue.cancel(f"o-{minute - 2}-1", at(minute, "30"))
print("done", flush=True)
"""
OUTCOME = ("orders", "events", "executions", "messages", "positions", "quotes", "meta")


def trade(path: Path, killed_after_s: float | None) -> bool:
    """Run the trader on the file; whether it came to its end before it was killed."""
    process = subprocess.Popen(
        [sys.executable, "-c", TRADER, str(path)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    assert process.stdout is not None
    first = process.stdout.readline()
    if killed_after_s is not None:
        time.sleep(killed_after_s)
        process.send_signal(signal.SIGKILL)
    rest = process.stdout.read()
    process.stdout.close()
    assert first or process.wait() != 0
    assert process.wait() in (0, -signal.SIGKILL)
    return rest.endswith("done\n")


def outcome(path: Path) -> dict[str, list[tuple[object, ...]]]:
    """All that the file holds, but the count of POSTs."""
    floor = Floor(parameters(seed=3), path)
    try:
        return {table: floor.rows(table) for table in OUTCOME}
    finally:
        floor.venue.close()


def test_a_venue_killed_again_and_again_ends_like_one_that_was_not(tmp_path: Path) -> None:
    chance = random.Random(7)
    assert trade(tmp_path / "whole", None)
    kills = 0
    while not trade(tmp_path / "killed", chance.uniform(0.0, 0.05)):
        kills += 1
        assert kills < 200

    assert kills >= 3
    assert outcome(tmp_path / "killed") == outcome(tmp_path / "whole")


def test_the_file_is_wal_and_synced_in_full(tmp_path: Path) -> None:
    venue = VenueFile(tmp_path / "venue", parameters(), "journal")

    assert venue.database.execute("PRAGMA journal_mode").fetchall() == [("wal",)]
    assert venue.database.execute("PRAGMA synchronous").fetchall() == [(2,)]
    venue.close()


def test_an_order_is_in_the_file_before_its_answer_is_given(tmp_path: Path) -> None:
    floor = Floor(path=tmp_path / "venue").quotes(0)
    answer = floor.sends(request())
    other = sqlite3.connect(tmp_path / "venue")

    assert isinstance(answer, VenueOrder)
    assert other.execute("SELECT venue_order_id FROM orders").fetchall() == [
        (answer.venue_order_id,)
    ]
    other.close()
    floor.venue.close()


@pytest.mark.parametrize(
    ("seed", "journal", "words"),
    [(2, "journal", "expected seed 2, found 1"), (1, "other", "expected journal other")],
)
def test_a_file_of_another_run_is_refused_in_one_line(
    tmp_path: Path, seed: int, journal: str, words: str
) -> None:
    VenueFile(tmp_path / "venue", parameters(seed=1), "journal").close()

    with pytest.raises(BadInputError, match=words) as refused:
        VenueFile(tmp_path / "venue", parameters(seed=seed), journal)

    assert "\n" not in str(refused.value)


def test_what_is_no_venue_file_is_refused_and_left_as_it_was(tmp_path: Path) -> None:
    (tmp_path / "text").write_text("these are notes, and long enough to be looked at\n" * 50)
    database = sqlite3.connect(tmp_path / "database")
    database.execute("CREATE TABLE mine (a)")
    database.close()
    for name in ("text", "database"):
        before = (tmp_path / name).read_bytes()

        with pytest.raises(BadInputError, match="expected a venue file of refold or none"):
            VenueFile(tmp_path / name, parameters(), "journal")

        assert (tmp_path / name).read_bytes() == before


def test_a_place_where_no_file_can_be_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match="unable to open database file"):
        VenueFile(tmp_path / "no" / "folder", parameters(), "journal")


def test_an_input_that_cannot_be_written_changes_nothing() -> None:
    floor = Floor().quotes(0)
    floor.venue.database.execute("DROP TABLE messages")
    before = floor.venue.state

    with pytest.raises(sqlite3.OperationalError):
        floor.sends(request())

    assert floor.venue.state == before
    assert floor.rows("orders") == []
    assert floor.rows("posts") == []


def test_opening_reads_open_orders_only(tmp_path: Path) -> None:
    floor = Floor(path=tmp_path / "venue").quotes(0)
    for n in range(20):
        floor.sends(request(f"done-{n}"))
    floor.sends(request("rests", limit="90"))
    floor.venue.close()
    venue = VenueFile(tmp_path / "venue", floor.given, "journal")

    assert list(venue.state.orders) == ["rests"]
    assert venue.state == floor.venue.state
    venue.close()


def test_another_symbol_s_slot_leaves_the_quote_of_a_silent_one() -> None:
    floor = Floor().quotes(0).opens(1, MSFT=quote(at(1)))

    assert sorted(floor.venue.state.quotes) == ["AAPL", "MSFT"]


def test_a_runner_that_was_stopped_does_not_take_the_market_back(tmp_path: Path) -> None:
    stopped = Floor(parameters(), tmp_path / "v.db")
    stopped.opens(0, quote(at(0)))
    newer = Floor(parameters(), tmp_path / "v.db")
    for minute in (1, 2):
        newer.opens(minute, quote(at(minute)))

    stopped.opens(1, quote(at(1), 200, 201))

    with sqlite3.connect(tmp_path / "v.db") as database:
        assert database.execute("SELECT slot FROM meta").fetchone() == (at(2),)
    database.close()
    for floor in (stopped, newer):
        floor.venue.close()
