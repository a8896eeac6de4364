"""A request to Alpaca and what came of it: a whole answer, or no answer and whether it was sent.

shape   `get`, `post`, `patch`, `delete`, `data` -> `Answer` | `NoAnswer`; never an exception
rules   One call is one request, and needs a permit of its host's budget (live/rate): without one it
        is not made. Cancels, and what stands in `with client.reserved()`, may use the reserve; a
        start waits for permits in `with client.patient(s)`; orders use what `hold` took.
        Texts of exceptions are not kept, for they can hold a key; their kind is. What a server
        sends back is masked before an event keeps it
dies    before the first byte: nothing left. After it: the other side may have the request, and the
        next start looks it up
"""

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from urllib3.exceptions import HTTPError
from urllib3.exceptions import TimeoutError as HTTPTimeoutError

from core.values import TimeText
from live.brokers.alpaca.answer import Answer, NoAnswer
from live.brokers.alpaca.barrier import Barrier
from live.brokers.alpaca.reading import RAW_LENGTH_MAX, raw_text
from live.brokers.alpaca.settings import AlpacaSettings
from live.brokers.alpaca.transport import Call
from live.brokers.alpaca.whole import HalfAnswerError
from live.feeds.errors import BadInputError
from live.rate.budget import Permit, RateBudget, Refusal, memory_budget
from live.rate.headers import Told
from live.secrets import NAMES, Secrets

if TYPE_CHECKING:
    from alpaca.common.rest import RESTClient

    from live.brokers.alpaca.ready import Opened

_LOCKED_OUT = ("locked_out", "the keys were refused where they trade")
Posted = tuple[str, tuple[tuple[str, str | bool], ...]]
"""What tells a POST from others: its path and body."""


