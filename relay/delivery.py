"""Publishes a batch: the whole of it, or all but the records that Kafka refuses for themselves."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import psycopg2

from relay import metrics
from relay.crash_points import CrashPoint
from relay.kafka_errors import RecordRefusedError
from relay.log_reader import Batch, Row, settle
from relay.producer import Publisher
from relay.receipt import Receipt
from runtime.crash_points import reached
from runtime.logs import get_logger

_log = get_logger(__name__)

_INSERT_DEAD_LETTER = """
    SET LOCAL synchronous_commit = on;
    INSERT INTO dead_letters (reason, detail, topic, partition, "offset", key, value, headers)
    VALUES (%s, %s, %s, -1, %s, convert_to(%s, 'UTF8'), convert_to(%s, 'UTF8'), %s::jsonb)
    ON CONFLICT DO NOTHING
"""
"""Partition -1, and the row's position as offset: the record never had a place in the topic."""

_DATA_FAULTS = ("22", "54")
"""SQLSTATE classes "data exception" and "program limit exceeded": PostgreSQL can't store this content in this form."""

_LONGEST_NAME = 249
_LONGEST_DETAIL = 1000
_LARGEST_KEPT = 64 * 1024 * 1024
"""Characters of key and of value. The whole row stays in the outbox; a retry reads it there."""

Execute = Callable[[str, Sequence[Any]], Any]


Known = Callable[[Sequence[Row]], Mapping[int, RecordRefusedError]]
"""Finds rows, by their index, that Kafka will refuse, as far as this is known before they are sent."""


def deliver(
    publisher: Publisher,
    on_refused: Callable[[Row, RecordRefusedError], None],
    batch: Batch,
    receipt: Receipt,
    known: Known = lambda _: {},
) -> Receipt:
    """Publish ``batch`` after ``receipt``, and return the new receipt.

    ``on_refused`` keeps a row that Kafka refuses because of its content. Raises the errors of ``publish`` and
    ``on_refused``, except refusals.
    """
    waiting = _apart(batch.rows, known)
    settled = batch.before
    while waiting:
        rows, refused = waiting.pop()
        settled_then = settle(settled, rows)
        receipt_then = receipt.after(settled_then, rows)
        if refused is None:
            try:
                publisher.publish(rows, receipt_then)
            except RecordRefusedError as exc:
                if len(rows) > 1:
                    waiting += [(part, None) for part in reversed(_parts(rows, exc.position))]
                    continue
                refused = exc
        if refused is not None:
            on_refused(rows[0], refused)
        settled, receipt = settled_then, receipt_then
    return receipt


def _apart(rows: Sequence[Row], known: Known) -> list[tuple[Sequence[Row], RecordRefusedError | None]]:
    """Split ``rows``: each row that is known to be refused alone, the others between them in groups; the last first."""
    apart: list[tuple[Sequence[Row], RecordRefusedError | None]] = []
    begin = 0
    for at, refused in sorted(known(rows).items()):
        apart += [(rows[begin:at], None)] * (begin < at) + [(rows[at : at + 1], refused)]
        begin = at + 1
    apart += [(rows[begin:], None)] * (begin < len(rows))
    return apart[::-1]


def _parts(rows: Sequence[Row], position: int | None) -> list[Sequence[Row]]:
    """Split ``rows`` around the refused row; into halves, in order, when the broker did not name the row."""
    if position is None:
        middle = len(rows) // 2
        return [rows[:middle], rows[middle:]]
    at = next(index for index, row in enumerate(rows) if row[0] == position)
    return [part for part in (rows[:at], rows[at : at + 1], rows[at + 1 :]) if part]


def write_dead_letter(execute: Execute, row: Row, refused: RecordRefusedError) -> None:
    """Keep as much of a refused row as possible in the dead letters; once, however often Kafka refuses it.

    Raises psycopg2.Error, but never because of the row's content.
    """
    position, topic, key, value, headers, *_ = row
    name = topic if len(topic) <= _LONGEST_NAME else topic[: _LONGEST_NAME - 1] + "…"
    detail = refused.detail.replace("\0", "\N{REPLACEMENT CHARACTER}")[:_LONGEST_DETAIL]
    first = (refused.reason, detail, name, position, key[:_LARGEST_KEPT], value[:_LARGEST_KEPT])
    try:
        execute(_INSERT_DEAD_LETTER, (*first, headers))
    except psycopg2.Error as exc:
        if (exc.pgcode or "")[:2] not in _DATA_FAULTS:
            raise
        execute(_INSERT_DEAD_LETTER, (*first, "[]"))
    reached(CrashPoint.AFTER_REFUSAL)
    metrics.REFUSED.labels(refused.reason).inc()
    _log.error("refused by Kafka, kept in the dead letters", position=position, topic=name, reason=refused.reason)
