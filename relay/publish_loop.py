"""The loop of an active term: read, publish, save the checkpoint, and sleep when there are no rows."""

import time
from concurrent.futures import Future
from typing import Protocol

from psycopg2.errors import LockNotAvailable

from relay import metrics
from relay.checkpoint import CheckpointWriter
from relay.crash_points import CrashPoint
from relay.delivery import Known, deliver, write_dead_letter
from relay.health import Health
from relay.heartbeat import Heartbeat
from relay.kafka_errors import RecordRefusedError
from relay.lag import Gaps, LagMeter
from relay.leadership import Leadership
from relay.log_reader import Batch, Row
from relay.postgres import error_line
from relay.producer import Publisher
from relay.receipt import Receipt
from relay.stages import Stage
from runtime.crash_points import reached

_SLICE_SECONDS = 0.25
_SHORTEST_PAUSE, _LONGEST_PAUSE = 0.001, 0.025
_RECEIPT_SECONDS = 6 * 3600.0
"""An idle relay renews its receipt: a broker forgets it after a week (offsets.retention.minutes)."""


class Reader(Gaps, Protocol):
    """Reads the rows to publish, batch by batch."""

    def read(self) -> Batch:
        """The next rows; empty when there are none now."""


class PublishLoop:
    """Publishes until draining begins; then it finishes the batch under way and saves the checkpoint."""

    def __init__(
        self,
        *,
        checkpoint: CheckpointWriter,
        reader: Reader,
        publisher: Publisher,
        leadership: Leadership,
        heartbeat: Heartbeat,
        receipt: Receipt,
        poll_seconds: float,
        health: Health,
        lag: LagMeter | None = None,
        known: Known = lambda _: {},
    ) -> None:
        self._checkpoint = checkpoint
        self._reader = reader
        self._publisher = publisher
        self._leadership = leadership
        self._heartbeat = heartbeat
        self._receipt = receipt
        self._acknowledged = receipt.settled
        self._renew_at = time.monotonic() + _RECEIPT_SECONDS
        self._poll_seconds = poll_seconds
        self._pause = _SHORTEST_PAUSE
        self._health = health
        self._lag = lag
        self._known = known

    def run(self) -> None:
        """Publish until draining begins. Raises what ends the term early."""
        self._leadership.listen()
        batch = self._read()
        while not self._heartbeat.draining:
            if batch.rows:
                batch = self._publish(batch)
            else:
                if not batch.more:
                    self._rest(batch)
                batch = self._read()
            self._health.working()
            self._report_progress()
        self._health.enter(Stage.COMMITTING)
        while not self._publisher.settle(_SLICE_SECONDS):
            self._heartbeat.beat()
        self._save(self._receipt)

    def _publish(self, batch: Batch) -> Batch:
        """Publish ``batch``, and return the next one. If more rows are likely, they are read meanwhile."""
        reached(CrashPoint.AFTER_READ)
        self._leadership.wake_up()
        self._pause = _SHORTEST_PAUSE
        ahead = self._heartbeat.start(self._reader.read) if batch.more else None
        self._health.enter(Stage.PRODUCING)
        self._receipt = deliver(self._publisher, self._keep_refused, batch, self._receipt, self._known)
        self._renew_at = time.monotonic() + _RECEIPT_SECONDS
        if self._publisher.confirmed is not None:
            self._save(self._publisher.confirmed)
        metrics.PUBLISHED.inc(len(batch.rows))
        metrics.BATCHES.inc()
        self._heartbeat.beat()
        return self._read(ahead)

    def _read(self, ahead: "Future[Batch] | None" = None) -> Batch:
        """The next batch: the one being read ``ahead``, if there is one; an empty one once draining has begun.

        A read that met a lock has changed nothing, and is repeated.
        """
        self._health.enter(Stage.READING)
        while not self._heartbeat.draining:
            try:
                batch = self._reader.read() if ahead is None else self._heartbeat.wait_for(ahead)
            except LockNotAvailable as exc:
                ahead = None
                self._meet_lock(exc)
            else:
                self._health.call_succeeded()
                return batch
        return Batch([], self._receipt.settled, self._receipt.settled, more=False)

    def _meet_lock(self, exc: LockNotAvailable) -> None:
        self._health.waiting(error_line(exc), part="database")
        self._heartbeat.beat()

    def _keep_refused(self, row: Row, refused: RecordRefusedError) -> None:
        """Repeat until the row is kept as a dead letter, because the receipt will count it as settled."""
        self._health.enter(Stage.BURYING)
        while True:
            try:
                write_dead_letter(self._leadership.query, row, refused)
            except LockNotAvailable as exc:
                self._meet_lock(exc)
            else:
                self._health.enter(Stage.PRODUCING)
                return

    def _report_progress(self) -> None:
        if self._lag is not None:
            self._lag.report(self._acknowledged, self._reader)

    def _save(self, certain: Receipt) -> None:
        self._acknowledged = certain.settled
        if certain.settled == self._checkpoint.settled:
            return
        reached(CrashPoint.AFTER_KAFKA_COMMIT)
        self._health.enter(Stage.CHECKPOINT)
        try:
            self._checkpoint.save(certain)
        except LockNotAvailable as exc:
            # The receipt counts: the next batch, or the next poll, saves a later checkpoint.
            self._health.put_off(error_line(exc))
            return
        reached(CrashPoint.AFTER_CHECKPOINT)

    def _rest(self, batch: Batch) -> None:
        """After a read that found nothing: fall asleep, or wait for writers that found this relay awake.

        While a commit is under way, return for another read instead: new rows need not wait for the commit.
        """
        if not self._publisher.settle(_SHORTEST_PAUSE):
            self._heartbeat.beat()
            return
        if batch.after != self._receipt.settled:
            self._receipt = self._receipt.after(batch.after, [])
        self._save(self._receipt)
        if self._leadership.asleep:
            self._sleep()
        elif not self._leadership.fall_asleep():
            self._leadership.wait_for_wake_up(self._pause)
            self._pause = min(2 * self._pause, _LONGEST_PAUSE)
            self._heartbeat.beat()

    def _sleep(self) -> None:
        """Sleep until a wake-up, or until the next poll is due."""
        self._health.enter(Stage.SLEEPING)
        until = time.monotonic() + self._poll_seconds
        while not self._heartbeat.draining:
            self._heartbeat.beat()
            self._publisher.idle()
            self._renew_receipt()
            left = until - time.monotonic()
            if left <= 0 or self._leadership.wait_for_wake_up(min(left, _SLICE_SECONDS)):
                return

    def _renew_receipt(self) -> None:
        if time.monotonic() >= self._renew_at:
            self._publisher.publish([], self._receipt)
            self._renew_at = time.monotonic() + _RECEIPT_SECONDS
