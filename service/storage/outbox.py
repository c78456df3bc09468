"""Appends to the outbox. Nothing ever updates its rows."""

from typing import Any

from sqlalchemy import Connection, insert

from service.domain.messages import OutgoingMessage
from service.storage.models import OutboxRow
from service.storage.prepared import Call, Prepared, run

_APPEND = Prepared(insert(OutboxRow), ("event_id", "topic", "key", "type", "sequence", "value", "headers"))


def appending(messages: list[OutgoingMessage]) -> list[Call]:
    """The calls that append these messages, in their order."""
    return [(_APPEND, _row(message)) for message in messages]


def append(connection: Connection, messages: list[OutgoingMessage]) -> None:
    """Append messages in the caller's transaction.

    The caller holds the row lock of the messages' payment, so the events of one payment get their positions in commit
    order. Raises IntegrityError when the outbox has an event id, or a sequence of the payment, already.
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
