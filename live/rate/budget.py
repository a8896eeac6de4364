"""The rate budget of an account, as its callers use it: permits, refusals, what is left.

    permit = budget.take()                   one call; `reserve=True` for a cancel or the halt
    if isinstance(permit, Refusal): …        no permit, no call: `why`, and when to ask again
    budget.answered(permit, status, headers) what was said; `unanswered(permit)` where nobody did
    permits = budget.take(12, ahead=True)    up to twelve, before `decide`; each is answered for
    budget.usable(permits)                   None, or why none of them may be used any more
    budget.give_back(permits)                what was not used

rules   Never waits for a permit: `wait` does, for a start and for commands. A store that cannot be
        asked grants nothing; a cancel then goes by this process's own count, at most `reserve` a
        window, for a halt must not hang on a store. A 429 that this process heard holds it back
        even where it cannot be written down.
        What was lost, damaged or put back is found by the sum, the store, or the serial this
        process saw last, and seals the log for a whole window (window.py)
dies    after `take`: the permits count until they could not have been used any more, and a window
        on. Before `answered` is kept: the same
"""

import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import NamedTuple, TypeVar
from uuid import uuid4

from msgspec.structs import replace

from live.rate import window
from live.rate.headers import Told, told
from live.rate.store import Found, MemoryStore, Store, StoreError, elapsed_us, packed, unpacked
from live.rate.window import HOLD_MAX, LIMITED, SECOND, Log, Reading, Rules

FLIGHT_S = 20.0
"""How long a call can be on its way at most, and so a permit in use."""
USABLE_S = 30.0
"""How long permits that were taken ahead can be used."""
STEP_US = SECOND // 2
"""By how much the store's clock may differ from ours between two looks before it has stepped."""
_Made = TypeVar("_Made")


class Permit(NamedTuple):
    """Calls that may be made until `ends` (`elapsed_us`); `name` "" where only we count them."""

    name: str
    calls: int
    ends: int


class Refusal(NamedTuple):
    """No permit: why, and the seconds until there may be one."""

    why: str
    wait_s: float


class Left(NamedTuple):
    """What is left: `left` for cancels and the halt too; `wait_s` until more may be there.

    `why` says what besides spent calls holds ordinary ones back; `told_*` is the broker's word.
    """

    limit: int
    left: int
    ordinary: int
    wait_s: float
    why: str = ""
    told_limit: int | None = None
    told_left: int | None = None


