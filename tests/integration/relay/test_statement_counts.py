"""The cost of a batch in SQL: one read and one written row, for any number of rows."""

from collections.abc import Sequence
from contextlib import closing

import pytest

from relay import doubts
from relay.checkpoint import CheckpointWriter
from relay.doubts import DoubtingSource
from relay.health import Health
from relay.heartbeat import Heartbeat
from relay.leadership import Leadership
from relay.log_reader import LogReader, Row
from relay.outbox_source import PostgresOutbox
from relay.positions import Settled
from relay.publish_loop import PublishLoop
from relay.receipt import Receipt
from runtime.shutdown import Shutdown
from tests.support.statements import Statements

pytestmark = pytest.mark.postgres

_BATCH = 50
_BY_THE_CLOCK = ("SELECT 1", "SELECT date_part", "SELECT control.system_identifier")
"""The beat and the relay's doubts once a second: not by the batch."""

_APPEND = """
    INSERT INTO outbox (event_id, topic, key, type, value, headers)
    SELECT gen_random_uuid(), 'events', n::text, 'payment.authorized', '{}', '[]' FROM generate_series(1, %s) AS n
"""


class _Sink:
    """Accepts a given number of batches."""

    def __init__(self, batches: int, shutdown: Shutdown) -> None:
        self._left = batches
        self._shutdown = shutdown
        self.confirmed: Receipt | None = None

    def open(self) -> Receipt | None:
        return None

    def publish(self, rows: Sequence[Row], receipt: Receipt) -> None:
        assert len(rows) == _BATCH
        self._left -= 1
        if self._left == 0:
            self._shutdown.request()
        self.confirmed = receipt

    def settle(self, _seconds: float) -> bool:
        return True

    def idle(self) -> None: ...

    def close(self) -> None: ...


def test_batch_costs_two_statements(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    statements = Statements(monkeypatch)
    with closing(PostgresOutbox(database_url)) as source, closing(Leadership(database_url, "counted")) as leadership:
        assert leadership.acquire()
        leadership.query(_APPEND, (40 * _BATCH,))
        few = _sent_for(5, source, leadership, statements)
        many = _sent_for(15, source, leadership, statements)
    assert len(many) - len(few) == 10 * 2, many
    assert sum(text.startswith("EXECUTE tail") for text in many) == 15 + 1, "the last one was read ahead"
    assert sum("UPDATE relay_checkpoints" in text for text in many) == 15


def _sent_for(batches: int, source: PostgresOutbox, leadership: Leadership, statements: Statements) -> list[str]:
    """The statements from the outbox's start on, without those that depend on time."""
    shutdown = Shutdown()
    before = len(statements.all())
    health = Health()
    health.publishing = True
    life = doubts.look(source, "counted").life
    receipt = Receipt(Settled(0), life.epoch)
    PublishLoop(
        checkpoint=CheckpointWriter(leadership.query, "counted", life, receipt),
        reader=LogReader(DoubtingSource(source, "counted", life), Settled(0), _BATCH),
        publisher=_Sink(batches, shutdown),
        leadership=leadership,
        heartbeat=Heartbeat(leadership, shutdown, 60.0, health),
        receipt=receipt,
        poll_seconds=30.0,
        health=health,
    ).run()
    return [text for text in statements.all()[before:] if not text.startswith(_BY_THE_CLOCK)]
