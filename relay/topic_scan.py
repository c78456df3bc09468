"""Reads topics back: which events a ``read_committed`` reader finds there."""

import logging
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from typing import Any, NamedTuple

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition
from confluent_kafka.admin import AdminClient, IsolationLevel, OffsetSpec

_ID = re.compile(r"[0-9a-fA-F]{8}(-?[0-9a-fA-F]{4}){3}-?[0-9a-fA-F]{12}")
_REQUEST_SECONDS = 10.0
_POLL_SECONDS = 0.5
_POLL_MESSAGES = 2000

Place = tuple[str, int]
"""Topic and partition."""


class Seen(NamedTuple):
    """An event as it stands in a topic."""

    topic: str
    partition: int
    offset: int
    at: datetime
    event_id: str
    replayed: bool


class Extent(NamedTuple):
    """What of a partition is to be read, and whether older records were there and are deleted."""

    start: int
    end: int
    cut: bool


def extents(config: Mapping[str, Any], topics: Sequence[str], since: datetime) -> dict[Place, Extent]:
    """What was written to ``topics`` since ``since``; a topic that does not exist has nothing. Raises KafkaException."""
    admin = AdminClient({**config, "logger": logging.getLogger("librdkafka")})
    known = admin.list_topics(timeout=_REQUEST_SECONDS).topics
    places = [(topic, partition) for topic in topics if topic in known for partition in known[topic].partitions]
    earliest = _offsets(admin, places, OffsetSpec.earliest())
    # Uncommitted too: the end of what is committed may still move, and must reach this far before reading is over.
    latest = _offsets(admin, places, OffsetSpec.latest())
    then = _offsets(admin, places, OffsetSpec.for_timestamp(max(0, int(since.timestamp() * 1000))))
    return {
        place: Extent(
            start=latest[place] if then[place] < 0 else max(then[place], earliest[place]),
            end=latest[place],
            cut=earliest[place] > 0,
        )
        for place in places
    }


def _offsets(admin: AdminClient, places: Sequence[Place], spec: OffsetSpec) -> dict[Place, int]:
    wanted = {TopicPartition(topic, partition): spec for topic, partition in places}
    if not wanted:
        return {}
    answers = admin.list_offsets(
        wanted, isolation_level=IsolationLevel.READ_UNCOMMITTED, request_timeout=_REQUEST_SECONDS
    )
    return {(place.topic, place.partition): answer.result().offset for place, answer in answers.items()}


def scan(config: Mapping[str, Any], wanted: Mapping[Place, Extent], beat: Callable[[], None]) -> Iterator[list[Seen]]:
    """Every event in ``wanted``, some at a time. Raises KafkaException; waits for transactions that are still open."""
    left = {place: extent for place, extent in wanted.items() if extent.start < extent.end}
    if not left:
        return
    ours = {
        "group.id": "relay-audit",
        "enable.auto.commit": False,
        "isolation.level": "read_committed",
        "enable.partition.eof": True,
        "auto.offset.reset": "error",
    }
    consumer = Consumer({**config, **ours}, logger=logging.getLogger("librdkafka"))
    try:
        consumer.assign([TopicPartition(*place, extent.start) for place, extent in left.items()])
        while left:
            yield [seen for message in consumer.consume(_POLL_MESSAGES, _POLL_SECONDS) for seen in _take(message, left)]
            beat()
    finally:
        consumer.close()


def _take(message: Message, left: dict[Place, Extent]) -> Iterator[Seen]:
    error, place = message.error(), (message.topic() or "", message.partition() or 0)
    if error is not None and error.code() != KafkaError._PARTITION_EOF:
        if error.retriable() or error.code() in {KafkaError._TRANSPORT, KafkaError._ALL_BROKERS_DOWN}:
            return
        raise KafkaException(error)
    extent, offset = left.get(place), message.offset() or 0
    if extent is None:
        return
    if offset + (error is None) >= extent.end:
        del left[place]
    if error is None and offset < extent.end:
        yield from _event(message, place, offset)


def _event(message: Message, place: Place, offset: int) -> Iterator[Seen]:
    headers = {name: value for name, value in message.headers() or [] if isinstance(value, bytes)}
    event_id = headers.get("ce_id", b"").decode("ascii", "replace")
    if _ID.fullmatch(event_id):
        at = datetime.fromtimestamp(message.timestamp()[1] / 1000, UTC)
        yield Seen(*place, offset, at, event_id, headers.get("replayed") == b"true")
