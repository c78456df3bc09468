"""Handing over, pausing and committing, seen in the calls to Kafka's client."""

import threading
from collections.abc import Iterator
from typing import cast

import pytest
from confluent_kafka import Consumer, KafkaError, TopicPartition

from consumer.assignment import Assignment
from consumer.keyed_queue import Job
from consumer.offsets import OffsetTracker, Ticket
from consumer.stages import Stages
from consumer.starts import Starts
from consumer.workers import Workers
from tests.unit.consumer.doubles import LONG, FakeConsumer, FakeStarts

NOWHERE = -1001


class Bench:
    """Two partitions assigned; offsets begin at 0."""

    def __init__(self) -> None:
        self.fake = FakeConsumer()
        self.consumer = cast("Consumer", self.fake)
        self.tracker = OffsetTracker()
        self.workers = Workers(1, delay=lambda _: 0.0)
        self.starts = FakeStarts()
        self.assignment = self.made(LONG)
        self.assignment.on_assign(self.consumer, parts(0, 1))
        self.assignment.place(self.consumer)
        self.fake.asked.clear()

    def made(self, hand_over_seconds: float) -> Assignment:
        starts = cast("Starts", self.starts)
        return Assignment(self.tracker, self.workers, starts, Stages(), hand_over_seconds)

    def begin(self, partition: int, offset: int) -> Ticket:
        ticket = self.tracker.begin(("commands", partition), offset, 0.0)
        assert ticket is not None
        return ticket

    def finished(self, partition: int, offset: int) -> None:
        self.tracker.finish(self.begin(partition, offset))


def parts(*numbers: int) -> list[TopicPartition]:
    return [TopicPartition("commands", number) for number in numbers]


@pytest.fixture
def bench() -> Iterator[Bench]:
    made = Bench()
    yield made
    made.workers.stop(LONG)


def test_commits_follow_finished_offsets(bench: Bench) -> None:
    bench.finished(0, 4)
    bench.begin(1, 9)
    bench.assignment.commit(bench.consumer)
    assert bench.fake.asked == [("commit", [(0, 5), (1, 9)])]
    assert bench.fake.metadata == {"topic-id=first"}


def test_an_acknowledged_offset_is_not_sent_again(bench: Bench) -> None:
    bench.finished(0, 4)
    bench.assignment.commit(bench.consumer)
    bench.assignment.on_commit(None, [TopicPartition("commands", 0, 5)])
    bench.assignment.commit(bench.consumer)
    assert len(bench.fake.asked) == 1


def test_a_commit_that_failed_is_sent_again(bench: Bench) -> None:
    bench.finished(0, 4)
    bench.assignment.commit(bench.consumer)
    bench.assignment.on_commit(KafkaError(KafkaError.REQUEST_TIMED_OUT), [TopicPartition("commands", 0, 5)])
    bench.fake.refuse = KafkaError._STATE
    bench.assignment.commit(bench.consumer)
    bench.fake.refuse = None
    bench.assignment.commit(bench.consumer)
    assert bench.fake.asked == [("commit", [(0, 5)])] * 2


@pytest.mark.parametrize("refused", ["all", "one"])
def test_a_commit_that_fails_at_hand_over_does_not_stop_it(bench: Bench, refused: str) -> None:
    bench.finished(0, 4)
    if refused == "all":
        bench.fake.refuse = KafkaError._STATE
    else:
        bench.fake.refuse_partitions = {0}
    bench.assignment.on_revoke(bench.consumer, parts(0, 1))
    assert bench.tracker.claims() == []


def test_revoked_partitions_are_committed_after_their_running_jobs(bench: Bench) -> None:
    started, release = threading.Event(), threading.Event()
    ticket = bench.begin(0, 3)
    dropped = bench.begin(0, 4)
    bench.finished(1, 7)

    def slow() -> None:
        started.set()
        release.wait(LONG)

    def done() -> None:
        bench.tracker.finish(ticket)

    bench.workers.submit(Job("a", slow, done, retry=True, claim=ticket.claim))
    bench.workers.submit(Job("a", slow, done, retry=True, claim=dropped.claim))
    assert started.wait(LONG)
    threading.Timer(0.05, release.set).start()
    bench.assignment.on_revoke(bench.consumer, parts(0))
    assert bench.fake.asked == [("commit now", [(0, 4)]), ("unassign", [(0, NOWHERE)])]
    assert [claim.partition for claim in bench.tracker.claims()] == [("commands", 1)]


def test_a_hand_over_does_not_wait_for_ever(bench: Bench) -> None:
    release = threading.Event()
    started = threading.Event()
    ticket = bench.begin(0, 3)

    def stuck() -> None:
        started.set()
        release.wait(LONG)

    bench.workers.submit(Job("a", stuck, lambda: bench.tracker.finish(ticket), retry=True, claim=ticket.claim))
    assert started.wait(LONG)
    bench.assignment = bench.made(0.0)
    bench.assignment.on_revoke(bench.consumer, parts(0))
    assert bench.fake.asked == [("commit now", [(0, 3)])]
    release.set()


def test_lost_partitions_are_not_committed(bench: Bench) -> None:
    bench.finished(0, 4)
    bench.finished(1, 4)
    bench.assignment.on_lost(bench.consumer, parts(0))
    bench.assignment.commit(bench.consumer)
    assert bench.fake.asked == [("unassign", [(0, NOWHERE)]), ("commit", [(1, 5)])]


