"""Test doubles for the use cases and for Kafka's client."""

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

from confluent_kafka import KafkaError, KafkaException, TopicPartition

from consumer.offsets import Partition
from consumer.ports import DueCommand
from consumer.starts import ExchangedError, Start
from service.domain.commands.catalog import Command
from service.domain.received_records import InvalidCommand, Origin, UnreadableMessage

LONG = 20.0
"""Seconds after which a test gives up waiting; a passing test never waits so long."""


@dataclass(frozen=True)
class Due:
    """A due command, in the form that the use cases return."""

    ordering_key: str
    action: Callable[[], None]

    def run(self) -> None:
        self.action()


@dataclass
class RecordingCommands:
    """Records its calls; ``before`` runs first and may block or raise."""

    before: Callable[[Origin], None] = lambda _: None
    due: list[list[Due]] = field(default_factory=list)
    limits: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.calls: list[tuple[str, Any, Origin]] = []
        self._changed = threading.Condition()

    def handle(self, command: Command, origin: Origin) -> None:
        self._record("handle", command, origin)

    def refuse(self, invalid: InvalidCommand, origin: Origin) -> None:
        self._record("refuse", invalid, origin)

    def dead_letter(self, unreadable: UnreadableMessage, origin: Origin) -> None:
        self._record("dead_letter", unreadable, origin)

    def complete_due(self, limit: int) -> Sequence[DueCommand]:
        self.limits.append(limit)
        return self.due.pop(0) if self.due else []

    def _record(self, call: str, what: Any, origin: Origin) -> None:
        self.before(origin)
        with self._changed:
            self.calls.append((call, what, origin))
            self._changed.notify_all()

    def wait_for(self, count: int, seconds: float = LONG) -> None:
        """Wait until ``count`` calls were made; fail when they do not come."""
        with self._changed:
            assert self._changed.wait_for(lambda: len(self.calls) >= count, seconds), self.calls


class FakeConsumer:
    """Records the assignment's calls of Kafka's client. Commits raise ``refuse``, polls call ``answer``."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, list[tuple[int, int]]]] = []
        self.reads: set[Partition] = set()
        self.metadata: set[str | None] = set()
        self.refuse: int | None = None
        self.refuse_partitions: set[int] = set()
        self.answer: Callable[[], None] = lambda: None

    def poll(self, _seconds: float) -> None:
        self.answer()

    def close(self) -> None:
        self._note("close", [])

    def _note(self, what: str, partitions: list[TopicPartition]) -> None:
        self.asked.append((what, sorted((one.partition, one.offset) for one in partitions)))

    def incremental_assign(self, partitions: list[TopicPartition]) -> None:
        self.reads |= {(one.topic, one.partition) for one in partitions}
        if partitions:
            self._note("assign", partitions)

    def incremental_unassign(self, partitions: list[TopicPartition]) -> None:
        self.reads -= {(one.topic, one.partition) for one in partitions}
        if partitions:
            self._note("unassign", [TopicPartition(one.topic, one.partition) for one in partitions])

    def assignment(self) -> list[TopicPartition]:
        return [TopicPartition(*one) for one in self.reads]

    def pause(self, partitions: list[TopicPartition]) -> None:
        self._note("pause", partitions)

    def resume(self, partitions: list[TopicPartition]) -> None:
        self._note("resume", partitions)

    def commit(self, *, offsets: list[TopicPartition], asynchronous: bool) -> list[TopicPartition] | None:
        if self.refuse is not None:
            raise KafkaException(KafkaError(self.refuse))
        self._note("commit" if asynchronous else "commit now", offsets)
        self.metadata |= {one.metadata for one in offsets}
        return None if asynchronous else [self._answer(one) for one in offsets]

    def _answer(self, one: TopicPartition) -> Any:
        refused = KafkaError(KafkaError.REBALANCE_IN_PROGRESS) if one.partition in self.refuse_partitions else None
        return SimpleNamespace(topic=one.topic, partition=one.partition, offset=one.offset, error=refused)


class FakeStarts:
    """Starts each partition at ``offset``, or refuses. ``exchanged`` makes it another topic once."""

    def __init__(self) -> None:
        self.topic_id: str | None = "first"
        self.offset = 0
        self.refuse: KafkaError | None = None
        self.exchanged = False
        self.seen_in_find = False
        self.reported: list[Partition] = []
        self.expected: list[dict[Partition, int | None]] = []

    def look(self) -> bool:
        return self.exchanged

    def exchange(self, owned: list[Partition]) -> None:
        self.exchanged = self.seen_in_find = False
        self.reported += owned

    def find(
        self, _consumer: Any, expected: dict[Partition, int | None]
    ) -> tuple[dict[Partition, Start], KafkaError | None]:
        if self.seen_in_find:
            raise ExchangedError
        self.expected.append(expected)
        if self.refuse is not None:
            return {}, self.refuse
        return {partition: Start(self.offset, committed=True) for partition in expected}, None


@dataclass
class FakeMessage:
    """A Kafka record as the client returns it."""

    value_: bytes | None
    offset_: int = 0
    partition_: int = 0
    key_: bytes | None = None
    headers_: Any = None
    timestamp_: tuple[int, int] = (0, 0)

    def topic(self) -> str:
        return "commands"

    def partition(self) -> int:
        return self.partition_

    def offset(self) -> int:
        return self.offset_

    def key(self) -> bytes | None:
        return self.key_

    def value(self) -> bytes | None:
        return self.value_

    def headers(self) -> Any:
        return self.headers_

    def timestamp(self) -> tuple[int, int]:
        return self.timestamp_
