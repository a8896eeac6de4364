"""A network between a journal and its server that loses what it is told to, once.

modes   "answer"   COMMIT reaches the server, its answer is lost with the connection
        "request"  COMMIT is lost with the connection
        "insert"   the connection is lost before the server hears of the rows
"""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

WORDS = {"answer": b"COMMIT", "request": b"COMMIT", "insert": b"timer-elapsed"}


class Proxy:
    """Listens on `port` and passes everything on, until `lose` names what is lost next."""

    def __init__(self, server_port: int) -> None:
        self.lose: str | None = None
        self.lost = 0
        self._server_port = server_port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        """Take no connection any more."""
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                client = self._listener.accept()[0]
            except OSError:
                return
            server = socket.create_connection(("127.0.0.1", self._server_port))
            for task in (self._requests, self._answers):
                threading.Thread(target=task, args=(client, server), daemon=True).start()

    def _requests(self, client: socket.socket, server: socket.socket) -> None:
        with suppress(OSError), client, server:
            while data := client.recv(65536):
                mode = self.lose
                if mode is not None and WORDS[mode] in data:
                    self.lose = None
                    self.lost += 1
                    client.shutdown(socket.SHUT_RDWR)
                    if mode == "answer":
                        server.sendall(data)
                        threading.Event().wait(0.1)
                    server.shutdown(socket.SHUT_RDWR)
                    return
                server.sendall(data)

    def _answers(self, client: socket.socket, server: socket.socket) -> None:
        with suppress(OSError):
            while data := server.recv(65536):
                client.sendall(data)


@contextmanager
def losing(server_port: int) -> Iterator[Proxy]:
    """A proxy before a server."""
    proxy = Proxy(server_port)
    try:
        yield proxy
    finally:
        proxy.close()
