"""The idempotency table: one row for each command (correlation id and type), with lease, recovery point and outcome."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    Connection,
    bindparam,
    false,
    func,
    select,
)
from sqlalchemy.dialects.postgresql import insert as pg_insert

from service.domain.commands.catalog import StoredCommand, content_of, restore
from service.domain.commands.command import CommandKey, CommandType, fingerprint
from service.domain.content import Content
from service.domain.progress import CommandState, Progress, Rest
from service.domain.received_records import Arrival
from service.storage.models import Command
from service.storage.models.command import ACCEPTED, ANSWERED, DONE, PENDING
from service.storage.prepared import Prepared, run

_ACCEPTED = (
    "correlation_id", "command_type", "fingerprint", "payload", "payment_id", "traceparent", "revert_event_type",
    "origin_topic", "origin_partition", "origin_offset",
)  # fmt: skip
_ADD_OPEN = Prepared(
    pg_insert(Command)
    .values(state=PENDING, recovery_point=ACCEPTED, next_attempt_at=func.now())
    .on_conflict_do_nothing()
    .returning(Command.arrival),
    _ACCEPTED,
)
_ADD_ANSWERED = Prepared(
    pg_insert(Command)
    .values(state=DONE, recovery_point=ANSWERED, completed_at=func.now())
    .on_conflict_do_nothing()
    .returning(Command.received_at),
    _ACCEPTED,
)


def add_open(
    connection: Connection,
    command: StoredCommand,
    payment_id: UUID,
    arrival: Arrival,
    revert_event_type: str | None = None,
) -> bool:
    """Record an open command; False when its command key is taken.

    ``revert_event_type``: the type of a revert's success event, whether a worker or a webhook finishes the command.
    """
    content = content_of(command)
    values = {
        "correlation_id": command.correlation_id,
        "command_type": command.type,
        "fingerprint": fingerprint(content),
        "payload": content,
        "payment_id": payment_id,
        "revert_event_type": revert_event_type,
        **arrival.columns,
    }
    return bool(run(connection, (_ADD_OPEN, values)))


def add_answered(connection: Connection, key: CommandKey, sent: Content, arrival: Arrival) -> datetime | None:
    """Record a command answered in the same transaction; returns its time, or None when its command key is taken."""
    values: dict[str, Any] = {
        "correlation_id": key.correlation_id,
        "command_type": key.command_type,
        "fingerprint": sent.fingerprint,
        "payload": sent.content,
        "payment_id": None,
        "revert_event_type": None,
        **arrival.columns,
    }
    rows = run(connection, (_ADD_ANSWERED, values))
    return rows[0][0] if rows else None


def reopen_hold(
    connection: Connection, command: StoredCommand, payment_id: UUID, traceparent: str | None = None
) -> None:
    """Make sure that a hold will be canceled: insert the internal command, or reopen the finished one."""
    content = content_of(command)
    statement = pg_insert(Command).values(
        correlation_id=command.correlation_id,
        command_type=CommandType.CANCEL_HOLD,
        fingerprint=fingerprint(content),
        payload=content,
        payment_id=payment_id,
        state=CommandState.PENDING,
        recovery_point=Rest.ACCEPTED,
        next_attempt_at=func.now(),
        traceparent=traceparent,
    )
    again = {
        "state": CommandState.PENDING,
        "recovery_point": Rest.ACCEPTED,
        "key_generation": Command.key_generation + 1,
        "attempts": 0,
        "next_attempt_at": func.now(),
        "completed_at": None,
    }
    connection.execute(
        statement.on_conflict_do_update(
            index_elements=["correlation_id", "command_type"], set_=again, where=Command.state == CommandState.DONE
        )
    )


def trace_of(connection: Connection, correlation_id: str) -> tuple[CommandKey, str | None] | None:
    """The last command under this correlation id, with its trace context; None when there is none."""
    last = select(Command.command_type, Command.traceparent).where(Command.correlation_id == correlation_id)
    row = connection.execute(last.order_by(Command.arrival.desc()).limit(1)).first()
    return None if row is None else (CommandKey(row.command_type, correlation_id), row.traceparent)


_BY_KEY = Prepared(
    select(Command.fingerprint, Command.payload).where(
        Command.correlation_id == bindparam("correlation_id"), Command.command_type == bindparam("command_type")
    )
)


def content_before(connection: Connection, key: CommandKey) -> Content | None:
    """The content of the first command under this key; None when there is no such command."""
    rows = run(connection, (_BY_KEY, {"correlation_id": key.correlation_id, "command_type": key.command_type}))
    return Content(bytes(rows[0][0]), rows[0][1]) if rows else None


OPEN_COLUMNS = [
    Command.command_type,
    Command.correlation_id,
    Command.payload,
    Command.payment_id,
    Command.state,
    Command.recovery_point,
    Command.key_generation,
    Command.attempts,
    Command.arrival,
    func.coalesce(Command.reopened_at, Command.received_at),
    Command.step_started_at,
    func.coalesce(Command.lease_expires_at > func.now(), false()),
    Command.lease_token,
    Command.revert_event_type,
    Command.reopened,
    Command.traceparent,
]
"""The columns that ``progress_of`` reads."""


def progress_of(row: Sequence[Any]) -> Progress:
    """The domain's Progress of an open command, from a row of ``OPEN_COLUMNS``."""
    command_type, correlation_id, payload, payment_id, state, *progress = row
    return Progress(restore(command_type, correlation_id, payload), payment_id, CommandState(state), *progress)
