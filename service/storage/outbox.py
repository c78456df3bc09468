"""Appending to the outbox. Nothing ever updates a row of it."""

from typing import Any

from sqlalchemy import Connection, insert

from service.domain.messages import OutgoingMessage
from service.storage.models import OutboxRow
from service.storage.prepared import Call, Prepared, run

_COLUMNS = ("event_id", "topic", "key", "type", "sequence", "value", "headers")
_APPEND = Prepared(insert(OutboxRow), _COLUMNS)
_APPEND_AGAIN = Prepared(insert(OutboxRow), (*_COLUMNS, "created_at"))


def appending(messages: list[OutgoingMessage]) -> list[Call]:
    """What appends these messages, in their order."""
    return [_appending(message) for message in messages]


def _appending(message: OutgoingMessage) -> Call:
    if message.written_at is None:
        return _APPEND, _row(message)
    return _APPEND_AGAIN, {**_row(message), "created_at": message.written_at}


def append(connection: Connection, messages: list[OutgoingMessage]) -> None:
    """Write messages in the caller's transaction.

    The caller holds the row lock of the payment they are about, so one payment's events get positions in commit
    order. Raises IntegrityError when an event id or a payment's sequence is already there.
    """
    if messages:
        run(connection, *appending(messages))


def _row(message: OutgoingMessage) -> dict[str, Any]:
    return {
        "event_id": message.event_id,
        "topic": message.topic,
        "key": message.key,
        "type": message.type,
        "sequence": message.sequence,
        "value": message.value,
        "headers": message.headers,
    }
