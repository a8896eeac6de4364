"""Every reason is reached through `decide`, and every gate blocks beyond its limit, not at it.

shape   `REACHED` has one case for each member of `ReasonCode`: a member without one is red. A case
        is (events, what is heard, strategy, the reason that must come out)
"""

from typing import NamedTuple

import pytest
from msgspec.structs import replace

from core.events import (
    AccountReported,
    Event,
    IntentCreated,
    Observation,
    QuotesObserved,
)
from core.lockout_facts import OPENINGS
from core.reasons import Reason, ReasonCode
from core.values import decimal_text
from tests.build import (
    ORDER,
    absent,
    account,
    attempted,
    cycle_opened,
    found,
    intent,
    lockout,
    quotes,
    rate_budget,
    reason,
    submit_failed,
    submit_unknown,
    submitted,
)
from tests.build_world import at
from tests.core.gate_cases import GATE_CASES
from tests.core.world import (
    CLOSE_S,
    asking,
    buying,
    calendar,
    commanded,
    configured,
    elapsed,
    held,
    latched,
    mismatched,
    numbers,
    open_market,
    reasons_of,
    selling,
)
from tests.spec import given

OPEN = open_market()
SENT: list[Event] = [intent(seconds=-60), attempted()]
NO_SHORT = {"risk.allow_short": False}
NOW = cycle_opened(1)


class Case(NamedTuple):
    """One way to a reason."""

    events: list[Event]
    heard: Observation
    strategy: type | None
    reason: Reason


def without(kind: type) -> list[Event]:
    """The open market without one kind of event."""
    return [event for event in OPEN if not isinstance(event, kind)]


REACHED: dict[str, Case] = {
    "halt.kill_switch": Case(
        [*OPEN, latched("operator.halt")], NOW, buying(), reason("halt.kill_switch")
    ),
    "session.closed": Case(
        OPEN, cycle_opened(1, seconds=CLOSE_S), buying(), reason("session.closed")
    ),
    "session.unknown": Case(
        without(type(calendar())), NOW, buying(), reason("session.unknown", missing="calendar")
    ),
    "signal.none": Case(OPEN, NOW, asking(), reason("signal.none")),
    "signal.failed": Case(OPEN, NOW, None, reason("signal.failed", missing="strategy")),
    "signal.invalid": Case(
        OPEN,
        NOW,
        asking("buy it"),
        reason("signal.invalid", detail="expected an OrderRequest, found str"),
    ),
    "account.missing": Case(
        without(AccountReported), NOW, buying(), reason("account.missing", missing="account")
    ),
    "rate.no_permit": Case(
        [*OPEN, rate_budget(20)], NOW, buying(), reason("rate.no_permit", **numbers("0", "1"))
    ),
    "reconcile.mismatch": Case(
        [*OPEN, mismatched()], NOW, buying(), reason("reconcile.mismatch", detail="position")
    ),
    "outcome.unknown": Case(
        [*OPEN, *SENT, submit_unknown()], NOW, buying(), reason("outcome.unknown", detail=ORDER)
    ),
    "quote.missing": Case(
        without(QuotesObserved), NOW, buying(), reason("quote.missing", missing="quote")
    ),
    "quote.crossed": Case(
        [*OPEN, quotes(MSFT=("10.02", "10.01"))],
        NOW,
        buying(),
        reason("quote.crossed", **numbers("10.01", "10.02")),
    ),
    "quote.stale": Case(
        OPEN, cycle_opened(1, seconds=31), buying(), reason("quote.stale", **numbers("30", "31"))
    ),
    "size.below_lot": Case(
        OPEN, NOW, buying("0.9"), reason("size.below_lot", **numbers("1", "0.9"))
    ),
    "size.quantity": Case(
        OPEN, NOW, buying(10_001), reason("size.quantity", **numbers("10000", "10001"))
    ),
    "size.notional": Case(
        OPEN, NOW, buying(4996), reason("size.notional", **numbers("50000", "50009.96"))
    ),
    "price.collar": Case(
        OPEN,
        NOW,
        buying(limit_price="10.32"),
        reason("price.collar", **numbers("300", "309.69030969")),
    ),
    "duplicate.intent": Case(
        [*OPEN, *SENT, submitted()], NOW, buying(), reason("duplicate.intent", detail=ORDER)
    ),
    "duplicate.opposite": Case(
        [*OPEN, *SENT, submitted()], NOW, selling(), reason("duplicate.opposite", detail=ORDER)
    ),
    "position.reversal": Case(
        [*OPEN, *held()], NOW, selling(101), reason("position.reversal", **numbers("100", "101"))
    ),
    "short.disabled": Case(open_market(NO_SHORT), NOW, selling(), reason("short.disabled")),
    "exposure.gross": Case(
        open_market({"risk.gross_exposure_max": "1000.99"}),
        NOW,
        buying(),
        reason("exposure.gross", **numbers("1000.99", "1001")),
    ),
    "capital.buying_power": Case(
        [*OPEN, replace(account(), buying_power=decimal_text("1000.99"))],
        NOW,
        buying(),
        reason("capital.buying_power", **numbers("1000.99", "1001")),
    ),
    "intent.expired": Case(
        [intent(), attempted()],
        submit_failed(error_class="not_sent", seconds=61),
        None,
        reason("intent.expired", detail=at(60)),
    ),
    "broker.refused": Case(SENT, submit_failed(), None, reason("broker.refused")),
    "broker.absent": Case(
        [configured({"broker.resend_unknown": False}), *SENT, submit_unknown()],
        absent(),
        None,
        reason("broker.absent", observed="1"),
    ),
    "order.max_age": Case(
        [intent(), attempted(), submitted()],
        elapsed(f"cancel:{ORDER}", seconds=900),
        None,
        reason("order.max_age", **numbers("900", "900")),
    ),
    "order.before_close": Case(
        [
            configured({"risk.cancel_before_close_s": "21000"}),
            calendar(),
            intent(),
            attempted(),
            submitted(),
        ],
        elapsed(f"cancel:{ORDER}", seconds=600),
        None,
        reason("order.before_close", **numbers("21000", "21000")),
    ),
    "operator.halt": Case([], commanded("halt"), None, reason("operator.halt", detail="asked")),
    "operator.cancel": Case(
        [*SENT, submitted()],
        commanded("cancel-all"),
        None,
        reason("operator.cancel", detail="asked"),
    ),
    "operator.pause": Case(
        [*OPEN, lockout("operator.pause", scope=OPENINGS)], NOW, buying(), reason("operator.pause")
    ),
    "identity.collision": Case(
        [*SENT, submit_unknown()],
        replace(found(intent()), symbol="IBM"),
        None,
        reason("identity.collision", detail="buy 100 IBM at 10.01"),
    ),
}


REACHED |= {
    code: Case(case.beyond.events, case.beyond.heard, case.beyond.strategy, case.reason)
    for code, case in GATE_CASES.items()
}


def test_every_reason_has_a_case() -> None:
    assert set(REACHED) == {str(code) for code in ReasonCode}


@pytest.mark.parametrize("code", sorted(ReasonCode))
def test_every_reason_is_reached(code: ReasonCode) -> None:
    case = REACHED[code]
    outcome = given(case.events).when(case.heard, case.strategy)

    assert reasons_of(outcome, "MSFT" if code in GATE_CASES else None) == [case.reason]
    assert not any(isinstance(decision, IntentCreated) for decision in outcome.decisions)
