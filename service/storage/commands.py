"""The idempotency table: one row a command (correlation id and type), its lease, recovery point and outcome."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import (
    Boolean,
    Connection,
    Interval,
    RowMapping,
    bindparam,
    case,
    func,
    select,
    text,
)
from sqlalchemy.dialects.postgresql import insert as pg_insert

from service.domain.commands import CommandType, StoredCommand, content_of, fingerprint, restore
from service.domain.messages import Answer
from service.domain.progress import Progress
from service.storage.tables import commands

Lease = tuple[UUID, timedelta]
"""Fencing token and length of a lease taken on acceptance."""


@dataclass(frozen=True, slots=True)
class Key:
    """What a command is known by."""

    command_type: str
    correlation_id: str

    def is_answered_by(self, answers: Iterable[Answer]) -> bool:
        """Whether one of these answers is this command's outcome."""
        return any((self.command_type, self.correlation_id) == (a.command_type, a.correlation_id) for a in answers)


def key_of(command: StoredCommand) -> Key:
    """The command's key."""
    return Key(command.type, command.correlation_id)


_LEASE = bindparam("lease", type_=Interval)

# An interval of NULL makes the lease's end NULL as well: a command accepted without a lease.
_ADD_OPEN = (
    pg_insert(commands)
    .values(
        state=text("'pending'"),
        lease_expires_at=func.now() + _LEASE,
        next_attempt_at=func.now() + func.coalesce(_LEASE, text("interval '0'")),
        step_started_at=case((bindparam("started", type_=Boolean), func.now())),
    )
    .on_conflict_do_nothing()
    .returning(commands.c.arrival)
)
_ADD_ANSWERED = (
    pg_insert(commands)
    .values(state=text("'done'"), recovery_point=text("'answered'"), completed_at=func.now())
    .on_conflict_do_nothing()
    .returning(commands.c.arrival)
)


def add_open(
    connection: Connection,
    command: StoredCommand,
    *,
    payment_id: UUID,
    recovery_point: str,
    traceparent: str | None,
    lease: Lease | None = None,
) -> bool:
    """Accept a command, with its lease where it starts at once; False when the key is taken."""
    content = content_of(command)
    token, length = lease or (None, None)
    values = {
        "correlation_id": command.correlation_id,
        "command_type": command.type,
        "fingerprint": fingerprint(content),
        "payload": content,
        "payment_id": payment_id,
        "recovery_point": recovery_point,
        "traceparent": traceparent,
        "lease_token": token,
        "lease": length,
        "started": lease is not None,
    }
    return connection.execute(_ADD_OPEN, values).first() is not None


def add_answered(
    connection: Connection, key: Key, content_print: bytes, traceparent: str | None, payment_id: UUID | None = None
) -> bool:
    """Record a command that is answered in the same transaction; False when the key is taken."""
    values: dict[str, Any] = {
        "correlation_id": key.correlation_id,
        "command_type": key.command_type,
        "fingerprint": content_print,
        "payload": {},
        "payment_id": payment_id,
        "traceparent": traceparent,
    }
    return connection.execute(_ADD_ANSWERED, values).first() is not None


def reopen_hold(connection: Connection, command: StoredCommand, payment_id: UUID) -> None:
    """See to it that a hold is cancelled: a new internal command, or the old one taken up again."""
    content = content_of(command)
    statement = pg_insert(commands).values(
        correlation_id=command.correlation_id,
        command_type=CommandType.CANCEL_HOLD,
        fingerprint=fingerprint(content),
        payload=content,
        payment_id=payment_id,
        state="pending",
        recovery_point="accepted",
        next_attempt_at=func.now(),
    )
    again = {
        "state": "pending",
        "recovery_point": "accepted",
        "key_generation": commands.c.key_generation + 1,
        "attempts": 0,
        "next_attempt_at": func.now(),
        "completed_at": None,
    }
    connection.execute(
        statement.on_conflict_do_update(
            index_elements=["correlation_id", "command_type"], set_=again, where=commands.c.state == "done"
        )
    )


_BY_KEY = select(commands.c.fingerprint, commands.c.payment_id).where(
    commands.c.correlation_id == bindparam("correlation_id"), commands.c.command_type == bindparam("command_type")
)


def fingerprint_of(connection: Connection, key: Key) -> bytes | None:
    """Fingerprint of the first command under this key."""
    row = connection.execute(
        _BY_KEY, {"correlation_id": key.correlation_id, "command_type": key.command_type}
    ).one_or_none()
    return None if row is None else bytes(row.fingerprint)


_OPEN = select(
    commands.c.correlation_id,
    commands.c.command_type,
    commands.c.payload,
    commands.c.payment_id,
    commands.c.state,
    commands.c.recovery_point,
    commands.c.key_generation,
    commands.c.attempts,
    commands.c.arrival,
    commands.c.received_at,
    commands.c.step_started_at,
    commands.c.lease_token,
    func.coalesce(commands.c.lease_expires_at > func.now(), False).label("leased"),
).where(commands.c.payment_id == bindparam("payment_id"), commands.c.state != text("'done'"))


def open_of(connection: Connection, payment_id: UUID) -> list[Progress]:
    """The payment's open commands in order of arrival. The caller holds the payment's row lock."""
    rows = connection.execute(_OPEN.order_by(commands.c.arrival), {"payment_id": payment_id})
    return [_progress(row._mapping) for row in rows]


def _progress(row: RowMapping) -> Progress:
    values: dict[str, Any] = dict(row)
    command = restore(values.pop("command_type"), values.pop("correlation_id"), values.pop("payload"))
    return Progress(command=command, **values)
