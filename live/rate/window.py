"""The sliding log of an account's calls, pure: what was spent, what is held, what the broker said.

shape   `Log` -> `Log`, by functions of (log, now, rules); `now` is the store's time in microseconds
promise In no stretch of `window` does the broker see more than `limit` calls, by its own clock: a
        permit counts from when it is taken until a window after its answer, and a call arrives
        between the two. One that is never answered counts from when it could have left last.
rules   The last `reserve` permits are for cancels and the halt. What the broker says is left takes
        ours down and never up. While it asks to wait, nothing leaves, the reserve included.
        A log that is not as it was left (`sealed`) is nobody's to spend: ordinary permits come back
        a whole window later, and until then the reserve alone is there.
        When the store's clock stepped, everything spent counts as spent now, and waits go on.
"""

from bisect import bisect_right
from operator import itemgetter

import msgspec
from msgspec.structs import replace

from live.rate.headers import Told

SECOND = 1_000_000
HOLD_MAX = 120 * SECOND
"""The longest wait that is believed."""
BACKOFF_MAX = 60 * SECOND
LIMITED = "429"
"""Why nothing leaves after the broker asked for a pause."""
GRAINS = 1_000
"""Calls of a thousandth of a window are one entry, stamped with its end."""


class Rules(msgspec.Struct, frozen=True, kw_only=True):
    """What the settings say; `window` in microseconds."""

    limit: int
    reserve: int
    window: int = 60 * SECOND


class Held(msgspec.Struct, frozen=True, array_like=True):
    """Permits taken and not answered yet; what is not used at `until` never will be."""

    calls: int
    until: int


