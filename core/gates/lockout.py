"""Gates of the lockouts: under some nothing is sent, under others nothing is opened.

rule    refused keys and a 429 stop the whole cycle; an account that may not trade, and too many
        refusals, stop openings
source  ALPACA.md A4; FAULTS.md 3C (401/403, 429)
"""

from core.gates.candidate import Candidate, guards_openings
from core.lockout_facts import SILENT, in_the_way, reason_of
from core.reasons import Reason
from core.state import State
from core.values import TimeText


def silent(state: State, _: TimeText) -> Reason | None:
    """Nothing at all while the broker refuses our keys, or wants to hear nothing for a while."""
    for scope in SILENT:
        if scope in state.lockouts:
            return reason_of(state.lockouts[scope])
    return None


@guards_openings
def locked_out(order: Candidate) -> Reason | None:
    """No opening on an account that may not trade, or where too many orders were refused."""
    lockout = in_the_way(order.state, order.symbol, closing=False)
    return None if lockout is None else reason_of(lockout)
