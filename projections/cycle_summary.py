"""One line a cycle: what it asked for, what became of it, and what stood in the way.

shape   one row a cycle, by number; intents + skipped = universe, and in the end
        intents = submitted + failed + unknown + dropped
units   `cooldown` in seconds of waiting left, as decimal text: of the shown lockout when the cycle
        opened, or of the longest cooldown that kept a symbol out, whichever is longer;
        `rate_budget` in calls left, as last reported before the cycle opened
rule    what becomes of an intent later (a fill, an unknown that is found) counts for its cycle;
        a cycle touched by lockouts shows the gravest of them, and all in `lockouts` by scope
"""

from decimal import Decimal

import msgspec
from msgspec.structs import replace

from core.events import (
    CycleClosed,
    CycleOpened,
    Event,
    LockoutEnded,
    LockoutStarted,
    OrderSubmitSkipped,
    RateBudgetReported,
)
from core.lockout_facts import ACCOUNT, BROKER, RATE, REJECTS
from core.order import OpenStatus
from core.reasons import Reason, ReasonCode
from core.state import STRATEGY
from core.values import CONTEXT, ZERO, TimeText, decimal_text, seconds_between
from projections.intent import Change, IntentRecord, fold_intents
from projections.projection import Projection, Row
from projections.view import Kind, View


class Cycle(msgspec.Struct, frozen=True, kw_only=True, gc=False, omit_defaults=True):
    """The tally of one cycle."""

    number: int
    slot: TimeText | None = None
    intents: int = 0
    submitted: int = 0
    skipped: int = 0
    failed: int = 0
    unknown: int = 0
    dropped: int = 0
    fills: int = 0
    reasons: dict[str, int] = {}
    lockouts: tuple["Lockout", ...] = ()
    cooldown: str | None = None
    rate_budget: int | None = None
    closed: bool = False


class Lockout(msgspec.Struct, frozen=True, gc=False):
    """One lockout in force."""

    scope: str
    why: str
    until: TimeText | None


GRAVEST_FIRST = (BROKER, ACCOUNT, STRATEGY, RATE, REJECTS)
"""Which of several lockouts a cycle shows; other scopes, like one symbol's, come behind."""


class Background(msgspec.Struct, frozen=True, kw_only=True, gc=False, omit_defaults=True):
    """What the next cycle opens with; lockouts in the order they started."""

    cycle: int = 0
    lockouts: tuple[Lockout, ...] = ()
    rate_budget: int | None = None


CYCLE = Kind("cycle", Cycle)
BACKGROUND = Kind("background", Background)


def evolve(view: View, sequence: int, event: Event) -> View:
    """`view` after `event`."""
    for change in fold_intents(view, sequence, event):
        _count_intent(view, change)
    match event:
        case OrderSubmitSkipped():
            cycle = _cycle(view, event.cycle)
            code = str(event.reason.code)
            reasons = {**cycle.reasons, code: cycle.reasons.get(code, 0) + 1}
            counted = replace(cycle, skipped=cycle.skipped + 1, reasons=reasons)
            _put(view, _cooling(counted, _left_of(event.reason)))
        case CycleOpened():
            _open(view, event)
        case CycleClosed():
            _put(view, replace(_cycle(view, event.number), closed=True))
        case RateBudgetReported():
            view.put(BACKGROUND, "", replace(_background(view), rate_budget=event.remaining))
        case LockoutStarted():
            _lock(view, Lockout(event.scope, event.why, event.until))
        case LockoutEnded():
            background = _background(view)
            rest = tuple(lock for lock in background.lockouts if lock.scope != event.scope)
            view.put(BACKGROUND, "", replace(background, lockouts=rest))
        case _:
            pass
    return view


def row(view: View, key: str) -> Row | None:
    """The cycle at `key`."""
    cycle = view.get(CYCLE, key)
    if cycle is None:
        return None
    shown = _gravest(cycle.lockouts)
    return {
        "cycle": cycle.number,
        "time": cycle.slot,
        "universe": cycle.intents + cycle.skipped,
        "intents": cycle.intents,
        "submitted": cycle.submitted,
        "skipped": cycle.skipped,
        "failed": cycle.failed,
        "unknown": cycle.unknown,
        "dropped": cycle.dropped,
        "fills": cycle.fills,
        "reasons": dict(sorted(cycle.reasons.items())),
        "lockout": bool(cycle.lockouts),
        "lockout_reason": None if shown is None else shown.why,
        "lockout_until": None if shown is None else shown.until,
        "lockouts": {lock.scope: lock.why for lock in cycle.lockouts},
        "cooldown": cycle.cooldown,
        "rate_budget": cycle.rate_budget,
        "closed": cycle.closed,
    }


