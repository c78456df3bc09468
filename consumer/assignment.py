"""Our share of the topic: taken, handed over, paused, and committed as far as it is finished."""

import time

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition

from consumer.metrics import COMMIT_FAILURES
from consumer.offsets import OffsetTracker, Partition
from consumer.workers import Workers
from service.crash_points import CrashPoint, reached
from service.logs import get_logger

_log = get_logger(__name__)


class Assignment:
    """All but ``on_commit`` is called in the polling thread only."""

    def __init__(self, tracker: OffsetTracker, workers: Workers, hand_over_seconds: float) -> None:
        self._tracker = tracker
        self._workers = workers
        self._hand_over_seconds = hand_over_seconds
        self._closing = False
        self.paused = False

    def on_assign(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        """More partitions are ours; they start paused where the others are."""
        for partition in partitions:
            self._tracker.assign(_name(partition))
        consumer.incremental_assign(partitions)
        if self.paused:
            consumer.pause(partitions)
        _log.info("partitions assigned", partitions=_numbers(partitions))

    def on_revoke(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        """Hand over: what runs may end, what waits is dropped, what is finished is committed.

        What does not end in time is delivered again to the new owner, where its effect already stands or is leased.
        """
        names = {_name(partition) for partition in partitions}
        claims = {claim for claim in self._tracker.claims() if claim.partition in names}
        if not self._closing:
            if not self._workers.hand_over(claims, self._hand_over_seconds):
                _log.warning("handed over with commands in flight", partitions=_numbers(partitions))
            self._commit_now(consumer, names)
        self._release(partitions, "partitions revoked")

    def on_lost(self, _consumer: Consumer, partitions: list[TopicPartition]) -> None:
        """Taken from us: what waits is dropped, and nothing may be committed."""
        names = {_name(partition) for partition in partitions}
        self._workers.hand_over({claim for claim in self._tracker.claims() if claim.partition in names}, 0)
        self._release(partitions, "partitions lost")

    def _release(self, partitions: list[TopicPartition], news: str) -> None:
        for partition in partitions:
            self._tracker.release(_name(partition))
        _log.info(news, partitions=_numbers(partitions))

    def balance(self, consumer: Consumer, *, full: bool, room: bool) -> None:
        """Pause everything when ``full``, resume once there is ``room`` again."""
        if full and not self.paused:
            consumer.pause(self._owned())
            self.paused = True
        elif room and self.paused:
            consumer.resume(self._owned())
            self.paused = False

    def commit(self, consumer: Consumer) -> None:
        """Send what is finished and not yet acknowledged; ``on_commit`` hears the answer."""
        offsets = _offsets(self._tracker.uncommitted())
        if not offsets:
            return
        reached(CrashPoint.CONSUMER_BEFORE_OFFSET_COMMIT)
        try:
            consumer.commit(offsets=offsets, asynchronous=True)
        except KafkaException as exc:
            _commit_failed(exc.args[0])

    def _commit_now(self, consumer: Consumer, names: set[Partition]) -> None:
        found = self._tracker.uncommitted()
        offsets = _offsets({partition: position for partition, position in found.items() if partition in names})
        if not offsets:
            return
        reached(CrashPoint.CONSUMER_BEFORE_OFFSET_COMMIT)
        try:
            self._acknowledge(consumer.commit(offsets=offsets, asynchronous=False))
        except KafkaException as exc:
            _commit_failed(exc.args[0])

    def close(self, consumer: Consumer, seconds: float) -> None:
        """Commit what is finished and leave the group; for a broker that is away, wait no longer than ``seconds``.

        What polling still hands out is not taken: its offset is not committed, and its next owner gets it.
        """
        self._closing = True
        deadline = time.monotonic() + seconds
        self.commit(consumer)
        while self._tracker.uncommitted() and time.monotonic() < deadline:
            consumer.poll(0.05)
        if self._tracker.uncommitted():
            _log.warning("offsets not committed before the end: what they stand for is delivered again")
            return  # Closing would wait for the same broker; the group notices by itself that we are gone.
        consumer.close()

    def on_commit(self, error: KafkaError | None, partitions: list[TopicPartition]) -> None:
        """librdkafka's answer to ``commit``."""
        if error is not None:
            _commit_failed(error)
        else:
            self._acknowledge(partitions)

    def _acknowledge(self, partitions: list[TopicPartition]) -> None:
        reached(CrashPoint.CONSUMER_AFTER_OFFSET_COMMIT)
        for partition in partitions:
            if partition.error is not None:
                _commit_failed(partition.error)
            else:
                self._tracker.acknowledge(_name(partition), partition.offset)

    def _owned(self) -> list[TopicPartition]:
        return [TopicPartition(*claim.partition) for claim in self._tracker.claims()]


def _commit_failed(error: KafkaError) -> None:
    COMMIT_FAILURES.inc()
    _log.warning("offsets not committed", error=error.str(), code=error.name())


def _name(partition: TopicPartition) -> Partition:
    return (partition.topic, partition.partition)


def _numbers(partitions: list[TopicPartition]) -> list[int]:
    return sorted(partition.partition for partition in partitions)


def _offsets(positions: dict[Partition, int]) -> list[TopicPartition]:
    return [TopicPartition(topic, number, position) for (topic, number), position in positions.items()]
