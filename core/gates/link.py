"""Gates of the link to the broker: its stream is up, and what it has was compared lately.

rule    Both guard openings alone, and only where the broker is a real one: the simulated venue is
        asked before every cycle.
source  DESIGN §4.6; ALPACA.md A3 (a stream that is silent, or gone, loses what happened meanwhile)
"""

from decimal import Decimal

from core.contract import BrokerKind
from core.gates.candidate import Candidate, above, guards_openings, missing
from core.reasons import Reason, ReasonCode
from core.values import seconds_between


@guards_openings
def stream_down(order: Candidate) -> Reason | None:
    """No opening while order updates do not arrive."""
    state = order.state
    if state.config.broker.kind is BrokerKind.SIM or state.stream == "":
        return None
    if state.stream is None:
        return missing(ReasonCode.STREAM_DOWN, "the stream of order updates")
    return Reason(code=ReasonCode.STREAM_DOWN, detail=state.stream)


@guards_openings
def account_unreconciled(order: Candidate) -> Reason | None:
    """No opening on an account that was not compared, or too long ago."""
    state = order.state
    if state.config.broker.kind is BrokerKind.SIM:
        return None
    if state.reconciled_at is None:
        return missing(ReasonCode.ACCOUNT_UNRECONCILED, "reconciliation")
    limit = Decimal(state.config.broker.account_max_age_s)
    return above(
        ReasonCode.ACCOUNT_UNRECONCILED, limit, seconds_between(state.reconciled_at, state.now)
    )
