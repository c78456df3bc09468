"""The proxy that plays a network, and its effects on open and new connections."""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress

import pytest

from devstack.tcp_proxy import TcpProxy

_TCP_USER_TIMEOUT_MS = 500


@pytest.fixture
def echo_port() -> Iterator[int]:
    """A server that sends back what it receives."""
    listener = socket.create_server(("127.0.0.1", 0))
    threading.Thread(target=_serve, args=(listener,), daemon=True).start()
    yield listener.getsockname()[1]
    listener.shutdown(socket.SHUT_RDWR)
    listener.close()


def _serve(listener: socket.socket) -> None:
    while True:
        try:
            connection, _ = listener.accept()
        except OSError:
            return
        threading.Thread(target=_echo, args=(connection,), daemon=True).start()


def _echo(connection: socket.socket) -> None:
    with connection, suppress(ConnectionResetError):
        while data := connection.recv(1024):
            connection.sendall(data)


def _connect(proxy: TcpProxy) -> socket.socket:
    return socket.create_connection(("127.0.0.1", proxy.port), timeout=5)


def test_bytes_pass_in_both_directions(echo_port: int) -> None:
    with TcpProxy(echo_port) as proxy, _connect(proxy) as client:
        client.sendall(b"hello")
        assert client.recv(10) == b"hello"
        assert proxy.connections == 1


def test_kernel_gives_up_a_connection_with_unacknowledged_packets(echo_port: int) -> None:
    with TcpProxy(echo_port) as proxy, _connect(proxy) as client:
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, _TCP_USER_TIMEOUT_MS)
        client.settimeout(None)
        client.sendall(b"before")
        assert client.recv(10) == b"before"
        proxy.lose_packets()
        client.sendall(b"lost")
        with pytest.raises(TimeoutError):
            client.recv(10)


def test_new_connection_during_packet_loss_is_not_answered(echo_port: int) -> None:
    with TcpProxy(echo_port) as proxy:
        proxy.lose_packets()
        with pytest.raises(TimeoutError):
            socket.create_connection(("127.0.0.1", proxy.port), timeout=0.3)


@pytest.mark.parametrize("failure", [TcpProxy.lose_packets, TcpProxy.hold])
def test_bytes_sent_during_a_failure_arrive_after_it(echo_port: int, failure: Callable[[TcpProxy], None]) -> None:
    with TcpProxy(echo_port) as proxy, _connect(proxy) as client:
        client.sendall(b"before")
        assert client.recv(10) == b"before"
        failure(proxy)
        client.sendall(b"late")
        client.settimeout(0.3)
        with pytest.raises(TimeoutError):
            client.recv(10)
        proxy.mend()
        client.settimeout(10)
        assert client.recv(10) == b"late"


def test_a_reset_ends_every_connection(echo_port: int) -> None:
    with TcpProxy(echo_port) as proxy, _connect(proxy) as client:
        client.sendall(b"hello")
        assert client.recv(10) == b"hello"
        proxy.reset()
        with pytest.raises(ConnectionResetError):
            client.recv(10)


def test_proxied_url_keeps_its_user(echo_port: int) -> None:
    with TcpProxy(echo_port) as proxy:
        assert proxy.through("postgresql://me:secret@127.0.0.1:1/db") == (
            f"postgresql://me:secret@127.0.0.1:{proxy.port}/db"
        )
