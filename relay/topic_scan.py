"""Reads topics back, and lists the events that a ``read_committed`` reader finds there."""

import logging
import re
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, NamedTuple

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition

from runtime.printable import printable

_LARGEST_SEQUENCE = 2**63 - 1
_LONGEST = 200
"""Characters of a key, type or id that are kept to name a record."""
_ID = re.compile(r"[0-9a-fA-F]{8}(-?[0-9a-fA-F]{4}){3}-?[0-9a-fA-F]{12}")
_REQUEST_SECONDS = 10.0
_POLL_SECONDS = 0.2
_POLL_MESSAGES = 2000

Place = tuple[str, int]
"""Topic and partition."""


class Seen(NamedTuple):
    """An event as its topic holds it."""

    topic: str
    partition: int
    offset: int
    at: datetime
    event_id: str
    replayed: bool
    replay_id: str | None
    source: str | None
    type: str | None
    key: str | None
    sequence: int | None


class Extent(NamedTuple):
    """The part of a partition to read: offsets from ``start`` to before ``end``."""

    start: int
    end: int
    cut: bool
    """Whether the broker has deleted all older records: records that should be read may be among them."""


def extents(config: Mapping[str, Any], since: Mapping[str, datetime]) -> dict[Place, Extent]:
    """The parts written to each topic since its time in ``since``; none of a missing topic. Raises KafkaException."""
    # Read to the end of uncommitted records: the end of the committed ones may still move up to there.
    consumer = _consumer(config, {"isolation.level": "read_uncommitted"})
    try:
        known = consumer.list_topics(timeout=_REQUEST_SECONDS).topics
        for topic in known.keys() & since.keys():
            if known[topic].error is not None:
                # Kafka lists no partitions then, which must not count as having no events.
                raise KafkaException(known[topic].error)
        places = [(topic, partition) for topic in since if topic in known for partition in known[topic].partitions]
        return {place: _extent(consumer, TopicPartition(*place), since[place[0]]) for place in places}
    finally:
        consumer.close()


def _extent(consumer: Consumer, place: TopicPartition, since: datetime) -> Extent:
    first, end = consumer.get_watermark_offsets(place, timeout=_REQUEST_SECONDS)
    start = _offset_at(consumer, place, max(0, int(since.timestamp() * 1000)))
    if start is None and _offset_at(consumer, place, 0) is None:
        start = first  # an empty partition, or a broker (librdkafka's mock) that does not look up times
    start = end if start is None else max(first, start)
    return Extent(start, end, cut=0 < first == start)


def _offset_at(consumer: Consumer, place: TopicPartition, milliseconds: int) -> int | None:
    """The offset of the first record written at that time or later; None when there is none."""
    asked = [TopicPartition(place.topic, place.partition, milliseconds)]
    (found,) = consumer.offsets_for_times(asked, timeout=_REQUEST_SECONDS)
    return found.offset if found.offset >= 0 else None


def _consumer(config: Mapping[str, Any], ours: Mapping[str, Any]) -> Consumer:
    fixed = {"group.id": "relay-audit", "enable.auto.commit": False, **ours}
    return Consumer({**config, **fixed}, logger=logging.getLogger("librdkafka"))


def scan(config: Mapping[str, Any], wanted: Mapping[Place, Extent], beat: Callable[[], None]) -> Iterator[list[Seen]]:
    """Yield every event in ``wanted``, some at a time. Waits for open transactions. Raises KafkaException."""
    for some in messages(config, wanted, beat):
        yield [seen for message in some for seen in _event(message)]


def messages(
    config: Mapping[str, Any], wanted: Mapping[Place, Extent], beat: Callable[[], None]
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


def _event(message: Message) -> Iterator[Seen]:
    headers: dict[str, Any] = dict(message.headers() or [])
    event_id = _text(headers.get("ce_id"))
    if not _ID.fullmatch(event_id):
        return
    yield Seen(
        message.topic() or "",
        message.partition() or 0,
        message.offset() or 0,
        datetime.fromtimestamp(message.timestamp()[1] / 1000, UTC),
        event_id,
        headers.get("replayed") == b"true",
        _text(headers.get("replay_id")) or None,
        _text(headers.get("ce_source")) or None,
        _text(headers.get("ce_type")) or None,
        _text(message.key()) or None,
        _number(headers.get("sequence")),
    )


def _text(value: Any) -> str:
    """A header or key as text that a table accepts, for any bytes."""
    return printable(bytes(value or b"").decode("utf-8", "replace"))[:_LONGEST] if isinstance(value, bytes) else ""


def _number(value: Any) -> int | None:
    text = _text(value)
    number = int(text) if text.isascii() and text.isdigit() and len(text) < 20 else None
    return number if number is not None and number <= _LARGEST_SEQUENCE else None
