"""The two worked strategies: what they ask for, seen through the core that runs them."""

from decimal import Decimal

import pytest

from core.events import Event, IntentCreated, OrderSubmitSkipped
from core.strategies.crossover import Crossover
from core.strategies.target_weight import TargetWeight
from tests.build import attempted, closed, cycle_opened, fill, intent, quotes, submitted
from tests.core.world import Settings, open_market, strategy_loaded
from tests.spec import given

SHORT: Settings = {
    "strategy.parameters.fast": 1,
    "strategy.parameters.slow": 3,
    "strategy.parameters.quantity": 10,
}


def market(settings: Settings, *mids: int) -> list[Event]:
    """An open market in which MSFT stood at these mids, one after the other."""
    walked = [quotes(MSFT=(str(mid - Decimal("0.01")), str(mid + Decimal("0.01")))) for mid in mids]
    return [*open_market(settings), strategy_loaded(window=20), *walked]


def holding(shares: int) -> list[Event]:
    """So many shares of MSFT are held."""
    side = "buy" if shares > 0 else "sell"
    return [
        intent("held", side=side, quantity=abs(shares)),
        attempted("held"),
        fill(abs(shares), order="held", side=side),
        closed("held", filled=abs(shares)),
    ]


def asked(strategy: type, *events: object) -> tuple[str, str, str | None, str | None] | str:
    """(side, quantity, limit, reason) of the one order, or the code of the one skip."""
    outcome = given(*events).when(cycle_opened(1), strategy)  # type: ignore[arg-type]  # events
    (one,) = [d for d in outcome.decisions if isinstance(d, IntentCreated | OrderSubmitSkipped)]
    if isinstance(one, OrderSubmitSkipped):
        return str(one.reason.code)
    return (one.side, one.quantity, one.limit_price, one.strategy_reason)


UP, DOWN = (9, 10, 11), (11, 10, 9)


def test_crossover_buys_when_the_fast_average_is_above_the_slow_one() -> None:
    assert asked(Crossover, market(SHORT, *UP)) == ("buy", "10", "11.01", "fast above slow")
    assert asked(Crossover, market(SHORT, *UP), holding(-7)) == (
        "buy",
        "7",
        "11.01",
        "fast above slow",
    )
    assert asked(Crossover, market(SHORT, *UP), holding(7)) == "signal.none"


def test_crossover_sells_what_it_holds_when_it_is_not() -> None:
    assert asked(Crossover, market(SHORT, *DOWN), holding(7)) == (
        "sell",
        "7",
        "8.99",
        "fast below slow",
    )
    assert asked(Crossover, market(SHORT, *DOWN)) == "signal.none"


def test_a_passive_crossover_rests_at_the_near_touch() -> None:
    passive = {**SHORT, "strategy.parameters.passive": True}

    assert asked(Crossover, market(passive, *UP))[2] == "10.99"
    assert asked(Crossover, market(passive, *DOWN), holding(7))[2] == "9.01"


def test_crossover_waits_for_its_window_and_for_its_open_order() -> None:
    working = [intent(), attempted(), submitted()]

    assert asked(Crossover, market(SHORT, 11)) == "signal.none"
    assert asked(Crossover, market(SHORT, *UP), working) == "signal.none"


def test_lengths_that_make_no_sense_are_refused() -> None:
    with pytest.raises(ValueError, match="expected 0 < fast < slow <= 20, found 5, 5"):
        Crossover(5, 5)
    nonsense = {**SHORT, "strategy.parameters.fast": 0}
    assert asked(Crossover, market(nonsense, *UP)) == "signal.failed"


def weights(**parameters: str | int) -> Settings:
    """Settings of the rebalancer, without limits that would be in the way."""
    named = {f"strategy.parameters.{name}": value for name, value in parameters.items()}
    return {"risk.order_max_notional": "1000000", **named}


def test_target_weight_buys_up_to_its_share_of_the_equity() -> None:
    assert asked(TargetWeight, market(weights(weight="0.1"), 10)) == (
        "buy",
        "1000",
        "9.99",
        "rebalance",
    )
    assert asked(TargetWeight, market(weights(gross="0.2"), 10))[1] == "2000"


def test_target_weight_sells_down_to_it_and_never_below_nothing() -> None:
    assert asked(TargetWeight, market(weights(weight="0"), 10), holding(5000)) == (
        "sell",
        "5000",
        "10.01",
        "rebalance",
    )
    assert asked(TargetWeight, market(weights(weight="-0.5"), 10), holding(100))[1] == "100"
    assert asked(TargetWeight, market(weights(weight="-0.5"), 10)) == "signal.none"


def test_target_weight_rests_within_its_band_between_its_turns_and_without_quotes() -> None:
    assert asked(TargetWeight, market(weights(weight="0.019"), 10)) == "signal.none"
    assert asked(TargetWeight, market(weights(weight="0.1"))[:5]) == "signal.none"
    outcome = given(market(weights(weight="0.1", every=2), 10)).when(cycle_opened(2), TargetWeight)
    codes = [d.reason.code for d in outcome.decisions if isinstance(d, OrderSubmitSkipped)]
    assert codes == ["signal.none"]
