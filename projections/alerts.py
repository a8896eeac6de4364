"""What a person should look at: raised, and cleared or not.

shape   one row a raising, in the order of the journal; `cleared_at` is None while it stands
rule    an alert raised again while it stands is the same alert
"""

import msgspec
from msgspec.structs import replace

from core.events import AlertCleared, AlertRaised, Event
from core.values import TimeText
from projections.intent import key_of_sequence
from projections.projection import Projection, Row
from projections.view import Kind, View


class Alert(msgspec.Struct, frozen=True, gc=False):
    """One raising of one alert."""

    key: str
    code: str
    detail: str
    raised_at: TimeText
    raised_sequence: int
    cleared_at: TimeText | None = None


class Standing(msgspec.Struct, frozen=True, gc=False):
    """Where the raising of an alert that stands is kept."""

    at: str


ALERT = Kind("alert", Alert)
STANDING = Kind("standing", Standing)


def evolve(view: View, sequence: int, event: Event) -> View:
    """`view` after `event`."""
    if isinstance(event, AlertRaised):
        if view.get(STANDING, event.key) is None:
            at = key_of_sequence(sequence)
            view.put(STANDING, event.key, Standing(at))
            alert = Alert(event.key, event.code, event.detail, event.decided_at, sequence)
            view.put(ALERT, at, alert)
    elif isinstance(event, AlertCleared):
        standing = view.get(STANDING, event.key)
        raised = None if standing is None else view.get(ALERT, standing.at)
        if standing is not None and raised is not None:
            view.put(ALERT, standing.at, replace(raised, cleared_at=event.decided_at))
            view.put(STANDING, event.key, None)
    return view


def row(view: View, key: str) -> Row | None:
    """The alert at `key`."""
    alert = view.get(ALERT, key)
    if alert is None:
        return None
    return {
        "key": alert.key,
        "code": alert.code,
        "detail": alert.detail,
        "raised_at": alert.raised_at,
        "cleared_at": alert.cleared_at,
        "raised_sequence": alert.raised_sequence,
    }


ALERTS = Projection(name="alerts", version=1, evolve=evolve, shown=ALERT.name, row=row)
