"""The beginning of a term: fence older relays, read receipt and checkpoint, and in doubt compare outbox and topics."""

import time
from functools import partial
from typing import NamedTuple

from relay import checkpoint, doubts, metrics
from relay.checkpoint import Checkpoint, CheckpointWriter
from relay.delivery import deliver, write_dead_letter
from relay.doubts import Life
from relay.health import Health
from relay.heartbeat import Heartbeat
from relay.leadership import Leadership
from relay.log_reader import Batch, Row, settle
from relay.outbox_source import PostgresOutbox
from relay.positions import Settled, runs
from relay.producer import Publisher
from relay.published_rows import Compared, reconcile
from relay.receipt import LastRow, Receipt
from relay.resume_point import NO_RECEIPTS, ResumePoint, resume_from_checkpoint, resume_from_receipt
from relay.settings import RelaySettings
from relay.stages import Stage
from runtime.logs import get_logger

_log = get_logger(__name__)
_SLICE_SECONDS = 0.5
_PAUSE_SECONDS = 0.05
_WRITERS_SECONDS = 10.0
"""Longest wait for writers that drew a position before the sequence was repaired. Slower writers fill gaps."""


class StartingPoint(NamedTuple):
    """The receipt that is certain, the outbox that it belongs to, and the checkpoint that says the same."""

    receipt: Receipt
    life: Life
    saved: CheckpointWriter


class Takeover:
    """Begins a term. A crash after any step is safe: the next beginning finds the same doubt, or its answer."""

    def __init__(
        self,
        settings: RelaySettings,
        leadership: Leadership,
        heartbeat: Heartbeat,
        publisher: Publisher,
        source: PostgresOutbox,
        health: Health,
    ) -> None:
        self._settings = settings
        self._relay = settings.relay_name
        self._leadership = leadership
        self._heartbeat = heartbeat
        self._publisher = publisher
        self._source = source
        self._health = health

    def begin(self) -> StartingPoint:
        """Find the published rows. Raises psycopg2.Error, KafkaException, and what ``Heartbeat.beat`` raises."""
        found = self._publisher.open()
        life, memory, kept_doubt = self._remember(found)
        compared = Compared(memory.settled, 0, [])
        if memory.doubt is not None:
            compared = self._compare(memory, memory.doubt)
        receipt = Receipt(compared.settled, life.epoch, self._last(found, memory, compared.settled))
        if memory.doubt is not None:
            self._publisher.publish([], receipt)
        for positions in compared.out_of_order:
            receipt = self._publish(positions, receipt)
        while not self._publisher.settle(_SLICE_SECONDS):
            self._heartbeat.beat()
        # Only now the checkpoint loses its doubt: while it has one, no older receipt is believed.
        saved = CheckpointWriter(self._leadership.query, self._relay, life, receipt, kept_doubt)
        _log.info("active", low=receipt.settled.low, ranges=len(receipt.settled.above), doubted=memory.doubt)
        return StartingPoint(receipt, life, saved)

    def _last(self, found: Receipt | None, memory: ResumePoint, settled: Settled) -> LastRow | None:
        """The row at the highest settled position: the receipt's, if it was compared, because it may change later."""
        if memory.doubt is None and found is not None and found.settled == settled:
            return found.last_row
        return self._source.last_row(settled.high)

    def _remember(self, found: Receipt | None) -> tuple[Life, ResumePoint, str | None]:
        """The outbox's life, the resume point in it, and the doubt that the checkpoint has now."""
        query = self._leadership.query
        life, fault, saved = self._look()
        checkpoint.keep_doubt(query, self._relay, life, fault)
        mended = checkpoint.mend_sequence(query)
        kept = checkpoint.load(query, self._relay)
        if self._settings.relay_delivery == "at-least-once":
            memory = resume_from_checkpoint(saved, life, fault or mended)
        else:
            memory = resume_from_receipt(found, saved, life, self._source.last_row, fault or mended)
        return life, memory, kept.doubt if kept is not None else None

    def _look(self) -> tuple[Life, str | None, Checkpoint | None]:
        state = doubts.look(self._source, self._relay)
        saved = checkpoint.load(self._leadership.query, self._relay)
        return state.life, state.sequence_fault(saved.settled.high if saved is not None else 0), saved

    def _compare(self, memory: ResumePoint, doubt: str) -> Compared:
        metrics.RECONCILED.inc()
        self._health.enter(Stage.COMPARING)
        log = _log.info if doubt == NO_RECEIPTS else _log.warning
        log("comparing outbox and topics before publishing", because=doubt, low=memory.settled.low)
        if memory.used_again:
            metrics.POSITIONS_USED_AGAIN.inc()
            self._wait_for_writers()
        config, url = self._settings.client_config(), self._settings.database_url.get_secret_value()
        found = self._heartbeat.run(partial(reconcile, url, config, memory, self._heartbeat.check))
        if found.unproven:
            metrics.UNPROVEN.inc(found.unproven)
            _log.warning(
                "published again: their topics have lost records to retention, and nothing proves that they were there",
                rows=found.unproven,
            )
        return found

    def _wait_for_writers(self) -> None:
        drew, until = self._source.writers(), time.monotonic() + _WRITERS_SECONDS
        while drew & self._source.writers() and time.monotonic() < until:
            self._heartbeat.beat()
            time.sleep(_PAUSE_SECONDS)

    def _publish(self, positions: list[int], receipt: Receipt) -> Receipt:
        """Publish the rows at ``positions``, ascending, before any other row is read."""
        while positions:
            some = positions[: self._settings.relay_batch_size]
            rows: list[Row] = self._heartbeat.run(partial(self._source.look, runs(some), 0, len(some))).rows
            if not rows:
                break
            before: Settled = receipt.settled
            batch = Batch(rows, before, settle(before, rows), more=True)
            receipt = deliver(self._publisher, partial(write_dead_letter, self._leadership.query), batch, receipt)
            metrics.PUBLISHED.inc(len(rows))
            positions = [position for position in positions if position > rows[-1][0]]
        return receipt