def _open(view: View, event: CycleOpened) -> None:
    background = _background(view)
    cycle = replace(
        _cycle(view, event.number),
        slot=event.slot,
        rate_budget=background.rate_budget,
        lockouts=background.lockouts,
    )
    lock = _gravest(background.lockouts)
    if lock is not None and lock.until is not None:
        left = max(seconds_between(event.observed_at, lock.until), ZERO)
        cycle = _cooling(cycle, left)
    _put(view, cycle)
    view.put(BACKGROUND, "", replace(background, cycle=event.number))


def _lock(view: View, lock: Lockout) -> None:
    """The lockout holds for the cycle that runs, and for those that open under it."""
    background = _background(view)
    view.put(BACKGROUND, "", replace(background, lockouts=_with(background.lockouts, lock)))
    running = view.get(CYCLE, _key(background.cycle))
    if running is not None and not running.closed:
        _put(view, replace(running, lockouts=_with(running.lockouts, lock)))


def _with(locks: tuple[Lockout, ...], lock: Lockout) -> tuple[Lockout, ...]:
    """`lock` among them, last; of one scope there is one."""
    return (*(known for known in locks if known.scope != lock.scope), lock)


def _gravest(locks: tuple[Lockout, ...]) -> Lockout | None:
    """The one to show: by its scope, and of others the one that started last."""
    for scope in GRAVEST_FIRST:
        for lock in locks:
            if lock.scope == scope:
                return lock
    return locks[-1] if locks else None


def _left_of(reason: Reason) -> Decimal | None:
    """The seconds a cooldown still has, of the reason by which it keeps a symbol out."""
    cooling = reason.code in (ReasonCode.COOLDOWN_LOSS, ReasonCode.COOLDOWN_REENTRY)
    if not cooling or reason.limit is None or reason.observed is None:
        return None
    return CONTEXT.subtract(Decimal(reason.limit), Decimal(reason.observed))


def _cooling(cycle: Cycle, left: Decimal | None) -> Cycle:
    """`cycle` with the longer wait: the one it has, or `left`."""
    if left is None or (cycle.cooldown is not None and Decimal(cycle.cooldown) >= left):
        return cycle
    return replace(cycle, cooldown=decimal_text(left))


def _count_intent(view: View, change: Change) -> None:
    """Take out what the intent counted for, put in what it counts for now."""
    cycle = _cycle(view, change.after.cycle)
    tally = {name: getattr(cycle, name) for name in _COUNTED}
    for record, sign in ((change.before, -1), (change.after, 1)):
        if record is not None:
            for name, count in _counts(record).items():
                tally[name] += sign * count
    counted = replace(cycle, **tally)
    if counted != cycle:
        _put(view, counted)


_COUNTED = ("intents", "submitted", "failed", "unknown", "dropped", "fills")


def _counts(record: IntentRecord) -> dict[str, int]:
    executions = sum(1 for execution in record.fills.executions if execution.quantity)
    counts = {"intents": 1, "fills": executions}
    if record.root is not None:  # its intent is counted under the chain's first order
        return {"fills": executions}
    if record.outcome:
        counts[record.outcome] = 1
    elif record.status == OpenStatus.UNKNOWN:
        counts["unknown"] = 1
    return counts


def _key(number: int) -> str:
    return f"{number:012d}"


def _cycle(view: View, number: int) -> Cycle:
    return view.get(CYCLE, _key(number)) or Cycle(number=number)


def _put(view: View, cycle: Cycle) -> None:
    view.put(CYCLE, _key(cycle.number), cycle)


def _background(view: View) -> Background:
    return view.get(BACKGROUND, "") or Background()


CYCLE_SUMMARY = Projection(
    name="cycle_summary", version=2, evolve=evolve, shown=CYCLE.name, row=row
)
