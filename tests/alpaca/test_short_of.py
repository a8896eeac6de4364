"""Short of descriptors, of threads, of the processor: no order is lost, and none is in doubt."""

import os
import resource
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress

import pytest

from core.events import OrderSubmitFailed, SubmitFailure
from live.brokers.alpaca import ready
from live.brokers.alpaca.orders import Orders
from tests.alpaca.test_ready import Greeter, within
from tests.alpaca.world import NOW, TICKET, client
from tests.journal.sample import ROOT

NO_THREAD_LEFT = """
import sys, threading
from live.brokers.alpaca.ready import Connections
ours = Connections(sys.argv[1])
usual = threading.stack_size(2**60)
ours.prepare(connect_s=20)
before = len(ours._ready)
threading.stack_size(usual)
ours.prepare(connect_s=20, within_s=20)
print(before, len(ours._ready))
"""


@pytest.fixture
def server() -> Iterator[Greeter]:
    """A server that takes every order."""
    found = Greeter(lambda _: True)
    yield found
    found.close()


@pytest.mark.parametrize("written", [False, True])
def test_an_order_that_nobody_can_watch_over_is_not_sent(server: Greeter, *, written: bool) -> None:
    ours = client(server.url)
    ours.prepare()
    assert within(lambda: len(ours._trading.connections._ready) == 1)
    assert ours.hold(1) == 1
    orders = Orders(ours)
    if written:
        orders.write(TICKET)

    with no_descriptor_left():
        answer = orders.submit(TICKET, 1, NOW)

    assert isinstance(answer, OrderSubmitFailed)
    assert answer.error_class is SubmitFailure.NOT_SENT
    assert within(lambda: server.ended == 1)
    assert not server.requests


@contextmanager
def no_descriptor_left() -> Iterator[None]:
    """As many files are open as may be."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with socket.socket() as newest, ExitStack() as held:
        resource.setrlimit(resource.RLIMIT_NOFILE, (newest.fileno() + 1, hard))
        try:
            with suppress(OSError):
                while True:
                    held.enter_context(socket.socket())
            yield
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_preparing_where_no_thread_can_be_had_fails_nothing(server: Greeter) -> None:
    """In a process of its own, for what takes the threads away stays taken."""
    ran = subprocess.run(
        [sys.executable, "-c", NO_THREAD_LEFT, server.url],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert (ran.stdout, ran.stderr, ran.returncode) == ("0 1\n", "", 0)


def test_what_is_done_while_a_handshake_is_waited_for_leaves_it_the_processor() -> None:
    done: list[None] = []
    with socket.create_server(("127.0.0.1", 0)) as mute:
        ours = client(f"https://127.0.0.1:{mute.getsockname()[1]}", connect_s=30.0)
        ours.prepare(lambda: done.append(None))

    assert 1 <= len(done) <= 2 * ready.PREPARE_S / ready.PAUSE_S
