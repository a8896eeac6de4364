"""A soak's process: no wait of the shell is real, and no call has a deadline in real time."""

import threading
from decimal import Decimal
from types import SimpleNamespace

from live import realtime
from live.brokers.alpaca import transport
from tests.campaign.plants import put


def quick() -> None:
    """In this process waits are as long as nothing happens, and simulated: no signal comes."""
    put(realtime, "MOMENT_S", Decimal(3600))
    put(realtime, "LONGEST_WAIT_S", Decimal(86_400))
    threads = SimpleNamespace(Timer=NoTimer, Lock=threading.Lock, Thread=threading.Thread)
    put(transport, "threading", threads)  # a call's deadline is real time, which stands still


class NoTimer:
    """In the place of a call's deadline."""

    daemon = True

    def __init__(self, *_: object) -> None: ...

    def start(self) -> None:
        """Nothing."""

    def cancel(self) -> None:
        """Nothing."""
