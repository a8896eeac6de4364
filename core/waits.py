"""When the next step about an order is due: the same for a killed runner and a living one."""

from decimal import Decimal

from core.lockout_facts import silent_until
from core.state import Intent, State
from core.values import CONTEXT, ZERO, DecimalText, TimeText, later_by, seconds_between


def next_look(state: State, intent: Intent) -> TimeText:
    """When the broker is asked for the order again."""
    return due_after(state, intent, state.config.broker.look_interval_s)


def due_after(
    state: State, intent: Intent, wait_s: DecimalText, step_s: DecimalText | None = None
) -> TimeText:
    """At least `wait_s` from now, on a multiple of it, or of `step_s`, after the intent's birth.

    A runner that was killed and asks again some milliseconds later sets the same time. While
    nothing is sent (core/lockouts.py) nothing is due.
    """
    step = Decimal(wait_s if step_s is None else step_s)
    passed = max(seconds_between(intent.since, state.now), ZERO)
    whole, rest = divmod(CONTEXT.add(passed, Decimal(wait_s)), step)
    due = later_by(intent.since, CONTEXT.multiply(whole + bool(rest), step))
    return max(due, silent_until(state) or due)
