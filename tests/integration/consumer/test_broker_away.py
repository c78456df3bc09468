"""During an outage of the broker the consumer reports it, stays alive, can be drained, and continues afterwards."""

import json
import urllib.error
import urllib.request
from collections.abc import Iterator

import pytest

from devstack.kafka_apache import ApacheKafka
from devstack.ports import free_port
from devstack.topics import Topics
from tests.integration.consumer.running import RunningConsumer, authorize, by_order, eventually, produce, settings_for
from tests.support.own_servers import own_broker
from tests.unit.consumer.doubles import RecordingCommands

pytestmark = pytest.mark.real_kafka


@pytest.fixture
def broker() -> Iterator[ApacheKafka]:
    """A broker of the test's own, to be killed."""
    with own_broker() as made:
        yield made


def ready(port: int) -> str:
    """The answer of /ready; "starting" before the port is open."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/ready", timeout=10) as answer:
            text = answer.read()
    except urllib.error.HTTPError as refused:
        text = refused.read()
    except OSError:
        return "starting"
    status = json.loads(text)["status"]
    assert isinstance(status, str)
    return status


def test_consumer_continues_after_an_outage_of_the_broker(broker: ApacheKafka, topics: Topics) -> None:
    port = free_port()
    commands = RecordingCommands()
    consumer = RunningConsumer(settings_for(broker, topics, ops_port=port), commands)
    eventually(lambda: ready(port) == "ready")
    produce(broker, topics.commands, [authorize(f"order-{number}", number) for number in range(30)], key=by_order)
    commands.wait_for(30)
    broker.kill()
    eventually(lambda: ready(port).startswith("kafka: "))
    broker.start()
    eventually(lambda: ready(port) == "ready")
    produce(broker, topics.commands, [authorize(f"order-{number}", number) for number in range(30, 60)], key=by_order)
    commands.wait_for(60)
    broker.kill()
    assert consumer.stop() == 0
