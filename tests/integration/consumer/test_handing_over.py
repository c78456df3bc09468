"""Rebalance and drain: running commands end, waiting ones go to the next owner, none runs twice without need."""

import threading

import pytest

from devstack.kafka import Kafka
from devstack.topics import Topics, make_topic
from service.domain.received_records import Origin
from tests.integration.consumer.conftest import Start
from tests.integration.consumer.running import authorize, by_order, committed, eventually, handled, metric, produce
from tests.unit.consumer.doubles import LONG, RecordingCommands

pytestmark = pytest.mark.kafka


def batch(first: int, count: int) -> list[bytes]:
    """Commands of many orders, numbered onwards."""
    return [authorize(f"order-{number % 60}", number) for number in range(first, first + count)]


@pytest.mark.real_kafka
def test_second_consumer_takes_its_share_and_repeats_nothing(kafka: Kafka, topics: Topics, start: Start) -> None:
    make_topic(kafka, topics.commands)
    one, two = RecordingCommands(), RecordingCommands()
    start(one)
    produce(kafka, topics.commands, batch(0, 300), key=by_order)
    one.wait_for(100)
    leaving = start(two)
    sent = 300
    while not two.calls:
        produce(kafka, topics.commands, batch(sent, 60), key=by_order)
        sent += 60
    assert leaving.stop() == 0
    produce(kafka, topics.commands, batch(sent, 60), key=by_order)
    sent += 60
    one.wait_for(sent - len(two.calls), seconds=60)
    found = handled(one) + handled(two)
    assert sorted(number for _, number in found) == list(range(sent))
    eventually(lambda: committed(kafka, topics) == sent)


@pytest.mark.real_kafka
def test_a_full_consumer_stays_bounded_through_a_rebalance(kafka: Kafka, topics: Topics, start: Start) -> None:
    make_topic(kafka, topics.commands)
    produce(kafka, topics.commands, batch(0, 600), key=by_order)
    gate = threading.Event()
    entered = threading.Semaphore(0)

    def hold(_: Origin) -> None:
        entered.release()
        gate.wait(LONG)

    one, two = RecordingCommands(before=hold), RecordingCommands()
    start(one, consumer_concurrency=2)
    for _ in range(2):
        assert entered.acquire(timeout=LONG)
    start(two)
    two.wait_for(1)
    assert not entered.acquire(blocking=False)
    gate.set()
    eventually(lambda: len({number for _, number in handled(one) + handled(two)}) == 600)
    eventually(lambda: committed(kafka, topics) == 600)


@pytest.mark.real_kafka
def test_partitions_revoked_from_a_full_consumer_and_reassigned_are_read(
    kafka: Kafka, topics: Topics, start: Start
) -> None:
    """librdkafka keeps a partition's pause when it is revoked and assigned again (its issue 1849)."""
    make_topic(kafka, topics.commands)
    produce(kafka, topics.commands, [authorize(f"order-{number}", number) for number in range(36)], key=by_order)
    full, other_holds, entered = threading.Event(), threading.Event(), threading.Event()

    def hold_while_full(_: Origin) -> None:
        full.wait(LONG)

    def hold_all(_: Origin) -> None:
        entered.set()
        other_holds.wait(LONG)

    one, two = RecordingCommands(before=hold_while_full), RecordingCommands(before=hold_all)
    start(one, consumer_concurrency=1)
    eventually(lambda: metric("payment_consumer_held") == 4)
    leaving = start(two, consumer_concurrency=1, shutdown_grace="4s")
    assert entered.wait(LONG)
    full.set()
    one.wait_for(5)  # The records that it held when it was full, and one that it has read since.
    other_holds.set()
    assert leaving.stop() == 0
    eventually(lambda: len({number for _, number in handled(one) + handled(two)}) == 36)
    eventually(lambda: committed(kafka, topics) == 36)


def test_draining_finishes_running_commands_and_leaves_waiting_ones(kafka: Kafka, topics: Topics, start: Start) -> None:
    make_topic(kafka, topics.commands)
    produce(kafka, topics.commands, [authorize("order", number) for number in range(3)], key=by_order)
    gate, entered = threading.Event(), threading.Event()

    def hold(_: Origin) -> None:
        entered.set()
        gate.wait(LONG)

    one = RecordingCommands(before=hold)
    consumer = start(one)
    assert entered.wait(LONG)
    eventually(lambda: metric("payment_consumer_held") == 3)
    consumer.request_stop()
    eventually(lambda: metric("payment_consumer_held") == 1)
    gate.set()
    assert consumer.stop() == 0
    assert handled(one) == [("order", 0)]
    assert committed(kafka, topics) == 1
    two = RecordingCommands()
    start(two)
    two.wait_for(2)
    assert handled(two) == [("order", 1), ("order", 2)]


def test_draining_ends_in_time_despite_a_stuck_command(kafka: Kafka, topics: Topics, start: Start) -> None:
    make_topic(kafka, topics.commands)
    produce(kafka, topics.commands, [authorize("order", 0)])
    gate, entered = threading.Event(), threading.Event()

    def hold(_: Origin) -> None:
        entered.set()
        gate.wait()

    consumer = start(RecordingCommands(before=hold), shutdown_grace="3s")
    assert entered.wait(LONG)
    assert consumer.stop() == 0
    assert committed(kafka, topics) == 0
    gate.set()
