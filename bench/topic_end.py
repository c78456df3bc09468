"""The time at which all records are in a topic, for readers of committed records."""

import time
from collections.abc import Generator
from contextlib import closing
from itertools import islice
from typing import Any

from confluent_kafka import IsolationLevel, KafkaError, KafkaException, Message, TopicPartition
from confluent_kafka.admin import AdminClient, OffsetSpec  # type: ignore[attr-defined]  # public, but not said so

from bench.servers import PARTITIONS, query
from devstack.saga_client import CommittedReader, until

_POLL_SECONDS = 0.01
_QUIET_SECONDS = 1.0
_PATIENCE_SECONDS = 600.0
_ANSWER_SECONDS = 30.0
_LATEST = OffsetSpec.latest()  # type: ignore[no-untyped-call]
_CHECKED = 50
_MORE = {"id"}
"""A header that Debezium's router always adds: the event's id."""
_ROW = "SELECT key, value, headers FROM outbox WHERE event_id = %s"


class UnlikeError(Exception):
    """A contender publishes other records."""


class TopicEnd:
    """Watches the last stable offsets. This takes few requests, and reads none of the measured records.

    Control records have offsets, too, so offsets do not give the number of records. When the offsets rest, the records
    are counted, and the watch continues until there are enough.
    """

    def __init__(self, bootstrap: str, topic: str) -> None:
        self._kafka: dict[str, Any] = {"bootstrap.servers": bootstrap, "log_level": 0}
        self._topic = topic
        self._partitions = [TopicPartition(topic, number) for number in range(PARTITIONS)]
        self._admin = AdminClient(self._kafka)

    def reached(self, records: int) -> float:
        """The time (monotonic) at which the last of this number of records became visible. Raises TimeoutError."""
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while time.monotonic() < deadline:
            changed = self._at_rest(records, deadline)
            if sum(1 for _ in self.records()) >= records:
                return changed
        raise TimeoutError(f"{records} records do not come")

    def records(self) -> Generator[Message, None, None]:
        """All records that are visible now."""
        with closing(CommittedReader(self._kafka, [self._topic], ends=True)) as reader:
            until(reader.begin, f"there is a topic {self._topic}")
            yield from reader.to_end()

    def _at_rest(self, least: int, deadline: float) -> float:
        """The time of the last change of the offsets, when they have reached `least` in all."""
        seen, changed = self._stable(), time.monotonic()
        while time.monotonic() < deadline:
            time.sleep(_POLL_SECONDS)
            now = self._stable()
            if now != seen:
                seen, changed = now, time.monotonic()
            elif seen >= least and time.monotonic() - changed > _QUIET_SECONDS:
                break
        return changed

    def _stable(self) -> int:
        asked = self._admin.list_offsets(
            dict.fromkeys(self._partitions, _LATEST), isolation_level=IsolationLevel.READ_COMMITTED
        )
        try:
            return sum(answer.result(_ANSWER_SECONDS).offset for answer in asked.values())
        except KafkaException as error:
            # A new topic, whose leaders this client does not know yet: the next question brings them.
            if error.args[0].code() != KafkaError.NOT_LEADER_FOR_PARTITION:
                raise
            return -1


def check(url: str, end: TopicEnd) -> None:
    """Raises UnlikeError for a record that differs from its outbox row, because sending less would be faster."""
    with closing(end.records()) as records:
        for record in islice(records, _CHECKED):
            headers: dict[str, Any] = dict(record.headers() or [])
            found = (record.key(), record.value(), {name: headers[name] for name in headers.keys() - _MORE})
            row = query(url, _ROW, str(headers["ce_id"], "ascii"))[0]
            if found != _as_sent(row):
                raise UnlikeError(f"{found} is not like its row {row}")


def _as_sent(row: tuple[Any, ...]) -> tuple[bytes, bytes, dict[str, bytes]]:
    key, value, headers = row
    return key.encode(), value.encode(), {name: text.encode() for name, text in headers}
