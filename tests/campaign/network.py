"""The step counter's other half: every connect, send and recv of a process's sockets.

shape   `arm_network(steps)` puts `steps` around the methods of `socket.socket`, in this process
counts  connect, sendall, send, recv, recv_into, of REST and of the stream alike, on any thread
kills   "before": nothing of it happened. "half": half of the bytes left; of a read, one byte was
        taken, which the other side cannot tell from all. "after": all of it happened
why     a request leaves between two durable steps, and its answer comes between two more: a death
        there is told from one beside it only by what the other side did
"""

import itertools
import socket
from collections.abc import Callable
from typing import Any

from tests.campaign.shim import Point, Step, Steps


class ThreadedSteps(Steps):
    """Steps of several threads: each gets a number of its own."""

    def __init__(self, point: Point | None, hear: Callable[[str], None] = lambda _: None) -> None:
        super().__init__(point, hear)
        self._numbers = itertools.count(1)

    def around(
        self, what: Callable[[], str], whole: Callable[[], Any], half: Callable[[], Any] | None
    ) -> Any:
        """As of one thread; a step that is not the point is counted and not held up."""
        number = next(self._numbers)
        if self.point is None:
            self.taken.append(Step(what(), half is not None))
            return whole()
        if number != self.point.step:
            return whole()
        self.count = number - 1
        return super().around(what, whole, half)


def arm_network(steps: Steps) -> None:
    """Count in this process from now on."""
    _arm_connect(steps)
    for name in ("sendall", "send"):
        _arm_send(name, steps)
    for name in ("recv", "recv_into"):
        _arm_read(name, steps)


def _arm_connect(steps: Steps) -> None:
    real = socket.socket.connect

    def connect(self: socket.socket, address: Any) -> Any:
        return steps.around(lambda: "net connect", lambda: real(self, address), None)

    socket.socket.connect = connect  # type: ignore[method-assign, assignment]


def _arm_send(name: str, steps: Steps) -> None:
    real = getattr(socket.socket, name)

    def sent(self: socket.socket, data: Any, *rest: Any) -> Any:
        bytes_ = memoryview(data).cast("B")

        def half() -> Any:
            return real(self, bytes_[: len(bytes_) // 2], *rest)

        return steps.around(lambda: f"net {name}", lambda: real(self, data, *rest), half)

    setattr(socket.socket, name, sent)


def _arm_read(name: str, steps: Steps) -> None:
    real = getattr(socket.socket, name)
    take_one = socket.socket.recv

    def read(self: socket.socket, *arguments: Any) -> Any:
        return steps.around(
            lambda: f"net {name}", lambda: real(self, *arguments), lambda: take_one(self, 1)
        )

    setattr(socket.socket, name, read)
