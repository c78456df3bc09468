"""One turn as the active relay: remember, then read, publish, save, and sleep when there is nothing."""

import time
from concurrent.futures import Future
from typing import Protocol

from psycopg2.errors import LockNotAvailable

from relay import metrics
from relay.checkpoint import CheckpointWriter
from relay.crash_points import CrashPoint
from relay.delivery import Known, bury, deliver
from relay.health import Health
from relay.heartbeat import Heartbeat
from relay.kafka_errors import RecordRefusedError
from relay.lag import LagMeter
from relay.leadership import Leadership
from relay.log_reader import Batch, Row
from relay.postgres import told
from relay.producer import Publisher
from relay.receipt import Receipt
from relay.stages import Stage
from runtime.crash_points import reached

_SLICE_SECONDS = 0.25
_SHORTEST_PAUSE, _LONGEST_PAUSE = 0.001, 0.025
_RECEIPT_SECONDS = 6 * 3600.0
"""An idle relay renews its receipt: a broker forgets it after a week (offsets.retention.minutes)."""


class Reader(Protocol):
    """What is to be published, batch by batch."""

    @property
    def open_gaps(self) -> int:
        """How many gaps are waited for."""

    def read(self) -> Batch:
        """The next rows; empty when there are none now."""


class PublishLoop:
    """Ends when draining begins, with what was under way finished and checkpointed."""

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
        self._renew_at = time.monotonic() + _RECEIPT_SECONDS
        self._poll_seconds = poll_seconds
        self._pause = _SHORTEST_PAUSE
        self._health = health
        self._lag = lag
        self._known = known

    def run(self) -> None:
        """Until draining begins. Raises what ends the turn early."""
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
            self._tell_progress()
        self._health.enter(Stage.COMMITTING)
        while not self._publisher.settle(_SLICE_SECONDS):
            self._heartbeat.beat()
        self._save(self._receipt)

    def _publish(self, batch: Batch) -> Batch:
        """Publish ``batch`` while the next one is read, if there is more; the next one."""
        reached(CrashPoint.AFTER_READ)
        self._leadership.wake_up()
        self._pause = _SHORTEST_PAUSE
        ahead = self._heartbeat.start(self._reader.read) if batch.more else None
        self._health.enter(Stage.PRODUCING)
        self._receipt = deliver(self._publisher, self._bury, batch, self._receipt, self._known)
        self._renew_at = time.monotonic() + _RECEIPT_SECONDS
        if self._publisher.confirmed is not None:
            self._save(self._publisher.confirmed)
        metrics.PUBLISHED.inc(len(batch.rows))
        metrics.BATCHES.inc()
        self._heartbeat.beat()
        return self._read(ahead)

    def _read(self, ahead: "Future[Batch] | None" = None) -> Batch:
        """The next rows, those being read ``ahead`` if there are; nothing once draining has begun.

        A read that met a lock has changed nothing, and is made again.
        """
        self._health.enter(Stage.READING)
        while not self._heartbeat.draining:
            try:
                batch = self._reader.read() if ahead is None else self._heartbeat.wait_for(ahead)
            except LockNotAvailable as exc:
                ahead = None
                self._meet_lock(exc)
            else:
                self._health.went_on()
                return batch
        return Batch([], self._receipt.settled, self._receipt.settled, more=False)

    def _meet_lock(self, exc: LockNotAvailable) -> None:
        self._health.waiting(told(exc))
        self._heartbeat.beat()

    def _bury(self, row: Row, refused: RecordRefusedError) -> None:
        """Until it is kept: the receipt will pass it."""
        self._health.enter(Stage.BURYING)
        while True:
            try:
                bury(self._leadership.query, row, refused)
            except LockNotAvailable as exc:
                self._meet_lock(exc)
            else:
                self._health.enter(Stage.PRODUCING)
                return

    def _tell_progress(self) -> None:
        metrics.GAPS.set(self._reader.open_gaps)
        if self._lag is not None:
            self._lag.high = self._checkpoint.settled.high

    def _save(self, certain: Receipt) -> None:
        if certain.settled == self._checkpoint.settled:
            return
        reached(CrashPoint.AFTER_KAFKA_COMMIT)
        self._health.enter(Stage.CHECKPOINT)
        try:
            self._checkpoint.save(certain)
        except LockNotAvailable as exc:
            # The receipt is what counts: the next batch, or the next poll, saves more.
            self._health.put_off(told(exc))
            return
        reached(CrashPoint.AFTER_CHECKPOINT)

    def _rest(self, batch: Batch) -> None:
        """After a read that found nothing: fall asleep, or wait for those who were told that nobody sleeps.

        While a commit is under way there is another read first: rows that come now need not wait for its end.
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
        """Until somebody rings, or it is time to poll."""
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
