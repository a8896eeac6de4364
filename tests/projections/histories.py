"""Made-up histories: a few orders in two symbols, and anything a venue may say of them, twice too.

shape   `HISTORIES` draws a list of events in which decisions are possible for the core, and
        reports are whatever; `ORDERS_OF` tells which symbol and side each order has. "d" and "e"
        take the place of "a" and "d", where somebody says so
"""

from hypothesis import strategies as st

from core.events import Event, FillBusted, FillCorrected, FillReported, IntentCreated
from core.evolve import evolve
from core.order import TerminalStatus
from core.order_facts import ImpossibleDecisionError
from core.state import INITIAL
from tests import build, build_succession

SUCCESSORS = {"d": "a", "e": "d"}
ORDERS_OF = {
    "a": ("MSFT", "buy"), "b": ("MSFT", "sell"), "c": ("IBM", "buy"),
    "d": ("MSFT", "buy"), "e": ("MSFT", "buy"),
}  # fmt: skip
CREATED: dict[str, IntentCreated] = {
    order: build.intent(order, symbol=symbol, side=side)
    for order, (symbol, side) in ORDERS_OF.items()
    if order not in SUCCESSORS
}

_orders = st.sampled_from(sorted(ORDERS_OF))
_created = st.sampled_from(sorted(CREATED))
_heirs = st.sampled_from(sorted(SUCCESSORS))
_seconds = st.integers(0, 50)
_shares = st.integers(1, 60)
_prices = st.sampled_from(["9.97", "10", "10.013", "11.5"])
_executions = st.sampled_from(["1", "2", "3"])
_words = st.sampled_from(["new", "held", "pending_cancel", "suspended", "unheard of"])
_words_of_fills = st.sampled_from(["new", "partially_filled", "filled", "canceled"])


def _fill(order: str, shares: int, price: str, execution: str | None, *, seconds: int) -> Event:
    symbol, side = ORDERS_OF[order]
    return build.fill(
        shares,
        price,
        order=order,
        symbol=symbol,
        side=side,
        execution=execution,
        cumulative=None if execution else shares,
        seconds=seconds,
    )


_EVENTS: st.SearchStrategy[Event] = st.one_of(
    _created.map(CREATED.__getitem__),
    st.builds(build.attempted, _orders, st.integers(1, 2), seconds=_seconds),
    st.builds(build.submitted, _orders, status=_words, seconds=_seconds),
    st.builds(
        build.submit_failed,
        _orders,
        st.sampled_from(["refused", "not_sent", "rate_limited"]),
        seconds=_seconds,
    ),
    st.builds(build.submit_unknown, _orders, seconds=_seconds),
    st.builds(build.absent, _orders, seconds=_seconds),
    st.builds(
        build.found,
        _created.map(CREATED.__getitem__),
        status=_words_of_fills,
        filled=_shares,
        average=_prices,
        seconds=_seconds,
    ),
    st.builds(build.reported, _orders, _words, seconds=_seconds),
    st.builds(
        lambda heir, **said: build_succession.succeeded(heir, SUCCESSORS[heir], **said),
        _heirs,
        quantity=_shares,
        status=st.sampled_from(["pending_new", "new", "rejected", "replaced"]),
        filled=st.none() | _shares,
        average=_prices,
        seconds=_seconds,
    ),
    st.builds(
        lambda heir, by, seconds: build_succession.replaced(SUCCESSORS[heir], by, seconds=seconds),
        _heirs,
        st.none() | _heirs,
        _seconds,
    ),
    st.builds(
        build.reported, _orders, _words_of_fills, filled=_shares, average=_prices, seconds=_seconds
    ),
    st.builds(_fill, _orders, _shares, _prices, st.none() | _executions, seconds=_seconds),
    st.builds(_fill, _orders, _shares, _prices, _executions, seconds=_seconds),
    st.builds(build.busted, _orders, execution=_executions, seconds=_seconds),
    st.builds(
        build.corrected, _shares, _prices, order=_orders, execution=_executions, seconds=_seconds
    ),
    st.builds(
        build.closed, _orders, st.sampled_from([str(s) for s in TerminalStatus]), seconds=_seconds
    ),
    st.builds(build.cancel_attempted, _orders, seconds=_seconds),
    st.builds(
        build.cancel_answered, _orders, st.sampled_from(["accepted", "refused"]), seconds=_seconds
    ),
    st.builds(build.runner_started, st.integers(1, 9), seconds=_seconds),
    st.builds(build.cycle_opened, st.integers(1, 3), seconds=_seconds),
    st.builds(build.skipped, st.sampled_from(["MSFT", "IBM"]), seconds=_seconds),
    st.builds(build.fee, _prices, fee_id=_executions, order=st.none() | _orders, seconds=_seconds),
    st.builds(build.account, MSFT=_shares, seconds=_seconds),
    st.builds(build.rate_budget, _shares, seconds=_seconds),
    st.builds(build.lockout, until=_seconds, seconds=_seconds),
    st.builds(build.lockout_ended, seconds=_seconds),
    st.builds(build.alert, st.sampled_from(["x", "y"]), seconds=_seconds),
    st.builds(build.alert_cleared, st.sampled_from(["x", "y"]), seconds=_seconds),
    st.builds(lambda price: build.quotes(MSFT=(price, "12"), IBM=("0", price)), _prices),
)


def possible(events: list[Event]) -> list[Event]:
    """`events` without the decisions that the core cannot have made at their place.

    And without the fills of orders nobody knows yet: those are a stranger's.
    """
    state, kept = INITIAL, list[Event]()
    for event in events:
        if isinstance(event, FillReported | FillBusted | FillCorrected):
            order = event.client_order_id
            if order in SUCCESSORS and not state.knows_order(order):
                continue
        try:
            state = evolve(state, event)
        except ImpossibleDecisionError:
            continue
        kept.append(event)
    return kept


_opening: list[Event] = [CREATED["a"], build.attempted("a"), CREATED["b"], CREATED["c"]]
HISTORIES = st.lists(_EVENTS, max_size=40).map(lambda events: possible([*_opening, *events]))
