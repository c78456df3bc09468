"""How gunicorn is set up, where that can be seen without starting it."""

import socket
import struct
from datetime import timedelta

import pytest
from pydantic import SecretStr

from service import server_worker
from service.server import options
from service.settings import ServiceSettings


def _settings(**changed: object) -> ServiceSettings:
    known = {"database_url": "postgresql://nowhere/none", "stripe_secret_key": SecretStr("sk_test_1")}
    return ServiceSettings(**{**known, **changed})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("host", "bind"), [("127.0.0.1", "127.0.0.1:8000"), ("localhost", "localhost:8000"), ("::1", "[::1]:8000")]
)
def test_bind(host: str, bind: str) -> None:
    assert options(_settings(host=host))["bind"] == bind


def test_no_thread_waits_for_a_connection_of_the_pool() -> None:
    assert options(_settings(database_pool_size=7))["threads"] == 7


@pytest.mark.parametrize(("grace", "seconds"), [(timedelta(seconds=25), 25), (timedelta(milliseconds=1), 1)])
def test_grace_is_whole_seconds(grace: timedelta, seconds: int) -> None:
    assert options(_settings(shutdown_grace=grace))["graceful_timeout"] == seconds


def test_no_control_socket_is_opened() -> None:
    assert options(_settings())["control_socket_disable"] is True


def test_silent_client_is_not_waited_for_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server_worker, "IDLE_SECONDS", 1)
    ours, theirs = socket.socketpair()
    with ours, theirs:
        server_worker.bound_waits(ours)
        limits = [ours.getsockopt(socket.SOL_SOCKET, name, 16) for name in (socket.SO_RCVTIMEO, socket.SO_SNDTIMEO)]
        assert limits == [struct.pack("ll", 1, 0)] * 2
        with pytest.raises(BlockingIOError):
            ours.recv(1)
