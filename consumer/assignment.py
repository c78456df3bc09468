"""The partitions of this process: reads them, hands them over, pauses them, and commits their finished offsets."""

import time
from typing import Any

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition

from consumer.crash_points import CrashPoint
from consumer.identity import to_metadata
from consumer.metrics import COMMIT_FAILURES
from consumer.offsets import OffsetTracker, Partition
from consumer.stages import Stage, Stages
from consumer.starts import ExchangedError, Starts
from consumer.workers import Workers
from runtime.crash_points import reached
from runtime.logs import get_logger

_log = get_logger(__name__)
_ASK_AGAIN = 2.0


class Assignment:
    """Keeps librdkafka's assignment, pauses and commits in step with the offset tracker.

    For the polling thread only; others may read ``paused`` and ``waits_for``.

    The group decides which partitions are ours. This class decides where each is read from and whether it is paused. It
    sets both each time that a partition comes: librdkafka keeps a pause when a partition leaves and comes back (its
    issue 1849).
    """

    def __init__(
        self, tracker: OffsetTracker, workers: Workers, starts: Starts, stages: Stages, hand_over_seconds: float
    ) -> None:
        self._tracker = tracker
        self._workers = workers
        self._starts = starts
        self._stages = stages
        self._hand_over_seconds = hand_over_seconds
        self._closing = False
        self._reading: dict[Partition, bool] = {}  # The partitions that librdkafka reads, and whether we paused them.
        self._all_read = True
        self._place_at = 0.0
        self.paused = False
        self.waits_for: str | None = None

    def on_assign(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        """Note partitions that came; ``place`` starts reading them."""
        for partition in partitions:
            self._tracker.assign(_name(partition))
        # Without an assignment in this callback the client assigns all partitions itself, and starts anywhere.
        consumer.incremental_assign([])
        self._all_read, self._place_at = False, 0.0
        _log.info("partitions assigned", partitions=_numbers(partitions))

    def place(self, consumer: Consumer) -> None:
        """Start reading our partitions that are not read yet, each at its place. Raises KafkaException when fatal."""
        if self._all_read:
            return
        reach = self._tracker.reach()
        waiting = {partition: found.following for partition, found in reach.items() if partition not in self._reading}
        if not waiting:
            self._all_read, self.waits_for = True, None
        elif time.monotonic() >= self._place_at:
            self._stages.enter(Stage.PLACING)
            self.waits_for = self._placed(consumer, waiting)
            self._place_at = time.monotonic() + _ASK_AGAIN

    def _placed(self, consumer: Consumer, waiting: dict[Partition, int | None]) -> str | None:
        try:
            starts, error = self._starts.find(consumer, waiting)
            fresh = [TopicPartition(*partition, start.offset) for partition, start in starts.items()]
            consumer.incremental_assign(fresh)
        except ExchangedError:
            self._exchange(consumer)
            return None
        except KafkaException as exc:
            error, fresh, starts = exc.args[0], [], {}
            if error.fatal():
                raise
        for partition, start in starts.items():
            self._tracker.place(partition, start.offset, committed=start.committed)
        self._pause_or_resume(consumer, list(starts))
        return None if error is None else f"kafka: cannot ask where to start: {error.str()}"

    def displaced(self, consumer: Consumer, partition: Partition) -> None:
        """Stop reading a partition because Kafka has no record at our position; ``place`` asks for another one."""
        if self._reading.pop(partition, None) is not None:
            consumer.incremental_unassign([TopicPartition(*partition)])
            self._all_read, self._place_at = False, 0.0

    def look(self, consumer: Consumer) -> None:
        """Check that the topic is still the same, and that librdkafka reads the partitions that we think it reads."""
        if self._starts.look():
            self._exchange(consumer)
        found = {_name(partition) for partition in consumer.assignment()}
        if found != self._reading.keys():
            _log.error("librdkafka reads other partitions than ours", ours=sorted(self._reading), its=sorted(found))
            consumer.incremental_unassign([TopicPartition(*partition) for partition in found - self._reading.keys()])
            self._reading = {partition: paused for partition, paused in self._reading.items() if partition in found}
            self._all_read = False

    def _exchange(self, consumer: Consumer) -> None:
        """Place all partitions again, in the new topic."""
        owned = list(self._tracker.reach())
        self._starts.exchange(owned)
        for partition in owned:
            self._tracker.assign(partition)  # Another claim: unfinished records of the old topic commit nothing.
            self.displaced(consumer, partition)
        self._all_read, self._place_at = False, 0.0

    def on_revoke(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        """Hand over: jobs that run may end, jobs that wait are dropped, finished offsets are committed.

        The new owner gets the records of jobs that do not end in time. Command key and lease prevent a second effect.
        """
        self._stages.enter(Stage.HANDING_OVER)
        names = {_name(partition) for partition in partitions}
        claims = {claim for claim in self._tracker.claims() if claim.partition in names}
        if not self._closing:
            self._stages.wait_for("commands in flight")
            if not self._workers.hand_over(claims, self._hand_over_seconds):
                _log.warning("handed over with commands in flight", partitions=_numbers(partitions))
            self._stages.wait_for("Kafka to commit offsets")
            self._commit_now(consumer, names)
        self._release(consumer, partitions, "partitions revoked")

    def on_lost(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        """Drop the jobs of partitions that another process may own already; their offsets may not be committed."""
        names = {_name(partition) for partition in partitions}
        self._workers.hand_over({claim for claim in self._tracker.claims() if claim.partition in names}, 0)
        self._release(consumer, partitions, "partitions lost")

    def _release(self, consumer: Consumer, partitions: list[TopicPartition], event: str) -> None:
        read = [partition for partition in partitions if self._reading.pop(_name(partition), None) is not None]
        consumer.incremental_unassign(read)
        for partition in partitions:
            self._tracker.release(_name(partition))
        _log.info(event, partitions=_numbers(partitions))

    def balance(self, consumer: Consumer, *, full: bool, room: bool) -> None:
        """Pause all partitions when ``full``; resume them once there is ``room`` again."""
        if full or room:
            self.paused = full
        self._pause_or_resume(
            consumer, [partition for partition, paused in self._reading.items() if paused is not self.paused]
        )

    def _pause_or_resume(self, consumer: Consumer, partitions: list[Partition]) -> None:
        """Pause or resume ``partitions`` in librdkafka, also where it may know: a partition may come back paused."""
        if partitions:
            pause_or_resume = consumer.pause if self.paused else consumer.resume
            pause_or_resume([TopicPartition(*partition) for partition in partitions])
            self._reading |= dict.fromkeys(partitions, self.paused)

    def commit(self, consumer: Consumer) -> None:
        """Send finished offsets that Kafka has not acknowledged; ``on_commit`` gets the answer."""
        offsets = self._offsets(self._tracker.uncommitted())
        if not offsets:
            return
        reached(CrashPoint.BEFORE_OFFSET_COMMIT)
        try:
            consumer.commit(offsets=offsets, asynchronous=True)
        except KafkaException as exc:
            _commit_failed(exc.args[0])

    def _commit_now(self, consumer: Consumer, names: set[Partition]) -> None:
        found = self._tracker.uncommitted()
        offsets = self._offsets({partition: position for partition, position in found.items() if partition in names})
        if not offsets:
            return
        reached(CrashPoint.BEFORE_OFFSET_COMMIT)
        try:
            self._acknowledge(consumer.commit(offsets=offsets, asynchronous=False))
        except KafkaException as exc:
            _commit_failed(exc.args[0])

    def close(self, consumer: Consumer, seconds: float) -> None:
        """Commit finished offsets and leave the group; wait at most ``seconds`` for a broker that is away.

        Records that polling still returns are dropped: their offsets are not committed, so their next owner gets them.
        """
        self._closing = True
        deadline = time.monotonic() + seconds
        self.commit(consumer)
        while self._tracker.uncommitted() and time.monotonic() < deadline:
            consumer.poll(0.05)
        if self._tracker.uncommitted():
            _log.warning("offsets not committed before the end: their records are delivered again")
            return  # Closing would wait for the same broker; the group notices by itself that this member is gone.
        consumer.close()

    def on_commit(self, error: KafkaError | None, partitions: list[TopicPartition]) -> None:
        """Take librdkafka's answer to ``commit``."""
        if error is not None:
            _commit_failed(error)
        else:
            self._acknowledge(partitions)

    def _acknowledge(self, partitions: list[TopicPartition]) -> None:
        reached(CrashPoint.AFTER_OFFSET_COMMIT)
        for partition in partitions:
            if partition.error is not None:
                _commit_failed(partition.error)
            else:
                self._tracker.acknowledge(_name(partition), partition.offset)

    def _offsets(self, positions: dict[Partition, int]) -> list[TopicPartition]:
        metadata = to_metadata(self._starts.topic_id)
        named: dict[str, Any] = {"metadata": metadata} if metadata else {}
        return [TopicPartition(*partition, position, **named) for partition, position in positions.items()]


def _commit_failed(error: KafkaError) -> None:
    COMMIT_FAILURES.inc()
    _log.warning("offsets not committed", error=error.str(), code=error.name())


def _name(partition: TopicPartition) -> Partition:
    return (partition.topic, partition.partition)


def _numbers(partitions: list[TopicPartition]) -> list[int]:
    return sorted(partition.partition for partition in partitions)