class Log(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An account's calls of the last window. `spent`: (stamp, calls), oldest first.

    `told_left` is what the broker said was left of its window, less what was taken since; it is
    below 0 while more is held than it left.
    """

    era: str = ""
    serial: int = 0
    last: int = 0
    spent: tuple[tuple[int, int], ...] = ()
    held: dict[str, Held] = {}
    waits_until: int = 0
    waits_why: str = ""
    limited: int = 0
    sealed_until: int = 0
    sealed_why: str = ""
    told_limit: int | None = None
    told_left: int | None = None
    told_window: int | None = None
    told_until: int = 0


class Reading(msgspec.Struct, frozen=True, kw_only=True):
    """What the log says now: `left` for cancels too; `until`: when more may be there.

    `why` is set where nothing ordinary leaves for another reason than that all is spent.
    """

    now: int
    limit: int
    left: int
    ordinary: int
    until: int
    why: str = ""
    told_limit: int | None = None
    told_left: int | None = None

    @property
    def wait_s(self) -> float:
        """Seconds until more may be there."""
        return max(0.0, (self.until - self.now) / SECOND)


def sealed(now: int, era: str, rules: Rules, why: str) -> Log:
    """A log in the place of one that cannot be believed."""
    return Log(era=era, last=now, sealed_until=now + rules.window, sealed_why=why)


def at(log: Log, now: int, era: str, rules: Rules, *, stepped: bool = False) -> Log:
    """`log` at `now`: what is older than a window forgotten, what was never answered counted.

    `era` names the clock; another one than the log's is another start of the machine, whose end may
    have lost what was written last.
    """
    if log.era != era:
        anew = sealed(now, era, rules, "the machine was started anew")
        return replace(anew, serial=log.serial, told_limit=log.told_limit)
    if stepped or now < log.last:
        log = _rebased(log, now)
    over = [held for held in log.held.values() if held.until <= now]
    if over:
        rest = {name: held for name, held in log.held.items() if held.until > now}
        log = replace(log, held=rest)
        for held in over:
            log = _spent(log, held.until, held.calls, rules)
    over_until = bisect_right(log.spent, now - rules.window, key=itemgetter(0))
    log = replace(log, last=max(now, log.last), spent=log.spent[over_until:])
    if log.told_until <= now and log.told_left is not None:
        log = replace(log, told_left=None, told_window=None)
    return log


def take(
    log: Log, now: int, rules: Rules, name: str, calls: int, *, until: int, reserve: bool
) -> tuple[Log, int]:
    """Up to `calls` permits, held under `name` until they are answered; how many there were."""
    reading = read(log, now, rules)
    calls = max(0, min(calls, reading.left if reserve else reading.ordinary))
    if not calls:
        return log, 0
    held = {**log.held, name: Held(calls, until)}
    left = None if log.told_left is None else log.told_left - calls
    return replace(log, held=held, told_left=left), calls


def give_back(log: Log, name: str) -> Log:
    """The permits of `name` that were not used are free again."""
    held = log.held.get(name)
    if held is None:
        return log
    left = None if log.told_left is None else log.told_left + held.calls
    rest = {other: one for other, one in log.held.items() if other != name}
    return replace(log, held=rest, told_left=left)


def settle(log: Log, now: int, rules: Rules, name: str, said: Told | None) -> Log:
    """One permit of `name` was answered, or nobody answers any more; and what was said."""
    held = log.held.get(name)
    if held is not None:
        rest = {other: one for other, one in log.held.items() if other != name}
        if held.calls > 1:
            rest[name] = Held(held.calls - 1, held.until)
        log = replace(log, held=rest)
    log = _spent(log, now, 1, rules) if held is not None else log
    return log if said is None else _heard(log, now, rules, said)


def spend(log: Log, now: int, calls: int, rules: Rules) -> Log:
    """Calls that were made without a permit of this log, counted all the same."""
    return _spent(log, now, calls, rules) if calls else log


def used(log: Log) -> int:
    """Calls that count against the limit."""
    return sum(calls for _, calls in log.spent) + sum(h.calls for h in log.held.values())


def read(log: Log, now: int, rules: Rules) -> Reading:
    """What may leave now."""
    limit = rules.limit if log.told_limit is None else min(rules.limit, log.told_limit)
    reserve = min(rules.reserve, limit)
    count = used(log)
    left = limit - count
    until = log.spent[0][0] + rules.window if log.spent else now + rules.window
    if log.told_left is not None and log.told_left < left:
        left, until = log.told_left, max(until, log.told_until)
    ordinary, why = left - reserve, ""
    if now < log.sealed_until:
        left, ordinary = min(left, reserve - count), 0
        until, why = log.sealed_until, log.sealed_why
    if now < log.waits_until:
        left = ordinary = 0
        until, why = max(log.waits_until, log.sealed_until), log.waits_why
    return Reading(
        now=now,
        limit=limit,
        left=max(0, left),
        ordinary=max(0, ordinary),
        until=until,
        why=why,
        told_limit=log.told_limit,
        told_left=None if log.told_left is None else max(0, log.told_left),
    )


def _heard(log: Log, now: int, rules: Rules, said: Told) -> Log:
    if said.limit is not None:
        log = replace(log, told_limit=said.limit)
    if said.remaining is not None:
        log = _with_remaining(log, now, rules, said.remaining, said)
    if not said.limited:
        return log if not log.limited else replace(log, limited=0)
    asked = [_us(wait) for wait in (said.retry_s, said.reset_s) if wait is not None]
    backoff = min(SECOND << min(log.limited, 10), BACKOFF_MAX)
    until = now + min(max(asked, default=backoff), HOLD_MAX)
    if until < log.waits_until:
        return replace(log, limited=log.limited + 1)
    return replace(log, limited=log.limited + 1, waits_until=until, waits_why=LIMITED)


def _with_remaining(log: Log, now: int, rules: Rules, remaining: int, said: Told) -> Log:
    """The broker's count of its window. Calls that are on their way may be in it, or not yet."""
    window = said.window if said.window is not None else log.told_window
    on_their_way = sum(held.calls for held in log.held.values())
    left = remaining - on_their_way
    if log.told_left is not None and log.told_window is not None and window is not None:
        if window < log.told_window:
            return log  # an answer about a window that is over
        if window == log.told_window:
            left = min(left, log.told_left)
    elif log.told_left is not None:
        left = min(left, log.told_left)
    wait = rules.window if said.reset_s is None else min(_us(said.reset_s), HOLD_MAX)
    return replace(log, told_left=left, told_window=window, told_until=now + wait)


def _spent(log: Log, stamp: int, calls: int, rules: Rules) -> Log:
    """One more entry, or more calls in the entry of the same grain; in order of time."""
    grain = max(1, rules.window // GRAINS)
    stamp = -(-stamp // grain) * grain
    entries = dict(log.spent)
    entries[stamp] = entries.get(stamp, 0) + calls
    return replace(log, spent=tuple(sorted(entries.items())))


def _rebased(log: Log, now: int) -> Log:
    """By a clock that stepped: all that is spent is spent now; what is left to wait is left."""
    step = now - log.last

    def moved(until: int) -> int:
        return min(until, log.last + HOLD_MAX) + step if until > log.last else 0

    count = sum(calls for _, calls in log.spent)
    return replace(
        log,
        last=now,
        spent=((now, count),) if count else (),
        held={name: Held(held.calls, moved(held.until)) for name, held in log.held.items()},
        waits_until=moved(log.waits_until),
        sealed_until=moved(log.sealed_until),
        told_until=moved(log.told_until),
    )


def _us(seconds: float) -> int:
    """Microseconds, of what may be absurd."""
    return int(min(seconds, 10**6) * SECOND)
