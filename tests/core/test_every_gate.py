"""The gates that are off by default, each at its limit and beyond; all of them on at once.

rule    what guards openings lets every closing order through; what lacks its input says so
"""

from decimal import Decimal

import pytest
from msgspec.structs import replace

from core.decide import advance
from core.events import (
    Event,
    IntentCreated,
    Session,
)
from core.gates import CYCLE_GATES, GATES, Candidate, cycle_blocked, first_failing
from core.rolling import marked
from core.state import INITIAL, State
from core.values import OrderType, Side
from tests.build import (
    at,
    attempted,
    closed,
    cycle_opened,
    fill,
    intent,
    quotes,
    reason,
)
from tests.core.gate_cases import GATE_CASES, NINE, NOW, situation, working
from tests.core.world import (
    CLOSE_S,
    Settings,
    buying,
    calendar,
    configured,
    held,
    journal_created,
    numbers,
    open_market,
    reasons_of,
    selling,
)
from tests.spec import Outcome, given

WHOLE_CYCLE = {
    "mode.mismatch",
    "throttle.executions",
    "lockout.unauthorized",
    "lockout.forbidden",
    "lockout.rate_limited",
}
TIGHTEST: Settings = {
    "risk.closing_only": True,
    "risk.blackout_after_open_minutes": "1440",
    "risk.blackout_before_close_minutes": "1440",
    "risk.restricted": ("IBM", "MSFT"),
    "risk.not_shortable": ("IBM", "MSFT"),
    "risk.short_price_test": True,
    "risk.allow_short": False,
    "risk.spread_max_bps": "0.01",
    "risk.signal_max_age_s": "0.001",
    "risk.order_min_notional": "1000000000",
    "risk.symbol_exposure_max": "0.01",
    "risk.gross_exposure_max": "0",
    "risk.net_exposure_max": "0.01",
    "risk.groups": "IBM=technology",
    "risk.group_exposure_max": "0.01",
    "risk.buying_power_reserve": "1000000000000",
    "risk.daily_loss_max": "0.01",
    "risk.drawdown_max": "0.01",
    "risk.participation_max_bps": "0.01",
    "risk.displayed_size_min": "1000000000",
    "risk.slot_volume_min": "1000000000",
    "risk.edge_required": True,
    "risk.open_orders_max": 1,
    "risk.open_orders_symbol_max": 1,
    "risk.loss_cooldown_s": "86400",
    "risk.reentry_cooldown_s": "86400",
    "risk.orders_per_minute_max": 1,
    "risk.messages_per_minute_max": 1,
}
"""Nothing may be opened under any of these."""


def created(outcome: Outcome) -> list[IntentCreated]:
    """The intents that were created."""
    return [d for d in outcome.decisions if isinstance(d, IntentCreated)]


@pytest.mark.parametrize("code", sorted(GATE_CASES))
def test_at_its_limit_a_gate_passes_and_one_unit_beyond_it_blocks(code: str) -> None:
    case = GATE_CASES[code]

    passed = given(case.at.events).when(case.at.heard, case.at.strategy)
    blocked = given(case.beyond.events).when(case.beyond.heard, case.beyond.strategy)

    assert [intent.symbol for intent in created(passed)] == ["MSFT"]
    assert reasons_of(blocked, "MSFT") == [case.reason]
    assert created(blocked) == []


@pytest.mark.parametrize("code", sorted(set(GATE_CASES) - WHOLE_CYCLE))
@pytest.mark.parametrize("shares", [100, -100])
def test_beyond_its_limit_a_gate_lets_a_closing_order_through(code: str, shares: int) -> None:
    case = GATE_CASES[code].beyond
    bought: list[Event] = [
        intent("more", side="buy" if shares > 0 else "sell", quantity=300, seconds=-60),
        attempted("more"),
        fill(300, order="more", side="buy" if shares > 0 else "sell", execution="more-1"),
        closed("more", filled=300),
        closed("open", status="CANCELED"),
    ]
    if "open" not in given(case.events).state.intents:
        bought.pop()

    outcome = given(case.events, bought).when(
        case.heard, selling(100) if shares > 0 else buying(100)
    )

    assert [intent.closing for intent in created(outcome)] == [True]


@pytest.mark.parametrize(("shares", "strategy"), [(100, selling(100)), (-100, buying(100))])
def test_with_every_limit_at_its_tightest_a_closing_order_leaves_and_no_opening_does(
    shares: int, strategy: type
) -> None:
    tight = [*open_market(TIGHTEST), *held(shares), NINE]

    assert [intent.closing for intent in created(given(tight).when(NOW, strategy))] == [True]
    for opening in (buying(1), selling(1)):
        outcome = given(open_market(TIGHTEST)).when(NOW, opening)
        assert created(outcome) == []


