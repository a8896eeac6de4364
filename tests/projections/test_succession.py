"""What the views say of an intent that lives on under a successor."""

from core.canonical import content_id
from core.events import Event
from projections.cycle_summary import CYCLE_SUMMARY
from projections.open_intents import OPEN_INTENTS
from projections.orders import ORDERS
from projections.positions import POSITIONS
from projections.projection import Row
from projections.tca import TCA
from tests.build import (
    attempted,
    closed,
    cycle_opened,
    fee,
    fill,
    intent,
    quotes,
    reported,
    submitted,
)
from tests.build_succession import replaced, succeeded
from tests.projections.spec import cells, only, rows_of

MADE = intent()
SECOND, THIRD = "order-2", "order-3"
WORKING: list[Event] = [quotes(), cycle_opened(), MADE, attempted(), submitted()]
OLD: list[Event] = [replaced(), closed(status="REPLACED")]
CHAIN: list[Event] = [
    *WORKING,
    fill(40, cumulative=40),
    replaced(filled=40, average="10"),
    closed(status="REPLACED", filled=40),
    succeeded(seconds=5),
]
SECOND_FILL = fill(100, "11", order=SECOND, execution="execution-2", cumulative=100)
ENDED: list[Event] = [*CHAIN, SECOND_FILL, closed(SECOND, "FILLED", filled=100)]


def row_of(order: str, *events: Event) -> Row:
    """The row of one order."""
    (found,) = [row for row in rows_of(ORDERS, *events) if row["client_order_id"] == order]
    return found


def test_open_intents_lists_the_intent_under_its_successors_id_and_leaves() -> None:
    row = only(OPEN_INTENTS, *WORKING, *OLD, succeeded(quantity=70, filled=20, average="10"))

    assert cells(row, "intent", "client_order_id", "quantity", "leaves_quantity") == (
        content_id(MADE), SECOND, "70", "50",
    )  # fmt: skip


def test_open_intents_lists_nothing_while_nobody_knows_the_successor() -> None:
    assert rows_of(OPEN_INTENTS, *WORKING, *OLD) == []


def test_open_intents_is_the_same_in_whichever_order_the_words_come() -> None:
    late = [*WORKING, succeeded(), *OLD]

    assert rows_of(OPEN_INTENTS, *late) == rows_of(OPEN_INTENTS, *WORKING, *OLD, succeeded())
    over = closed(SECOND, "FILLED", filled=100)
    assert rows_of(OPEN_INTENTS, *late, over) == []
    assert rows_of(OPEN_INTENTS, *WORKING, succeeded(), over, succeeded(), *OLD) == []


def test_orders_shows_each_order_of_a_chain_with_the_one_before_and_behind() -> None:
    events = [*CHAIN, replaced(SECOND, THIRD), closed(SECOND, "REPLACED"), succeeded(THIRD, SECOND)]
    chain = [
        cells(row_of(order, *events), "status", "replaces", "replaced_by", "intent")
        for order in ("order-1", SECOND, THIRD)
    ]

    assert chain == [
        ("REPLACED", None, SECOND, content_id(MADE)),
        ("REPLACED", "order-1", THIRD, content_id(MADE)),
        ("SUBMITTED", SECOND, None, content_id(MADE)),
    ]


def test_orders_keeps_the_fills_of_each_order_apart() -> None:
    amounts = [
        cells(row_of(order, *ENDED), "filled_quantity", "average_price")
        for order in ("order-1", SECOND)
    ]

    assert amounts == [("40", "10"), ("100", "11")]


def test_a_rejected_successor_is_no_successor_in_orders() -> None:
    events = [*WORKING, succeeded(status="rejected"), closed(SECOND, "REJECTED"), reported()]

    assert cells(row_of("order-1", *events), "status", "replaced_by") == ("PARTIALLY_FILLED", None)


def test_a_cycle_counts_the_intent_once_and_the_fills_of_its_whole_chain() -> None:
    row = only(CYCLE_SUMMARY, *ENDED)

    assert cells(row, "intents", "submitted", "fills", "failed") == (1, 1, 2, 0)


def test_positions_count_both_and_what_was_a_strangers_only_once() -> None:
    heard_before = [*WORKING, SECOND_FILL, *OLD, succeeded(filled=100, average="11"), SECOND_FILL]

    assert cells(only(POSITIONS, *ENDED), "quantity", "cost_basis") == ("140", "1500")
    assert cells(only(POSITIONS, *heard_before), "quantity", "cost_basis") == ("100", "1100")


# -- what it cost


def test_the_cost_is_one_row_an_intent_on_what_was_decided() -> None:
    """Ordered: the intent's 100; filled: the chain's 140, of which 40 more than was wanted."""
    row = only(TCA, *ENDED, fee("2", order=SECOND))

    assert cells(row, "client_order_id", "status") == ("order-1", "FILLED")
    assert cells(row, "ordered_quantity", "filled_quantity", "average_price") == (
        "100", "140", "10.714286",
    )  # fmt: skip
    assert cells(row, "delay", "trading", "opportunity", "fees") == ("0", "100", "0", "2")
    assert cells(row, "cost_known", "end_price") == (True, "10")


def test_a_replaced_order_ends_no_cost_while_its_successor_works() -> None:
    row = only(TCA, *CHAIN)

    assert cells(row, "status", "end_price", "missing") == ("SUBMITTED", None, "end_price")


def test_a_successor_that_asked_for_less_leaves_a_rest_marked_at_its_end() -> None:
    less = [
        *WORKING,
        *OLD,
        succeeded(quantity=60),
        fill(60, order=SECOND, execution="execution-2", cumulative=60),
        quotes(MSFT=("10.99", "11.01")),
        closed(SECOND, "FILLED", filled=60),
    ]

    assert cells(only(TCA, *less), "filled_quantity", "opportunity") == ("60", "40")


def test_a_rejected_successor_leaves_the_cost_with_the_order_that_lives_on() -> None:
    events = [
        *WORKING,
        succeeded(status="rejected"),
        closed(SECOND, "REJECTED"),
        fill(100, cumulative=100),
        closed(status="FILLED", filled=100),
    ]

    assert cells(only(TCA, *events), "status", "filled_quantity", "end_price") == (
        "FILLED", "100", "10",
    )  # fmt: skip
