"""A batch on its way: published whole, or, when a record is refused for itself, everything but that record."""

from collections.abc import Callable, Sequence
from typing import Any

from relay import metrics
from relay.kafka_errors import RefusedError
from relay.log_reader import Batch, Row, settle
from relay.producer import Publisher
from relay.receipt import Receipt
from service.crash_points import CrashPoint, reached
from service.logs import get_logger

_log = get_logger(__name__)

_BURY = """
    SET LOCAL synchronous_commit = on;
    INSERT INTO dead_letters (reason, detail, topic, partition, "offset", key, value, headers)
    VALUES (%s, %s, %s, -1, %s, convert_to(%s, 'UTF8'), convert_to(%s, 'UTF8'), %s::jsonb)
    ON CONFLICT DO NOTHING
"""
"""Partition -1 and the row's position as offset: it never had a place in the topic."""

_NUL = "\\u0000"
"""What JSON may hold and jsonb may not; such headers are one reason to be refused, and stay in the outbox."""

Execute = Callable[[str, Sequence[Any]], Any]


def deliver(publisher: Publisher, bury: Callable[[Row, RefusedError], None], batch: Batch, receipt: Receipt) -> Receipt:
    """Publish ``batch`` after ``receipt``; the receipt then. ``bury`` keeps what Kafka refuses for itself."""
    waiting: list[Sequence[Row]] = [batch.rows]
    settled = batch.before
    while waiting:
        rows = waiting.pop()
        settled_then = settle(settled, rows)
        receipt_then = receipt.after(settled_then, rows)
        try:
            publisher.publish(rows, receipt_then)
        except RefusedError as exc:
            if len(rows) > 1:
                waiting += reversed(_parts(rows, exc.position))
                continue
            bury(rows[0], exc)
        settled, receipt = settled_then, receipt_then
    return receipt


def _parts(rows: Sequence[Row], position: int | None) -> list[Sequence[Row]]:
    """The refused row by itself; halves, in order, when nobody said which it is."""
    if position is None:
        middle = len(rows) // 2
        return [rows[:middle], rows[middle:]]
    at = next(index for index, row in enumerate(rows) if row[0] == position)
    return [part for part in (rows[:at], rows[at : at + 1], rows[at + 1 :]) if part]


def bury(execute: Execute, row: Row, refused: RefusedError) -> None:
    """Keep a refused row in the dead letters; once, however often it is refused."""
    position, topic, key, value, headers, _ = row
    kept = "[]" if _NUL in headers else headers
    execute(_BURY, (refused.reason, refused.detail, topic, position, key, value, kept))
    reached(CrashPoint.RELAY_AFTER_REFUSAL)
    metrics.REFUSED.labels(refused.reason).inc()
    _log.error("refused by Kafka, kept in the dead letters", position=position, topic=topic, reason=refused.reason)
