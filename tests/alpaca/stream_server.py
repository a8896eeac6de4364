"""A trade stream on loopback that a test drives by hand: real sockets, real frames.

shape   `StreamServer(script)`: `script(peer)` runs for each connection, on a thread of its own
"""

import json
import logging
import threading
from collections.abc import Callable

from websockets.exceptions import ConnectionClosed
from websockets.sync.server import ServerConnection, serve

from tests.alpaca.world import KEY_ID, SECRET_KEY

LISTEN = ["trade_updates"]


class Peer:
    """The server's end of one connection."""

    def __init__(self, socket: ServerConnection, number: int, closed: threading.Event) -> None:
        self.socket = socket
        self.number = number
        self.closed = closed
        self.heard: list[dict[str, object]] = []

    def say(self, message: object) -> None:
        """One frame: bytes as they are, text as it is, anything else as JSON, binary like paper."""
        plain = message if isinstance(message, bytes | str) else json.dumps(message).encode()
        self.socket.send(plain)

    def hear(self) -> dict[str, object]:
        """The next message of the client."""
        found: dict[str, object] = json.loads(self.socket.recv(timeout=10))
        self.heard.append(found)
        return found

    def authorize(self) -> None:
        """Read the keys, say yes."""
        keys = self.hear()
        assert keys["data"] == {"key_id": KEY_ID, "secret_key": SECRET_KEY}
        data = {"status": "authorized", "action": "authenticate"}
        self.say({"stream": "authorization", "data": data})

    def welcome(self, streams: object = None) -> None:
        """Authorize, and acknowledge what is asked for."""
        self.authorize()
        assert self.hear() == {"action": "listen", "data": {"streams": LISTEN}}
        self.acknowledge(streams)

    def acknowledge(self, streams: object = None) -> None:
        """Say what is listened to."""
        self.say(
            {"stream": "listening", "data": {"streams": LISTEN if streams is None else streams}}
        )

    def stay(self) -> None:
        """Answer every listen until the client goes or the test ends."""
        while not self.closed.is_set():
            try:
                message = json.loads(self.socket.recv(timeout=0.1))
            except TimeoutError:
                continue
            self.heard.append(message)
            if message["action"] == "listen":
                self.acknowledge()


class StreamServer:
    """Listens until closed."""

    def __init__(self, script: Callable[[Peer], None]) -> None:
        self._script = script
        self.peers: list[Peer] = []
        self._closed = threading.Event()
        silent = logging.getLogger("tests.stream_server")
        silent.disabled = True  # the client's logs are what a test reads
        self._server = serve(self._serve, "127.0.0.1", 0, close_timeout=0.2, logger=silent)
        self.url = f"ws://127.0.0.1:{self._server.socket.getsockname()[1]}/stream"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        """End every script and stop."""
        self._closed.set()
        self._server.shutdown()

    def _serve(self, socket: ServerConnection) -> None:
        peer = Peer(socket, len(self.peers), self._closed)
        self.peers.append(peer)
        try:
            self._script(peer)
        except (ConnectionClosed, TimeoutError):
            return
