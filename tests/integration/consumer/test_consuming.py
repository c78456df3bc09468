"""Records become calls: in order within a key, in parallel across keys, kept until durable."""

import threading

import pytest
from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient
from prometheus_client import REGISTRY

from devstack.kafka import Kafka
from devstack.topics import Topics, make_topic
from service.domain.received_records import Origin
from tests.integration.consumer.conftest import Start
from tests.integration.consumer.running import authorize, by_order, committed, eventually, handled, metric, produce
from tests.unit.consumer.doubles import LONG, RecordingCommands

pytestmark = pytest.mark.kafka


def test_order_within_a_key_and_every_record_once(kafka: Kafka, topics: Topics, start: Start) -> None:
    make_topic(kafka, topics.commands)
    sent = [(f"order-{number % 40}", number) for number in range(600)]
    produce(kafka, topics.commands, [authorize(*one) for one in sent], key=by_order)
    commands = RecordingCommands()
    consumer = start(commands, consumer_concurrency=16)
    commands.wait_for(600)
    assert consumer.stop() == 0
    found = handled(commands)
    assert sorted(found) == sorted(sent)
    for order in {order for order, _ in sent}:
        numbers = [number for name, number in found if name == order]
        assert numbers == sorted(numbers)
    assert committed(kafka, topics) == 600


def test_keyless_records_of_different_ordering_keys_run_in_parallel(kafka: Kafka, topics: Topics, start: Start) -> None:
    make_topic(kafka, topics.commands)
    together = threading.Barrier(24)

    def meet(_: Origin) -> None:
        together.wait(LONG)

    commands = RecordingCommands(before=meet)
    produce(kafka, topics.commands, [authorize(f"order-{number}", number) for number in range(24)])
    start(commands, consumer_concurrency=24)
    commands.wait_for(24)


def test_bad_records_are_reported_and_do_not_stop_the_next(kafka: Kafka, topics: Topics, start: Start) -> None:
    make_topic(kafka, topics.commands)
    bad = [b"", b"not json", b"[]", b'{"type": "refund", "correlation_id": "c"}', b"\xff" * 900_000]
    produce(kafka, topics.commands, [value for one in bad for value in (one, authorize("order", len(one)))])
    commands = RecordingCommands()
    start(commands)
    commands.wait_for(10)
    calls = sorted(call for call, _, _ in commands.calls)
    assert calls == ["dead_letter"] * 4 + ["handle"] * 5 + ["refuse"]


@pytest.mark.real_kafka
def test_fully_read_transaction_leaves_no_lag(kafka: Kafka, topics: Topics, start: Start) -> None:
    """The control record of the transaction has an offset, but no reader receives it."""
    make_topic(kafka, topics.commands, partitions=1)
    producer = Producer({"bootstrap.servers": kafka.bootstrap_servers, "transactional.id": topics.group})
    producer.init_transactions(LONG)
    producer.begin_transaction()
    producer.produce(topics.commands, authorize("order", 1))
    producer.commit_transaction(LONG)
    commands = RecordingCommands()
    start(commands)
    commands.wait_for(1)
    labels = {"topic": topics.commands, "partition": "0"}
    eventually(lambda: REGISTRY.get_sample_value("payment_consumer_lag", labels) == 0)


@pytest.mark.real_kafka
def test_fully_read_transaction_leaves_no_lag_beside_a_busy_partition(
    kafka: Kafka, topics: Topics, start: Start
) -> None:
    """librdkafka counts the records of all partitions that wait for the application as those of each."""
    make_topic(kafka, topics.commands, partitions=2)
    producer = Producer({"bootstrap.servers": kafka.bootstrap_servers, "transactional.id": topics.group})
    producer.init_transactions(LONG)
    producer.begin_transaction()
    producer.produce(topics.commands, authorize("order", 1), partition=0)
    producer.commit_transaction(LONG)
    commands, lags = RecordingCommands(), set()
    start(commands)
    other = Producer({"bootstrap.servers": kafka.bootstrap_servers, "linger.ms": 5})
    for number in range(100):
        for one in range(200):
            other.produce(topics.commands, authorize(f"order-{one}", number), partition=1)
        other.flush(LONG)
        commands.wait_for(1 + 200 * number)
        lags.add(REGISTRY.get_sample_value("payment_consumer_lag", {"topic": topics.commands, "partition": "0"}))
    assert lags - {None} == {0}


@pytest.mark.real_kafka
def test_missing_topic_is_created(kafka: Kafka, topics: Topics, start: Start) -> None:
    commands = RecordingCommands()
    start(commands, kafka_topic_partitions=3)
    admin = AdminClient({"bootstrap.servers": kafka.bootstrap_servers})
    eventually(lambda: topics.commands in admin.list_topics(timeout=10).topics)
    produce(kafka, topics.commands, [authorize("order", 1)])
    commands.wait_for(1)


def test_outage_of_the_database_commits_and_loses_nothing(kafka: Kafka, topics: Topics, start: Start) -> None:
    make_topic(kafka, topics.commands)
    away = threading.Event()
    tried = threading.Semaphore(0)
    away.set()

    def database(_: Origin) -> None:
        tried.release()
        if away.is_set():
            raise ConnectionError("the database is away")

    produce(kafka, topics.commands, [authorize(f"order-{number % 50}", number) for number in range(300)], key=by_order)
    commands = RecordingCommands(before=database)
    consumer = start(commands, consumer_concurrency=4)
    for _ in range(12):
        assert tried.acquire(timeout=LONG)
    assert consumer.stop() == 0  # its last commit included
    assert committed(kafka, topics) == 0
    away.clear()
    consumer = start(commands, consumer_concurrency=4)
    commands.wait_for(300, seconds=60)
    assert consumer.stop() == 0
    found = handled(commands)
    assert len(set(found)) == 300
    for order in {order for order, _ in found}:
        numbers = [number for name, number in found if name == order]
        assert numbers == sorted(numbers)
    assert committed(kafka, topics) == 300


def test_failing_record_delays_only_its_key_and_its_offset(kafka: Kafka, topics: Topics, start: Start) -> None:
    make_topic(kafka, topics.commands)
    values = [authorize("poison", 0), authorize("poison", 1), *(authorize(f"order-{n}", n) for n in range(200))]
    produce(kafka, topics.commands, values, key=lambda _: b"one partition")

    def before(origin: Origin) -> None:
        if origin.value == values[0]:
            raise ValueError("always")

    commands = RecordingCommands(before=before)
    consumer = start(commands, consumer_concurrency=4)
    commands.wait_for(200)
    assert consumer.stop() == 0
    assert {order for order, _ in handled(commands)} == {f"order-{n}" for n in range(200)}
    assert committed(kafka, topics) == 0
    again = RecordingCommands()
    start(again)
    again.wait_for(202)


def test_memory_is_bounded(kafka: Kafka, topics: Topics, start: Start) -> None:
    make_topic(kafka, topics.commands)
    produce(kafka, topics.commands, [authorize(f"order-{number}", number) for number in range(1000)])
    gate = threading.Event()
    held: list[float] = []

    def hold(_: Origin) -> None:
        held.append(metric("payment_consumer_held"))
        gate.wait(LONG)

    commands = RecordingCommands(before=hold)
    start(commands, consumer_concurrency=2)
    eventually(lambda: metric("payment_consumer_held") == 8)
    gate.set()
    commands.wait_for(1000, seconds=60)
    assert max(held) == 8
    assert len(set(handled(commands))) == 1000
