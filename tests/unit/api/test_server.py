"""The settings of gunicorn, as far as they show without starting it."""

import socket
from datetime import timedelta
from pathlib import Path

import pytest
from pydantic import SecretStr

from runtime.settings_source import SettingError
from service.server import listen, options
from service.settings import ServiceSettings

BEATS = Path("/beats")


def _settings(**changed: object) -> ServiceSettings:
    known = {"database_url": "postgresql://nowhere/none", "stripe_secret_key": SecretStr("sk_test_1")}
    return ServiceSettings(**{**known, **changed})  # type: ignore[arg-type]


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_server_listens_on_a_free_port(host: str) -> None:
    with socket.socket(fileno=listen(host, 0)) as listener:
        port = listener.getsockname()[1]
        socket.create_connection((host, port), 5).close()


def test_error_for_an_occupied_port_names_the_settings() -> None:
    with socket.socket(fileno=listen("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        with pytest.raises(SettingError, match=rf"^HOST, PORT: cannot listen on 127\.0\.0\.1, port {port}: Address"):
            listen("127.0.0.1", port)


@pytest.mark.parametrize("host", ["203.0.113.7", "no.such.host.invalid", "a..b", "é" * 100])
def test_error_for_an_unusable_host_names_the_settings(host: str) -> None:
    with pytest.raises(SettingError, match=r"^HOST, PORT: cannot listen on ") as caught:
        listen(host, 0)
    assert "\n" not in str(caught.value)
    assert "None" not in str(caught.value)


def test_server_has_one_thread_for_each_database_connection() -> None:
    assert options(_settings(database_pool_size=7), 3, BEATS)["threads"] == 7


@pytest.mark.parametrize(("grace", "seconds"), [(timedelta(seconds=25), 25), (timedelta(milliseconds=1), 1)])
def test_grace_period_is_rounded_up_to_whole_seconds(grace: timedelta, seconds: int) -> None:
    assert options(_settings(shutdown_grace=grace), 3, BEATS)["graceful_timeout"] == seconds


def test_no_control_socket_is_opened() -> None:
    assert options(_settings(), 3, BEATS)["control_socket_disable"] is True
