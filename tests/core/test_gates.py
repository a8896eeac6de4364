"""Every gate blocks beyond its limit and not at it; what it counts, and what it leaves alone."""

from decimal import Decimal
from typing import NamedTuple

import pytest
from msgspec.structs import replace

from core.events import (
    AccountReported,
    Event,
    IntentCreated,
    Observation,
    OrderSubmitSkipped,
    RateBudgetReported,
)
from core.gates import GATES, Candidate
from core.gates.conflict import duplicate_opposite
from core.gates.quoted import price_collar
from core.state import INITIAL
from core.strategy import OrderRequest
from core.values import OrderType, Side, decimal_text
from tests.build import (
    account,
    attempted,
    closed,
    cycle_opened,
    fill,
    intent,
    quotes,
    rate_budget,
    reason,
    submit_unknown,
    submitted,
)
from tests.core.world import (
    asking,
    buying,
    configured,
    held,
    mismatched,
    numbers,
    open_market,
    reasons_of,
    selling,
)
from tests.spec import given

OPEN = open_market()


NOW = cycle_opened(1)


NO_SHORT = {"risk.allow_short": False}


SENT: list[Event] = [intent(seconds=-60), attempted()]


def without(kind: type) -> list[Event]:
    """The open market without one kind of event."""
    return [event for event in OPEN if not isinstance(event, kind)]


# -- at the limit, and one unit beyond it


class Edge(NamedTuple):
    """What passes at the limit, and what does not one unit beyond: (events, opened, strategy)."""

    at: tuple[list[Event], Observation, type]
    beyond: tuple[list[Event], Observation, type]


TEN = quotes(MSFT=("9.99", "10"))


def with_power(money: str) -> Event:
    """An account with so much buying power."""
    return replace(account(), buying_power=decimal_text(money))


def limited(setting: str, at_limit: str, beyond: str) -> Edge:
    """The same order under two limits."""
    return Edge(
        (open_market({setting: at_limit}), NOW, buying()),
        (open_market({setting: beyond}), NOW, buying()),
    )


EDGES: dict[str, Edge] = {
    "quote.crossed": Edge(
        ([*OPEN, quotes(MSFT=("10.01", "10.01"))], NOW, buying()),
        ([*OPEN, quotes(MSFT=("10.02", "10.01"))], NOW, buying()),
    ),
    "quote.stale": Edge(
        (OPEN, cycle_opened(1, seconds=30), buying()),
        (OPEN, cycle_opened(1, seconds=30.000001), buying()),
    ),
    "size.below_lot": Edge((OPEN, NOW, buying(1)), (OPEN, NOW, buying("0.999999999"))),
    "size.quantity": limited("risk.order_max_quantity", "100", "99"),
    "size.notional": limited("risk.order_max_notional", "1001", "1000.99"),
    "position.reversal": Edge(
        ([*OPEN, *held(100)], NOW, selling(100)), ([*OPEN, *held(100)], NOW, selling(101))
    ),
    "short.disabled": Edge(
        ([*open_market(NO_SHORT), *held(100)], NOW, selling(100)),
        (open_market(NO_SHORT), NOW, selling(1)),
    ),
    "exposure.gross": limited("risk.gross_exposure_max", "1001", "1000.99"),
    "capital.buying_power": Edge(
        ([*OPEN, with_power("1001")], NOW, buying()),
        ([*OPEN, with_power("1000.99")], NOW, buying()),
    ),
    "price.collar": Edge(
        ([*OPEN, TEN], NOW, buying(limit_price="10.3")),
        ([*OPEN, TEN], NOW, buying(limit_price="10.31")),
    ),
    "rate.no_permit": Edge(
        ([*OPEN, rate_budget(21)], NOW, buying()), ([*OPEN, rate_budget(20)], NOW, buying())
    ),
}


