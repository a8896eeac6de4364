"""A request to Alpaca and what came of it: a whole answer, or no answer and whether it was sent.

shape   `get`, `post`, `patch`, `delete`, `data` -> `Answer` | `NoAnswer`; never an exception
rules   One call is one request. Texts of exceptions are not kept, for they can hold a key; their
        kind is. What a server sends back is masked before an event keeps it
dies    before the first byte: nothing left. After it: the other side may have the request, and the
        next start looks it up
"""

import threading
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from urllib3.exceptions import HTTPError
from urllib3.exceptions import TimeoutError as HTTPTimeoutError

from core.values import TimeText
from live.brokers.alpaca.answer import Answer, NoAnswer
from live.brokers.alpaca.barrier import Barrier
from live.brokers.alpaca.pace import Pace
from live.brokers.alpaca.reading import RAW_LENGTH_MAX, raw_text
from live.brokers.alpaca.settings import AlpacaSettings
from live.brokers.alpaca.transport import Call
from live.feeds.errors import BadInputError
from live.secrets import NAMES, Secrets

if TYPE_CHECKING:
    from alpaca.common.rest import RESTClient


class AlpacaClient:
    """The two REST endpoints of one account."""

    def __init__(
        self, settings: AlpacaSettings, secrets: Secrets, clock: Callable[[], TimeText]
    ) -> None:
        """Import alpaca-py; `clock` is the runner's and never runs backwards."""
        from live.brokers.alpaca import sdk  # noqa: PLC0415 - 2 to 5 s, 90 MB

        _refuse_bad_keys(secrets)
        self._settings = settings
        self._secrets = secrets
        self._trading = sdk.trading(settings, secrets)
        self._data = sdk.market_data(settings, secrets)
        self._locks = {id(self._trading): threading.Lock(), id(self._data): threading.Lock()}
        self._cut = sdk.HalfAnswerError
        self._too_long = sdk.BodyTooLongError
        self.pace = Pace(settings.requests_per_minute, clock)
        self.barrier = Barrier(clock)
        self.clock = clock

    def __repr__(self) -> str:
        return "AlpacaClient(not shown)"

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

    def prepare(self) -> None:
        """Have connections ready for the orders that may be decided now; it never fails.

        None while no order may leave: the keys were refused, or there were too many requests.
        """
        if self.barrier.is_shut or self.pace.held_until() is not None:
            return
        self._trading.connections.prepare(connect_s=self._settings.connect_s)

    def close(self) -> None:
        """Let go of the connections that are ready."""
        self._trading.connections.close()

    def raw(self, body: bytes) -> str:
        """What was said, for an event: no secret of ours, and not more than 2,000 characters."""
        return self._secrets.mask(raw_text(body))[:RAW_LENGTH_MAX]

    def _call(
        self, client: "RESTClient", method: str, path: str, data: Mapping[str, str | bool] | None
    ) -> Answer | NoAnswer:
        paced = client is self._trading
        refusal = self.barrier.refusal() or (self.pace.refusal() if paced else None)
        if refusal is not None:
            return NoAnswer(sent=False, kind=refusal[0], detail=refusal[1])
        limits = self._settings
        with (
            self._locks[id(client)],
            Call(connect_s=limits.connect_s, read_s=limits.read_s, total_s=limits.total_s) as call,
        ):
            try:
                answer = _answer_of(client, method, path, data)
            except Exception as error:  # noqa: BLE001 - it is told; none may end the runner
                return self._failure(call, error)
            if call.expired:  # a TLS stream that was shut down can look like one that ended
                return NoAnswer(sent=True, kind="timeout", detail="cut at the deadline")
        self.barrier.heard(answer, f"{method} {path.partition('?')[0]}", trading=paced)
        if paced:
            self.pace.heard(answer)
        return answer

    def _failure(self, call: Call, error: Exception) -> NoAnswer:
        """What kind of failure, in words of ours."""
        status = getattr(error, "status", None) if isinstance(error, self._cut) else None
        if isinstance(error, self._too_long):
            kind = "body_too_long"
        elif call.expired:
            kind = "timeout"
        elif isinstance(error, self._cut):
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
