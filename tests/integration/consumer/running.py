"""A consumer in this process, on a real broker, with recorded use cases."""

import json
import secrets
import threading
from collections.abc import Callable
from typing import Any
from uuid import UUID, uuid5

from confluent_kafka import Consumer, Producer, TopicPartition
from prometheus_client import REGISTRY

from consumer.main import run
from consumer.settings import ConsumerSettings
from devstack.kafka import Kafka
from devstack.topics import Topics
from runtime.current import Current
from runtime.shutdown import Shutdown
from service.domain.commands.authorize import Authorize
from tests.unit.consumer.doubles import LONG, RecordingCommands

_NAMESPACE = UUID(int=7)


def settings_for(kafka: Kafka, topics: Topics, **more: Any) -> ConsumerSettings:
    """Settings of one consumer of the test's own topic and group."""
    given: dict[str, Any] = {
        "database_url": "postgresql://nobody@nowhere/none",
        "stripe_secret_key": "sk_test_" + secrets.token_hex(4),
        "kafka_bootstrap_servers": kafka.bootstrap_servers,
        "payment_commands_topic": topics.commands,
        "consumer_group_id": topics.group,
        **more,
    }
    return ConsumerSettings(**given)


class RunningConsumer:
    """``consumer.main.run`` in a thread; ``stop`` drains it as SIGTERM would."""

    def __init__(self, settings: ConsumerSettings, commands: RecordingCommands) -> None:
        self.commands = commands
        self._shutdown = Shutdown()
        self._code: int | None = None
        self._thread = threading.Thread(target=self._run, args=(settings,), daemon=True)
        self._thread.start()

    def _run(self, settings: ConsumerSettings) -> None:
        self._code = run(Current(settings), self.commands, self._shutdown, lambda: None)

    def request_stop(self) -> None:
        """Begin to drain, as SIGTERM does, without waiting."""
        self._shutdown.request()

    def stop(self) -> int:
        """Drain; returns the exit code."""
        self._shutdown.request()
        self._thread.join(60)
        assert self._code is not None, "the consumer did not drain"
        return self._code


def authorize(order: str, number: int) -> bytes:
    """A readable command; ``number`` distinguishes it from others of its order."""
    payload = {
        "order_id": order,
        "customer_id": "user",
        "payment_method_id": "pm_card_visa",
        "amount": 1000 + number,
        "currency": "sgd",
    }
    correlation = str(uuid5(_NAMESPACE, f"{order}/{number}"))
    return json.dumps({"type": "authorize_payment", "correlation_id": correlation, **payload}).encode()


def produce(
    kafka: Kafka, topic: str, values: list[bytes], key: Callable[[bytes], bytes | None] = lambda _: None
) -> None:
    """Write the records in order, by default without keys, and wait until the broker has them."""
    # A new topic may refuse the first batch and accept the second: without idempotence the first would come last.
    producer = Producer({"bootstrap.servers": kafka.bootstrap_servers, "linger.ms": 5, "enable.idempotence": True})
    for value in values:
        producer.produce(topic, value, key=key(value))
    assert producer.flush(LONG) == 0


def by_order(value: bytes) -> bytes:
    """The record key that a careful sender would choose: the order."""
    order = json.loads(value)["order_id"]
    assert isinstance(order, str)
    return order.encode()


def handled(commands: RecordingCommands) -> list[tuple[str, int]]:
    """Order and number of each handled authorize, in the order of handling."""
    found = [command for call, command, _ in list(commands.calls) if call == "handle"]
    return [(command.order_id, command.amount - 1000) for command in found if isinstance(command, Authorize)]


def committed_offsets(kafka: Kafka, topics: Topics) -> list[int]:
    """The group's committed offset of each partition; 0 is the place of an unfinished first record."""
    reader = Consumer({"bootstrap.servers": kafka.bootstrap_servers, "group.id": topics.group})
    partitions = [
        TopicPartition(topics.commands, n)
        for n in reader.list_topics(topics.commands, 10).topics[topics.commands].partitions
    ]
    found = reader.committed(partitions, 10)
    reader.close()
    assert found
    assert [one.error for one in found if one.error is not None] == []
    return [one.offset for one in found if one.offset >= 0]


def committed(kafka: Kafka, topics: Topics) -> int:
    """The sum of the committed offsets, which is the number of finished records."""
    return sum(committed_offsets(kafka, topics))


def metric(name: str) -> float:
    """A metric of the consumer that started last."""
    value = REGISTRY.get_sample_value(name)
    assert value is not None
    return value


def eventually(holds: Callable[[], bool], seconds: float = LONG) -> None:
    """Poll until the condition is true; fails when it never is."""
    tick = threading.Event()
    for _ in range(round(seconds / 0.02)):
        if holds():
            return
        tick.wait(0.02)
    raise AssertionError("it never came to hold")
