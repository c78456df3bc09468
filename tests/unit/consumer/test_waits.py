"""The consumer names each of its waits: in the stage, in readiness and in the log."""

from collections.abc import Collection
from typing import cast

import structlog
from confluent_kafka import Consumer, TopicPartition
from prometheus_client import REGISTRY

from consumer.assignment import Assignment
from consumer.missing import Missing
from consumer.offsets import Claim, OffsetTracker
from consumer.stages import Stage, Stages
from consumer.starts import Starts
from consumer.watch import Watch
from consumer.workers import Workers
from tests.unit.consumer.doubles import LONG, FakeConsumer, FakeStarts


class Clock:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def test_a_polling_thread_that_hangs_reports_its_stage() -> None:
    clock = Clock()
    stages = Stages(clock)
    stages.enter(Stage.PLACING)
    assert REGISTRY.get_sample_value("payment_consumer_stage", {"payment_consumer_stage": Stage.PLACING}) == 1
    clock.now += 10
    assert stages.fault() is None
    clock.now += 10
    assert stages.fault() == "poll loop: asking Kafka where to start for 20 s"
    stages.enter(Stage.PLACING)
    assert stages.fault() is None


def test_a_hand_over_reports_that_it_waits_for_kafka_to_commit() -> None:
    clock, seen = Clock(), list[str | None]()

    class SilentKafka(FakeConsumer):
        def commit(self, *, offsets: list[TopicPartition], asynchronous: bool) -> list[TopicPartition] | None:
            clock.now += 10
            seen.append(stages.fault())
            return super().commit(offsets=offsets, asynchronous=asynchronous)

    class SlowWorkers(Workers):
        def hand_over(self, claims: Collection[Claim], seconds: float) -> bool:
            clock.now += 10
            return super().hand_over(claims, seconds)

    stages, tracker, workers = Stages(clock), OffsetTracker(), SlowWorkers(1)
    consumer, starts = cast("Consumer", SilentKafka()), cast("Starts", FakeStarts())
    assignment = Assignment(tracker, workers, starts, stages, LONG)
    assignment.on_assign(consumer, [TopicPartition("commands", 0)])
    assignment.place(consumer)
    ticket = tracker.begin(("commands", 0), 4, 0.0)
    assert ticket is not None
    tracker.finish(ticket)
    assignment.on_revoke(consumer, [TopicPartition("commands", 0)])
    assert seen == ["poll loop: handing partitions over for 20 s, waiting for Kafka to commit offsets"]
    assert workers.stop(LONG) == 0


def test_missing_records_are_reported_for_a_minute() -> None:
    clock = Clock()
    missing = Missing(clock)
    with structlog.testing.capture_logs() as logged:
        missing.skipped(("t", 0), 5, 8)
        missing.exchanged(("t", 1), "id")
        missing.exchanged(("t", 1), "id")
        missing.truncated(("t", 2), 9, 4)
    assert [line["partition"] for line in logged] == [0, 1, 2]
    found = missing.fault()
    assert found is not None
    assert "t[0]: 3 records deleted unread" in found
    assert "t[1] is another topic" in found
    assert "t[2] ends at 4" in found
    clock.now += 60
    assert missing.fault() is None


def test_a_wait_is_logged_when_it_begins_once_a_minute_and_when_it_is_over() -> None:
    clock, waits = Clock(), ["kafka: lag 5"]
    watch = Watch(lambda: waits[-1] or None, clock)
    with structlog.testing.capture_logs() as logged:
        for seconds in (0, 5, 55, 5):
            clock.now += seconds
            waits.append(f"kafka: lag {seconds + 6}")
            watch.look()
        waits.append("database: away")
        watch.look()
        waits.append("")
        watch.look()
        watch.look()
    assert [(line["event"], line.get("why")) for line in logged] == [
        ("not ready", "kafka: lag 6"),
        ("not ready", "kafka: lag 61"),
        ("not ready", "database: away"),
        ("ready again", None),
    ]