@pytest.mark.parametrize("code", sorted(EDGES))
def test_at_its_limit_a_gate_passes_and_one_unit_beyond_it_blocks(code: str) -> None:
    events, heard, strategy = EDGES[code].at
    passed = given(events).when(heard, strategy)
    events, heard, strategy = EDGES[code].beyond
    blocked = given(events).when(heard, strategy)

    assert [type(d).__name__ for d in passed.decisions[:2]] == [
        "IntentCreated",
        "OrderSubmitAttempted",
    ]
    assert [str(told.code) for told in reasons_of(blocked)] == [code]


def test_a_sell_is_held_to_the_collar_below_the_bid() -> None:
    at_limit, beyond = selling(limit_price="9.7"), selling(limit_price="9.69")
    tight = [*OPEN, quotes(MSFT=("10", "10.01"))]

    assert reasons_of(given(tight).when(NOW, at_limit)) == []
    assert [r.code for r in reasons_of(given(tight).when(NOW, beyond))] == ["price.collar"]


def test_a_passive_limit_may_be_as_far_away_as_it_likes() -> None:
    assert reasons_of(given(OPEN).when(NOW, buying(limit_price="0.01"))) == []


@pytest.mark.parametrize(
    "events",
    [
        open_market({"risk.gross_exposure_max": "0"}),
        [*OPEN, with_power("0")],
        without(AccountReported),
        [*OPEN, mismatched()],
        open_market(NO_SHORT),
    ],
    ids=["exposure", "capital", "account", "mismatch", "short"],
)
@pytest.mark.parametrize(("shares", "strategy"), [(100, selling(100)), (-100, buying(100))])
def test_a_gate_that_guards_openings_never_blocks_a_closing_order(
    events: list[Event], shares: int, strategy: type
) -> None:
    outcome = given(events, held(shares)).when(NOW, strategy)

    created = outcome.decisions[0]
    assert isinstance(created, IntentCreated)
    assert created.closing


# -- exposure and capital count what is open and what is lost


def test_exposure_counts_positions_at_the_mid_whichever_way_they_stand() -> None:
    """1000 of each in MSFT: held 100 short at 10 in IBM, and the order's 1001."""
    limit = open_market({"risk.gross_exposure_max": "2001", "symbols": ("IBM", "MSFT")})
    short = [*limit, *held(-100, "IBM"), quotes(IBM=("9.99", "10.01"))]

    assert reasons_of(given(short).when(NOW, buying()))[1:] == []
    over = [*short, configured({"risk.gross_exposure_max": "2000.99"})]
    told = reasons_of(given(over).when(NOW, buying()))
    assert told[-1] == reason("exposure.gross", **numbers("2000.99", "2001"))


@pytest.mark.parametrize("lost", [[], [submit_unknown()]], ids=["working", "unknown"])
def test_open_orders_count_with_every_share_that_is_left_at_the_worst_price(
    lost: list[Event],
) -> None:
    """The open order in IBM has 60 shares left at 10.01; 60 shares more cost 600.60 in MSFT."""
    working: list[Event] = [
        *open_market({"risk.gross_exposure_max": "1601.2"}),
        quotes(IBM=("10", "10"), MSFT=("10.01", "10.01")),
        intent(symbol="IBM", seconds=-60),
        attempted(),
        *lost,
        fill(40, symbol="IBM"),
    ]

    told = reasons_of(given(working).when(NOW, buying(60)))
    assert [r.code for r in told] == ["signal.none"]
    over = [*working, configured({"risk.gross_exposure_max": "1601.19"})]
    told = reasons_of(given(over).when(NOW, buying(60)))
    assert told[-1] == reason("exposure.gross", **numbers("1601.19", "1601.2"))


def test_a_lost_order_counts_whole() -> None:
    lost = [*OPEN, with_power("1601.59"), quotes(IBM=("10", "10")), intent(symbol="IBM")]
    lost += [attempted(), submit_unknown()]

    told = reasons_of(given(lost).when(NOW, buying(60)))

    assert told[-1] == reason("capital.buying_power", **numbers("1601.59", "1601.6"))


