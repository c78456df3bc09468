"""Stripe accepts requests and answers none. Readiness and metrics show this while the first calls still wait."""

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from devstack.kafka import Kafka
from devstack.ports import free_port
from devstack.processes import environment
from devstack.service_process import ServiceProcess
from devstack.simulator import StripeSimulator
from devstack.tcp_proxy import TcpProxy
from devstack.topics import Topics
from tests.integration.api.server import serving
from tests.integration.consumer.running import authorize, produce
from tests.support.probes import value_of, wait_until_ready_says, wait_until_value

pytestmark = [pytest.mark.postgres, pytest.mark.kafka]

COMMANDS = 30
ANSWERED = 'payment_commands_answered_total{command_type="authorize_payment",outcome="payment.authorized"}'
CREATED = 'payment_stripe_calls_total{operation="payment_intents.create",result="ok"}'
OLDEST = 'payment_commands_oldest_open_seconds{command_type="authorize_payment",state="pending"}'
OPEN = 'payment_commands_open{command_type="authorize_payment",state="pending"}'
SILENT = "payment_stripe_unanswered_seconds"


@pytest.fixture
def silence(simulator_process: StripeSimulator) -> Iterator[TcpProxy]:
    """A proxy to the simulator that can become silent."""
    simulator_process.control.reset()
    with TcpProxy(urlsplit(simulator_process.api_base).port or 0) as proxy:
        yield proxy


@pytest.fixture
def consumer(
    database_url: str, kafka: Kafka, topics: Topics, silence: TcpProxy, tmp_path: Path
) -> Iterator[ServiceProcess]:
    """``cli.py consume``. No call to Stripe is given up within the test."""
    settings = {
        "DATABASE_URL": database_url,
        "KAFKA_BOOTSTRAP_SERVERS": kafka.bootstrap_servers,
        "PAYMENT_COMMANDS_TOPIC": topics.commands,
        "CONSUMER_GROUP_ID": topics.group,
        "STRIPE_SECRET_KEY": "sk_test_silent",
        "STRIPE_API_BASE": f"http://{silence.address}",
        "STRIPE_TIMEOUT": "90s",
    }
    process = ServiceProcess("consume", environment(**settings), free_port(), tmp_path)
    process.start()
    process.wait_until_ready()
    yield process
    process.stop()


def test_silent_stripe_is_reported_while_calls_wait(
    consumer: ServiceProcess, kafka: Kafka, topics: Topics, silence: TcpProxy, database_url: str
) -> None:
    silence.hold()
    produce(kafka, topics.commands, [authorize(f"order-{n}", n) for n in range(COMMANDS)])
    with serving(database_url, WORKERS="1") as server:
        wait_until_ready_says(consumer.port, "stripe: no answer for 1", 60)
        assert value_of(consumer.port, SILENT) >= 10
        for port in (consumer.port, server.port):
            wait_until_value(port, OPEN, lambda number: number == COMMANDS)
            wait_until_value(port, OLDEST, lambda seconds: seconds > 5)
        silence.mend()
        wait_until_ready_says(consumer.port, "ready")
        wait_until_value(consumer.port, ANSWERED, lambda number: number == COMMANDS)
        assert value_of(consumer.port, SILENT) == 0
        assert value_of(consumer.port, CREATED) == COMMANDS
        for port in (consumer.port, server.port):
            wait_until_value(port, OPEN, lambda number: number == 0)
