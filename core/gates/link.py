"""Gates of the link to the broker: its stream is up, the account may trade and was compared lately.

rule    All guard openings alone, and only where the broker is a real one: the simulated venue is
        asked before every cycle.
source  DESIGN §4.6; ALPACA.md A3 (a stream that is silent, or gone, loses what happened meanwhile)
"""

from decimal import Decimal

from core.contract import BrokerKind
from core.gates.candidate import Candidate, above, guards_openings, missing
from core.reasons import Reason, ReasonCode
from core.state import COMPARED, ORDER_UPDATES, TRADING
from core.values import seconds_between


@guards_openings
def stream_down(order: Candidate) -> Reason | None:
    """No opening while order updates do not arrive."""
    return _down(order, ORDER_UPDATES, ReasonCode.STREAM_DOWN)


@guards_openings
def account_blocked(order: Candidate) -> Reason | None:
    """No opening on an account that may not trade, or that cannot be read."""
    return _down(order, TRADING, ReasonCode.ACCOUNT_BLOCKED)


@guards_openings
def account_unreconciled(order: Candidate) -> Reason | None:
    """No opening on an account that was not compared since it was in doubt, or too long ago."""
    in_doubt = _down(order, COMPARED, ReasonCode.ACCOUNT_UNRECONCILED)
    state = order.state
    if in_doubt is not None or state.config.broker.kind is BrokerKind.SIM:
        return in_doubt
    if state.reconciled_at is None:
        return missing(ReasonCode.ACCOUNT_UNRECONCILED, "account")
    limit = Decimal(state.config.broker.account_max_age_s)
    age = seconds_between(state.reconciled_at, state.now)
    return above(ReasonCode.ACCOUNT_UNRECONCILED, limit, age)


def _down(order: Candidate, what: str, code: ReasonCode) -> Reason | None:
    if order.state.config.broker.kind is BrokerKind.SIM:
        return None
    why = order.state.streams.get(what)
    if why is None:
        return missing(code, what)
    return Reason(code=code, detail=why) if why else None