def test_partition_is_paused_or_resumed_at_each_assignment(bench: Bench) -> None:
    """librdkafka keeps a pause when a partition leaves and comes back."""
    full_then_room = [(True, False), (True, False), (False, False), (False, True), (False, True)]
    for full, room in full_then_room:
        bench.assignment.balance(bench.consumer, full=full, room=room)
    assert bench.fake.asked == [(what, [(0, NOWHERE), (1, NOWHERE)]) for what in ("pause", "resume")]
    bench.assignment.balance(bench.consumer, full=True, room=False)
    bench.assignment.on_revoke(bench.consumer, parts(0))
    bench.assignment.balance(bench.consumer, full=False, room=True)
    bench.fake.asked.clear()
    bench.assignment.on_assign(bench.consumer, parts(0))
    bench.assignment.place(bench.consumer)
    assert bench.fake.asked == [("assign", [(0, 0)]), ("resume", [(0, NOWHERE)])]


def test_partition_assigned_to_a_full_consumer_is_paused(bench: Bench) -> None:
    bench.assignment.balance(bench.consumer, full=True, room=False)
    bench.fake.asked.clear()
    bench.assignment.on_assign(bench.consumer, parts(2))
    bench.assignment.place(bench.consumer)
    bench.assignment.balance(bench.consumer, full=True, room=False)
    assert bench.fake.asked == [("assign", [(2, 0)]), ("pause", [(2, NOWHERE)])]


def test_nothing_is_read_before_kafka_returns_the_start_offset(bench: Bench) -> None:
    bench.starts.refuse = KafkaError(KafkaError.NOT_COORDINATOR, "no coordinator")
    bench.assignment.on_assign(bench.consumer, parts(2))
    bench.assignment.place(bench.consumer)
    assert ("commands", 2) not in bench.fake.reads
    assert bench.assignment.waits_for == "kafka: cannot ask where to start: no coordinator"
    assert bench.fake.asked == []


def test_a_wait_for_kafka_ends_with_its_partition(bench: Bench) -> None:
    bench.starts.refuse = KafkaError(KafkaError.NOT_COORDINATOR, "no coordinator")
    bench.assignment.on_assign(bench.consumer, parts(2))
    bench.assignment.place(bench.consumer)
    bench.assignment.on_revoke(bench.consumer, parts(2))
    bench.assignment.place(bench.consumer)
    assert bench.assignment.waits_for is None


def test_after_a_missing_offset_kafka_is_asked_where_the_next_record_is(bench: Bench) -> None:
    bench.finished(0, 4)
    bench.starts.offset = 9
    bench.assignment.displaced(bench.consumer, ("commands", 0))
    bench.assignment.displaced(bench.consumer, ("commands", 0))
    bench.assignment.place(bench.consumer)
    assert bench.starts.expected[-1] == {("commands", 0): 5}
    assert bench.fake.asked == [("unassign", [(0, NOWHERE)]), ("assign", [(0, 9)]), ("resume", [(0, NOWHERE)])]


def test_another_topic_of_the_same_name_is_read_from_the_groups_offset_in_it(bench: Bench) -> None:
    old = bench.begin(0, 4)
    bench.starts.exchanged = True
    bench.assignment.look(bench.consumer)
    bench.assignment.place(bench.consumer)
    assert bench.starts.expected[-1] == {("commands", 0): None, ("commands", 1): None}
    bench.begin(0, 0)
    bench.tracker.finish(old)
    bench.fake.asked.clear()
    bench.assignment.commit(bench.consumer)
    assert bench.fake.asked == [], "the old topic's record finishes no offset of the new topic"


def test_another_topic_seen_at_one_partition_has_all_partitions_placed_again(bench: Bench) -> None:
    """Otherwise the reading of the others would continue at offsets of the old topic."""
    bench.begin(1, 40)
    bench.starts.seen_in_find = True
    bench.assignment.displaced(bench.consumer, ("commands", 0))
    bench.assignment.place(bench.consumer)
    bench.assignment.place(bench.consumer)
    assert sorted(bench.starts.reported) == [("commands", 0), ("commands", 1)]
    assert bench.starts.expected[-1] == {("commands", 0): None, ("commands", 1): None}


def test_owned_partition_dropped_by_the_client_is_read_again(bench: Bench) -> None:
    bench.fake.reads = {("commands", 0), ("commands", 7)}
    bench.assignment.look(bench.consumer)
    bench.assignment.displaced(bench.consumer, ("commands", 0))
    bench.assignment.place(bench.consumer)
    assert bench.fake.reads == {("commands", 0), ("commands", 1)}


def test_closing_commits_and_leaves(bench: Bench) -> None:
    bench.finished(0, 4)
    bench.fake.answer = lambda: bench.assignment.on_commit(None, [TopicPartition("commands", 0, 5)])
    bench.assignment.close(bench.consumer, LONG)
    bench.assignment.on_revoke(bench.consumer, parts(0, 1))
    assert [what for what, _ in bench.fake.asked] == ["commit", "close", "unassign"]
    assert bench.tracker.claims() == []


def test_closing_does_not_wait_for_a_broker_that_is_away(bench: Bench) -> None:
    bench.finished(0, 4)
    bench.assignment.close(bench.consumer, 0.0)
    assert [what for what, _ in bench.fake.asked] == ["commit"]
