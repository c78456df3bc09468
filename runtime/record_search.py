"""Finds single records in their topics, near the times at which they were written, within bounds.

The search reads from a minute before each time on, and first the partition that the record's key belongs to.
"""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from itertools import groupby
from typing import TYPE_CHECKING, Any, NamedTuple

from runtime.errors import PaymentServiceError

if TYPE_CHECKING:
    from confluent_kafka import Message

    from runtime.topic_reader import Extent, Place

CLOCK_SKEW = timedelta(minutes=1)
"""The largest difference between the clocks of database and relay or broker that a search allows for."""

MOST_RECORDS = 100_000
"""Records that one search reads."""

_TOGETHER = timedelta(minutes=5)
"""Records whose times differ by less are sought in one reading."""

_PARTITIONER = "murmur2_random"


class SearchError(PaymentServiceError):
    """Kafka does not answer, or refuses the search."""


class Sought(NamedTuple):
    """A record to find. ``at``: about when it was written (UTC). ``is_it`` is asked about its headers."""

    topic: str
    key: bytes
    at: datetime
    is_it: Callable[[Mapping[str, Any]], bool]


class Found(NamedTuple):
    """The record's place."""

    partition: int
    offset: int


class Absent(StrEnum):
    """Why a record was not found."""

    NO_TOPIC = "no_topic"
    EXPIRED = "expired"
    """The broker has deleted records of that time."""
    NOT_FOUND = "not_found"
    UNFINISHED = "unfinished"
    """The bounds of the search were reached first."""


class SpentError(PaymentServiceError):
    """The search has reached a bound."""


@dataclass
class _Search:
    config: Mapping[str, Any]
    until: float
    left: int
    found: dict[int, Found] = field(default_factory=dict)

    def beat(self) -> float:
        """The seconds left. Raises SpentError."""
        left = self.until - time.monotonic()
        if left <= 0 or self.left <= 0:
            raise SpentError
        return left

    def group(self, wanted: Mapping[int, Sought]) -> Absent:
        """Look for records of one topic and time; returns the reason why some may be missing."""
        from runtime.topic_reader import REQUEST_SECONDS, extents

        topic, since = next((each.topic, each.at) for each in wanted.values())
        seconds = min(self.beat(), REQUEST_SECONDS)
        parts = extents(self.config, {topic: since - CLOCK_SKEW}, seconds=seconds)
        if not parts:
            return Absent.NO_TOPIC
        likely = {(topic, number) for number in self._partitions(wanted, len(parts))}
        for some in (likely & parts.keys(), parts.keys() - likely):
            self._read({place: parts[place] for place in some}, wanted)
            if wanted.keys() <= self.found.keys():
                break
        return Absent.EXPIRED if any(part.cut for part in parts.values()) else Absent.NOT_FOUND

    def _partitions(self, wanted: Mapping[int, Sought], count: int) -> Iterator[int]:
        if self.config.get("partitioner", _PARTITIONER) == _PARTITIONER:
            yield from (partition_of(each.key, count) for each in wanted.values())

    def _read(self, parts: "Mapping[Place, Extent]", wanted: Mapping[int, Sought]) -> None:
        from runtime.topic_reader import messages

        keys = {each.key for each in wanted.values()}
        for some in messages(self.config, parts, self.beat):
            for record in some:
                self.left -= 1
                if record.key() in keys:
                    self._compare(record, wanted)
            if wanted.keys() <= self.found.keys():
                return

    def _compare(self, record: "Message", wanted: Mapping[int, Sought]) -> None:
        headers, place = dict(record.headers() or []), Found(record.partition() or 0, record.offset() or 0)
        for number, each in wanted.items():
            if number not in self.found and place not in self.found.values() and each.is_it(headers):
                self.found[number] = place


def search(config: Mapping[str, Any], sought: Sequence[Sought], seconds: float) -> list[Found | Absent]:
    """The place of each record, or why it was not found, after about ``seconds`` at the most.

    ``config``: librdkafka's settings. Raises SearchError.
    """
    from confluent_kafka import KafkaException

    # The error says what there is to say; librdkafka would write it into the log, too.
    work = _Search({**config, "log_level": 0}, time.monotonic() + seconds, MOST_RECORDS)
    reasons: dict[int, Absent] = {}
    for group in _groups(sought):
        reason = Absent.UNFINISHED
        try:
            reason = work.group(group)
        except SpentError:
            pass
        except KafkaException as error:
            raise SearchError(error.args[0].str()) from error
        reasons |= dict.fromkeys(group, reason)
    return [work.found.get(number, reasons[number]) for number in range(len(sought))]


def _groups(sought: Sequence[Sought]) -> Iterator[dict[int, Sought]]:
    in_order = sorted(enumerate(sought), key=lambda each: (each[1].topic, each[1].at))
    for _, of_topic in groupby(in_order, key=lambda each: each[1].topic):
        group: dict[int, Sought] = {}
        for number, each in of_topic:
            if group and each.at - next(iter(group.values())).at > _TOGETHER:
                yield group
                group = {}
            group[number] = each
        yield group


def partition_of(key: bytes, partitions: int) -> int:
    """The partition that the relay's producer, and the Java client, chooses for a key (murmur2)."""
    return (_murmur2(key) & 0x7FFFFFFF) % partitions


def _murmur2(data: bytes) -> int:
    """Kafka's own variant (Apache Kafka, ``Utils.murmur2``)."""
    mask, factor = 0xFFFFFFFF, 0x5BD1E995
    found = 0x9747B28C ^ len(data)
    whole = len(data) // 4 * 4
    for at in range(0, whole, 4):
        word = int.from_bytes(data[at : at + 4], "little") * factor & mask
        word = (word ^ word >> 24) * factor & mask
        found = (found * factor & mask) ^ word
    if rest := data[whole:]:
        found = (found ^ int.from_bytes(rest, "little")) * factor & mask
    found = (found ^ found >> 13) * factor & mask
    return found ^ found >> 15
