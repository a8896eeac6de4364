"""A correction of a correction: an execution is known by every id it was restated under.

source  ALPACA.md A1: `previous_execution_id` of trade_bust and trade_correct
"""

from decimal import Decimal
from itertools import permutations

import pytest
from msgspec.structs import replace

from core.events import Event, FillCorrected
from projections.positions import POSITIONS
from projections.projection import fold_all
from tests.build import ORDER, attempted, busted, corrected, fill, intent, numbered, submitted
from tests.spec import given

WORKING: list[Event] = [intent(), attempted(), submitted()]


def restated(name: str, own: str, quantity: int, price: str) -> FillCorrected:
    """The execution `name`, restated under an id of its own."""
    return replace(corrected(quantity, price, execution=name), correction_id=own)


FILL = fill(30, "10", execution="e0", cumulative=30)
FIRST, SECOND = restated("e0", "e1", 30, "11"), restated("e1", "e2", 20, "12")
THIRD = restated("e2", "e3", 25, "13")
CHAIN = (FILL, FIRST, SECOND, THIRD)


def held(*events: Event) -> tuple[Decimal, Decimal]:
    """(shares, what they cost) after these."""
    state = given(WORKING, events).state
    position = state.positions["MSFT"]
    intent_ = state.intents[ORDER]
    assert intent_.filled == position.quantity
    return position.quantity, position.cost - position.realized


def test_each_correction_amends_the_one_execution() -> None:
    assert held(*CHAIN[:2]) == (Decimal(30), Decimal(330))
    assert held(*CHAIN[:3]) == (Decimal(20), Decimal(240))
    assert held(*CHAIN) == (Decimal(25), Decimal(325))
    assert len(given(WORKING, CHAIN).state.intents[ORDER].fills.executions) == 1


@pytest.mark.parametrize("order", list(permutations(CHAIN)), ids=range(24))
def test_in_whatever_order_they_come_the_last_one_stands(order: tuple[Event, ...]) -> None:
    assert held(*order) == (Decimal(25), Decimal(325))


def test_one_that_is_heard_again_changes_nothing() -> None:
    assert held(*CHAIN, FIRST, SECOND, FILL, THIRD) == (Decimal(25), Decimal(325))


def test_a_bust_of_a_correction_takes_the_execution_back() -> None:
    assert held(*CHAIN, busted(execution="e3")) == (Decimal(0), Decimal(0))
    assert held(FILL, FIRST, busted(execution="e1"))[0] == 0


def test_the_projection_counts_the_same() -> None:
    told = numbered([*WORKING, *CHAIN, fill(5, "20", execution="other", cumulative=30)])
    (row,) = POSITIONS.rows(fold_all(POSITIONS, told))

    assert (row["quantity"], row["cost_basis"]) == ("30", "425")
