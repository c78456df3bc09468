"""How a turn begins: the publisher fences all others, memory is read, doubted, and compared if need be."""

import time
from functools import partial
from typing import NamedTuple

from relay import checkpoint, doubts, metrics
from relay.checkpoint import Checkpoint, Mirror
from relay.delivery import bury, deliver
from relay.doubts import Life
from relay.health import Health
from relay.leadership import Leadership
from relay.log_reader import Batch, Row, settle
from relay.outbox_source import PostgresOutbox
from relay.positions import Settled, runs
from relay.producer import Publisher
from relay.recall import NO_RECEIPTS, Memory, recall, recall_without_receipts
from relay.receipt import Receipt, Witness
from relay.reconcile import Compared, reconcile
from relay.settings import RelaySettings
from relay.stages import Stage
from relay.vigil import Vigil
from runtime.logs import get_logger

_log = get_logger(__name__)
_SLICE_SECONDS = 0.5
_PAUSE_SECONDS = 0.05
_WRITERS_SECONDS = 10.0
"""For writers that drew a position before the sequence was put right; those that take longer fill gaps."""


class Begun(NamedTuple):
    """What is published for certain, of which outbox, and the checkpoint that says so."""

    receipt: Receipt
    life: Life
    mirror: Mirror


class Beginning:
    """Each step is safe to be the last one: the next beginning finds the same doubt, or what was done about it."""

    def __init__(
        self,
        settings: RelaySettings,
        leadership: Leadership,
        vigil: Vigil,
        publisher: Publisher,
        source: PostgresOutbox,
        health: Health,
    ) -> None:
        self._settings = settings
        self._relay = settings.relay_name
        self._leadership = leadership
        self._vigil = vigil
        self._publisher = publisher
        self._source = source
        self._health = health

    def begin(self) -> Begun:
        """Raises psycopg2.Error, KafkaException, and what waiting raises."""
        found = self._publisher.open()
        life, memory, standing = self._remember(found)
        compared = Compared(memory.settled, 0, [])
        if memory.doubt is not None:
            compared = self._compare(memory, memory.doubt)
        receipt = Receipt(compared.settled, life.epoch, self._last(found, memory, compared.settled))
        if memory.doubt is not None:
            self._publisher.publish([], receipt)
        for positions in compared.out_of_turn:
            receipt = self._publish(positions, receipt)
        while not self._publisher.settle(_SLICE_SECONDS):
            self._vigil.beat()
        # Only now: while the doubt stands in the checkpoint, no older receipt is believed.
        mirror = Mirror(self._leadership.query, self._relay, life, receipt, standing)
        _log.info("active", low=receipt.settled.low, ranges=len(receipt.settled.above), doubted=memory.doubt)
        return Begun(receipt, life, mirror)

    def _last(self, found: Receipt | None, memory: Memory, settled: Settled) -> Witness | None:
        """The last row: as it was compared with the receipt, for it may have been exchanged since."""
        if memory.doubt is None and found is not None and found.settled == settled:
            return found.witness
        return self._source.witness(settled.high)

    def _remember(self, found: Receipt | None) -> tuple[Life, Memory, str | None]:
        """Of which outbox, what is remembered of it, and the doubt that stands in the checkpoint now."""
        query = self._leadership.query
        life, fault, mirror = self._look()
        checkpoint.keep_doubt(query, self._relay, life, fault)
        mended = checkpoint.mend_sequence(query)
        kept = checkpoint.load(query, self._relay)
        if self._settings.relay_delivery == "at-least-once":
            memory = recall_without_receipts(mirror, life, fault or mended)
        else:
            memory = recall(found, mirror, life, self._source.witness, fault or mended)
        return life, memory, kept.doubt if kept is not None else None

    def _look(self) -> tuple[Life, str | None, Checkpoint | None]:
        state = doubts.look(self._source, self._relay)
        mirror = checkpoint.load(self._leadership.query, self._relay)
        return state.life, state.sequence_fault(mirror.settled.high if mirror is not None else 0), mirror

    def _compare(self, memory: Memory, doubt: str) -> Compared:
        metrics.RECONCILED.inc()
        self._health.enter(Stage.COMPARING)
        say = _log.info if doubt == NO_RECEIPTS else _log.warning
        say("comparing outbox and topics before publishing", because=doubt, low=memory.settled.low)
        if memory.used_again:
            metrics.POSITIONS_USED_AGAIN.inc()
            self._wait_for_writers()
        config, url = self._settings.client_config(), self._settings.database_url.get_secret_value()
        found = self._vigil.aside(partial(reconcile, url, config, memory, self._vigil.check))
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
            self._vigil.beat()
            time.sleep(_PAUSE_SECONDS)

    def _publish(self, positions: list[int], receipt: Receipt) -> Receipt:
        """The rows at ``positions``, ascending, before anything else is read."""
        while positions:
            some = positions[: self._settings.relay_batch_size]
            rows: list[Row] = self._vigil.aside(partial(self._source.look, runs(some), 0, len(some))).rows
            if not rows:
                break
            before: Settled = receipt.settled
            batch = Batch(rows, before, settle(before, rows), more=True)
            receipt = deliver(self._publisher, partial(bury, self._leadership.query), batch, receipt)
            metrics.PUBLISHED.inc(len(rows))
            positions = [position for position in positions if position > rows[-1][0]]
        return receipt
