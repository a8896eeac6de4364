"""What the gates remember: the day's marks, exits, what was sent, and executions until a resume."""

from decimal import Decimal

import pytest

from core.events import (
    Event,
    IntentCreated,
    OrderSubmitSkipped,
    tag_of,
)
from core.reasons import ReasonCode
from core.rolling import Sent, marked, sent_lately, with_sent
from core.state import Lockout
from tests.build import (
    alert_cleared,
    at,
    attempted,
    busted,
    cancel_attempted,
    closed,
    corrected,
    cycle_opened,
    fill,
    intent,
    lockout_ended,
    quotes,
    rate_budget,
    reason,
    submit_unknown,
    submitted,
)
from tests.core.gate_cases import NINE, NOW, sold
from tests.core.world import (
    CLOSE_S,
    Settings,
    asking,
    buying,
    calendar,
    commanded,
    configured,
    held,
    numbers,
    open_market,
    reasons_of,
)
from tests.spec import Outcome, given


def created(outcome: Outcome) -> list[IntentCreated]:
    """The intents that were created."""
    return [d for d in outcome.decisions if isinstance(d, IntentCreated)]


# -- the day's loss, and what is remembered of it


def test_a_day_is_counted_from_the_last_mark_of_the_session_before() -> None:
    """Bought at 10, marked 9 on the first day, 8 in the night: the second day has lost 100."""
    day_s = 24 * 3600
    nights: list[Event] = [
        *open_market({"risk.daily_loss_max": "100", "risk.quote_max_age_s": "86400"}),
        calendar(0, 1),
        *held(),
        NINE,
        NOW,
        quotes(seconds=day_s, MSFT=("7.99", "8.01")),
        rate_budget(),
    ]
    opened = cycle_opened(2, seconds=day_s)

    outcome = given(nights).when(opened, buying())
    assert len(created(outcome)) == 1
    assert outcome.state.day is not None
    assert [outcome.state.day.start, outcome.state.day.profit] == [Decimal(-100), Decimal(-200)]

    lower = quotes(seconds=day_s, MSFT=("7.98", "8"))
    told = reasons_of(given(nights, lower).when(opened, buying()))
    assert told == [reason("loss.daily", **numbers("100", "101"))]


def test_a_drawdown_is_counted_from_the_best_mark_of_the_session() -> None:
    limits = {"risk.drawdown_max": "150", "risk.daily_loss_max": "100"}
    up_and_down: list[Event] = [
        *open_market(limits),
        *held(),
        quotes(MSFT=("10.99", "11.01")),
        NOW,
        quotes(MSFT=("9.49", "9.51")),
    ]
    again = cycle_opened(2, seconds=1)

    assert len(created(given(up_and_down).when(again, buying()))) == 1
    deeper = quotes(MSFT=("9.48", "9.5"))
    told = reasons_of(given(up_and_down, deeper).when(again, buying()))
    assert told == [reason("loss.drawdown", **numbers("150", "151"))]


def test_a_mark_that_cannot_be_made_keeps_the_last_one_and_names_the_symbol() -> None:
    state = given(open_market(), held(), NINE, NOW).state
    first = state.day
    assert first is not None
    assert (first.profit, first.unpriced) == (Decimal(-100), None)

    blind = marked(first, first.session, state.positions, {})

    assert [blind.start, blind.peak, blind.profit] == [Decimal(0), Decimal(0), Decimal(-100)]
    assert blind.unpriced == "MSFT"
    assert marked(blind, first.session, state.positions, state.quotes) == first
    night = given(open_market(), held()).when(cycle_opened(1, seconds=CLOSE_S))
    assert night.state.day is None


# -- what was left, and how often was sent


@pytest.mark.parametrize(
    ("events", "lost", "flat"),
    [
        (held(), False, False),
        (sold("10"), False, True),
        (sold("9"), True, True),
        ([*held(), intent("sold", side="sell"), attempted("sold"),
          fill(40, "9", order="sold", side="sell")], True, False),
        ([*sold("10"), busted("sold", execution="sold-1")], False, True),
    ],
    ids=["held", "even", "loss", "part", "busted"],
)  # fmt: skip
def test_an_exit_is_remembered_with_what_it_lost(
    events: list[Event], lost: bool, flat: bool
) -> None:
    left = given(events).state.exits.get("MSFT")

    assert (left is not None and left.lost_at is not None) is lost
    assert (left is not None and left.flat_at is not None) is flat