class AlpacaClient:
    """The two REST endpoints of one account."""

    def __init__(
        self,
        settings: AlpacaSettings,
        secrets: Secrets,
        clock: Callable[[], TimeText],
        budgets: tuple[RateBudget, RateBudget] | None = None,
    ) -> None:
        """Import alpaca-py; `clock` is the runner's and never runs backwards.

        `budgets`: of trading and of market data; without, this process counts for itself.
        """
        from live.brokers.alpaca import sdk  # noqa: PLC0415 - 2 to 5 s, 90 MB

        _refuse_bad_keys(secrets)
        self._settings = settings
        self._secrets = secrets
        self._trading = sdk.trading(settings, secrets)
        self._data = sdk.market_data(settings, secrets)
        self._locks = {id(self._trading): threading.Lock(), id(self._data): threading.Lock()}
        self._too_long = sdk.BodyTooLongError
        self.barrier = Barrier(clock)
        self._data_barrier = Barrier(clock, trading=False)
        own = settings.requests_per_minute
        self.budget, self.data_budget = budgets or (memory_budget(own), memory_budget(own))
        self.on_limited: Callable[[Told], object] = lambda _: None
        self.clock = clock
        self._held: Permit | None = None
        self._held_left: int | None = None
        self._written: dict[Posted, Opened] = {}
        self._reserve = False
        self._patience_s = 0.0
        self._say: Callable[[Refusal], None] = lambda _: None

    def __repr__(self) -> str:
        return "AlpacaClient(not shown)"

    @contextmanager
    def reserved(self) -> Iterator[None]:
        """Calls that a cancel or the halt rests on: they may use the reserve."""
        before, self._reserve = self._reserve, True
        try:
            yield
        finally:
            self._reserve = before

    def use_reserve(self) -> None:
        """Every call from here on: this process is the halt."""
        self._reserve = True

    @contextmanager
    def patient(
        self, longest_s: float, say: Callable[[Refusal], None] = lambda _: None
    ) -> Iterator[None]:
        """Calls that wait for their permits, each at most `longest_s`; `say` is told why."""
        self._patience_s, self._say = longest_s, say
        try:
            yield
        finally:
            self._patience_s = 0.0

    def hold(self, calls: int) -> int:
        """Take up to `calls` permits for orders that may be decided now; how many there are."""
        self.give_back()
        self._held_left = 0
        if calls:
            permit = self.budget.take(calls, ahead=True)
            if isinstance(permit, Permit):
                self._held, self._held_left = permit, permit.calls
        return self._held_left

    def give_back(self) -> None:
        """The permits that no order used, and the connections of orders that were not sent."""
        self._let_go()
        if self._held is not None and self._held_left:
            self.budget.give_back(self._held)
        self._held, self._held_left = None, None

    @property
    def held(self) -> int | None:
        """Permits that are held for orders; None where none were asked for."""
        return self._held_left

    def get(self, path: str, query: Mapping[str, str] | None = None) -> Answer | NoAnswer:
        """One GET of the trading endpoint."""
        return self._call(self._trading, "GET", path, query)

    def data(self, path: str, query: Mapping[str, str] | None = None) -> Answer | NoAnswer:
        """One GET of the market data endpoint, which has a budget of its own."""
        return self._call(self._data, "GET", path, query)

    def post(self, path: str, body: Mapping[str, str]) -> Answer | NoAnswer:
        """One POST of the trading endpoint."""
        return self._call(self._trading, "POST", path, body)

    def patch(self, path: str, body: Mapping[str, str | bool]) -> Answer | NoAnswer:
        """One PATCH of the trading endpoint."""
        return self._call(self._trading, "PATCH", path, body)

    def delete(self, path: str) -> Answer | NoAnswer:
        """One DELETE of the trading endpoint."""
        return self._call(self._trading, "DELETE", path, None)

    def prepare(self, meanwhile: Callable[[], object] = lambda: None) -> None:
        """Have connections ready for the orders that may be decided now; it never fails.

        None while no order may leave: the keys were refused, or there were too many requests.
        `meanwhile` is done while it waits for them.
        """
        self._let_go()
        if self.barrier.is_shut or self.budget.left().why:
            return

        def while_it_waits() -> None:
            self._rehearse()
            meanwhile()  # what comes first behind this comes last here

        self._trading.connections.prepare(
            connect_s=self._settings.connect_s, meanwhile=while_it_waits
        )

    def write(self, path: str, body: Mapping[str, str]) -> None:
        """Have a POST written that may leave soon, so that then nothing is left to do but that.

        It never fails, and waits for no other call: `post` does without. What `post` is not asked
        for is let go by the next `prepare` or `give_back`.
        """
        if self.barrier.is_shut or not self._held_left or self._held is None:
            return
        lock = self._locks[id(self._trading)]
        if not lock.acquire(blocking=False):
            return
        try:
            ready = self._trading.connections.opened()
            if ready is not None:
                self._write(ready, path, body)
        finally:
            lock.release()

    def _write(self, ready: "Opened", path: str, body: Mapping[str, str]) -> None:
        try:
            self._trading.write(ready[0], path, dict(body))
        except Exception:  # noqa: BLE001 - post says what is wrong
            ready[0].close()
            return
        self._written[path, tuple(body.items())] = ready

    def _rehearse(self) -> None:
        """A request that is never sent: writing the next one finds its code in the caches."""
        with suppress(Exception), self._locks[id(self._trading)]:
            connection = self._trading.connections.new()
            self._trading.write(connection, "/orders", {"client_order_id": "", "qty": "0"})

    def _let_go(self) -> None:
        for connection, _ in self._written.values():
            connection.close()
        self._written.clear()

    def close(self) -> None:
        """Let go of the connections that are ready."""
        self._let_go()
        self._trading.connections.close()

    def raw(self, body: bytes) -> str:
        """What was said, for an event: no secret of ours, and not more than 2,000 characters."""
        return self._secrets.mask(raw_text(body))[:RAW_LENGTH_MAX]

    def _call(
        self, client: "RESTClient", method: str, path: str, data: Mapping[str, str | bool] | None
    ) -> Answer | NoAnswer:
        paced = client is self._trading
        barrier = self.barrier if paced else self._data_barrier
        refusal = _LOCKED_OUT if not paced and self.barrier.is_shut else barrier.refusal()
        if refusal is not None:
            return NoAnswer(sent=False, kind=refusal[0], detail=refusal[1])
        budget = self.budget if paced else self.data_budget
        permit = self._permit(budget, method)
        if isinstance(permit, Refusal):
            detail = f"{permit.why}; next try in {permit.wait_s:.1f} s"
            return NoAnswer(sent=False, kind="rate_limited", detail=detail)
        answer = self._made(client, method, path, data)
        if isinstance(answer, Answer):
            told = budget.answered(permit, answer.status, answer.headers)
            if told.limited:
                self.on_limited(told)
            barrier.heard(answer, f"{method} {path.partition('?')[0]}")
        elif answer.sent or permit.calls > 1:
            budget.unanswered(permit)
        else:
            budget.give_back(permit)
        return answer

    def _permit(self, budget: RateBudget, method: str) -> Permit | Refusal:
        """One permit for a call that is made now."""
        if method == "POST" and self._held is not None and self._held_left:
            refusal = self.budget.usable(self._held)
            if refusal is None:
                self._held_left -= 1
                return self._held
            self.give_back()
        reserve = self._reserve or method == "DELETE"
        if self._patience_s:
            return budget.wait(self._patience_s, reserve=reserve, told_why=self._say)
        return budget.take(reserve=reserve)

    def _made(
        self, client: "RESTClient", method: str, path: str, data: Mapping[str, str | bool] | None
    ) -> Answer | NoAnswer:
        """The call, once it may be made."""
        limits = self._settings
        with (
            self._locks[id(client)],
            Call(connect_s=limits.connect_s, read_s=limits.read_s, total_s=limits.total_s) as call,
        ):
            try:
                answer = self._sent(method, path, data) or _answer_of(client, method, path, data)
            except Exception as error:  # noqa: BLE001 - it is told; none may end the runner
                return self._failure(call, error)
            if call.expired:  # a TLS stream that was shut down can look like one that ended
                return NoAnswer(sent=True, kind="timeout", detail="cut at the deadline")
        return answer

    def _sent(self, method: str, path: str, data: Mapping[str, str | bool] | None) -> Answer | None:
        """The answer to a request that was written before; None: it was not, or cannot leave."""
        if method != "POST" or data is None:
            return None
        written = self._written.pop((path, tuple(data.items())), None)
        return None if written is None else self._trading.sent(written)

    def _failure(self, call: Call, error: Exception) -> NoAnswer:
        """What kind of failure, in words of ours."""
        status = getattr(error, "status", None) if isinstance(error, HalfAnswerError) else None
        if isinstance(error, self._too_long):
            kind = "body_too_long"
        elif call.expired:
            kind = "timeout"
        elif isinstance(error, HalfAnswerError):
            kind = "half_answer"
        elif isinstance(error, HTTPTimeoutError | TimeoutError):
            kind = "timeout" if call.sent else "connect_timeout"
        elif not call.sent:
            kind = "no_connection" if isinstance(error, HTTPError | OSError) else "not_sent"
        else:
            kind = "no_answer"
        return NoAnswer(call.sent, kind, type(error).__name__, status)


def _answer_of(
    client: "RESTClient", method: str, path: str, data: Mapping[str, str | bool] | None
) -> Answer:
    """alpaca-py's one way to every method, with our transport and our answer behind it."""
    body = None if data is None else dict(data)
    answer: object = client._request(method, path, body)
    if not isinstance(answer, Answer):
        message = "expected our own answer: alpaca-py changed under the adapter"
        raise TypeError(message)
    return answer


def _refuse_bad_keys(secrets: Secrets) -> None:
    """Both keys, and nothing in them that an HTTP header cannot carry."""
    for (name, _), secret in zip(NAMES, (secrets.key_id, secrets.secret_key), strict=True):
        value = secret.reveal()
        if not value or not value.isascii() or not value.isprintable() or value != value.strip():
            message = (
                f"{name} (environment): expected Alpaca's key as it was given (value not shown), "
                f"found {'nothing' if not value else 'another character in it'}; set it"
            )
            raise BadInputError(message)
