"""The venue as a server: one port for the trading API, the data API, the streams and the admin.

rules   1. a call's effects and its row in the log are committed, then it is answered
        2. at most one fault strikes a call; one of the kinds "before" leaves only the log row
        3. a call over the limit a minute is 429 with Alpaca's headers; the window is the minute
        4. whoever has no keys is answered 401, with a wrong pair 403, whatever he asks
        5. a fault of the venue's own code or file ends its process: memory may be ahead of the file
dies    between commit and answer: the order is in the file, its sender does not know; a stream
        message not sent yet is lost
"""

import asyncio
import os
import signal
from contextlib import suppress

from live.venue import answers
from live.venue.admin import Admin
from live.venue.answers import Answer
from live.venue.clock import SECOND
from live.venue.faults import BEFORE, Fault, Occasion, Struck
from live.venue.orders import RefusedError, body_of
from live.venue.rest import Call as ApiCall
from live.venue.store import Call
from live.venue.stream import MarketData, Socket, TradeUpdates
from live.venue.venue import Venue
from live.venue.wire import BadCallError, HttpCall, Line, answer_bytes, read_call

_TICK_S = 0.005
_IDLE_S = 0.02
_HEAD_MAX = 1 << 16


class Server:
    """The venue on a port of loopback."""

    def __init__(self, venue: Venue) -> None:
        self.venue = venue
        self.updates = TradeUpdates(venue.faults, venue.authorize, venue.commit)
        self.market = MarketData(venue.authorize)
        self.admin = Admin(venue, self.updates)
        self._windows: dict[str, tuple[int, int]] = {}
        self._server: asyncio.Server | None = None
        self._lines: set[asyncio.Task[None]] = set()
        self.stopped = asyncio.Event()
        self.broken: Exception | None = None

    async def start(self, port: int) -> int:
        """Listen; the port it is."""
        self._server = await asyncio.start_server(
            self._connected, "127.0.0.1", port, limit=_HEAD_MAX
        )
        number: int = self._server.sockets[0].getsockname()[1]
        return number

    async def stop(self) -> None:
        """Take no calls and end those that hang."""
        assert self._server is not None
        self._server.close()
        for task in list(self._lines):
            task.cancel()
        await asyncio.gather(*self._lines, return_exceptions=True)
        self.venue.commit()

    async def tick(self) -> None:
        """Orders' steps as they come due, until stopped."""
        while not self.stopped.is_set():
            self.venue.engine.advance(self.venue.clock.now())
            self.venue.commit()
            self.publish()
            engine = self.venue.engine
            pause_s = _TICK_S if engine.open or engine.amends else _IDLE_S
            with suppress(TimeoutError):
                await asyncio.wait_for(self.stopped.wait(), pause_s)

    def ended(self, task: "asyncio.Task[None]") -> None:
        """A task of the venue's own is over; one that failed ends the venue."""
        if not task.cancelled() and isinstance(problem := task.exception(), Exception):
            self.broken = problem
            self.stopped.set()

    def publish(self) -> None:
        """What the engine said since, to the streams; committed before, as all that is said."""
        engine = self.venue.engine
        said, engine.outbox = engine.outbox, []
        for event, order, data in said:
            self.updates.publish(event, order, data)
        shown, self.admin.shown = self.admin.shown, []
        for symbol, quote in shown:
            self.market.publish(symbol, quote)

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._lines.add(task)
        line = Line(reader, writer)
        try:
            while (call := await read_call(reader)) is not None:
                if not await self._answer(line, call):
                    break
                if call.headers.get("connection", "").lower() == "close":
                    break
        except (OSError, BadCallError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        except Exception as problem:  # noqa: BLE001  # whatever it is: the venue must not go on
            self.broken = problem
            self.stopped.set()
        finally:
            self._lines.discard(task)
            writer.close()

    async def _answer(self, line: Line, call: HttpCall) -> bool:
        """The call answered; whether the connection goes on."""
        if call.headers.get("upgrade", "").lower() == "websocket":
            await self._stream(line, call)
            return False
        if call.path.startswith("/_venue/"):
            answer = self.admin.answer(call)
            self.venue.commit()
            self.publish()
            await line.send(answer_bytes(answer, {}))
            return True
        answer, headers, struck = self.handled(call)
        if struck is not None and struck.fault is Fault.DIE_AFTER:
            os.kill(os.getpid(), signal.SIGKILL)
        if struck is not None:
            return await line.misbehave(struck, answer, headers)
        await line.send(answer_bytes(answer, headers))
        self.publish()
        return True

    def handled(self, call: HttpCall) -> tuple[Answer, dict[str, str], Struck | None]:
        """The call done and committed: the answer meant, its headers, and what goes wrong with it.

        dies  before it returns: in the file with all it changed, or not at all
        """
        now = self.venue.clock.now()
        self.venue.engine.advance(now)
        client_order_id = _client_order_id(call)
        headers, refusal = self._refusal(call, now)
        struck = None if refusal else self._struck(call, client_order_id)
        if refusal is None:
            done = struck is None or struck.fault not in BEFORE
            answer = self._do(call, now) if done else Answer(503)
        else:
            answer = refusal
        fault = None if struck is None else struck.fault
        if fault is not None:
            self.venue.faults.count(fault)
        row = Call(now, call.method, call.path, client_order_id, answer.status, fault)
        self.venue.commit(row)
        return answer, headers, struck

    def _do(self, call: HttpCall, now: int) -> Answer:
        """The call done, in memory."""
        if call.path.startswith("/v2/stocks/"):
            return self.venue.data.answer(call.method, call.path, call.query)
        asked = ApiCall(call.method, call.path, call.query, call.body)
        return self.venue.trading.answer(asked, now)

    def _struck(self, call: HttpCall, client_order_id: str | None) -> Struck | None:
        faults = self.venue.faults
        posted = call.method == "POST" and client_order_id is not None
        number = faults.number_of(client_order_id) if posted and client_order_id else None
        occasion = Occasion(
            method=call.method,
            path=call.path,
            client_order_id=client_order_id,
            order_number=number,
        )
        return faults.of_request(occasion)

    def _refusal(self, call: HttpCall, now: int) -> tuple[dict[str, str], Answer | None]:
        """The headers of the answer, and the no of the door: keys, or too many calls."""
        key_id = call.headers.get("apca-api-key-id")
        secret = call.headers.get("apca-api-secret-key")
        if not key_id or not secret:
            return {}, answers.UNAUTHORIZED
        if not self.venue.authorize(key_id, secret):
            known = key_id == self.venue.setup.key_id and self.venue.door.refuses != 403
            return {}, answers.UNAUTHORIZED if known else answers.FORBIDDEN
        host = "data" if call.path.startswith("/v2/stocks/") else "trading"
        limit, minute = self.venue.setup.requests_per_minute, now // (60 * SECOND)
        window, used = self._windows.get(host, (minute, 0))
        used = used + 1 if window == minute else 1
        self._windows[host] = (minute, used)
        headers = {
            "X-RateLimit-Limit": str(limit),
            "X-RateLimit-Remaining": str(max(0, limit - used)),
            "X-RateLimit-Reset": str((minute + 1) * 60),
        }
        return headers, answers.TOO_MANY if used > limit else None

    async def _stream(self, line: Line, call: HttpCall) -> None:
        socket = Socket(line, call)
        trades = call.path == "/stream"
        refused = trades and self.venue.faults.of_connection(Fault.CONNECT_429)
        self.venue.commit()
        if not socket.open(refused=refused):
            return
        if trades:
            await self.updates.serve(socket)
        elif call.path.startswith("/v"):
            await self.market.serve(socket)
        else:
            socket.reset()


def _client_order_id(call: HttpCall) -> str | None:
    """The client order id that a call names, in its body or its query."""
    found: object = call.query.get("client_order_id")
    if call.method == "POST" and call.path == "/v2/orders":
        try:
            found = body_of(call.body).get("client_order_id")
        except RefusedError:
            found = None
    # what is no text (half a surrogate) cannot be logged, and no order can have it
    return found if isinstance(found, str) and found.isprintable() else None