class RateBudget:
    """The calls one account may make to one of the broker's hosts."""

    def __init__(
        self,
        store: Store,
        rules: Rules,
        name: str,
        *,
        expected: bool = False,
        flight_s: float = FLIGHT_S,
        wall_s: Callable[[], float] = time.time,
        elapsed: Callable[[], int] = elapsed_us,
    ) -> None:
        """`expected`: something is there already, so what is missing was lost.

        `elapsed`: this process's own microseconds, which nobody sets.
        """
        self.rules = rules
        self._elapsed = elapsed
        self.name = name
        self.expected = expected
        self._store = store
        self._flight_us = int(flight_s * SECOND)
        self._wall_s = wall_s
        self._lock = threading.Lock()
        self._serial = 0
        self._seen: tuple[str, int, int] | None = None
        self._alone: deque[int] = deque()
        self._waits_until = 0
        self._kept: tuple[bytes, Log | None] = (b"", None)
        self._untold: set[str] = set()

    def take(
        self, calls: int = 1, *, reserve: bool = False, ahead: bool = False
    ) -> Permit | Refusal:
        """Up to `calls` permits, at least one, to be used now, or soon (`ahead`); or why none."""
        with self._lock:
            lasts = self._flight_us + (int(USABLE_S * SECOND) if ahead else 0)
            ends = self._elapsed() + lasts
            name = uuid4().hex[:16]

            def act(log: Log, now: int) -> tuple[Log, tuple[int, Reading]]:
                log, count = window.take(
                    log, now, self.rules, name, calls, until=now + lasts, reserve=reserve
                )
                return log, (count, window.read(log, now, self.rules))

            own = self._own_refusal()
            if own is not None:
                return own
            try:
                count, reading = self._change(act)
            except StoreError as error:
                return self._alone_permit(str(error), reserve=reserve)
            if count:
                return Permit(name, count, ends)
            return _refusal(reading)

    def usable(self, permit: Permit) -> Refusal | None:
        """Why a permit taken ahead may not be used now; None: it may. Nothing is written."""
        with self._lock:
            if permit.ends - self._elapsed() < self._flight_us:
                return Refusal("the permit is too old", 0.0)
            own = self._own_refusal()
            if own is not None:
                return own
            try:
                found = self._store.look(self.name)
            except StoreError as error:
                return Refusal(str(error), 1.0)
            log = self._log(found)
            if permit.name not in log.held:
                return Refusal("the permit is not known any more", 0.0)
            if found.now < log.waits_until:
                return _refusal(window.read(log, found.now, self.rules))
            return None

    def answered(self, permit: Permit, status: int, headers: Mapping[str, str]) -> Told:
        """One call of the permit was answered; what the answer says of rates, which is kept."""
        said = told(status, headers, self._wall_s())
        if said.limited:
            asked = [s for s in (said.retry_s, said.reset_s) if s is not None]
            wait = min(int(max(asked, default=1.0) * SECOND), HOLD_MAX)
            self._waits_until = max(self._waits_until, self._elapsed() + wait)
        self._settle(permit, said)
        return said

    def unanswered(self, permit: Permit) -> None:
        """One call of the permit ended without an answer."""
        self._settle(permit, None)

    def give_back(self, permit: Permit) -> None:
        """What is left of the permit is not used.

        Where a call of it could not be written down, all of it counts until its end.
        """
        if permit.name and permit.name not in self._untold:
            self._quietly(lambda log, _: (window.give_back(log, permit.name), None))

    def left(self) -> Left:
        """What is left now; nothing where the store cannot be asked."""
        with self._lock:
            own = self._own_refusal()
            try:
                found = self._store.look(self.name)
            except StoreError as error:
                return Left(self.rules.limit, 0, 0, 1.0, f"the limiter: {error}")
            reading = window.read(self._log(found), found.now, self.rules)
            left = Left(
                reading.limit, reading.left, reading.ordinary, reading.wait_s, reading.why,
                reading.told_limit, reading.told_left,
            )  # fmt: skip
            if own is not None and left.left:
                return left._replace(left=0, ordinary=0, wait_s=own.wait_s, why=own.why)
            return left

    def wait(
        self,
        longest_s: float,
        *,
        reserve: bool = False,
        stopping: Callable[[], bool] = lambda: False,
        told_why: Callable[[Refusal], None] = lambda _: None,
    ) -> Permit | Refusal:
        """One permit, waited for: for a start and for commands, never in a cycle."""
        ends = self._elapsed() + int(longest_s * SECOND)
        said = ""
        while isinstance(found := self.take(reserve=reserve), Refusal):
            left = (ends - self._elapsed()) / SECOND
            if left <= 0 or stopping():
                return found
            if found.why != said:
                said = found.why
                told_why(found)
            time.sleep(max(0.01, min(found.wait_s, left, 0.25)))
        return found

    def bind(self, name: str) -> None:
        """Count under `name` from here on, with what was spent under the name before."""
        with self._lock:
            if name == self.name:
                return
            before = self._log(self._store.look(self.name))
            serial, self._serial = self._serial, 0

            def act(found: Found) -> tuple[bytes, Log]:
                log = before
                if found.data is not None or found.lost:
                    log = window.spend(self._log(found), found.now, window.used(before), self.rules)
                log = replace(log, serial=log.serial + 1)
                return packed(log), log

            try:
                self._serial = self._store.change(name, act).serial
            except StoreError:
                self._serial = serial
                raise
            self.name, self.expected = name, True

    # -- the log

    def _change(self, act: Callable[[Log, int], tuple[Log, _Made]]) -> _Made:
        """What came of `act` on the log as it is now."""

        def on_found(found: Found) -> tuple[bytes, tuple[int, Found, _Made]]:
            log, made = act(self._log(found), found.now)
            log = replace(log, serial=log.serial + 1)
            self._kept = (packed(log), log)
            return self._kept[0], (log.serial, found, made)

        self._serial, found, made = self._store.change(self.name, on_found)
        self._seen = (found.era, found.now, self._elapsed())
        return made

    def _log(self, found: Found) -> Log:
        """The log that was found, now; a sealed one where it is not what was left there."""
        why = found.lost
        log = None
        if found.data is not None:  # what this process left there itself was read before
            log = self._kept[1] if found.data == self._kept[0] else unpacked(found.data)
        if not why and found.data is None and (self.expected or self._serial):
            why = "the limiter's state is missing"
        elif not why and found.data is not None and log is None:
            why = "the limiter's state is damaged"
        elif not why and log is not None and log.serial < self._serial:
            why = "the limiter's state is an older copy"
        if why:
            told_limit = None if log is None else log.told_limit
            kept = window.sealed(found.now, found.era, self.rules, why)
            return replace(kept, serial=self._serial, told_limit=told_limit)
        if log is None:
            return Log(era=found.era, last=found.now)
        return window.at(log, found.now, found.era, self.rules, stepped=self._stepped(found))

    def _stepped(self, found: Found) -> bool:
        """Whether the store's clock went on otherwise than ours since we looked last."""
        if self._seen is None or self._seen[0] != found.era:
            return False
        theirs, ours = found.now - self._seen[1], self._elapsed() - self._seen[2]
        return abs(theirs - ours) > STEP_US + ours // 100

    def _settle(self, permit: Permit, said: Told | None) -> None:
        if permit.name and not self._quietly(
            lambda log, now: (window.settle(log, now, self.rules, permit.name, said), None)
        ):
            self._untold.add(permit.name)

    def _quietly(self, act: Callable[[Log, int], tuple[Log, None]]) -> bool:
        """A change that may fail: what it would have freed or told is then counted longer."""
        with self._lock, suppress(StoreError):
            self._change(act)
            return True
        return False

    # -- without the log

    def _own_refusal(self) -> Refusal | None:
        """The wait that an answer to this very process asked for."""
        left = self._waits_until - self._elapsed()
        return Refusal(LIMITED, left / SECOND) if left > 0 else None

    def _alone_permit(self, why: str, *, reserve: bool) -> Permit | Refusal:
        """A cancel's permit by this process's own count; nothing for anything else."""
        now = self._elapsed()
        while self._alone and self._alone[0] <= now - self.rules.window:
            self._alone.popleft()
        if not reserve or len(self._alone) >= self.rules.reserve:
            return Refusal(f"the limiter: {why}", 1.0)
        self._alone.append(now)
        return Permit("", 1, now + self._flight_us)


def _refusal(reading: Reading) -> Refusal:
    return Refusal(reading.why or "the budget is spent", reading.wait_s)


def memory_budget(
    limit: int, reserve: int = 0, elapsed: Callable[[], int] = elapsed_us
) -> RateBudget:
    """A budget of this process alone, for a client that nobody gave another."""
    rules = Rules(limit=limit, reserve=reserve)
    return RateBudget(MemoryStore(elapsed), rules, "memory", elapsed=elapsed)
