"""Positions: average cost by hand, and a bust that is as if its execution had never been."""

from core.events import Event
from projections.positions import POSITIONS
from projections.view import Kind, Record, View
from tests.build import account, busted, corrected, fee, fill, found, intent, numbered, reported
from tests.projections.spec import cells, only, rows_of

BUY = intent("b")
SELL = intent("s", side="sell")


def buy(quantity: int, price: str, execution: str) -> Event:
    return fill(quantity, price, order="b", execution=execution)


def sell(quantity: int, price: str, execution: str) -> Event:
    return fill(quantity, price, order="s", side="sell", execution=execution)


def held(*events: Event) -> tuple[object, ...]:
    row = only(POSITIONS, BUY, SELL, *events)
    return cells(row, "quantity", "average_cost", "cost_basis", "realized_pnl")


def test_buys_average_their_cost_and_a_sell_realizes_against_it() -> None:
    bought = (buy(100, "10", "1"), buy(50, "13", "2"))

    assert held(*bought) == ("150", "11", "1650", "0")
    assert held(*bought, sell(60, "12", "3")) == ("90", "11", "990", "60")


def test_a_short_earns_when_it_is_bought_back_lower() -> None:
    assert held(sell(100, "10", "1")) == ("-100", "10", "-1000", "0")
    assert held(sell(100, "10", "1"), buy(40, "9", "2")) == ("-60", "10", "-600", "40")


def test_a_sell_through_zero_realizes_to_zero_and_opens_the_rest_at_its_price() -> None:
    assert held(buy(100, "10", "1"), sell(150, "12", "2")) == ("-50", "12", "-600", "200")


def test_a_flat_symbol_stays_with_quantity_zero() -> None:
    row = only(POSITIONS, BUY, SELL, buy(100, "10", "1"), sell(100, "11", "2"))

    assert row == {
        "symbol": "MSFT",
        "quantity": "0",
        "average_cost": None,
        "cost_basis": "0",
        "realized_pnl": "100",
        "fees": "0",
        "bought_quantity": "100",
        "sold_quantity": "100",
        "account_quantity": None,
    }


def test_a_bust_is_as_if_its_execution_had_never_been() -> None:
    """Also where the position was sold since: nothing is realized by the sale that was none."""
    bought = (buy(100, "10", "1"), buy(100, "12", "2"))

    assert held(*bought, sell(50, "15", "3"), busted("s", execution="3")) == held(*bought)
    assert held(*bought, sell(50, "15", "3"), busted("b", execution="2")) == held(
        buy(100, "10", "1"), sell(50, "15", "3")
    )


def test_a_correction_is_as_if_its_execution_had_been_heard_that_way() -> None:
    wrong = (buy(100, "10", "1"), sell(50, "15", "3"), corrected(90, "9", order="b", execution="1"))

    assert held(*wrong) == held(buy(90, "9", "1"), sell(50, "15", "3"))


def test_a_bust_under_a_second_name_finds_the_execution() -> None:
    """REST told of it by its cumulative quantity; the stream named it; then it was busted."""
    by_rest = fill(100, "10", order="b", execution=None, cumulative=100)
    by_stream = fill(100, "10", order="b", execution="1", cumulative=100)
    sold = sell(50, "15", "3")

    assert held(by_rest, sold, by_stream, busted("b", execution="1")) == held(sold)


def test_a_bust_before_its_fill_takes_the_fill_back() -> None:
    assert held(busted("b", execution="1"), buy(100, "10", "1")) == ("0", None, "0", "0")


def test_a_cumulative_report_moves_the_position_before_its_fills_do() -> None:
    early = reported("b", filled=60, average="10")

    assert held(early)[0] == "60"
    assert held(early, buy(60, "10", "1"))[0] == "60"
    assert held(found(BUY, filled=60, average="10"))[0] == "60"


def test_a_fill_of_an_order_that_is_not_ours_counts_for_the_account() -> None:
    theirs = fill(5, order="foreign", symbol="IBM", execution="x")

    assert only(POSITIONS, theirs, theirs)["quantity"] == "5"
    assert only(POSITIONS, theirs, busted("foreign", execution="x"))["quantity"] == "0"
    assert only(POSITIONS, busted("foreign", execution="x"), theirs)["quantity"] == "0"


def test_a_fee_counts_once_for_the_symbol_of_its_order() -> None:
    charged = fee("1.25", order="b")
    row = only(POSITIONS, BUY, buy(100, "10", "1"), charged, charged)

    assert cells(row, "symbol", "fees", "realized_pnl") == ("MSFT", "1.25", "0")


def test_a_fee_of_no_order_stands_under_no_symbol() -> None:
    assert cells(only(POSITIONS, fee("2", order=None)), "symbol", "fees") == (None, "2")


def test_the_brokers_own_count_stands_beside_ours() -> None:
    rows = rows_of(POSITIONS, BUY, buy(10, "1", "1"), account(IBM=7), account(MSFT=10))

    assert [cells(row, "symbol", "quantity", "account_quantity") for row in rows] == [
        ("IBM", "0", "0"),
        ("MSFT", "10", "10"),
    ]


def test_a_symbol_the_statement_left_out_is_flat_there() -> None:
    assert only(POSITIONS, account(), BUY, buy(10, "1", "1"))["account_quantity"] == "0"
    assert only(POSITIONS, BUY, buy(10, "1", "1"), account())["account_quantity"] == "0"


class CountingView(View):
    """A view that counts how often it is read."""

    reads = 0

    def get(self, kind: Kind[Record], key: str) -> Record | None:
        self.reads += 1
        return super().get(kind, key)


def test_an_amended_trade_costs_only_what_came_after_it() -> None:
    """A bust of the last of many reads a few records, not the history."""
    view = CountingView()
    events = [BUY, *(buy(1, "10", str(number)) for number in range(300))]
    for sequence, event in numbered(events):
        POSITIONS.evolve(view, sequence, event)
    before = view.reads

    POSITIONS.evolve(view, 302, busted("b", execution="299"))

    assert view.reads - before < 20