def test_the_window_of_what_was_sent_is_sixty_entries_at_most_and_forgets_by_the_second() -> None:
    sent: tuple[Sent, ...] = ()
    for second in range(600):
        sent = with_sent(sent, at(second), order=True)
        sent = with_sent(sent, at(second + 0.5), order=False)

    assert len(sent) == 60
    assert sent_lately(sent, at(599)) == (60, 120)
    assert sent_lately(sent, at(658)) == (1, 2)
    assert sent_lately(sent, at(659)) == (0, 0)


def test_messages_are_attempts_cancels_and_look_ups_and_orders_first_attempts() -> None:
    again = [intent(), attempted(), attempted(attempt=2), submitted(), cancel_attempted()]
    lost = given(again, intent("b"), attempted("b")).when(submit_unknown("b"))

    assert sent_lately(lost.state.sent, at()) == (2, 5)


# -- the repeated-execution throttle


THREE: Settings = {"risk.executions_max": 3}


def executed(count: int) -> list[Event]:
    """So many orders that filled, two times each."""
    events: list[Event] = []
    for number in range(count):
        order, side = f"order-{number}", "buy" if number % 2 == 0 else "sell"
        events += [
            intent(order, side=side, seconds=-60),
            attempted(order),
            fill(40, order=order, side=side, execution="1", cumulative=40),
            fill(60, order=order, side=side, execution="2", cumulative=100),
            closed(order, filled=100),
        ]
    return events


def test_the_execution_that_reaches_the_limit_disables_the_strategy_and_tells_a_person() -> None:
    third = [intent("third"), attempted("third"), submitted("third")]

    before = given(open_market(THREE), executed(2), third)
    outcome = before.when(fill(10, order="third", execution="1"))

    assert before.state.executions == 2
    assert [tag_of(d) for d in outcome.decisions] == ["lockout-started.v1", "alert-raised.v1"]
    assert outcome.state.lockouts == {"strategy": Lockout("throttle.executions")}
    more = outcome.when(fill(10, order="third", execution="2"))
    assert more.decisions == []
    corrects = more.when(corrected(11, "10", order="third", execution="2"))
    assert corrects.state.executions == 3


def test_time_restarts_and_other_limits_do_not_enable_it_again_and_resume_does() -> None:
    outcome = given(open_market(THREE), executed(3)).when(NOW, buying())
    assert reasons_of(outcome) == [reason("throttle.executions", **numbers("3", "3"))]

    looser = given(open_market(THREE), executed(3), outcome.decisions, configured({}))
    later = looser.when(cycle_opened(2, seconds=20), buying())
    assert reasons_of(later) == [reason("throttle.executions", **numbers("0", "3"))]

    resumed = outcome.when(commanded("resume", seconds=20))
    resumed.then(lockout_ended(scope="strategy"), alert_cleared("lockout:strategy"))
    assert (resumed.state.executions, resumed.state.lockouts) == (0, {})
    again = resumed.when(cycle_opened(2, seconds=25), asking())
    assert [r.code for r in reasons_of(again)] == ["signal.none"]


def test_resume_lifts_the_kill_switch_and_the_lockout_together() -> None:
    outcome = given(open_market(THREE), executed(3)).when(NOW, buying())

    resumed = outcome.when(commanded("halt")).when(commanded("resume"))

    assert [type(d).__name__ for d in resumed.decisions] == [
        "KillSwitchReleased",
        "LockoutEnded",
        "AlertCleared",
    ]
    assert resumed.when(commanded("resume")).decisions == []


def test_an_open_order_of_a_disabled_strategy_is_still_canceled_and_looked_for() -> None:
    lost = [*open_market(THREE), *executed(3), intent("open"), attempted("open")]
    disabled = given(lost).when(NOW, asking())

    assert disabled.state.lockouts
    looked = disabled.when(submit_unknown("open"))
    assert [type(d).__name__ for d in looked.decisions] == ["LookupRequested"]


def test_a_cycle_of_a_disabled_strategy_skips_its_whole_universe() -> None:
    two = open_market({**THREE, "symbols": ("IBM", "MSFT")})
    outcome = given(two, executed(3)).when(NOW, buying())

    skips = [d for d in outcome.decisions if isinstance(d, OrderSubmitSkipped)]
    assert [skip.symbol for skip in skips] == ["IBM", "MSFT"]
    assert {skip.reason.code for skip in skips} == {ReasonCode.THROTTLE_EXECUTIONS}
