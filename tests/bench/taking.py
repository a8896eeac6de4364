"""A server that takes every order, as a process of its own: `python -m tests.bench.taking`.

says    its address, then of each order a line: when the first byte of it arrived. It ends with its
        input, however the benchmark does
clock   the kernel's own stamp of the segment (SO_TIMESTAMPNS, CLOCK_REALTIME), where there is one:
        on loopback a segment arrives in the call that sends it, and neither the waking of this
        process nor its reading is the sender's time. Elsewhere the time at which it was read
"""

import json
import socket
import struct
import sys
import threading
import time

_TIMESTAMP_NS = 35 if sys.platform == "linux" else None
_STAMP = struct.Struct("qq")


def main() -> None:
    """Serve until the input ends."""
    listener = socket.create_server(("127.0.0.1", 0), backlog=64)
    print(f"http://127.0.0.1:{listener.getsockname()[1]}", flush=True)
    threading.Thread(target=_accept, args=(listener,), daemon=True).start()
    sys.stdin.read()


def _accept(listener: socket.socket) -> None:
    while True:
        connection, _ = listener.accept()
        if _TIMESTAMP_NS is not None:
            connection.setsockopt(socket.SOL_SOCKET, _TIMESTAMP_NS, 1)
        threading.Thread(target=_serve, args=(connection,), daemon=True).start()


def _serve(connection: socket.socket) -> None:
    """One request, if one comes, and its answer."""
    with connection:
        data, arrived = _first(connection)
        if not data:
            return
        while b"\r\n\r\n" not in data:
            data += connection.recv(65_536)
        head, _, body = data.partition(b"\r\n\r\n")
        length = int(head.lower().partition(b"content-length:")[2].split(b"\r\n")[0])
        while len(body) < length:
            body += connection.recv(65_536)
        asked = json.loads(body)
        order = {"id": asked["client_order_id"], "status": "new", "filled_qty": "0", **asked}
        said = json.dumps(order).encode()
        print(arrived, flush=True)
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(said) + said)


def _first(connection: socket.socket) -> tuple[bytes, int]:
    """What came first, and when it arrived, nanoseconds of the wall clock."""
    data, told, _, _ = connection.recvmsg(65_536, 256)
    for level, kind, stamp in told:
        if level == socket.SOL_SOCKET and kind == _TIMESTAMP_NS:
            seconds, nanoseconds = _STAMP.unpack(stamp[: _STAMP.size])
            return data, seconds * 10**9 + nanoseconds
    return data, time.time_ns()


if __name__ == "__main__":
    main()