def test_how_many_orders_are_open_never_stops_a_closing_one() -> None:
    limits: Settings = {"risk.open_orders_max": 1, "risk.open_orders_symbol_max": 1}
    elsewhere = given(open_market(limits), held(), working("IBM")).when(NOW, selling(100))
    same = given(open_market(limits), held(), working("MSFT")).when(NOW, selling(100))

    assert [intent.closing for intent in created(elsewhere)] == [True]
    assert reasons_of(same) == [reason("duplicate.opposite", detail="open")]


@pytest.mark.parametrize("code", sorted(WHOLE_CYCLE))
def test_what_stops_the_whole_cycle_stops_closing_orders_too(code: str) -> None:
    case = GATE_CASES[code].beyond
    bought = [] if code == "throttle.executions" else held()

    outcome = given(case.events, bought).when(NOW, selling(100))

    assert reasons_of(outcome, "MSFT") == [GATE_CASES[code].reason]


# -- what is missing


@pytest.mark.parametrize(
    ("settings", "events", "code", "what"),
    [
        ({"risk.signal_max_age_s": "1"}, [], "signal.missing", "signal"),
        ({"risk.edge_required": True}, [], "cost.edge", "expected_edge_bps"),
        (
            {"risk.groups": "IBM=technology", "risk.group_exposure_max": "1000000"},
            [],
            "exposure.group",
            "group of MSFT",
        ),
        ({}, [replace(journal_created(), mode="")], "mode.mismatch", "the journal's mode"),
        ({}, held(100, "IBM"), "exposure.gross", "quote of IBM"),
    ],
)
def test_an_opening_whose_gate_lacks_its_input_is_blocked_and_says_what_is_missing(
    settings: Settings, events: list[Event], code: str, what: str
) -> None:
    outcome = given(open_market(settings), events).when(NOW, buying())

    assert reasons_of(outcome, "MSFT") == [reason(code, missing=what)]


def candidate(state: State, quantity: str = "100") -> Candidate:
    """An opening order in MSFT."""
    return Candidate(
        state=state,
        symbol="MSFT",
        side=Side.SELL,
        quantity=Decimal(quantity),
        order_type=OrderType.MARKET,
        limit_price=None,
        requested_quantity=Decimal(1),
        expected_edge_bps=Decimal(1),
    )


def test_every_gate_by_itself_names_what_it_lacks_where_no_earlier_one_did() -> None:
    """IBM is held, of MSFT's group, and nothing has a quote; no cycle is open."""
    settings = {**TIGHTEST, "risk.groups": "IBM=technology,MSFT=technology"}
    dark = given(journal_created(), configured(settings), held(100, "IBM")).state
    day = marked(None, "2013-10-07", dark.positions, {})
    order = candidate(replace(dark, day=day))

    told = {gate.__name__: found.missing for gate in GATES if (found := gate(order))}

    assert {name: what for name, what in told.items() if what} == {
        "blackout_after_open": "session",
        "blackout_before_close": "session",
        "quote_missing": "quote",
        "quote_stale": "quote time",
        "quote_spread": "quote",
        "signal_age": "signal",
        "short_price_test": "quote",
        "account_missing": "account",
        "exposure_gross": "quote of IBM",
        "exposure_net": "quote of IBM",
        "exposure_group": "quote of IBM",
        "loss_daily": "quote of IBM",
        "loss_drawdown": "quote of IBM",
        "participation": "volume",
        "displayed_size": "displayed size",
        "slot_volume": "volume",
        "cost_edge": "quote",
        "rate_no_permit": "rate budget",
    }
    unmarked = candidate(dark)
    losses = [gate(unmarked) for gate in GATES if gate.__name__.startswith("loss_")]
    assert [found.missing for found in losses if found] == ["a mark of this session"] * 2


@pytest.mark.parametrize("number", ["NaN", "sNaN", "Infinity", "-Infinity"])
def test_a_number_that_is_none_passes_nothing(number: str) -> None:
    state = given(open_market(), NOW).state

    told = first_failing(candidate(state, number))

    assert told == reason("signal.invalid", missing="finite quantity")
    edge = replace(candidate(state), expected_edge_bps=Decimal(number))
    assert first_failing(edge) == reason("signal.invalid", missing="finite expected_edge_bps")
    limit = replace(candidate(state), limit_price=Decimal(number))
    assert first_failing(limit) == reason("signal.invalid", missing="finite limit_price")


@pytest.mark.parametrize("edge", [float("nan"), float("inf"), "much", True])
def test_an_edge_that_is_no_number_is_an_invalid_request(edge: object) -> None:
    (told,) = reasons_of(given(open_market()).when(NOW, buying(expected_edge_bps=edge)))

    assert told.code == "signal.invalid"
    assert str(told.detail).startswith("expected_edge_bps: expected a finite number")


