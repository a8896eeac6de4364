"""The fixed order of the gates: the first that fails gives the reason.

rule    The gates of the cycle come first and stand for every symbol. Then what may be opened, what
        the market says, the order's size, what it would add, what it would cost, what stands open,
        and how fast: a later gate may rely on what an earlier one has established.
"""

from collections.abc import Callable

from core.gates import (
    capital,
    conflict,
    exposure,
    halt,
    link,
    lockout,
    pace,
    permission,
    quoted,
    size,
)
from core.gates.candidate import Candidate, Gate, gates_for
from core.reasons import Reason
from core.state import State
from core.values import TimeText

CycleGate = Callable[[State, TimeText], Reason | None]

CYCLE_GATES: tuple[CycleGate, ...] = (
    halt.kill_switch,
    halt.mode,
    halt.throttle,
    lockout.silent,
    halt.session,
)
"""Before any symbol; they stop closing orders too."""

GATES: tuple[Gate, ...] = (
    size.numbers_finite,
    permission.closing_only,
    lockout.locked_out,
    link.stream_down,
    link.account_blocked,
    link.account_unreconciled,
    permission.blackout_after_open,
    permission.blackout_before_close,
    permission.restricted,
    quoted.quote_missing,
    quoted.quote_crossed,
    quoted.quote_stale,
    quoted.quote_spread,
    pace.signal_age,
    size.size_below_lot,
    size.size_quantity,
    size.size_notional,
    size.size_notional_min,
    size.position_reversal,
    permission.short_disabled,
    permission.short_unavailable,
    permission.short_price_test,
    capital.account_missing,
    exposure.exposure_symbol,
    exposure.exposure_gross,
    exposure.exposure_net,
    exposure.exposure_group,
    capital.capital_buying_power,
    capital.loss_daily,
    capital.loss_drawdown,
    quoted.price_collar,
    size.participation,
    size.displayed_size,
    size.slot_volume,
    capital.cost_edge,
    conflict.reconcile_mismatch,
    conflict.outcome_unknown,
    conflict.orphan,
    conflict.open_orders,
    conflict.open_orders_symbol,
    conflict.duplicate_intent,
    conflict.duplicate_opposite,
    pace.cooldown_loss,
    pace.cooldown_reentry,
    pace.rate_orders,
    pace.rate_messages,
    pace.rate_no_permit,
)
"""For each order that is wanted."""
_OPENING = gates_for(GATES, closing=False)
_CLOSING = gates_for(GATES, closing=True)


def cycle_blocked(state: State, slot: TimeText) -> Reason | None:
    """Why nothing at all is sent in this cycle, or None."""
    for gate in CYCLE_GATES:
        reason = gate(state, slot)
        if reason is not None:
            return reason
    return None


def first_failing(order: Candidate) -> Reason | None:
    """The reason of the first gate that fails, or None: all passed."""
    for gate in _CLOSING if order.closing else _OPENING:
        reason = gate(order)
        if reason is not None:
            return reason
    return None
