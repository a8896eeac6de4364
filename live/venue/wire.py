"""HTTP/1.1 as bytes: a call read, an answer written, and the ways an answer can go wrong.

why     a fault at any byte needs the transport itself, which no web framework hands out; the head
        is parsed by the standard library, the websocket by `websockets`, so what is left is this
errors  `BadCallError` for what is no call; the connection is closed on it
"""

import asyncio
import socket
import struct
from contextlib import suppress
from http import HTTPStatus
from http.client import HTTPException, parse_headers
from io import BytesIO
from typing import NamedTuple
from urllib.parse import parse_qsl, unquote, urlsplit

import msgspec

from live.venue.answers import Answer
from live.venue.faults import Fault, Struck

_BODY_MAX = 1 << 20
_ENCODER = msgspec.json.Encoder(decimal_format="number")
_PAGE = b"<!DOCTYPE html><html><head><title>Just a moment...</title></head><body>502</body></html>"


class BadCallError(Exception):
    """What came is no HTTP call this server reads."""


class HttpCall(NamedTuple):
    """A call: its names of headers in lower case, the last of a name wins; `head` as it came."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes
    head: bytes


async def read_call(reader: asyncio.StreamReader) -> HttpCall | None:
    """The connection's next call; None when it ended before one began."""
    try:
        head = await reader.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError as end:
        if end.partial:
            raise BadCallError("half a head") from None
        return None
    except asyncio.LimitOverrunError:
        raise BadCallError("a head too long") from None
    first, _, rest = head.partition(b"\r\n")
    words = first.decode("latin-1").split(" ")
    try:
        headers = {name.lower(): value for name, value in parse_headers(BytesIO(rest)).items()}
        method, target, _version = words
        size = int(headers.get("content-length", "0"))
        parts = urlsplit(target)
    except (HTTPException, ValueError):
        raise BadCallError("an unreadable head") from None
    if "transfer-encoding" in headers or not 0 <= size <= _BODY_MAX:
        raise BadCallError("a body of unknown size")
    body = await reader.readexactly(size)
    query = dict(parse_qsl(parts.query, keep_blank_values=True))
    return HttpCall(method, unquote(parts.path), query, headers, body, head)


def answer_bytes(
    answer: Answer, headers: dict[str, str], raw: tuple[str, bytes] | None = None
) -> bytes:
    """The answer as it goes over the wire; `raw` = (content type, body) in place of its JSON."""
    if raw is not None:
        kind, body = raw
    elif answer.body is None:
        kind, body = "", b""
    else:
        kind, body = "application/json; charset=UTF-8", _ENCODER.encode(answer.body)
    shown = {"Server": "fault-venue", **headers}
    if answer.status != 204:
        shown["Content-Length"] = str(len(body))
    if kind:
        shown["Content-Type"] = kind
    phrase = HTTPStatus(answer.status).phrase
    lines = [f"HTTP/1.1 {answer.status} {phrase}", *(f"{k}: {v}" for k, v in shown.items())]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


class Line:
    """One connection's two ends, and the bad manners it is capable of."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    async def send(self, data: bytes) -> None:
        """The bytes, sent."""
        self.writer.write(data)
        await self.writer.drain()

    def reset(self) -> None:
        """RST at once: what was not sent is thrown away."""
        sock = self.writer.get_extra_info("socket")
        if sock is not None:
            linger = struct.pack("ii", 1, 0)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        self.writer.transport.abort()

    async def hang(self, seconds: float) -> None:
        """Nothing, until the other side leaves or the time is over; then reset."""
        with suppress(TimeoutError, OSError):
            await asyncio.wait_for(self.reader.read(1), seconds)
        self.reset()

    async def misbehave(self, struck: Struck, answer: Answer, headers: dict[str, str]) -> bool:
        """The answer, gone wrong; whether the connection can be used again."""
        fault, whole = struck.fault, answer_bytes(answer, headers)
        match fault:
            case Fault.TIMEOUT_BEFORE | Fault.TIMEOUT_AFTER:
                await self.hang(struck.seconds(30_000, 30_000))
            case Fault.RESET_BEFORE:
                self.reset()
            case Fault.RESET_AFTER | Fault.HALF_ANSWER:
                at = struck.armed.at_byte
                at = struck.below(len(whole)) if at is None else min(at, len(whole) - 1)
                if fault is Fault.HALF_ANSWER:
                    await self.send(whole[: max(1, at)])
                    return False
                if at:
                    await self.send(whole[:at])
                    # the bytes before the reset have to be on their way, or nothing of them is
                    await asyncio.sleep(0.005)
                self.reset()
            case Fault.SLOW:
                pieces = 4
                pause = struck.seconds(200, 900) / pieces
                size = len(whole) // pieces + 1
                for start in range(0, len(whole), size):
                    await asyncio.sleep(pause)
                    await self.send(whole[start : start + size])
                return True
            case _:
                await self.send(_other_answer(struck, answer, headers))
                return True
        return False


def _other_answer(struck: Struck, answer: Answer, headers: dict[str, str]) -> bytes:
    """The answer replaced by another one: of 429, 5xx, HTML, nothing, or half of its JSON."""
    match struck.fault:
        case Fault.RATE_LIMITED:
            body = {"code": 42910000, "message": "rate limit exceeded"}
            if struck.armed.seconds is not None:  # what a proxy before Alpaca says
                headers = {"Retry-After": f"{struck.armed.seconds:g}"}
            else:
                headers = {**headers, "X-RateLimit-Remaining": "0"}
            return answer_bytes(Answer(429, body), headers)
        case Fault.ERROR_BEFORE | Fault.ERROR_AFTER:
            status = int(struck.armed.status or (500, 502, 503, 504)[struck.below(4)])
            if status == 500:
                body = {"code": 50010000, "message": "internal server error occurred"}
                return answer_bytes(Answer(status, body), headers)
            return answer_bytes(Answer(status), headers, ("text/html", _PAGE))
        case Fault.HTML:
            return answer_bytes(Answer(200), headers, ("text/html; charset=utf-8", _PAGE))
        case Fault.EMPTY:
            return answer_bytes(Answer(200), headers, ("application/json", b""))
        case _:
            said = _ENCODER.encode(answer.body)
            cut = said[: max(1, len(said) * 2 // 3)]
            return answer_bytes(Answer(200), headers, ("application/json", cut))
