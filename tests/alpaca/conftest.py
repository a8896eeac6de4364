"""Servers that end with their test."""

from collections.abc import Callable, Iterator

import pytest

from tests.alpaca.server import Reply, Request, Server

Serving = Callable[[Reply | Callable[[Request], Reply]], Server]


@pytest.fixture
def serve() -> Iterator[Serving]:
    """Start a server that answers everything alike, or by a function."""
    servers: list[Server] = []

    def start(reply: Reply | Callable[[Request], Reply]) -> Server:
        server = Server(reply if callable(reply) else lambda _: reply)
        servers.append(server)
        return server

    yield start
    for server in servers:
        server.close()
