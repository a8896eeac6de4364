"""The stream of trade updates: one socket in one thread, and everything it does is told.

shape   frames -> observations in the inbox; `StreamWentUp`/`StreamWentDown` of "trade_updates", and
        `StreamWentDown` of "account" wherever something may be missing: only a reconciliation
        brings that one up again (broker.py)
rules   Every step has a deadline: open, authenticate, listen. The acknowledgement is read: an
        empty list delivers nothing. Pings every `ping_s`; after `probe_s` without a message it
        listens again, and the answer proves that Alpaca's application, not only a proxy, is there.
        A frame that cannot be read is journaled with its bytes, and the account is compared.
        Reconnecting waits 1, 2, 4 … 30 s with jitter; refused keys wait a quarter of an hour.
        A handshake is a call of the account's budget, never of its reserve: Alpaca answers 429 to
        it as to any other. Without a permit there is none, and the next try has its wait.
why     alpaca-py's own stream waits for ever for an answer to its keys, never reads the listen
        acknowledgement, drops what its models refuse, tells nobody of a gap, cannot be stopped
        while it authenticates, and needs `websockets.legacy` (ALPACA.md A3): none of these can be
        mended from outside. `websockets` is what it stands on itself, so it is locked already
dies    with the process: what was not taken from the inbox is asked for again at the next start
"""

import json
import logging
import random
import ssl
import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from core.events import StreamWentDown, StreamWentUp
from core.values import TimeText
from live.brokers.alpaca.inbox import Inbox
from live.brokers.alpaca.reading import Unreadable, read_object, text
from live.brokers.alpaca.settings import AlpacaSettings
from live.brokers.alpaca.updates import Updates
from live.rate.budget import Permit, RateBudget, Refusal
from live.rate.headers import Told
from live.secrets import Secrets

if TYPE_CHECKING:
    from websockets.sync.client import ClientConnection

TRADE_UPDATES = "trade_updates"
ACCOUNT = "account"
NOT_YET = "not connected yet"
_UNAUTHORIZED = "unauthorized"
_SWITCHING = 101
_OVERFLOW = "overflow"


class _EndedError(Exception):
    """The end of a connection; the text says why, in words of ours."""


