"""What a strategy may say, and that nonsense from it passes nothing and breaks nothing."""

import decimal
from collections.abc import Iterable, Iterator
from decimal import Decimal
from itertools import count

import pytest
from hypothesis import given as drawn
from hypothesis import strategies as st

from core.events import IntentCreated, OrderSubmitSkipped
from core.strategy import OrderRequest, View
from tests.build import account, attempted, closed, cycle_opened, fill, intent, quotes
from tests.core.world import asking, buying, calendar, journal_created, open_market, selling
from tests.spec import Outcome, given

OPEN = open_market()
NOW = cycle_opened(1)
NO_SIDE = OrderRequest("MSFT", None, 1)  # type: ignore[arg-type]
NO_SYMBOL = OrderRequest(7, "buy", 1)  # type: ignore[arg-type]


def told_in(outcome: Outcome) -> str:
    """The one skip as "code: detail", the one intent as "sent QUANTITY at LIMIT"."""
    (told,) = [d for d in outcome.decisions if isinstance(d, OrderSubmitSkipped | IntentCreated)]
    if isinstance(told, IntentCreated):
        return f"sent {told.quantity} at {told.limit_price}"
    return f"{told.reason.code}: {told.reason.detail}"


def told(strategy: type) -> str:
    """What became of the symbol when `strategy` ran."""
    return told_in(given(OPEN).when(NOW, strategy))


# -- good requests


@pytest.mark.parametrize(
    ("strategy", "sent"),
    [
        (buying(100), "100 at 10.01"),
        (selling(100), "100 at 9.99"),
        (buying("100"), "100 at 10.01"),
        (buying(Decimal("100.9")), "100 at 10.01"),
        (buying(100.9), "100 at 10.01"),
        (buying(limit_price="10.019"), "100 at 10.01"),
        (selling(limit_price="9.991"), "100 at 10"),
        (buying(limit_price=10.005), "100 at 10"),
        (buying(order_type="market"), "100 at None"),
        (buying(order_type="LIMIT", time_in_force="IOC"), "100 at 10.01"),
        (asking(OrderRequest("MSFT", "BUY", 1)), "1 at 10.01"),
    ],
    ids=count(),
)
def test_quantities_are_cut_to_the_lot_and_limits_move_to_the_passive_tick(
    strategy: type, sent: str
) -> None:
    assert told(strategy) == f"sent {sent}"


def test_lots_and_ticks_are_settings() -> None:
    fine = open_market({"market.lot": "0.25", "market.tick": "0.05"})

    outcome = given(fine).when(NOW, buying("1.6", limit_price="10.04"))

    assert told_in(outcome) == "sent 1.5 at 10"


def test_a_strategy_may_return_nothing_yield_or_return() -> None:
    class Nothing:
        def decide(self, _: View) -> None:
            return None

    class Yields:
        def decide(self, _: View) -> Iterator[OrderRequest]:
            yield OrderRequest("MSFT", "buy", 1)

    assert told(Nothing) == "signal.none: None"
    assert told(Yields) == "sent 1 at 10.01"


def test_a_strategy_is_built_anew_each_cycle_from_its_parameters() -> None:
    class Counts:
        def __init__(self, step: int) -> None:
            self.step = step
            self.count = 0

        def decide(self, _: View) -> Iterable[OrderRequest]:
            self.count += self.step
            return [OrderRequest("MSFT", "buy", self.count)]

    stepped = open_market({"strategy.parameters.step": 3})

    outcome = given(stepped).when(NOW, Counts)
    assert told_in(outcome) == "sent 3 at 10.01"
    assert told(Counts) == "signal.failed: TypeError"


def test_a_view_shows_what_the_cycle_was_decided_on() -> None:
    seen: list[View] = []

    class Looks:
        def decide(self, view: View) -> None:
            seen.append(view)

    bought = [intent("b"), attempted("b"), fill(7, order="b"), closed("b", filled=7)]
    sold = [intent("c", symbol="IBM"), attempted("c"), closed("c", status="CANCELED")]
    given(OPEN, bought, sold, intent("a")).when(NOW, Looks)
    given(journal_created(), calendar()).when(NOW, Looks)

    (view, bare) = seen
    quote = view.quotes["MSFT"]
    assert (quote.bid, quote.ask, quote.mid, quote.last) == (
        Decimal("9.99"),
        Decimal("10.01"),
        Decimal(10),
        Decimal("9.99"),
    )
    assert [quote.bid_size, quote.ask_size, quote.volume] == list(map(Decimal, (100, 100, 1000)))
    assert (quote.time, view.time, view.cycle) == (NOW.slot, NOW.slot, 1)
    assert (len(view.window["MSFT"]), list(view.quotes), len(view.quotes)) == (1, ["MSFT"], 1)
    assert view.symbols == ("MSFT",)
    assert view.positions == {"MSFT": 7}
    (working,) = view.open_intents
    assert working.client_order_id == "a"
    assert working.leaves_quantity == 100
    assert view.cash == Decimal(account().cash)
    assert bare.cash == 0
    assert (bare.symbols, bare.parameters) == ((), {})


