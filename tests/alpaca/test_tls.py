"""The same transport over TLS, with a certificate of the test's own."""

import datetime as dt
import ipaddress
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from core.events import OrderSubmitFailed, OrderSubmitted, OrderSubmitUnknown, SubmitFailure
from live.brokers.alpaca.orders import Orders
from tests.alpaca.server import Reply, Server, http
from tests.alpaca.world import NOW, TICKET, client, order

GOOD = http(200, order())


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """A key and a certificate for loopback, in one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "loopback")])
    now = dt.datetime.now(dt.UTC)
    names = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - dt.timedelta(hours=1))
        .not_valid_after(now + dt.timedelta(hours=1))
        .add_extension(names, critical=False)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path / "loopback.pem"
    plain = serialization.NoEncryption()
    secret = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain)
    path.write_bytes(secret + made.public_bytes(serialization.Encoding.PEM))
    return path


Secure = Callable[[Reply], Server]


@pytest.fixture
def secure(certificate: Path) -> Iterator[Secure]:
    """Start a server that speaks TLS."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    servers: list[Server] = []

    def begin(reply: Reply) -> Server:
        server = Server(lambda _: reply, context)
        server.url = server.url.replace("http", "https")
        servers.append(server)
        return server

    yield begin
    for server in servers:
        server.close()


def trusting(server: Server, certificate: Path) -> Orders:
    """Requests of somebody who trusts that certificate."""
    ours = client(server.url)
    ours._trading.connections.verify = str(certificate)
    return Orders(ours)


def test_an_order_is_taken_over_tls(secure: Secure, certificate: Path) -> None:
    server = secure(GOOD)

    answer = trusting(server, certificate).submit(TICKET, 1, NOW)

    assert isinstance(answer, OrderSubmitted)
    assert len(server.posts()) == 1


def test_a_certificate_nobody_signed_gets_no_byte_of_the_request(
    secure: Secure, certificate: Path
) -> None:
    server = secure(GOOD)

    answer = Orders(client(server.url)).submit(TICKET, 1, NOW)

    assert isinstance(answer, OrderSubmitFailed)
    assert answer.error_class is SubmitFailure.NOT_SENT
    assert not server.requests


def test_a_trickle_over_tls_ends_at_the_deadline(secure: Secure, certificate: Path) -> None:
    server = secure(Reply(GOOD.data, trickle_s=0.1))
    started = time.monotonic()

    answer = trusting(server, certificate).submit(TICKET, 1, NOW)

    assert isinstance(answer, OrderSubmitUnknown)
    assert answer.error_class == "timeout"
    assert time.monotonic() - started < 15


def test_a_cut_over_tls_is_unknown(secure: Secure, certificate: Path) -> None:
    server = secure(Reply(GOOD.data, cut=120, reset=True))

    answer = trusting(server, certificate).submit(TICKET, 1, NOW)

    assert isinstance(answer, OrderSubmitUnknown)
    assert len(server.posts()) == 1


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_a_tls_connection_that_was_ready_carries_the_order(
    certificate: Path, version: ssl.TLSVersion
) -> None:
    """TLS 1.3 sends tickets behind the handshake: they are no word of the server's."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    context.minimum_version = context.maximum_version = version
    server = Server(lambda _: GOOD, context)
    ours = client(server.url.replace("http", "https"), connect_s=20.0, total_s=20.0)
    ours._trading.connections.verify = str(certificate)
    ours._trading.connections.prepare(connect_s=20.0, within_s=20.0)

    answer = Orders(ours).submit(TICKET, 1, NOW)
    server.close()

    assert isinstance(answer, OrderSubmitted)
    assert (len(server.posts()), server.connections) == (1, 1)


def test_a_tls_connection_that_ended_while_it_waited_costs_no_order(certificate: Path) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        ended = threading.Event()

        def end() -> None:
            context.wrap_socket(listener.accept()[0], server_side=True).close()
            ended.set()

        threading.Thread(target=end, daemon=True).start()
        ours = client(f"https://127.0.0.1:{port}", connect_s=20.0, total_s=20.0)
        ours._trading.connections.verify = str(certificate)
        ours._trading.connections.prepare(connect_s=20.0, within_s=20.0)
        assert ended.wait(20)
        served: list[bytes] = []

        def serve() -> None:
            with context.wrap_socket(listener.accept()[0], server_side=True) as connection:
                served.append(connection.recv(65_536))
                connection.sendall(GOOD.data)

        threading.Thread(target=serve, daemon=True).start()
        answer = Orders(ours).submit(TICKET, 1, NOW)

    assert isinstance(answer, OrderSubmitted)
    assert len(served) == 1