class TradeStream:
    """The socket's thread. `start` and `close` once each; `reconnect` from any thread."""

    def __init__(
        self,
        settings: AlpacaSettings,
        secrets: Secrets,
        inbox: Inbox,
        raw: Callable[[bytes], str],
        budget: RateBudget,
    ) -> None:
        """`raw` makes bytes fit for an event: masked and capped. `budget`: the account's."""
        self._budget = budget
        self.on_limited: Callable[[Told], object] = lambda _: None
        self._settings = settings
        self._secrets = secrets
        self._inbox = inbox
        self._raw = raw
        self._updates = Updates(raw)
        self._closing = threading.Event()
        self._again = threading.Event()
        self._doubt: str | None = None
        self._said: str | None = None
        self._thread = threading.Thread(target=self._run, name="trade-updates", daemon=True)
        self.connections = 0

    def __repr__(self) -> str:
        return "TradeStream(not shown)"

    def start(self) -> None:
        """Connect, and stay connected. Until it is up, and compared, both are down."""
        self._tell_down(NOT_YET)
        self._thread.start()

    def reconnect(self, why: str) -> None:
        """Give this connection up: it looks alive and is not."""
        self._doubt = why

    def try_again(self) -> None:
        """Wait no longer before the next connection, if there is none: the keys hold again."""
        self._again.set()

    def close(self) -> None:
        """End the thread, within a few seconds whatever the other side does."""
        self._closing.set()
        self._again.set()
        if self._thread.is_alive():
            self._thread.join(self._settings.answer_s + 2)

    def _run(self) -> None:
        least, most = self._settings.backoff_s
        wait = least
        while not self._closing.is_set():
            before = time.monotonic()
            why = self._connection()
            if self._closing.is_set():
                return
            self._tell_down(why)
            while why == _OVERFLOW and not self._inbox.wait_for_room(0.2):
                if self._closing.is_set():
                    return
            if time.monotonic() - before > most:
                wait = least  # it held for a while: not a storm
            jitter = random.uniform(0.75, 1.25)  # noqa: S311 - spreads reconnects, keeps no secret
            long = why == _UNAUTHORIZED
            self._again.clear()
            if not self._closing.is_set():
                self._again.wait(self._settings.unauthorized_wait_s if long else wait * jitter)
            wait = min(wait * 2, most)

    def _connection(self) -> str:
        """One connection from its opening to its end; why it ended."""
        from websockets.exceptions import (  # noqa: PLC0415 - only where a stream is wanted
            ConnectionClosed,
            InvalidStatus,
            WebSocketException,
        )

        self._doubt = None
        permit = self._budget.take()
        if isinstance(permit, Refusal):
            return f"no permit to connect: {permit.why}"
        self.connections += 1
        try:
            with self._counted(permit) as socket:
                self._authenticate(socket)
                self._listen(socket)
        except _EndedError as ended:
            return str(ended)
        except InvalidStatus as error:
            status = error.response.status_code
            return _UNAUTHORIZED if status in (401, 403) else f"handshake answered {status}"
        except ConnectionClosed as error:
            code = error.rcvd.code if error.rcvd is not None else None
            return "connection lost" if code is None else f"closed with {code}"
        except TimeoutError:
            return "no answer within the deadline"
        except (OSError, WebSocketException) as error:
            return f"no connection: {type(error).__name__}"
        except Exception as error:  # noqa: BLE001 - whatever came, the thread goes on and says so
            return f"failed: {type(error).__name__}"
        return "closed"

    def _open(self) -> "ClientConnection":
        from websockets.sync.client import connect  # noqa: PLC0415 - only where it is wanted

        limits = self._settings
        url = limits.trading_stream_url
        silent = logging.getLogger("refold.trade_updates")
        silent.disabled = True  # at DEBUG it would tell every frame, and one holds the keys
        return connect(
            url,
            ssl=ssl.create_default_context() if url.startswith("wss:") else None,
            proxy=None,
            compression=None,
            open_timeout=limits.answer_s,
            ping_interval=limits.ping_s,
            ping_timeout=limits.ping_s,
            close_timeout=1,
            max_size=limits.message_bytes_max,
            logger=silent,
        )

    def _counted(self, permit: Permit) -> "ClientConnection":
        """The connection; its permit is settled by the handshake's answer, or by its lack."""
        from websockets.exceptions import InvalidStatus  # noqa: PLC0415 - as above

        try:
            socket = self._open()
        except InvalidStatus as error:
            answer = error.response
            headers = {name.lower(): value for name, value in answer.headers.raw_items()}
            told = self._budget.answered(permit, answer.status_code, headers)
            if told.limited:
                self.on_limited(told)
            raise
        except BaseException:
            self._budget.unanswered(permit)
            raise
        self._budget.answered(permit, _SWITCHING, {})
        return socket

    def _authenticate(self, socket: "ClientConnection") -> None:
        """Send the keys, read the answer; ask for trade updates, read what was granted."""
        ends = time.monotonic() + self._settings.answer_s
        secrets = self._secrets
        keys = {"key_id": secrets.key_id.reveal(), "secret_key": secrets.secret_key.reveal()}
        socket.send(json.dumps({"action": "authenticate", "data": keys}))
        while True:
            stream, data, _ = self._frame(socket, ends)
            if stream == "authorization":
                break
            _refuse_early(stream)
        if data.get("status") != "authorized":
            raise _EndedError(_UNAUTHORIZED)
        self._ask_to_listen(socket)
        while True:
            stream, data, body = self._frame(socket, ends)
            if stream == "listening":
                break
            if stream != TRADE_UPDATES:
                _refuse_early(stream)
            if not self._heard(stream, data, body):
                raise _EndedError(_OVERFLOW)
        _check_granted(data)
        self._said = None
        arrived = self._inbox.clock()
        went_up = StreamWentUp(observed_at=arrived, stream=TRADE_UPDATES)
        why = "trade_updates connected: what was sent before is to be compared"
        self._inbox.put(went_up, self._account_down(why))

    def _listen(self, socket: "ClientConnection") -> None:
        """Read until something ends it."""
        limits = self._settings
        step = min(0.25, limits.probe_s / 2)
        heard_at, asked_at = time.monotonic(), None
        while not self._closing.is_set():
            if self._doubt is not None:
                raise _EndedError(self._doubt)
            now = time.monotonic()
            if asked_at is not None and now - asked_at > limits.answer_s:
                message = f"silent: no answer within {limits.answer_s:g} s"
                raise _EndedError(message)
            if asked_at is None and now - heard_at > limits.probe_s:
                self._ask_to_listen(socket)
                asked_at = now
            try:
                body = _bytes(socket.recv(timeout=step))
            except TimeoutError:
                continue
            stream, data = self._read(body)
            if stream == "listening":
                _check_granted(data)
            elif not self._heard(stream, data, body):
                raise _EndedError(_OVERFLOW)
            heard_at, asked_at = time.monotonic(), None

    def _frame(
        self, socket: "ClientConnection", ends: float
    ) -> tuple[str, dict[str, object], bytes]:
        """The next frame before `ends`; one that cannot be read is told and passed over."""
        while not self._closing.is_set():
            left = ends - time.monotonic()
            if left <= 0:
                raise TimeoutError
            try:
                body = _bytes(socket.recv(timeout=min(left, 0.25)))
            except TimeoutError:
                continue
            stream, data = self._read(body)
            if stream:
                return stream, data, body
            if not self._heard(stream, data, body):
                raise _EndedError(_OVERFLOW)
        message = "closing"
        raise _EndedError(message)

    def _read(self, body: bytes) -> tuple[str, dict[str, object]]:
        """(stream, data); the stream is empty where the frame cannot be read."""
        found = read_object(body)
        if isinstance(found, Unreadable):
            return "", {"why": found.why}
        data = found.get("data")
        whole: dict[str, object] = data if isinstance(data, dict) else {}
        return text(found.get("stream")) or "", whole

    def _heard(self, stream: str, data: dict[str, object], body: bytes) -> bool:
        """Put what a frame says into the inbox; false where that is full now."""
        arrived = self._inbox.clock()
        if stream != TRADE_UPDATES:
            why = text(data.get("why")) if not stream else f"a message of {stream!r}"
            return self._unread(why or "a message without a stream", body, arrived)
        update = self._updates.read(data or None, body, arrived)
        if isinstance(update, Unreadable):
            return self._unread(update.why, body, arrived)
        room = self._inbox.put(*update.observations)
        return room if update.unread is None else self._unread(update.unread, body, arrived)

    def _unread(self, why: str, body: bytes, arrived: TimeText) -> bool:
        """Journal what cannot be read as such; the account is to be compared."""
        down = self._account_down(f"unreadable on trade_updates: {why}", self._raw(body), arrived)
        return self._inbox.put(down)

    def _tell_down(self, why: str) -> None:
        """Say it once for each why; a long outage with many of them does not fill the inbox."""
        if why == self._said or (self._said is not None and len(self._inbox) >= 1_000):
            return
        first, self._said = self._said is None, why
        down = StreamWentDown(observed_at=self._inbox.clock(), stream=TRADE_UPDATES, why=why)
        self._inbox.put(
            *((down, self._account_down(f"trade_updates down: {why}")) if first else (down,))
        )

    def _account_down(
        self, why: str, raw: str | None = None, arrived: TimeText | None = None
    ) -> StreamWentDown:
        at = arrived or self._inbox.clock()
        return StreamWentDown(observed_at=at, stream=ACCOUNT, why=why, raw=raw)

    @staticmethod
    def _ask_to_listen(socket: "ClientConnection") -> None:
        socket.send(json.dumps({"action": "listen", "data": {"streams": [TRADE_UPDATES]}}))


def _bytes(frame: str | bytes) -> bytes:
    """Paper sends binary frames, live text: both are JSON."""
    return frame if isinstance(frame, bytes) else frame.encode("utf-8", "surrogatepass")


def _check_granted(data: dict[str, object]) -> None:
    streams = data.get("streams")
    if not isinstance(streams, list) or TRADE_UPDATES not in streams:
        message = "listening was granted without trade_updates"
        raise _EndedError(message)


def _refuse_early(stream: str) -> None:
    if stream == "listening":
        message = "listening was granted before the keys were"
        raise _EndedError(message)
