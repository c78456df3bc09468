"""One turn as the active relay: remember, then read, publish, mirror, and sleep when there is nothing."""

import time
from collections.abc import Callable
from functools import partial

from relay import metrics
from relay.checkpoint import Mirror
from relay.delivery import bury, deliver
from relay.leadership import Leadership
from relay.log_reader import Batch, LogReader
from relay.producer import Publisher
from relay.receipt import Receipt
from relay.vigil import Vigil
from service.crash_points import CrashPoint, reached

_SLICE_SECONDS = 0.25
_SHORTEST_PAUSE, _LONGEST_PAUSE = 0.001, 0.025
_RECEIPT_SECONDS = 6 * 3600.0
"""An idle relay renews its receipt: a broker forgets it after a week (offsets.retention.minutes)."""


class Loop:
    """Ends when draining begins, with what was under way finished and mirrored."""

    def __init__(
        self,
        *,
        mirror: Mirror,
        reader: LogReader,
        publisher: Publisher,
        leadership: Leadership,
        vigil: Vigil,
        receipt: Receipt,
        poll_seconds: float,
    ) -> None:
        self._checkpoint = mirror
        self._reader = reader
        self._publisher = publisher
        self._leadership = leadership
        self._vigil = vigil
        self._receipt = receipt
        self._renew_at = time.monotonic() + _RECEIPT_SECONDS
        self._poll_seconds = poll_seconds
        self._pause = _SHORTEST_PAUSE

    def run(self, on_working: Callable[[], None]) -> None:
        """Until draining begins; ``on_working`` after each read and each batch. Raises what ends the turn early."""
        self._leadership.listen()
        batch = self._reader.read()
        while not self._vigil.draining:
            if batch.rows:
                batch = self._publish(batch)
            else:
                if not batch.more:
                    self._rest(batch)
                batch = self._reader.read()
            on_working()
            metrics.GAPS.set(self._reader.open_gaps)
        while not self._publisher.settle(_SLICE_SECONDS):
            self._vigil.beat()
        self._mirror(self._receipt)

    def _publish(self, batch: Batch) -> Batch:
        """Publish ``batch`` while the next one is read, if there is more; the next one."""
        reached(CrashPoint.RELAY_AFTER_READ)
        self._leadership.wake_up()
        self._pause = _SHORTEST_PAUSE
        ahead = self._vigil.start(self._reader.read) if batch.more else None
        self._receipt = deliver(self._publisher, partial(bury, self._leadership.query), batch, self._receipt)
        self._renew_at = time.monotonic() + _RECEIPT_SECONDS
        if self._publisher.confirmed is not None:
            self._mirror(self._publisher.confirmed)
        metrics.PUBLISHED.inc(len(batch.rows))
        metrics.BATCHES.inc()
        self._vigil.beat()
        return self._vigil.wait_for(ahead) if ahead is not None else self._reader.read()

    def _mirror(self, certain: Receipt) -> None:
        if certain.settled == self._checkpoint.settled:
            return
        reached(CrashPoint.RELAY_AFTER_KAFKA_COMMIT)
        self._checkpoint.save(certain)
        reached(CrashPoint.RELAY_AFTER_MIRROR)

    def _rest(self, batch: Batch) -> None:
        """After a read that found nothing: fall asleep, or wait for those who were told that nobody sleeps.

        While a commit is under way there is another read first: rows that come now need not wait for its end.
        """
        if not self._publisher.settle(_SHORTEST_PAUSE):
            self._vigil.beat()
            return
        if batch.after != self._receipt.settled:
            self._receipt = self._receipt.after(batch.after, [])
        self._mirror(self._receipt)
        if self._leadership.asleep:
            self._sleep()
        elif not self._leadership.fall_asleep():
            self._leadership.wait_for_ring(self._pause)
            self._pause = min(2 * self._pause, _LONGEST_PAUSE)
            self._vigil.beat()

    def _sleep(self) -> None:
        """Until somebody rings, or it is time to poll."""
        until = time.monotonic() + self._poll_seconds
        while not self._vigil.draining:
            self._vigil.beat()
            self._publisher.idle()
            self._renew_receipt()
            left = until - time.monotonic()
            if left <= 0 or self._leadership.wait_for_ring(min(left, _SLICE_SECONDS)):
                return

    def _renew_receipt(self) -> None:
        if time.monotonic() >= self._renew_at:
            self._publisher.publish([], self._receipt)
            self._renew_at = time.monotonic() + _RECEIPT_SECONDS
