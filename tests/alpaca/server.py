"""A raw HTTP server on loopback that says any bytes at any pace, and keeps what it was told.

shape   `Server(reply)`: `reply(request)` -> `Reply`; `server.requests` in order of arrival
"""

import json
import socket
import ssl
import struct
import threading
import time
from collections.abc import Callable
from typing import NamedTuple


class Request(NamedTuple):
    """One request as it came."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes


class Reply(NamedTuple):
    """The bytes to say; `cut` after so many, `reset` with RST, a byte every `trickle_s`."""

    data: bytes = b""
    cut: int | None = None
    reset: bool = False
    trickle_s: float = 0
    hang: bool = False


def http(
    status: int, body: object = b"", headers: dict[str, str] | None = None, reason: str = "X"
) -> Reply:
    """A well-formed answer; a body that is no bytes is written as JSON."""
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    head = [f"HTTP/1.1 {status} {reason}", f"Content-Length: {len(data)}"]
    head += [f"{name}: {value}" for name, value in (headers or {}).items()]
    return Reply("\r\n".join(head).encode() + b"\r\n\r\n" + data)


class Server:
    """Listens until closed; one thread a connection."""

    def __init__(
        self, reply: Callable[[Request], Reply], tls: ssl.SSLContext | None = None
    ) -> None:
        self.reply = reply
        self._tls = tls
        self.requests: list[Request] = []
        self.connections = 0
        self._closed = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def posts(self) -> list[Request]:
        """The POSTs that came."""
        return [request for request in self.requests if request.method == "POST"]

    def close(self) -> None:
        """Stop listening; hanging answers end."""
        self._closed.set()
        self._listener.close()

    def _accept(self) -> None:
        while not self._closed.is_set():
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, plain: socket.socket) -> None:
        try:
            tls = self._tls
            connection = plain if tls is None else tls.wrap_socket(plain, server_side=True)
        except OSError:
            plain.close()
            return
        with connection:
            try:
                while (request := _read(connection)) is not None:
                    self.requests.append(request)
                    if not self._say(connection, self.reply(request)):
                        return
            except OSError:
                return

    def _say(self, connection: socket.socket, reply: Reply) -> bool:
        data = reply.data if reply.cut is None else reply.data[: reply.cut]
        if reply.trickle_s:
            for index in range(len(data)):
                connection.sendall(data[index : index + 1])
                if self._closed.wait(reply.trickle_s):
                    return False
        else:
            connection.sendall(data)
        if reply.hang:
            self._closed.wait(30)
        if reply.reset:
            time.sleep(0.02)  # what was said is read before the reset throws it away
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        return reply.cut is None and not reply.reset and not reply.hang


def _read(connection: socket.socket) -> Request | None:
    """One request, None at the end."""
    data = b""
    while b"\r\n\r\n" not in data:
        chunk = connection.recv(65_536)
        if not chunk:
            return None
        data += chunk
    head, _, body = data.partition(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    method, target, _ = first.split(" ", 2)
    headers = {name.lower(): value.strip() for name, _, value in (s.partition(":") for s in lines)}
    while len(body) < int(headers.get("content-length", "0")):
        body += connection.recv(65_536)
    return Request(method, target, headers, body)