def test_the_fixed_order_names_every_gate_once() -> None:
    names = [gate.__name__ for gate in (*CYCLE_GATES, *GATES)]

    assert len(set(names)) == len(names)
    assert names[:4] == ["kill_switch", "mode", "throttle", "silent"]
    assert cycle_blocked(INITIAL, at()) == reason("mode.mismatch", missing="the journal's mode")


# -- sessions as the calendar gives them


def half_day() -> list[Event]:
    """A market that closes after three hours, instead of six."""
    short = Session(date=at()[:10], open=at(), close=at(CLOSE_S / 2), early_close=True)
    long_quotes = {"risk.quote_max_age_s": "86400", "risk.blackout_before_close_minutes": "10"}
    return [*open_market(long_quotes), replace(calendar(), sessions=(short,))]


@pytest.mark.parametrize(
    ("seconds", "code"),
    [
        (-0.000001, "session.closed"),
        (CLOSE_S / 2 - 601, None),
        (CLOSE_S / 2 - 599, "session.before_close"),
        (CLOSE_S / 2, "session.closed"),
        (CLOSE_S - 1, "session.closed"),
    ],
)
def test_a_half_day_ends_when_its_calendar_says_so(seconds: float, code: str | None) -> None:
    early = [quotes(seconds=-1)]
    outcome = given(half_day(), early).when(cycle_opened(1, seconds=seconds), buying())

    assert [told.code for told in reasons_of(outcome)] == ([] if code is None else [code])


def test_a_holiday_has_no_session() -> None:
    weekday = cycle_opened(1, seconds=24 * 3600 + 60)
    two_days = [*open_market(), calendar(0, 2)]

    assert [r.code for r in reasons_of(given(two_days).when(weekday, buying()))] == [
        "session.closed"
    ]


# -- exposure


def test_net_exposure_is_long_less_short_and_an_order_towards_zero_passes() -> None:
    """Short 100 IBM at 10 and 100 shares of MSFT at 10.01 leave 1 long."""
    short = [*held(-100, "IBM"), quotes(IBM=("10", "10"), MSFT=("9.99", "10.01"))]
    limits: Settings = {"risk.net_exposure_max": "1", "symbols": ("MSFT",)}

    assert len(created(given(open_market(limits), short).when(NOW, buying()))) == 1
    told = reasons_of(given(open_market(limits), short).when(NOW, selling()), "MSFT")
    assert told == [reason("exposure.net", **numbers("1", "1999"))]


def test_net_exposure_counts_open_orders_of_the_same_side_alone() -> None:
    limits = {"risk.net_exposure_max": "2002"}
    other = quotes(IBM=("10", "10"), MSFT=("9.99", "10.01"))

    assert len(created(given(open_market(limits), other, working()).when(NOW, buying()))) == 1
    tight = {"risk.net_exposure_max": "2001.99"}
    told = reasons_of(given(open_market(tight), other, working()).when(NOW, buying()), "MSFT")
    assert told == [reason("exposure.net", **numbers("2001.99", "2002"))]
    assert len(created(given(open_market(tight), other, working()).when(NOW, selling()))) == 1


def test_a_group_is_what_its_symbols_hold_and_have_open_and_no_other() -> None:
    """1000 of IBM held, 1001 of ORCL open; XOM is of another group."""
    events = [
        *held(100, "IBM"),
        intent("held-too", symbol="XOM"),
        attempted("held-too"),
        fill(100, order="held-too", symbol="XOM"),
        closed("held-too", filled=100),
        *working("ORCL"),
        quotes(IBM=("10", "10"), ORCL=("10", "10"), XOM=("10", "10")),
        quotes(),
    ]
    groups = "IBM=technology,MSFT=technology,ORCL=technology,XOM=energy"

    at_limit: Settings = {"risk.groups": groups, "risk.group_exposure_max": "3002"}
    assert len(created(given(open_market(at_limit), events).when(NOW, buying()))) == 1
    beyond = {"risk.groups": groups, "risk.group_exposure_max": "3001.99"}
    told = reasons_of(given(open_market(beyond), events).when(NOW, buying()), "MSFT")
    assert told == [reason("exposure.group", **numbers("3001.99", "3002"))]


def test_the_reserve_is_taken_from_the_buying_power() -> None:
    reserve = {"risk.buying_power_reserve": "98999"}
    assert len(created(given(open_market(reserve)).when(NOW, buying()))) == 1
    more = {"risk.buying_power_reserve": "98999.01"}
    told = reasons_of(given(open_market(more)).when(NOW, buying()))
    assert told == [reason("capital.buying_power", **numbers("1000.99", "1001"))]


def test_a_situation_that_none_limits_is_sent() -> None:
    """The default configuration has every gate of these cases off."""
    case = situation()
    assert len(created(given(case.events).when(case.heard, case.strategy))) == 1
    assert advance(given(case.events).state, NOW, buying())[0].lockouts == {}
