"""Pre-trade gates: small pure functions in one fixed order (`core.gates.order`), a family a file.

shape   gate(Candidate) -> Reason | None; `first_failing(candidate)` walks `GATES`, and
        `cycle_blocked(state, slot)` those that stand before every symbol
rule    A gate whose input is missing blocks an opening order and says what was missing. A closing
        order (it reduces a position without passing zero) is never blocked by a gate that guards
        openings. A limit of 0 or an empty list is off, where the setting says so.
source  FIA guide; RTS 6 art. 15; SEC 15c3-5 (TCA.md B5)
"""

from core.gates.candidate import Candidate, Gate
from core.gates.order import CYCLE_GATES, GATES, cycle_blocked, first_failing

__all__ = ["CYCLE_GATES", "GATES", "Candidate", "Gate", "cycle_blocked", "first_failing"]
