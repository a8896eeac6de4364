"""From settings and keys to budgets: whose calls they are, and what is known before the first."""

from pathlib import Path

import msgspec

from core.contract import Broker, Config, Rate
from core.values import TimeText
from live.chaos.clock import LeapClock
from live.rate.budget import Permit
from live.rate.opening import Budgets, drilled_budgets, open_budgets
from tests.rate.world import granted, why


def budgets(folder: Path, key_id: str = "key", *, there: bool = False, paper: int = 1) -> Budgets:
    """The budgets of a process that starts."""
    config = Config(
        rate=Rate(per_minute=10, reserve=3, data_per_minute=5, folder=str(folder)),
        broker=Broker(trading_url=f"https://paper-{paper}.example"),
    )
    return open_budgets(config, key_id, there=there)


def test_every_process_of_an_account_shares_one_budget_whatever_its_keys(tmp_path: Path) -> None:
    one, other = budgets(tmp_path), budgets(tmp_path, "another key")
    assert granted(one.trading, 1) == granted(other.trading, 1) == 1
    one.bind("account")
    other.bind("account")

    assert granted(one.trading, 3) == 3
    assert granted(other.trading) == 7 - 3 - 2
    assert granted(other.data) == 5
    assert granted(one.data) == 0


def test_another_account_and_another_place_have_their_own(tmp_path: Path) -> None:
    for changes in ({}, {"key_id": "second"}, {"paper": 2}):
        found = budgets(tmp_path, **changes)
        found.bind(f"account of {changes.get('key_id', 'the first')}")

        assert granted(found.trading) == 7


def test_a_second_start_counts_its_first_call_for_the_account_it_knows(tmp_path: Path) -> None:
    first = budgets(tmp_path)
    first.bind("account")
    assert granted(first.trading, 5) == 5

    again = budgets(tmp_path)

    assert granted(again.trading) == 2  # before anybody asked whose keys they are
    again.bind("account")
    assert granted(again.trading) == 0


def test_where_a_journal_is_a_limiter_must_be(tmp_path: Path) -> None:
    assert granted(budgets(tmp_path / "a", there=False).trading, 1) == 1
    lost = budgets(tmp_path / "b", there=True)

    assert why(lost.trading) == "the limiter's state is missing"
    assert isinstance(lost.trading.take(reserve=True), Permit)
    lost.bind("account")
    assert why(lost.trading) == "the limiter's state is missing"
    assert why(budgets(tmp_path / "b").trading) == "the limiter's state is missing"


def test_no_key_and_no_account_is_in_the_file(tmp_path: Path) -> None:
    found = budgets(tmp_path, "PKMADEUPKEYID0123456")  # pragma: allowlist secret
    found.bind("the-account-id")
    found.close()

    whole = b"".join(file.read_bytes() for file in tmp_path.iterdir())

    assert b"PKMADEUP" not in whole
    assert b"the-account-id" not in whole


def test_a_settings_text_shows_no_address(tmp_path: Path) -> None:
    url = "redis://:hunter2@host/0"  # pragma: allowlist secret
    rate = Rate(store=url, folder=str(tmp_path))

    assert "hunter2" not in repr(rate)
    assert "hunter2" not in repr(msgspec.structs.replace(Config(), rate=rate))


def test_a_drills_budget_goes_by_the_drills_clock_which_may_begin_long_ago() -> None:
    clock = LeapClock(TimeText("1999-11-02T14:30:00.000000Z"))
    found = drilled_budgets(Config(rate=Rate(per_minute=10, reserve=3)), clock)
    assert granted(found.trading) == 7

    clock.leap(200 * 1_000_000)  # a call is on its way for twenty seconds, and counts for sixty

    assert granted(found.trading) == 7
