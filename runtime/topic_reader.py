"""Reads topics back: the parts written since a time, as a ``read_committed`` reader finds them."""

import logging
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from typing import Any, NamedTuple

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition

REQUEST_SECONDS = 10.0
"""Longest wait for one answer of a broker."""
_POLL_SECONDS = 0.2
_POLL_MESSAGES = 2000

Place = tuple[str, int]
"""Topic and partition."""


class Extent(NamedTuple):
    """The part of a partition to read: offsets from ``start`` to before ``end``."""

    start: int
    end: int
    cut: bool
    """Whether the broker has deleted all older records: records that should be read may be among them."""


def extents(
    config: Mapping[str, Any], since: Mapping[str, datetime], *, seconds: float = REQUEST_SECONDS
) -> dict[Place, Extent]:
    """The parts written to each topic since its time in ``since``; none of a missing topic.

    ``seconds``: the longest wait for one answer. Raises KafkaException.
    """
    # Read to the end of uncommitted records: the end of the committed ones may still move up to there.
    consumer = _consumer(config, {"isolation.level": "read_uncommitted"})
    try:
        known = consumer.list_topics(timeout=seconds).topics
        for topic in known.keys() & since.keys():
            if known[topic].error is not None:
                # Kafka lists no partitions then, which must not count as having no events.
                raise KafkaException(known[topic].error)
        places = [(topic, partition) for topic in since if topic in known for partition in known[topic].partitions]
        return {place: _extent(consumer, TopicPartition(*place), since[place[0]], seconds) for place in places}
    finally:
        consumer.close()


def _extent(consumer: Consumer, place: TopicPartition, since: datetime, seconds: float) -> Extent:
    first, end = consumer.get_watermark_offsets(place, timeout=seconds)
    start = _offset_at(consumer, place, max(0, int(since.timestamp() * 1000)), seconds)
    if start is None and _offset_at(consumer, place, 0, seconds) is None:
        start = first  # an empty partition, or a broker (librdkafka's mock) that does not look up times
    start = end if start is None else max(first, start)
    return Extent(start, end, cut=0 < first == start)


def _offset_at(consumer: Consumer, place: TopicPartition, milliseconds: int, seconds: float) -> int | None:
    """The offset of the first record written at that time or later; None when there is none."""
    asked = [TopicPartition(place.topic, place.partition, milliseconds)]
    (found,) = consumer.offsets_for_times(asked, timeout=seconds)
    return found.offset if found.offset >= 0 else None


def _consumer(config: Mapping[str, Any], ours: Mapping[str, Any]) -> Consumer:
    fixed = {"group.id": "topic-reader", "enable.auto.commit": False, **ours}
    return Consumer({**config, **fixed}, logger=logging.getLogger("librdkafka"))


def messages(
    config: Mapping[str, Any], wanted: Mapping[Place, Extent], beat: Callable[[], object]
) -> Iterator[list[Message]]:
    """Yield every record in ``wanted``, some at a time. Waits for open transactions. Raises KafkaException."""
    left = {place: extent for place, extent in wanted.items() if extent.start < extent.end}
    if not left:
        return
    ours = {"isolation.level": "read_committed", "enable.partition.eof": True, "auto.offset.reset": "error"}
    consumer = _consumer(config, ours)
    try:
        consumer.assign([TopicPartition(*place, extent.start) for place, extent in left.items()])
        while left:
            yield [message for message in consumer.consume(_POLL_MESSAGES, _POLL_SECONDS) if _is_wanted(message, left)]
            beat()
    finally:
        consumer.close()


def _is_wanted(message: Message, left: dict[Place, Extent]) -> bool:
    error, place = message.error(), (message.topic() or "", message.partition() or 0)
    if error is not None and error.code() != KafkaError._PARTITION_EOF:
        if error.retriable() or error.code() in {KafkaError._TRANSPORT, KafkaError._ALL_BROKERS_DOWN}:
            return False
        raise KafkaException(error)
    extent, offset = left.get(place), message.offset() or 0
    if extent is None:
        return False
    if offset + (error is None) >= extent.end:
        del left[place]
    return error is None and offset < extent.end
