"""Reads topics as a careful reader does: only committed records, in batches."""

import secrets
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing
from typing import Any, Literal

from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, KafkaException, Message
from confluent_kafka.cimpl import TopicPartition

from devstack.saga_client.records import Record, record_of
from devstack.saga_client.waiting import until

Start = Literal["earliest", "latest"]

_ANSWER_SECONDS = 10.0
_QUIET_SECONDS = 30.0
_BATCH = 10_000
_USUAL, _SOON = 500, 20
"""Milliseconds that a broker waits before it answers an empty fetch. That answer reports the end of the partition."""


class CommittedReader:
    """Reads whole topics without joining a consumer group, so it changes no group's offsets."""

    def __init__(self, kafka: Mapping[str, Any], topics: Iterable[str], *, ends: bool = False) -> None:
        """``kafka``: settings of librdkafka, ``bootstrap.servers`` among them. ``ends``: allow ``to_end``."""
        self._topics = tuple(topics)
        self._places: list[TopicPartition] = []
        self._consumer = Consumer(
            {
                "log_level": 3,
                **kafka,
                "group.id": f"reader-{secrets.token_hex(6)}",
                "enable.auto.commit": False,
                "enable.partition.eof": ends,
                "fetch.wait.max.ms": _SOON if ends else _USUAL,
                "isolation.level": "read_committed",
            }
        )

    def begin(self, start: Start = "earliest") -> bool:
        """Find the place to read from. False while a topic or the broker is missing; the caller tries again."""
        try:
            self._places = [place for topic in self._topics for place in self._partitions(topic, start)]
        except KafkaException:
            return False
        self._consumer.assign(self._places)
        return True

    def batch(self, seconds: float) -> list[Message]:
        """All available records, as soon as there is one; none after this number of seconds."""
        deadline = time.monotonic() + seconds
        while (left := deadline - time.monotonic()) > 0:
            records = [message for message in self._polled(left) if message.error() is None]
            if records:
                return records
        return []

    def to_end(self, seconds: float = _QUIET_SECONDS) -> Iterator[Message]:
        """The rest of the records committed now. Raises TimeoutError when no end comes for this number of seconds."""
        self._places = self._positions()
        self._consumer.assign(self._places)  # The end of a partition is reported once per assignment.
        unfinished = {(place.topic, place.partition) for place in self._places}
        while unfinished:
            messages = self._polled(seconds)
            if not messages:
                raise TimeoutError(f"the end of {unfinished} does not come: a transaction is open there")
            for message in messages:
                error = message.error()
                if error is None:
                    yield message
                elif error.code() == KafkaError._PARTITION_EOF:
                    unfinished.discard((message.topic(), message.partition()))

    def close(self) -> None:
        """Close the connections."""
        self._consumer.close()

    def _partitions(self, topic: str, start: Start) -> list[TopicPartition]:
        """Raises KafkaException."""
        found = self._consumer.list_topics(topic, timeout=_ANSWER_SECONDS).topics[topic]
        if not found.partitions:
            raise KafkaException(found.error)
        places = [TopicPartition(topic, number, OFFSET_BEGINNING) for number in found.partitions]
        if start == "latest":
            for place in places:
                _, place.offset = self._consumer.get_watermark_offsets(place, timeout=_ANSWER_SECONDS)
        return places

    def _positions(self) -> list[TopicPartition]:
        """The next place to read in each partition."""
        positions = self._consumer.position(self._places)
        return [
            began if position.offset < 0 else position for began, position in zip(self._places, positions, strict=True)
        ]

    def _polled(self, seconds: float) -> list[Message]:
        """Polls for the first record, because ``consume`` alone would wait for a full batch."""
        first = self._consumer.poll(seconds)
        return [] if first is None else [first, *self._consumer.consume(_BATCH - 1, 0)]


def committed_records(kafka: Mapping[str, Any], topics: Iterable[str]) -> list[Record]:
    """The records of each topic from its beginning to its end, once all topics exist. Raises TimeoutError."""
    wanted = sorted(set(topics))
    with closing(CommittedReader(kafka, wanted, ends=True)) as reader:
        until(reader.begin, f"there are topics {wanted}")
        return [record_of(message) for message in reader.to_end()]
