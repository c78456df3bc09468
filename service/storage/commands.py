"""The idempotency table: one row a command (correlation id and type), its lease, recovery point and outcome."""

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
    text,
)
from sqlalchemy.dialects.postgresql import insert as pg_insert

from service.domain.commands.catalog import StoredCommand, content_of, restore
from service.domain.commands.command import CommandKey, CommandType, fingerprint
from service.domain.content import Content
from service.domain.progress import CommandState, Progress, Rest
from service.storage.models import Command
from service.storage.models.command import ACCEPTED, ANSWERED, DONE, PENDING
from service.storage.prepared import Prepared, run

_ACCEPTED = (
    "correlation_id", "command_type", "fingerprint", "payload", "payment_id", "traceparent", "revert_event_type",
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
    traceparent: str | None,
    revert_event_type: str | None = None,
) -> bool:
    """Accept a command that waits for its turn; False when the key is taken.

    ``revert_event_type``: what a revert's success is called, whoever finishes it.
    """
    content = content_of(command)
    values = {
        "correlation_id": command.correlation_id,
        "command_type": command.type,
        "fingerprint": fingerprint(content),
        "payload": content,
        "payment_id": payment_id,
        "traceparent": traceparent,
        "revert_event_type": revert_event_type,
    }
    return bool(run(connection, (_ADD_OPEN, values)))


def add_answered(connection: Connection, key: CommandKey, sent: Content, traceparent: str | None) -> datetime | None:
    """Record a command that is answered in the same transaction, and say when; None when the key is taken."""
    values: dict[str, Any] = {
        "correlation_id": key.correlation_id,
        "command_type": key.command_type,
        "fingerprint": sent.fingerprint,
        "payload": sent.content,
        "payment_id": None,
        "traceparent": traceparent,
        "revert_event_type": None,
    }
    rows = run(connection, (_ADD_ANSWERED, values))
    return rows[0][0] if rows else None


def reopen_hold(connection: Connection, command: StoredCommand, payment_id: UUID) -> None:
    """See to it that a hold is canceled: a new internal command, or the old one taken up again."""
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


_HOLDS = Prepared(
    select(func.count(), func.coalesce(func.extract("epoch", func.now() - func.min(Command.received_at)), 0))
    .select_from(Command)
    .where(Command.state != DONE, Command.command_type == text("'cancel_hold'"))
)


def holds_to_cancel(connection: Connection) -> tuple[int, float]:
    """How many holds of payments that were told failed or reverted are not known to be gone, and the oldest's age."""
    ((count, seconds),) = run(connection, (_HOLDS, {}))
    return count, float(seconds)


_BY_KEY = Prepared(
    select(Command.fingerprint, Command.payload).where(
        Command.correlation_id == bindparam("correlation_id"), Command.command_type == bindparam("command_type")
    )
)


def content_before(connection: Connection, key: CommandKey) -> Content | None:
    """What the first command under this key said."""
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
]
"""What ``progress_of`` is made from."""


def progress_of(row: Sequence[Any]) -> Progress:
    """An open command as the domain sees it."""
    command_type, correlation_id, payload, payment_id, state, *progress = row
    return Progress(restore(command_type, correlation_id, payload), payment_id, CommandState(state), *progress)