def test_the_rng_of_a_slot_is_the_same_whoever_asks() -> None:
    drawn_numbers: list[float] = []

    class Draws:
        def decide(self, view: View) -> None:
            drawn_numbers.append(view.rng.random())

    given(OPEN).when(NOW, Draws).when(cycle_opened(2, seconds=60), Draws)
    given(OPEN).when(NOW, Draws)

    first, second, again = drawn_numbers
    assert (first == again, first == second) == (True, False)


# -- nonsense


@pytest.mark.parametrize(
    ("quantity", "why"),
    [
        (float("nan"), "expected a finite number, found 'nan'"),
        (float("inf"), "expected a finite number, found 'inf'"),
        (Decimal("NaN"), "expected a finite number, found 'NaN'"),
        (Decimal("sNaN"), "expected a finite number, found 'sNaN'"),
        (Decimal("-Infinity"), "expected a finite number, found '-Infinity'"),
        ("1e40", "expected a finite number, found '1e40'"),
        ("many", "expected a finite number, found 'many'"),
        ("", "expected a finite number, found ''"),
        (True, "expected a finite number, found 'True'"),
        (None, "expected a finite number, found NoneType"),
        (object(), "expected a finite number, found object"),
        (10**5000, "expected a finite number, found int"),
        (0, "expected a number above 0, found int"),
        (-1, "expected a number above 0, found int"),
        ("-0.5", "expected a number above 0, found '-0.5'"),
    ],
    ids=count(),
)
def test_a_quantity_that_is_no_number_above_zero_passes_nothing(quantity: object, why: str) -> None:
    """Bot 13: NaN passed every risk limit."""
    assert told(buying(quantity)) == f"signal.invalid: quantity: {why}"
    if quantity is not None:
        assert told(buying(1, limit_price=quantity)) == f"signal.invalid: limit_price: {why}"


def test_a_limit_that_rounds_to_nothing_is_no_limit() -> None:
    invalid = "signal.invalid: limit_price: expected at least one tick, found '0.009'"

    assert told(buying(limit_price="0.009")) == invalid


@pytest.mark.parametrize("quantity", ["9" * 34, 10**33, "1e30"])
def test_a_quantity_beyond_every_limit_is_blocked_and_its_number_told(quantity: object) -> None:
    outcome = given(OPEN).when(NOW, buying(quantity, limit_price="1e30"))

    (skip,) = [d for d in outcome.decisions if isinstance(d, OrderSubmitSkipped)]
    assert skip.reason.code == "size.quantity"
    assert skip.reason.observed == "1000000000000000000000000"


@pytest.mark.parametrize(
    ("strategy", "why"),
    [
        (asking(OrderRequest("MSFT", "hold", 1)), "expected buy or sell, found 'hold'"),
        (asking(NO_SIDE), "expected buy or sell, found NoneType"),
        (buying(order_type="stop"), "expected market or limit, found 'stop'"),
        (buying(order_type=object()), "expected market or limit, found object"),
        (buying(time_in_force="soon"), "expected day or gtc or ioc or fok, found 'soon'"),
        (buying(order_type="market", limit_price=10), "expected no limit price on a market order"),
        (buying(reason=object()), "reason: expected text, found object"),
        (buying(symbol="IBM"), "expected a symbol of the universe, found 'IBM'"),
        (asking(NO_SYMBOL), "expected a symbol of the universe, found int"),
        (asking("MSFT"), "expected an OrderRequest, found str"),
        (
            asking(OrderRequest("MSFT", "buy", 1), OrderRequest("MSFT", "sell", 1)),
            "2 requests for one symbol, at most one is understood",
        ),
        (
            asking(*[OrderRequest("MSFT", "buy", 1)] * 200),
            "expected at most one OrderRequest a symbol, found more than 110",
        ),
    ],
    ids=count(),
)
def test_what_cannot_be_understood_skips_and_says_why(strategy: type, why: str) -> None:
    assert told(strategy) == f"signal.invalid: {why}"


