"""The polling thread: it takes records, commits offsets, and pauses partitions when memory is full."""

import time
from collections.abc import Callable
from dataclasses import dataclass

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition

from consumer.assignment import Assignment
from consumer.health import KafkaHealth
from consumer.intake import Intake
from consumer.stages import Stage, Stages
from consumer.workers import Workers
from runtime.logs import get_logger
from runtime.shutdown import Shutdown

_log = get_logger(__name__)
_BATCH = 500
_IDLE = 0.1
_PATIENCE = 0.25
_COMMIT_EVERY = 1.0
_ENSURE_EVERY = 5.0
_NOTHING_THERE = frozenset({KafkaError._AUTO_OFFSET_RESET, KafkaError.OFFSET_OUT_OF_RANGE, KafkaError._LOG_TRUNCATION})
"""Kafka has no record at our position: with ``auto.offset.reset=error`` librdkafka stops there with this error."""


@dataclass(frozen=True, slots=True)
class Limits:
    """The jobs in memory, in places and bytes, at which partitions pause. They resume at half of both.

    One key takes few places (``keyed_queue.PLACES_OF_A_KEY``).
    """

    places: int
    size: int = 64 * 1024 * 1024

    def reached(self, workers: Workers) -> bool:
        """Whether no more records should come."""
        return workers.places >= self.places or workers.held_bytes >= self.size

    def left_behind(self, workers: Workers) -> bool:
        """Whether records may come again."""
        return workers.places <= self.places // 2 and workers.held_bytes <= self.size // 2


class PollLoop:
    """Polls until draining begins; ``ensure_topic`` creates a missing topic if the broker allows it."""

    def __init__(
        self,
        *,
        consumer: Consumer,
        topic: str,
        intake: Intake,
        assignment: Assignment,
        workers: Workers,
        health: KafkaHealth,
        stages: Stages,
        limits: Limits,
        ensure_topic: Callable[[], None],
    ) -> None:
        self._consumer = consumer
        self._topic = topic
        self._intake = intake
        self._assignment = assignment
        self._workers = workers
        self._health = health
        self._stages = stages
        self._limits = limits
        self._ensure_topic = ensure_topic
        self._topic_missing = False

    def run(self, shutdown: Shutdown) -> None:
        """Poll until ``shutdown``. Raises KafkaException for a fatal error: this client can never work again."""
        self._ensure()
        self._consumer.subscribe(
            [self._topic],
            on_assign=self._assigned,
            on_revoke=self._assignment.on_revoke,
            on_lost=self._assignment.on_lost,
        )
        commit_at = ensure_at = time.monotonic()
        while not shutdown.requested:
            self._poll()
            self._assignment.place(self._consumer)
            self._balance()
            now = time.monotonic()
            if now >= commit_at:
                self._assignment.commit(self._consumer)
                self._assignment.look(self._consumer)
                commit_at = now + _COMMIT_EVERY
            if self._topic_missing and now >= ensure_at:
                self._ensure()
                ensure_at = now + _ENSURE_EVERY

    def _poll(self) -> None:
        """Take one record at a time: each poll runs the rebalance callbacks before it returns later records."""
        self._stages.enter(Stage.FULL if self._assignment.paused else Stage.READING)
        timeout = _IDLE
        for _ in range(_BATCH):
            message = self._consumer.poll(timeout)
            if message is None:
                return
            self._take(message)
            if self._limits.reached(self._workers):
                return
            timeout = 0

    def _take(self, message: Message) -> None:
        error = message.error()
        if error is None:
            self._health.records_come()
            self._intake.accept(message)
            return
        if error.fatal():
            raise KafkaException(error)
        if error.code() in _NOTHING_THERE:
            self._assignment.displaced(self._consumer, (str(message.topic()), int(message.partition() or 0)))
            return
        self._topic_missing = error.code() == KafkaError.UNKNOWN_TOPIC_OR_PART
        self._health.on_consumer_error(error)

    def _balance(self) -> None:
        """Pause or resume. Pausing drops records that were read ahead, so a short lack of room is waited out first."""
        if self._limits.reached(self._workers):
            self._workers.wait_for(lambda: self._limits.left_behind(self._workers), _PATIENCE)
        self._assignment.balance(
            self._consumer,
            full=self._limits.reached(self._workers),
            room=self._limits.left_behind(self._workers),
        )

    def _assigned(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        self._assignment.on_assign(consumer, partitions)
        if partitions:
            self._health.records_come()

    def _ensure(self) -> None:
        self._stages.enter(Stage.MAKING_TOPIC)
        try:
            self._ensure_topic()
        except Exception as exc:  # noqa: BLE001 - logged; the broker is asked again, and the topic may exist by then
            _log.warning("cannot make sure that the topic exists", topic=self._topic, error=str(exc))
        else:
            self._topic_missing = False
