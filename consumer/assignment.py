"""Our share of the topic: taken, handed over, paused, and committed as far as it is finished."""

import time

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
    """All but ``on_commit`` is called in the polling thread only.

    Which partitions are ours is the group's word; where each is read from, and whether it is paused, is ours, and told
    to librdkafka for each anew: it keeps a pause when a partition leaves and comes back (its issue 1849).
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
        self._told: dict[Partition, bool] = {}  # What librdkafka reads, and whether it was told to pause.
        self._all_read = True
        self._place_at = 0.0
        self.paused = False
        self.waits_for: str | None = None

    def on_assign(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        """More partitions are ours; ``place`` has them read."""
        for partition in partitions:
            self._tracker.assign(_name(partition))
        consumer.incremental_assign([])  # Who assigns nothing here has all assigned by the client, from anywhere.
        self._all_read, self._place_at = False, 0.0
        _log.info("partitions assigned", partitions=_numbers(partitions))

    def place(self, consumer: Consumer) -> None:
        """Have what is ours, and not read yet, read from where it must be. Raises KafkaException when it is fatal."""
        if self._all_read:
            return
        reach = self._tracker.reach()
        waiting = {partition: found.following for partition, found in reach.items() if partition not in self._told}
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
            self._tracker.place(partition, start.offset, stands=start.stands)
        self._tell(consumer, list(starts))
        return None if error is None else f"kafka: cannot ask where to start: {error.str()}"

    def displaced(self, consumer: Consumer, partition: Partition) -> None:
        """Kafka has nothing where we read: ``place`` asks what there is."""
        if self._told.pop(partition, None) is not None:
            consumer.incremental_unassign([TopicPartition(*partition)])
            self._all_read, self._place_at = False, 0.0

    def look(self, consumer: Consumer) -> None:
        """Whether the topic is still the one that we read, and librdkafka's assignment the one that we think it is."""
        if self._starts.look():
            self._exchange(consumer)
        found = {_name(partition) for partition in consumer.assignment()}
        if found != self._told.keys():
            _log.error("librdkafka reads other partitions than ours", ours=sorted(self._told), its=sorted(found))
            consumer.incremental_unassign([TopicPartition(*partition) for partition in found - self._told.keys()])
            self._told = {partition: told for partition, told in self._told.items() if partition in found}
            self._all_read = False

    def _exchange(self, consumer: Consumer) -> None:
        """Everything is placed anew, in the other topic."""
        owned = list(self._tracker.reach())
        self._starts.exchange(owned)
        for partition in owned:
            self._tracker.assign(partition)  # Another claim: what is left of the old topic commits nothing.
            self.displaced(consumer, partition)
        self._all_read, self._place_at = False, 0.0

    def on_revoke(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        """Hand over: what runs may end, what waits is dropped, what is finished is committed.

        What does not end in time is delivered again to the new owner, where its effect already stands or is leased.
        """
        self._stages.enter(Stage.HANDING_OVER)
        names = {_name(partition) for partition in partitions}
        claims = {claim for claim in self._tracker.claims() if claim.partition in names}
        if not self._closing:
            if not self._workers.hand_over(claims, self._hand_over_seconds):
                _log.warning("handed over with commands in flight", partitions=_numbers(partitions))
            self._commit_now(consumer, names)
        self._release(consumer, partitions, "partitions revoked")

    def on_lost(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        """Taken from us: what waits is dropped, and nothing may be committed."""
        names = {_name(partition) for partition in partitions}
        self._workers.hand_over({claim for claim in self._tracker.claims() if claim.partition in names}, 0)
        self._release(consumer, partitions, "partitions lost")

    def _release(self, consumer: Consumer, partitions: list[TopicPartition], news: str) -> None:
        read = [partition for partition in partitions if self._told.pop(_name(partition), None) is not None]
        consumer.incremental_unassign(read)
        for partition in partitions:
            self._tracker.release(_name(partition))
        _log.info(news, partitions=_numbers(partitions))

    def balance(self, consumer: Consumer, *, full: bool, room: bool) -> None:
        """Everything pauses when ``full``, and goes on once there is ``room`` again."""
        if full or room:
            self.paused = full
        self._tell(consumer, [partition for partition, told in self._told.items() if told is not self.paused])

    def _tell(self, consumer: Consumer, partitions: list[Partition]) -> None:
        """Also what it may know: an old pause is no news to us, but to what came back it is."""
        if partitions:
            tell = consumer.pause if self.paused else consumer.resume
            tell([TopicPartition(*partition) for partition in partitions])
            self._told |= dict.fromkeys(partitions, self.paused)

    def commit(self, consumer: Consumer) -> None:
        """Send what is finished and not yet acknowledged; ``on_commit`` hears the answer."""
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
        reached(CrashPoint.AFTER_OFFSET_COMMIT)
        for partition in partitions:
            if partition.error is not None:
                _commit_failed(partition.error)
            else:
                self._tracker.acknowledge(_name(partition), partition.offset)

    def _offsets(self, positions: dict[Partition, int]) -> list[TopicPartition]:
        metadata = to_metadata(self._starts.topic_id)
        return [
            TopicPartition(topic, number, position, metadata=metadata)
            if metadata
            else TopicPartition(topic, number, position)
            for (topic, number), position in positions.items()
        ]


def _commit_failed(error: KafkaError) -> None:
    COMMIT_FAILURES.inc()
    _log.warning("offsets not committed", error=error.str(), code=error.name())


def _name(partition: TopicPartition) -> Partition:
    return (partition.topic, partition.partition)


def _numbers(partitions: list[TopicPartition]) -> list[int]:
    return sorted(partition.partition for partition in partitions)
