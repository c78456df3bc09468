"""Shared by both deliveries: librdkafka's settings, and calls of a producer that wait without losing the lock."""

import logging
import math
import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, wait
from functools import partial
from typing import Any, Protocol, TypeVar

from confluent_kafka import KafkaError, KafkaException, Producer

from relay.failures import Failures
from relay.health import Health
from relay.kafka_errors import error_of, passes, served
from relay.log_reader import Row
from relay.receipt import Receipt
from relay.records import queue
from runtime.background import in_thread
from runtime.kafka_settings import refused

warnings.filterwarnings("ignore", message="Producer .* failed during close")

T = TypeVar("T")
Beat = Callable[[], None]
"""Called in every wait: keeps the lock, and raises when the wait must end."""

_SLICE_SECONDS = 1.0
_PAUSE_SECONDS = 0.05
_TICK_SECONDS = 0.001
_GIVEN_UP_SECONDS = 4.0
_REASON_SECONDS = 5.0

LARGEST_RECORD = 32 * 1024 * 1024
"""Bytes. A dead letter holds a whole record in base64, so it may be larger than brokers take by default."""

_DEFAULTS: dict[str, Any] = {
    # The broker and the topic decide which record is too large.
    "message.max.bytes": LARGEST_RECORD,
    # As the Java client does, so that all writers of a key agree on its partition.
    "partitioner": "murmur2_random",
    "linger.ms": 5,
    "queue.buffering.max.messages": 250_000,
    "reconnect.backoff.max.ms": 1000,
    # A broker that still settles the last transaction refuses the next one's offsets (CONCURRENT_TRANSACTIONS). By
    # default librdkafka would wait 100 ms, with every event behind it. Doubles up to retry.backoff.max.ms.
    "retry.backoff.ms": 2,
    "topic.metadata.refresh.interval.ms": 10_000,
}

_OURS: dict[str, Any] = {"enable.idempotence": True, "delivery.report.only.error": True}
"""Exactly-once delivery depends on these: KAFKA_CONFIG can't change them (librdkafka manual, CONFIGURATION.md)."""


class Publisher(Protocol):
    """Publishes rows to Kafka. Methods raise KafkaException when this publisher is of no more use.

    Only the worker's thread calls it.
    """

    def open(self) -> Receipt | None:
        """Become the only writer. Returns the receipt that Kafka holds; None when there is none."""

    @property
    def confirmed(self) -> Receipt | None:
        """The newest receipt that Kafka will not lose; None before the first."""

    def publish(self, rows: Sequence[Row], receipt: Receipt) -> None:
        """Publish ``rows`` together with the receipt that covers them. Raises RecordRefusedError.

        The rows are certain once ``confirmed`` covers them. When this call returns, the rows of the previous call are
        certain.
        """

    def settle(self, seconds: float) -> bool:
        """Wait at most ``seconds`` until all published rows are certain. Returns whether they are."""

    def idle(self) -> None:
        """Serve librdkafka's callbacks."""

    def close(self) -> None:
        """Drop everything under way."""


class Client:
    """A librdkafka producer, and calls of it that wait without losing the lock."""

    def __init__(self, config: Mapping[str, Any], health: Health, beat: Beat, **ours: Any) -> None:
        """Contacts no broker yet. Raises SettingError when librdkafka refuses the settings."""
        self.failures = Failures()
        """Why records were not delivered, since the last ``send``."""

        callbacks = {
            "error_cb": health.on_error,
            "stats_cb": health.on_statistics,
            "statistics.interval.ms": 1000,
            "on_delivery": self.failures.note,
        }
        self._beat = beat
        self._health = health
        self._discarded = False
        try:
            self.producer = Producer(
                {**_DEFAULTS, **config, **_OURS, **ours, **callbacks}, logger=logging.getLogger("librdkafka")
            )
        except KafkaException as exc:
            raise refused(error_of(exc).str()) from exc

    def patiently(self, call: Callable[[float], T], at_most: float = math.inf) -> T:
        """Repeat ``call(seconds)`` until it succeeds; its result.

        Raises KafkaException when a repetition is no use, or after ``at_most`` seconds.
        """
        until = time.monotonic() + at_most
        while True:
            try:
                found = served(partial(call, _SLICE_SECONDS))
            except KafkaException as exc:
                if not passes(error_of(exc)) or time.monotonic() >= until:
                    raise
                self._health.waiting(error_of(exc).str())
            else:
                self._health.call_succeeded()
                return found
            self.poll(_PAUSE_SECONDS)
            self._beat()

    def within_deadline(self, call: Callable[[float], None], seconds: float) -> None:
        """Run ``call(seconds)`` in a thread of its own, for about 4 s. Raises KafkaException, a fatal one then.

        After its coordinator was restarted librdkafka may wait ten minutes for the old one, in spite of the time-out
        given (librdkafka issues 5456 and 5511). A new producer of the same transactional id goes on at once.
        """
        done = in_thread("relay-receipt", partial(call, seconds))
        given_up_at = time.monotonic() + _GIVEN_UP_SECONDS
        while not wait([done], _SLICE_SECONDS).done:
            if time.monotonic() > given_up_at:
                raise KafkaException(KafkaError(KafkaError._TIMED_OUT, "coordinator", fatal=True))
            self._beat()
        return done.result()

    def commit_in_background(self) -> "Future[None]":
        """Commit the transaction in a thread of its own, and repeat until the broker has answered."""
        return in_thread("relay-commit", self._commit)

    def _commit(self) -> None:
        while True:
            try:
                served(partial(self.producer.commit_transaction, _SLICE_SECONDS))
            except KafkaException as exc:
                if self._discarded or not passes(error_of(exc)):
                    raise
                self._health.waiting(error_of(exc).str())
                self.poll(_PAUSE_SECONDS)
            else:
                self._health.call_succeeded()
                return

    def send(self, rows: Sequence[Row]) -> None:
        """Queue every row. Raises RecordRefusedError when a row can't become a record, KafkaException."""
        self.failures.clear()
        queue(self.producer, rows, self._beat)

    def reason(self, rows: Sequence[Row], exc: KafkaException) -> Exception:
        """The cause of a failure while ``rows`` were under way: a RecordRefusedError, or ``exc`` itself.

        librdkafka refuses every call once a record has failed. Its callbacks name the record.
        """
        until = time.monotonic() + _REASON_SECONDS
        while not self.failures.refused and len(self.producer) and time.monotonic() < until:
            self.poll(_TICK_SECONDS)
            self._beat()
        return self.failures.refusal(rows) or exc

    def flush(self, *, despite_failures: bool) -> None:
        """Wait until no record is under way; unless ``despite_failures``, only until a record has failed.

        librdkafka's own flush sleeps 10 ms at a time if successes are not reported: nothing wakes it.
        """
        began = time.monotonic()
        while len(self.producer) and (despite_failures or not self.failures):
            self.poll(_TICK_SECONDS)
            self._beat()
            if time.monotonic() - began > _SLICE_SECONDS:
                self._health.waiting("records are not acknowledged")
        if time.monotonic() - began > _SLICE_SECONDS:
            self._health.call_succeeded()

    def poll(self, seconds: float) -> None:
        """Serve callbacks."""
        served(partial(self.producer.poll, seconds))

    def discard(self) -> None:
        """Drop queued records, and end librdkafka's threads. Never waits.

        Dropping the last reference would do the same, but an exception that ended a term keeps references in cycles.
        """
        if not self._discarded:
            self._discarded = True
            self.producer.purge(blocking=False)
            in_thread("relay-discard", self.producer.close)
