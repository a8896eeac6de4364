"""A runner against a venue that trades round the clock, killed at any moment, again and again.

After each death the next start asks the venue; in the end both have the same orders.
"""

import random
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from subprocess import Popen

import pytest

from tests.real.world import Drill, drill
from tests.venue.process import eventually


def assert_same_orders(here: Drill) -> None:
    """`show orders` and the venue name the same orders, with the same fills."""
    ours = {row["client_order_id"]: row["filled_quantity"] for row in here.rows("orders")}
    theirs = {order["client_order_id"]: order["filled_qty"] for order in here.orders()}
    sent = {name for name, filled in ours.items() if name in theirs or filled != "0"}
    assert {name: ours[name] for name in sent} == theirs
    assert set(here.posts().values()) <= {1}


def killed(here: Drill, moments: Sequence[float], *words: object) -> None:
    """The run started once for each moment and killed that many seconds after it claimed.

    A start that a fault of the venue refuses (it could not read the account) ends by itself.
    """
    for moment in moments:
        before = len(here.venue.get("calls"))
        process = here.started("run", "--config", "c.toml", *words)
        try:
            eventually(partial(_begun_or_over, here, process, before), 60)
            time.sleep(moment)
        finally:
            process.kill()
            process.communicate()


def _begun_or_over(here: Drill, process: "Popen[str]", calls: int) -> bool:
    return process.poll() is not None or len(here.venue.get("calls")) > calls + 5


def market_of_today(here: Drill) -> None:
    """Quotes of the venue, a cycle a second."""
    here.configure(market="alpaca", strategy={"target": f"{here.folder}/flip.py:Flip"})


def traded(here: Drill, kills: int) -> None:
    chance = random.Random(7)
    market_of_today(here)
    here.keep_quoting()
    killed(here, [chance.uniform(0.0, 2.5) for _ in range(kills)])
    last = here.run("--cycles", 3)
    assert last.status == 0, last.lines
    assert last.json["unknown"] == 0
    assert last.json["submitted"] > 0, last.json
    here.assert_sound()
    assert_same_orders(here)


def test_a_runner_killed_twice_ends_with_the_venues_orders(tmp_path: Path) -> None:
    with drill(tmp_path / "run") as here:
        traded(here, 2)


@pytest.mark.slow
def test_a_runner_killed_ten_times_ends_with_the_venues_orders(tmp_path: Path) -> None:
    with drill(tmp_path / "run") as here:
        traded(here, 10)


@pytest.mark.slow
def test_a_runner_killed_amid_faults_ends_with_the_venues_orders(tmp_path: Path) -> None:
    faults = "timeout_after=0.05,reset_after=0.05,error_after=0.05,html=0.05,partial_fill=0.2"
    with drill(tmp_path / "run", "--faults", faults, "--seed", "3") as here:
        market_of_today(here)
        here.keep_quoting()
        killed(here, [0.3, 1.1, 2.0, 0.7])
        here.venue.post("rates", {"faults": ""})
        last = here.run("--cycles", 3)
        assert last.status == 0, last.lines
        here.assert_sound()
        assert_same_orders(here)
