"""Connections to a server that behaves badly."""

import itertools
import socket
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest
import stripe

from service.domain.errors import StripeUnknownError
from service.gateway.direct import DirectHttpClient
from tests.integration.gateway.conftest import MakeGateway

BODY = b'{"object": "balance"}'
WHOLE = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(BODY), BODY)

Behavior = Callable[[socket.socket], None]


class Server:
    """Reads requests without a body and sends the prepared answers. Counts requests and their connections.

    A late client of an earlier server on this port may connect and send nothing.
    """

    def __init__(self, answer: Behavior) -> None:
        self._answer = answer
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self.connections = 0
        self.requests = 0
        self._lock = threading.Lock()
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with connection, connection.makefile("rb") as lines:
            for number in itertools.count():
                if not any(line == b"\r\n" for line in lines):
                    return
                with self._lock:
                    self.connections += number == 0
                    self.requests += 1
                try:
                    self._answer(connection)
                except OSError:
                    return


@contextmanager
def serving(answer: Behavior) -> Iterator[Server]:
    server = Server(answer)
    try:
        yield server
    finally:
        server.close()


def get(client: DirectHttpClient, base: str) -> bytes:
    content: bytes = client.request("get", f"{base}/v1/balance", {})[0]
    return content


def http(server: Server, *, seconds: float = 10, size: int = 64) -> DirectHttpClient:
    return DirectHttpClient(server.url, seconds=seconds, size=size)


def test_connections_are_kept_and_shared_by_all_threads() -> None:
    together = threading.Barrier(64)

    with serving(lambda connection: connection.sendall(WHOLE)) as server:
        client = http(server)

        def ask(_: int) -> bytes:
            together.wait(30)
            return get(client, server.url)

        with ThreadPoolExecutor(64) as threads:
            for _ in range(3):
                assert set(threads.map(ask, range(64))) == {BODY}
        assert server.requests == 192
        assert server.connections <= 64


@pytest.mark.parametrize(
    ("answer", "cause"),
    [
        (lambda connection: connection.shutdown(socket.SHUT_RDWR), "RemoteDisconnected"),
        (lambda connection: (connection.sendall(WHOLE[:-5]), connection.shutdown(socket.SHUT_RDWR)), "IncompleteRead"),
        (lambda connection: connection.sendall(b"nonsense\r\n\r\n"), "BadStatusLine"),
        (lambda connection: connection.sendall(WHOLE[:20]), "Timeout"),
    ],
    ids=["dropped", "cut short", "nonsense", "silent"],
)
def test_incomplete_answer_is_a_connection_error_without_a_retry(answer: Behavior, cause: str) -> None:
    with serving(answer) as server:
        with pytest.raises(stripe.APIConnectionError) as caught:
            get(http(server, seconds=0.3), server.url)
        assert str(caught.value) == f"no answer from Stripe: {cause}"
        assert server.requests == 1


def test_refused_connection_is_a_connection_error() -> None:
    with serving(lambda _: None) as server:
        client = http(server)
    with pytest.raises(stripe.APIConnectionError):
        get(client, server.url)


def test_redirect_is_not_followed() -> None:
    with serving(lambda connection: connection.sendall(WHOLE)) as elsewhere:
        there = f"HTTP/1.1 302 Found\r\nLocation: {elsewhere.url}/\r\nContent-Length: 0\r\n\r\n".encode()
        with serving(lambda connection: connection.sendall(there)) as server:
            assert http(server).request("get", server.url, {})[1] == 302
        assert elsewhere.requests == 0


def test_connection_closed_by_the_server_is_replaced() -> None:
    closed = threading.Event()

    def answer_and_close(connection: socket.socket) -> None:
        connection.sendall(WHOLE)
        connection.shutdown(socket.SHUT_RDWR)
        closed.set()

    with serving(answer_and_close) as server:
        client = http(server)
        for _ in range(3):
            assert get(client, server.url) == BODY
            assert closed.wait(30)
            closed.clear()
        assert server.connections == 3


def test_slowly_dripping_server_does_not_delay_a_read(
    make_gateway: MakeGateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("service.gateway.stripe_gateway.NEXT_ACTION_SECONDS", 0.3)
    enough = threading.Event()

    def drip(connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\n")
        while not enough.wait(0.05):
            connection.sendall(b"X-Drip: drop\r\n")
        connection.shutdown(socket.SHUT_RDWR)

    with serving(drip) as server:
        assert make_gateway(server.url).next_action("pi_1") == {"type": "unavailable"}
        enough.set()


def test_call_to_an_unreachable_stripe_has_an_unknown_outcome(make_gateway: MakeGateway) -> None:
    with serving(lambda _: None) as server:
        url = server.url
    gateway = make_gateway(url)
    with pytest.raises(StripeUnknownError) as caught:
        gateway.retrieve_intent("pi_1")
    assert caught.value.stored is False
    assert gateway.next_action("pi_1") == {"type": "unavailable"}