def test_a_position_without_a_quote_blocks_openings_and_is_named() -> None:
    told = reasons_of(given(OPEN, held(100, "IBM")).when(NOW, buying()))

    assert told[-1] == reason("exposure.gross", missing="quote of IBM")


def test_a_flat_position_without_a_quote_blocks_nothing() -> None:
    sold: list[Event] = [intent("sold", symbol="IBM", side="sell"), attempted("sold")]
    sold += [fill(100, order="sold", symbol="IBM", side="sell"), closed("sold", filled=100)]

    assert reasons_of(given(OPEN, held(100, "IBM"), sold).when(NOW, buying())) == []


def test_permits_are_counted_within_the_cycle() -> None:
    two = open_market({"symbols": ("IBM", "MSFT")})
    both = asking(*[request for name in ("IBM", "MSFT") for request in requests(name)])

    outcome = given(two, quotes(IBM=("10", "10")), rate_budget(21)).when(NOW, both)

    assert reasons_of(outcome) == [reason("rate.no_permit", **numbers("1", "2"))]


def requests(symbol: str) -> list[OrderRequest]:
    """One request for 100 shares."""
    return [OrderRequest(symbol, "buy", 100)]


def test_without_a_budget_there_is_no_permit() -> None:
    told = reasons_of(given(without(RateBudgetReported)).when(NOW, buying()))

    assert told == [reason("rate.no_permit", missing="rate budget")]


@pytest.mark.parametrize(
    ("bid", "ask", "side"), [("0", "10", "bid"), ("-1", "10", "bid"), ("10", "0", "ask")]
)
@pytest.mark.parametrize("order_type", ["limit", "market"])
def test_a_side_without_a_price_is_no_quote(bid: str, ask: str, side: str, order_type: str) -> None:
    """A market order at a price of nothing would pass every limit in money."""
    for strategy in (buying(order_type=order_type), selling(order_type=order_type)):
        told = reasons_of(given(OPEN, quotes(MSFT=(bid, ask))).when(NOW, strategy))
        if told[0].code != "signal.invalid":  # the limit itself was taken from that side
            assert told == [reason("quote.missing", missing=side)]


def test_a_market_order_is_reckoned_at_the_opposite_touch() -> None:
    cheap = open_market({"risk.order_max_notional": "1000"})

    told = reasons_of(given(cheap).when(NOW, buying(order_type="market")))
    assert told == [reason("size.notional", **numbers("1000", "1001"))]
    assert reasons_of(given(cheap).when(NOW, selling(order_type="market"))) == []


# -- gates by themselves


def test_gates_without_their_input_block_or_leave_it_to_the_one_that_does() -> None:
    """In the fixed order `quote_missing` comes first; none of the others breaks without a quote."""
    order = Candidate(
        state=INITIAL,
        symbol="MSFT",
        side=Side.BUY,
        quantity=Decimal(1),
        order_type=OrderType.MARKET,
        limit_price=None,
        requested_quantity=Decimal(1),
    )
    told = {gate.__name__: found.missing for gate in GATES if (found := gate(order))}

    assert told == {
        "quote_missing": "quote",
        "quote_stale": "quote time",
        "account_missing": "account",
        "rate_no_permit": "rate budget",
    }
    assert order.worst_price == 0
    assert price_collar(replace(order, limit_price=Decimal(1))) is None
    working = replace(order, state=given(SENT, submitted()).state)
    assert duplicate_opposite(working) is None


def test_a_quote_of_a_later_time_than_the_cycle_is_stale() -> None:
    outcome = given(OPEN, quotes(seconds=61)).when(cycle_opened(1, seconds=60), buying())

    (skip, *_) = outcome.decisions

    assert isinstance(skip, OrderSubmitSkipped)
    assert (skip.reason.code, skip.reason.observed) == ("quote.stale", "-1")
