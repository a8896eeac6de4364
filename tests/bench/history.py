"""A long journal from a real session: its day again and again, each on a date of its own.

shape   `extend(url, events)` appends copies of the session's day until there are so many; a commit
        a day, by the public append
what    a copy is the day's calendar and all that follows it, with its own dates, order ids, cycle
        numbers, ordinals and causes, so it folds as the day did. Its decisions were made once,
        on the first day: parity is measured on the session itself
"""

import re
from collections.abc import Iterator
from datetime import date, timedelta

import msgspec

from core.canonical import content_id
from core.events import Event
from core.events.base import DecisionEvent
from core.events.lifecycle import CalendarObserved, RunnerStarted, RunnerStopped
from journal import Recorded, open_journal
from journal.upcast import decode_event

BASE32 = "abcdefghijklmnopqrstuvwxyz234567"  # pragma: allowlist secret
_ORDER = re.compile(rb"(rf-[0-9a-f]{8}-)...")


def extend(url: str, events: int) -> None:
    """Append days to the session's journal until it holds at least `events`."""
    with open_journal(url) as journal:
        day = list(_day(list(journal.read())))
        first = day[0].event
        assert isinstance(first, CalendarObserved)
        opened = date.fromisoformat(first.sessions[0].date)
        number = 0
        while journal.head.sequence < events:
            number += 1
            then = (opened + timedelta(days=number)).isoformat()
            copies = list(_Copy(day, number, opened.isoformat(), then).events())
            journal.append(
                copies, expected=journal.head, epoch=1, recorded_at=f"{then}T21:00:00.000000Z"
            )


def _day(records: list[Recorded]) -> Iterator[Recorded]:
    """What happens again: from the calendar on, without a runner's start and end."""
    begun = False
    for record in records:
        begun = begun or record.tag.startswith("calendar-observed.")
        if begun and not isinstance(record.event, RunnerStarted | RunnerStopped):
            yield record


class _Copy:
    """The `number`-th copy of a day."""

    def __init__(self, day: list[Recorded], number: int, before: str, after: str) -> None:
        self._day = day
        self._number = number
        self._dates = before.encode(), after.encode()
        high, low = divmod(number, 32)
        self._mark = rb"\g<1>" + f"{BASE32[high // 32]}{BASE32[high % 32]}{BASE32[low]}".encode()
        self._cycles = sum(record.tag.startswith("cycle-opened.") for record in day)
        self._decisions = sum(isinstance(record.event, DecisionEvent) for record in day)
        self._causes: dict[str, str] = {}

    def events(self) -> Iterator[Event]:
        """The day's events as this copy tells them."""
        for record in self._day:
            payload = record.payload.replace(*self._dates)
            plain = msgspec.json.decode(_ORDER.sub(self._mark, payload))
            for name, step in (("cycle", self._cycles), ("number", self._cycles)):
                if name in plain:
                    plain[name] += step * self._number
            if "ordinal" in plain:
                plain["ordinal"] += self._decisions * self._number
                plain["cause"] = self._causes.get(plain["cause"], plain["cause"])
            event = decode_event(record.tag, msgspec.json.encode(plain))
            if not isinstance(event, DecisionEvent):
                self._causes[record.event_id] = content_id(event)
            yield event
