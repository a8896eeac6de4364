"""The simulated market and its calendar: honest, and a function of the seed alone."""

from decimal import Decimal
from itertools import pairwise

import pytest

from core.events import Quote
from core.sim.calendar import is_session, sessions
from core.values import TimeText
from live.feeds.base import MarketSlot
from live.feeds.errors import BadInputError
from live.feeds.simulated import SimulatedFeed

SEEDS = (1, 7, 42, 1337)


def rows(feed: SimulatedFeed, after: str | None = None) -> list[MarketSlot]:
    """All the feed's slots."""
    return list(feed.slots(None if after is None else TimeText(after)))


def quotes(feed: SimulatedFeed) -> list[Quote]:
    """All the feed's quotes."""
    return [quote for slot in rows(feed) for quote in slot.quotes.values()]


def test_the_default_day_is_a_half_day_of_210_slots() -> None:
    feed = SimulatedFeed(seed=42)
    found = rows(feed)

    assert [found[0].time, found[-1].time] == [
        "2026-11-27T14:30:00.000000Z",
        "2026-11-27T17:59:00.000000Z",
    ]
    assert len(found) == 210
    assert feed.calendar()[0] == "sim"
    assert feed.calendar()[1][0].early_close


def test_another_length_of_slot_makes_another_number_of_slots() -> None:
    assert len(rows(SimulatedFeed(seed=42, cycle_s=300))) == 42


def test_holidays_and_weekends_have_no_session() -> None:
    days = [session.date for session in sessions("2026-12-23", 4)]

    assert days == ["2026-12-23", "2026-12-24", "2026-12-28", "2026-12-29"]
    assert [s.close[11:13] for s in sessions("2026-12-23", 3)] == ["21", "18", "21"]
    assert not is_session("2026-11-26")


@pytest.mark.parametrize("day", ["2026-11-26", "2026-11-28", "2025-01-02", "2026-13-01", "today"])
def test_a_first_day_that_is_no_trading_day_is_refused_in_one_line(day: str) -> None:
    with pytest.raises(BadInputError, match="expected a trading day") as refused:
        SimulatedFeed(seed=1, first_day=day)

    assert "\n" not in str(refused.value)


def test_more_days_than_the_calendar_has_are_refused() -> None:
    with pytest.raises(BadInputError, match="the calendar ends on"):
        SimulatedFeed(seed=1, days=1000)


def test_no_symbols_are_refused() -> None:
    with pytest.raises(BadInputError, match="at least one symbol"):
        SimulatedFeed(seed=1, symbols=())


def test_the_same_seed_gives_the_same_rows_and_another_seed_others() -> None:
    assert rows(SimulatedFeed(seed=5)) == rows(SimulatedFeed(seed=5))
    assert rows(SimulatedFeed(seed=5)) != rows(SimulatedFeed(seed=6))


def test_these_rows_are_pinned_so_that_a_change_of_the_generator_is_seen() -> None:
    first = rows(SimulatedFeed(seed=42))[0].quotes["AAPL"]

    assert (first.bid, first.ask, first.last, first.volume) == (
        "327.18",
        "327.19",
        "327.18",
        "17200",
    )


@pytest.mark.parametrize("after", [0, 100, 209, 210, 400, 599])
def test_the_market_goes_on_from_any_slot_with_the_same_rows(after: int) -> None:
    feed = SimulatedFeed(seed=3, days=2)
    whole = rows(feed)

    assert rows(feed, whole[after].time) == whole[after + 1 :]


def test_another_symbol_changes_no_row_of_the_others() -> None:
    few = rows(SimulatedFeed(seed=9, symbols=("AAPL", "SPY")))
    many = rows(SimulatedFeed(seed=9, symbols=("SPY", "A", "ZZZ", "AAPL")))
    same = [{s: q for s, q in slot.quotes.items() if s in ("AAPL", "SPY")} for slot in many]

    assert [slot.quotes for slot in few] == same


def test_another_number_of_days_changes_no_row_of_the_first() -> None:
    assert rows(SimulatedFeed(seed=9, days=3))[:210] == rows(SimulatedFeed(seed=9))


def test_what_decides_the_rows_is_in_the_hash_and_nothing_else() -> None:
    same = SimulatedFeed(seed=1, symbols=("B", "A")), SimulatedFeed(seed=1, symbols=("A", "B"))
    others = (
        SimulatedFeed(seed=2, symbols=("A", "B")),
        SimulatedFeed(seed=1, symbols=("A",)),
        SimulatedFeed(seed=1, symbols=("A", "B"), days=2),
        SimulatedFeed(seed=1, symbols=("A", "B"), first_day="2026-11-30"),
        SimulatedFeed(seed=1, symbols=("A", "B"), cycle_s=30),
    )

    assert same[0].data_hash == same[1].data_hash
    assert len({feed.data_hash for feed in (*same, *others)}) == 6


@pytest.mark.parametrize("seed", SEEDS)
def test_prices_are_whole_cents_and_sizes_round_lots(seed: int) -> None:
    for quote in quotes(SimulatedFeed(seed=seed)):
        assert all(Decimal(price) % Decimal("0.01") == 0 for price in (quote.bid, quote.last))
        assert Decimal(quote.bid) > 1
        assert all(Decimal(n) % 100 == 0 for n in (quote.bid_size, quote.ask_size, quote.volume))
        assert Decimal(quote.volume) > 0


@pytest.mark.parametrize("seed", SEEDS)
def test_each_symbol_is_silent_once_a_day_for_some_slots(seed: int) -> None:
    found = rows(SimulatedFeed(seed=seed))
    for symbol in ("AAPL", "MSFT", "NVDA", "SPY"):
        silent = [index for index, slot in enumerate(found) if symbol not in slot.quotes]

        assert 3 <= len(silent) <= 6
        assert silent == list(range(silent[0], silent[-1] + 1))


def test_locked_quotes_are_few_and_crossed_ones_fewer() -> None:
    spreads = [
        Decimal(quote.ask) - Decimal(quote.bid)
        for seed in range(20)
        for quote in quotes(SimulatedFeed(seed=seed))
    ]
    locked = sum(spread == 0 for spread in spreads) / len(spreads)
    crossed = sum(spread < 0 for spread in spreads) / len(spreads)

    assert 0.004 < locked < 0.013
    assert 0.001 < crossed < 0.005
    assert max(spreads) <= Decimal("0.3")


@pytest.mark.parametrize("seed", SEEDS)
def test_a_moving_average_of_five_crosses_one_of_twenty(seed: int) -> None:
    crossings = 0
    for symbol in ("AAPL", "MSFT", "NVDA", "SPY"):
        last = [
            Decimal(s.quotes[symbol].last)
            for s in rows(SimulatedFeed(seed=seed))
            if symbol in s.quotes
        ]
        above = [sum(last[i - 5 : i]) * 4 > sum(last[i - 20 : i]) for i in range(20, len(last))]
        crossings += sum(a != b for a, b in pairwise(above))

    assert crossings >= 8


def test_volatility_comes_in_clusters() -> None:
    moves: list[Decimal] = []
    for seed in range(12):
        last = [
            Decimal(s.quotes["SPY"].last)
            for s in rows(SimulatedFeed(seed=seed))
            if "SPY" in s.quotes
        ]
        size = last[0]
        moves += [abs(b - a) / size for a, b in pairwise(last)]
    mean = sum(moves, Decimal(0)) / len(moves)
    after_large = [b for a, b in pairwise(moves) if a > 2 * mean]

    assert sum(after_large, Decimal(0)) / len(after_large) > mean * Decimal("1.15")
