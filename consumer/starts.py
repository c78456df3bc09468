"""Decides where reading a partition starts: at the group's offset in this very topic, or at the first record."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition

from consumer.identity import TopicIdentity, from_metadata
from consumer.missing import Missing
from consumer.offsets import Partition
from runtime.errors import PaymentServiceError

_SECONDS = 3.0


@dataclass(frozen=True, slots=True)
class Start:
    """A place to start. ``committed``: the group's offset is this one, under this topic's id, or the group has none."""

    offset: int
    committed: bool


class ExchangedError(PaymentServiceError):
    """The name belongs to another topic than the one that is read, so all known offsets are void."""


class Starts:
    """Asks Kafka for starts, and reports missing records. ``auto.offset.reset`` would skip them silently.

    For the polling thread only.
    """

    def __init__(self, identity: TopicIdentity, missing: Missing) -> None:
        self._identity = identity
        self._missing = missing
        self.topic_id: str | None = None
        self._other_id: str | None = None

    def look(self) -> bool:
        """Whether the name belongs to another topic than the one that is read. Never waits."""
        return self._is_other(self._identity.look())

    def exchange(self, owned: Collection[Partition]) -> None:
        """Read the other topic from now on, and report this for each partition in ``owned``."""
        if self._other_id is None:
            raise LookupError("no other topic was seen")
        self.topic_id, self._other_id = self._other_id, None
        for partition in owned:
            self._missing.exchanged(partition, self.topic_id)

    def find(
        self, consumer: Consumer, expected: Mapping[Partition, int | None]
    ) -> tuple[dict[Partition, Start], KafkaError | None]:
        """Find the starts of the partitions in ``expected``, and the error that kept the others from being found.

        ``expected`` has the offset to be read next; None stands for the group's offset. Raises KafkaException when
        Kafka does not answer at all, ExchangedError when the topic is another one: all its partitions must then be
        placed again, also those that are being read.
        """
        topic_id = self._identity.current(_SECONDS)
        if self._is_other(topic_id):
            raise ExchangedError
        known = {at: one for at, one in expected.items() if one is not None}
        self.topic_id = topic_id
        starts: dict[Partition, Start] = {}
        error: KafkaError | None = None
        for partition, committed in _committed(consumer, expected.keys() - known.keys()).items():
            try:
                starts[partition] = self._from_group(consumer, partition, committed)
            except KafkaException as exc:
                error = exc.args[0]
        for partition, offset in known.items():
            try:
                starts[partition] = self._in_range(consumer, partition, offset)
            except KafkaException as exc:
                error = exc.args[0]
        return starts, error

    def _is_other(self, topic_id: str | None) -> bool:
        if topic_id is None or self.topic_id is None or topic_id == self.topic_id:
            return False
        self._other_id = topic_id
        return True

    def _from_group(self, consumer: Consumer, partition: Partition, committed: TopicPartition) -> Start:
        if committed.error is not None:
            raise KafkaException(committed.error)
        if committed.offset < 0:
            return Start(_range(consumer, partition)[0], committed=True)
        under = from_metadata(committed.metadata)
        if self.topic_id is not None and under is not None and under != self.topic_id:
            self._missing.exchanged(partition, self.topic_id)
            return Start(_range(consumer, partition)[0], committed=False)
        return Start(committed.offset, committed=under == self.topic_id)

    def _in_range(self, consumer: Consumer, partition: Partition, expected: int) -> Start:
        low, high = _range(consumer, partition)
        if low <= expected <= high:
            return Start(expected, committed=False)
        if expected < low:
            self._missing.skipped(partition, expected, low)
        else:
            self._missing.truncated(partition, expected, high)
        return Start(low, committed=False)


def _committed(consumer: Consumer, partitions: Collection[Partition]) -> dict[Partition, TopicPartition]:
    if not partitions:
        return {}
    found = consumer.committed([TopicPartition(*partition) for partition in partitions], _SECONDS)
    return {(one.topic, one.partition): one for one in found}


def _range(consumer: Consumer, partition: Partition) -> tuple[int, int]:
    """The partition's first offset, and the one after its last. Raises KafkaException."""
    found = consumer.get_watermark_offsets(TopicPartition(*partition), timeout=_SECONDS, cached=False)
    if found is None:
        raise KafkaException(KafkaError(KafkaError._TIMED_OUT))
    return found
