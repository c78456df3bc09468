"""Clients that never finish delay no other client, and the server ends their connections."""

import json
import signal
import time
from collections.abc import Iterator
from uuid import uuid4

import pytest

from devstack.stripe_simulator.sender import sign
from tests.integration.api.conftest import Book
from tests.integration.api.server import Server, serving
from tests.integration.api.slow_clients import slow_clients

pytestmark = pytest.mark.postgres

SECRET = "whsec_x"
SLOW = 200
PATIENCE_SECONDS = 5.0
"""Longest wait for one answer; a client that needed a blocked thread would wait for ever."""

BUFFERS_FILL_SECONDS = 8.0
"""Longer than it takes to fill the buffers of clients that do not read."""

BETWEEN_ROUNDS_SECONDS = 0.1
"""Probes at this pace find a blocked server as well as probes without pauses, and leave the processors free."""

_POST = b"POST /stripe-webhook HTTP/1.1\r\nHost: x\r\n"
IN_HEAD = (b"POST /stripe-webhook HTTP/1.1\r\nHost: x\r\nX-Slow: ", b"x")
IN_BODY = (_POST + b"Content-Length: 100000\r\n\r\n{", b" ")
IN_CHUNKS = (_POST + b"Transfer-Encoding: chunked\r\n\r\n", b"1\r\n \r\n")
SILENT = (b"", b"")
KINDS = {"head": IN_HEAD, "body": IN_BODY, "chunks": IN_CHUNKS, "silent": SILENT}


@pytest.fixture
def database_url(emptied_database: str) -> str:
    return emptied_database


@pytest.fixture(scope="module")
def server(database_of_module: str) -> Iterator[Server]:
    settings = {"STRIPE_WEBHOOK_SECRET": SECRET, "HTTP_HEAD_TIMEOUT": "6s", "HTTP_BODY_TIMEOUT": "6s"}
    with serving(database_of_module, **settings) as running:
        yield running


def _everything_answers(server: Server, rounds: int) -> None:
    for _ in range(rounds):
        assert _status(server, "GET", "/health") == 200
        assert _status(server, "GET", "/ready") == 200
        assert _status(server, "GET", "/payment/o/status") == 200
        event = {"id": f"evt_{uuid4().hex}", "object": "event", "type": "customer.created", "data": {"object": {}}}
        payload = json.dumps(event)
        signed = {"Stripe-Signature": sign(payload, SECRET, int(time.time()))}
        assert _status(server, "POST", "/stripe-webhook", body=payload.encode(), headers=signed) == 200


def _status(server: Server, method: str, path: str, **request: object) -> int:
    connection = server.connect(PATIENCE_SECONDS)
    try:
        connection.request(method, path, **request)  # type: ignore[arg-type]
        return connection.getresponse().status
    finally:
        connection.close()


@pytest.mark.parametrize("kind", KINDS)
def test_slow_clients_delay_no_other_and_are_disconnected(server: Server, book: Book, kind: str) -> None:
    book.pay(order_id="o")
    first, drip = KINDS[kind]
    with slow_clients(server.port, SLOW, first, drip) as slow:
        _everything_answers(server, 5)
        deadline = time.monotonic() + 40
        while slow.left and time.monotonic() < deadline:
            _everything_answers(server, 1)
            time.sleep(BETWEEN_ROUNDS_SECONDS)
        assert slow.left == 0
    answers = {answer.partition(b"\r\n")[0] for answer in slow.answers}
    assert answers == ({b""} if kind == "silent" else {b"HTTP/1.1 408 Request Timeout"})


def test_client_that_reads_no_answers_blocks_no_thread(server: Server, book: Book) -> None:
    """Each client requests more metrics than the sockets' buffers hold."""
    book.pay(order_id="o")
    many = b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n" * 200
    with slow_clients(server.port, 60, many, b"", reads=False):
        until = time.monotonic() + BUFFERS_FILL_SECONDS
        while time.monotonic() < until:
            _everything_answers(server, 1)
            time.sleep(BETWEEN_ROUNDS_SECONDS)


def test_slow_clients_do_not_delay_the_shutdown(database_url: str) -> None:
    """Each client has more time than the grace period."""
    settings = {"HTTP_HEAD_TIMEOUT": "5m", "HTTP_BODY_TIMEOUT": "5m", "SHUTDOWN_GRACE": "20s"}
    with (
        serving(database_url, **settings) as server,
        slow_clients(server.port, 20, *IN_HEAD),
        slow_clients(server.port, 20, *IN_BODY),
    ):
        server.process.send(signal.SIGTERM)
        assert server.process.wait(15) == 0


def test_too_many_connections_close_the_oldest_ones(database_url: str, book: Book) -> None:
    """More connections than a worker holds, each within its time: the server closes the oldest."""
    book.pay(order_id="o")
    settings = {"STRIPE_WEBHOOK_SECRET": SECRET, "HTTP_HEAD_TIMEOUT": "60s", "HTTP_CONNECTIONS": "50"}
    with serving(database_url, **settings) as server, slow_clients(server.port, 300, *IN_HEAD) as slow:
        _everything_answers(server, 5)
        assert slow.left <= 2 * 50
