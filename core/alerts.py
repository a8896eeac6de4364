"""What a person should look at: raised once, cleared when it is over or was seen.

rule    what is about an order's status ends with the order; what only a person can judge, with the
        operator's `resume`; the rest where its condition ends (throttle, lockouts, reconcile)
"""

from core.emit import Emitter
from core.events import AlertCleared, AlertRaised

OF_STATUS = ("status.unknown", "status.watched", "status.stuck", "status.uncanceled")
"""Alerts of an order's status, which end with it."""
OF_PERSONS = ("fill.amended:", "identity:", "order.foreign:", "order.orphan:", "order.replaced:")
"""Alerts of facts that stay as they are: `resume` says that a person has seen them."""


def alert(emit: Emitter, key: str, code: str, detail: str) -> None:
    """Raise an alert once; while it stands it is not raised again."""
    if key not in emit.state.alerts:
        emit(AlertRaised, key=key, code=str(code), detail=detail)


def clear(emit: Emitter, *keys: str) -> None:
    """These alerts are over, those that stand."""
    for key in keys:
        if key in emit.state.alerts:
            emit(AlertCleared, key=key)


def on_resume(emit: Emitter) -> None:
    """An operator has seen what only a person can judge."""
    clear(emit, *(key for key in sorted(emit.state.alerts) if key.startswith(OF_PERSONS)))