@pytest.mark.parametrize("answer", ["buy", b"sell", 7])
def test_an_answer_that_is_no_list_of_requests_is_invalid(answer: object) -> None:
    class Answers:
        def decide(self, _: View) -> object:
            return answer

    name = type(answer).__name__
    assert told(Answers) == f"signal.invalid: expected OrderRequests, found {name}"


class Stop(BaseException):
    """Not an `Exception`."""


@pytest.mark.parametrize("error", [ValueError, SystemExit, GeneratorExit, RecursionError, Stop])
def test_a_strategy_that_raises_skips_and_the_exceptions_class_is_told(
    error: type[BaseException],
) -> None:
    class Raises:
        def decide(self, _: View) -> None:
            raise error

    class RaisesLater:
        def decide(self, _: View) -> Iterator[OrderRequest]:
            yield OrderRequest("MSFT", "buy", 1)
            raise error

    assert told(Raises) == f"signal.failed: {error.__name__}"
    assert told(RaisesLater) == f"signal.failed: {error.__name__}"


def test_a_person_can_still_interrupt_a_strategy() -> None:
    class Interrupted:
        def decide(self, _: View) -> None:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        told(Interrupted)


def test_a_request_whose_parts_raise_is_a_strategy_that_raises() -> None:
    class Evil:
        def __str__(self) -> str:
            raise LookupError

    assert told(buying(Evil())) == "signal.failed: LookupError"


def test_a_strategy_cannot_bend_the_cores_arithmetic() -> None:
    """Its decimal context ends with it; the gates would else reckon ages in three digits."""

    class Bends:
        def decide(self, _: View) -> Iterable[OrderRequest]:
            decimal.getcontext().prec = 2
            decimal.getcontext().rounding = decimal.ROUND_UP
            return [OrderRequest("MSFT", "buy", 123)]

    nearly = open_market({"risk.quote_max_age_s": "29.5"})
    late = given(nearly).when(cycle_opened(1, seconds=29.123456), Bends)

    assert told_in(late) == "sent 123 at 10.01"
    (created,) = [d for d in late.decisions if isinstance(d, IntentCreated)]
    assert created.valid_until == "2013-10-07T13:31:29.123456Z"


def test_text_without_bytes_is_written_out() -> None:
    outcome = given(OPEN).when(NOW, buying(reason="so \ud800 be it"))

    (created,) = [d for d in outcome.decisions if isinstance(d, IntentCreated)]
    assert created.strategy_reason == "so \\ud800 be it"
    assert told(buying(symbol="\ud800")) == (
        "signal.invalid: expected a symbol of the universe, found '\\ud800'"
    )


def test_without_a_quote_there_is_no_limit_to_take() -> None:
    bare = [event for event in OPEN if not isinstance(event, type(quotes()))]

    assert told_in(given(bare).when(NOW, buying())) == "quote.missing: None"


ANYTHING = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.decimals(),
    st.text(max_size=5),
    st.sampled_from(["MSFT", "buy", "sell", "limit", "market", "day", "gtc", 100, "10"]),
    st.builds(object),
)
REQUEST = st.builds(OrderRequest, *[ANYTHING] * 7) | st.builds(
    OrderRequest, st.just("MSFT"), st.sampled_from(["buy", "sell"]), ANYTHING, limit_price=ANYTHING
)


@drawn(st.lists(REQUEST | ANYTHING, max_size=3))
def test_whatever_a_strategy_returns_the_symbol_has_one_outcome_and_no_limit_is_passed(
    requests: list[object],
) -> None:
    outcome = given(OPEN).when(NOW, asking(*requests))

    (one,) = [d for d in outcome.decisions if isinstance(d, OrderSubmitSkipped | IntentCreated)]
    if isinstance(one, IntentCreated):
        assert 1 <= Decimal(one.quantity) <= 10_000
        assert one.limit_price is None or Decimal(one.limit_price) > 0


def test_what_a_strategy_does_to_its_view_does_not_reach_the_state() -> None:
    class Vandal:
        def decide(self, view: View) -> list[OrderRequest]:
            for given_away in (view.quotes, view.window, view.signals):
                given_away._items.clear()  # type: ignore[union-attr]
            view.positions.clear()  # type: ignore[attr-defined]
            return [OrderRequest("MSFT", "buy", 1)]

    before = given(OPEN).state

    outcome = given(OPEN).when(NOW, Vandal)

    assert told_in(outcome) == "sent 1 at 10.01"
    assert outcome.state.quotes == before.quotes
    assert outcome.state.windows == before.windows
