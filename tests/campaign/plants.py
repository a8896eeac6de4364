"""Planted faults: what the campaign must find, or it proves nothing.

Each is put into the child that runs the session, first start and restart alike.
"""

import os
from collections.abc import Callable
from typing import Any

from core import cycle
from journal import Head, Journal
from journal.codec import Codec
from live.actions import Actions
from live.committer import Committer


def post_before_commit() -> None:
    """Every order goes out before the commit that allows it."""


def random_id() -> None:
    """The client order id has a part that is new with every process."""
    real = cycle.client_order_id
    salt = f"{os.getpid() % 1296:03d}"

    def salted(*arguments: Any) -> str:
        return real(*arguments)[:-3] + salt

    cycle.client_order_id = salted


PLANTS: dict[str, Callable[[], None]] = {
    "post-before-commit": post_before_commit,
    "random-id": random_id,
}
