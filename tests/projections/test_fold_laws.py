"""Laws of every projection: folds in parts, reports heard twice, agreement with the core."""

from collections.abc import Iterator
from decimal import Decimal

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.events import Event, FillReported
from core.events.base import ObservationEvent
from core.evolve import evolve
from core.fills import filled
from core.state import INITIAL, State
from projections.orders import ORDERS
from projections.positions import POSITIONS
from projections.projection import Projection, Row, digest, fold_all
from projections.registry import PROJECTIONS
from projections.tca import TCA
from projections.view import View
from tests.build import numbered
from tests.projections.histories import HISTORIES
from tests.projections.spec import rows_of

ALL = pytest.mark.parametrize("projection", PROJECTIONS, ids=lambda one: one.name)


class Shelf:
    """A backing that keeps bytes, as the store does: what a view forgets it reads again."""

    def __init__(self) -> None:
        self.stored: dict[tuple[str, str], bytes] = {}

    def load(self, kind: str, key: str) -> bytes | None:
        return self.stored.get((kind, key))

    def stored_keys(self, kind: str) -> Iterator[str]:
        return (key for of, key in self.stored if of == kind)

    def take(self, view: View) -> None:
        """Write what changed, and let the view forget all of it."""
        for kind, records in view.take_changed().items():
            for key, record in records.items():
                if record is None:
                    self.stored.pop((kind, key), None)
                else:
                    self.stored[kind, key] = msgspec.json.encode(record)
        view.forget()


@ALL
@given(events=HISTORIES, parts=st.sets(st.integers(0, 45)))
def test_a_fold_in_any_parts_gives_the_same_rows(
    projection: Projection, events: list[Event], parts: set[int]
) -> None:
    shelf = Shelf()
    view = View(shelf)
    for sequence, event in numbered(events):
        view = projection.evolve(view, sequence, event)
        if sequence in parts:
            shelf.take(view)

    whole = fold_all(projection, numbered(events))
    assert list(projection.rows(view)) == list(projection.rows(whole))
    assert digest(projection.rows(view)) == digest(projection.rows(whole))


@ALL
@given(events=HISTORIES)
def test_an_observation_heard_twice_in_a_row_counts_once(
    projection: Projection, events: list[Event]
) -> None:
    twice = [
        (sequence, event)
        for sequence, event in numbered(events)
        for _ in range(2 if isinstance(event, ObservationEvent) else 1)
    ]

    once = fold_all(projection, numbered(events))
    assert list(projection.rows(fold_all(projection, twice))) == list(projection.rows(once))


@pytest.mark.parametrize("projection", [ORDERS, POSITIONS, TCA], ids=lambda one: one.name)
@given(events=HISTORIES)
def test_all_fills_heard_again_at_the_end_change_no_quantity(
    projection: Projection, events: list[Event]
) -> None:
    named = [event for event in events if isinstance(event, FillReported) and event.execution_id]

    once, again = rows_of(projection, *events), rows_of(projection, *events, *named)
    quantity = "quantity" if projection is POSITIONS else "filled_quantity"
    assert [row[quantity] for row in again] == [row[quantity] for row in once]


@given(HISTORIES)
def test_orders_and_positions_say_what_the_core_decided_on(events: list[Event]) -> None:
    state: State = INITIAL
    for event in events:
        state = evolve(state, event)

    for row in rows_of(ORDERS, *events):
        intent = state.intent(str(row["client_order_id"]))
        assert intent is not None
        assert (row["status"], row["attempts"]) == (intent.status, intent.attempt)
        assert Decimal(str(row["filled_quantity"])) == filled(intent.fills)
    for row in rows_of(POSITIONS, *events):
        if row["symbol"] is not None:
            assert Decimal(str(row["quantity"])) == state.position(str(row["symbol"]))


@given(HISTORIES)
def test_orders_tca_and_positions_agree_on_what_was_filled(events: list[Event]) -> None:
    chains: dict[object, list[Row]] = {}
    net: dict[object, Decimal] = {}
    for row in rows_of(ORDERS, *events):
        chains.setdefault(row["intent"], []).append(row)
        sign = 1 if row["side"] == "buy" else -1
        signed = sign * Decimal(str(row["filled_quantity"]))
        net[row["symbol"]] = net.get(row["symbol"], Decimal(0)) + signed

    for row in rows_of(TCA, *events):
        orders = chains.pop(row["intent"])
        filled_of = [Decimal(str(order["filled_quantity"])) for order in orders]
        assert Decimal(str(row["filled_quantity"])) == sum(filled_of)
        if len(orders) == 1:
            assert row["average_price"] == orders[0]["average_price"]
    for row in rows_of(POSITIONS, *events):
        if row["symbol"] is not None:
            assert Decimal(str(row["quantity"])) == net[row["symbol"]]


def test_the_digest_is_that_of_the_rows_as_json_lines() -> None:
    """`sha256sum` of the two lines gives the same."""
    assert digest([{"b": 1, "a": "x"}, {"a": None}]) == (
        "9e026993658b6ea9cf4188bad11e1845b30b3db8984292ebe91d7145588ada35"
    )
