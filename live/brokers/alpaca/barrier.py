"""Shut once Alpaca refuses the keys: no call to the endpoint leaves but a try, whoever asks.

shape   `refusal()` says why a call must not leave, or None; every answer is told to `heard`
rules   401, or of the trading endpoint 403 without a code, shuts it: keys that are not valid do not
        become so by asking, and an account can be locked for it. Market data has a barrier of its
        own, which says nothing of the keys that trade; the trading one holds it back too.
        Of a session
        the core says when a call is a try (`trying`), and is told of each shutting (`news`); other
        commands try after a minute, then after twice as long, up to an hour
dies    with the process: a start whose journal says that the keys are refused shuts it again
source  ALPACA.md A4 (401, 403); FAULTS.md 3C
"""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import NamedTuple

from core.values import TimeText, micros, time_text
from live.brokers.alpaca.answer import Answer
from live.brokers.alpaca.errors import is_lockout, read_error

_MINUTE = 60_000_000
_WAIT_MAX = 60 * _MINUTE


class Refused(NamedTuple):
    """An answer that refused the keys: when, to what, and in which words."""

    at: TimeText
    why: str
    status: int
    code: str | None


class Barrier:
    """Whether calls may leave; asked from any thread."""

    def __init__(self, clock: Callable[[], TimeText], *, trading: bool = True) -> None:
        """`driven`: the core says when the keys are tried; without it, time does.

        `trading`: whether it is the trading endpoint's.
        """
        self._trading = trading
        self.driven = False
        self._clock = clock
        self._lock = threading.Lock()
        self._shut = False
        self._trying = False
        self._next_try = 0
        self._tries = 0
        self._news: list[Refused] = []

    def shut(self) -> None:
        """Let nothing out: an earlier process was refused."""
        with self._lock:
            self._shut_now(micros(self._clock()))

    @property
    def is_shut(self) -> bool:
        """Whether the keys were refused, whoever may try them now."""
        return self._shut

    @property
    def is_told(self) -> bool:
        """Whether `news` has nothing that was not asked for."""
        with self._lock:
            return not self._news

    @contextmanager
    def trying(self) -> Iterator[None]:
        """Calls within leave, until the first that is refused."""
        with self._lock:
            self._trying = True
        try:
            yield
        finally:
            with self._lock:
                self._trying = False

    def refusal(self) -> tuple[str, str] | None:
        """(kind, detail) of why nothing may leave now, else None."""
        with self._lock:
            if not self._shut or self._trying:
                return None
            now = micros(self._clock())
            if self.driven:
                return "locked_out", "the keys were refused; tried again when it is time"
            if now < self._next_try:
                at = time_text(self._next_try)[11:19]
                return "locked_out", f"the keys were refused; next try {at}Z"
            self._shut_now(now)  # this call is the try, and the only one
            return None

    def heard(self, answer: Answer, call: str) -> None:
        """An answer to `call`, which refuses the keys, or shows that they hold, or neither."""
        error = read_error(answer.body)
        refused = is_lockout(answer.status, error) and (self._trading or answer.status == 401)
        with self._lock:
            if refused:
                self._trying = False
                if not self._shut:
                    why = f"HTTP {answer.status} to {call}"
                    self._news.append(Refused(self._clock(), why, answer.status, error.code))
                    self._shut_now(micros(self._clock()))
            elif self._shut and answer.status < 500 and answer.status != 429:
                self._shut, self._tries = False, 0

    def news(self) -> list[Refused]:
        """What shut it, since this was asked for last."""
        with self._lock:
            found, self._news = self._news, []
        return found

    def _shut_now(self, now: int) -> None:
        self._shut = True
        self._next_try = now + min(_MINUTE << min(self._tries, 10), _WAIT_MAX)
        self._tries += 1
