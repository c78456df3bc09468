"""The stack with the service's HTTP process; the other two are driven in the acceptance tests."""

import http.client
from collections.abc import Iterator
from urllib.parse import urlsplit

import psutil
import pytest

from devstack.application import Application
from devstack.kafka import Kafka
from devstack.simulator import StripeSimulator
from devstack.stripe_simulator.client import SimulatorControl
from devstack.topics import Topics

pytestmark = [pytest.mark.postgres, pytest.mark.kafka]


def _status(url: str, path: str, token: str | None = None) -> int:
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=10)
    connection.request("GET", path, headers={"Authorization": f"Bearer {token}"} if token else {})
    status = connection.getresponse().status
    connection.close()
    return status


@pytest.fixture
def application(database_url: str, kafka: Kafka, topics: Topics) -> Iterator[Application]:
    started = Application(
        database_url=database_url,
        kafka=kafka,
        environment=topics.environment,
        environment_of={"serve": {"WORKERS": "1"}},
    )
    try:
        yield started.start(["serve"])
    finally:
        started.close()


def test_http_process_serves_and_restarts_after_a_kill(application: Application) -> None:
    info = application.info
    serve = application.services["serve"]
    assert _status(info.http_url, "/history/nobody") == 401
    assert _status(info.http_url, "/history/nobody", info.api_token) == 200
    serve.kill()
    assert not serve.running
    with pytest.raises(ConnectionRefusedError):
        _status(info.http_url, "/health")
    serve.restart()
    assert _status(info.http_url, "/history/nobody", info.api_token) == 200
    assert application.info == info


def test_no_file_and_no_process_is_left_behind(database_url: str, kafka: Kafka) -> None:
    application = Application(database_url=database_url, kafka=kafka, environment={"WORKERS": "2"}).start(["serve"])
    process = application.services["serve"].process
    assert process is not None
    family = [psutil.Process(process.pid), *psutil.Process(process.pid).children(recursive=True)]
    application.close()
    assert [member for member in family if member.is_running()] == []


def test_the_simulator_starts_empty(simulator: SimulatorControl, simulator_process: StripeSimulator) -> None:
    assert simulator.base_url == simulator_process.api_base
    assert simulator.ledger() == []
