"""When open commands are due: put off, postponed, hastened; and those that are due now."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import and_, func, select, update

from service.domain.commands.command import CommandKey
from service.domain.progress import CommandState
from service.storage.engine import Connection
from service.storage.models import Command
from service.storage.models.command import DONE


@dataclass(frozen=True, slots=True)
class Due:
    """An open command that is due."""

    key: CommandKey
    payment_id: UUID


def _is(key: CommandKey) -> Any:
    return and_(Command.correlation_id == key.correlation_id, Command.command_type == key.command_type)


def put_off(connection: Connection, key: CommandKey, delay: timedelta) -> None:
    """Make a blocked command due again after ``delay``."""
    connection.execute(update(Command).where(_is(key)).values(next_attempt_at=func.now() + delay))


def postpone(connection: Connection, key: CommandKey, delay: timedelta, why: str) -> None:
    """Make an open command due after ``delay``, while its lease expires. Operators read ``why``."""
    open_one = and_(_is(key), Command.state != DONE)
    rest = {"next_attempt_at": func.now() + delay, "last_error": why, "updated_at": func.now()}
    connection.execute(update(Command).where(open_one).values(**rest))


def due(connection: Connection, limit: int, pause: timedelta) -> list[Due]:
    """Open commands that are due or whose lease has expired. None of them is returned again within ``pause``."""
    ripe = (
        select(Command.correlation_id, Command.command_type)
        .where(Command.state != DONE, Command.next_attempt_at <= func.now())
        .order_by(Command.next_attempt_at)
        .limit(limit)
        .with_for_update(skip_locked=True)
        .subquery()
    )
    same = and_(Command.correlation_id == ripe.c.correlation_id, Command.command_type == ripe.c.command_type)
    statement = (
        update(Command)
        .where(same)
        .values(next_attempt_at=func.now() + pause)
        .returning(Command.command_type, Command.correlation_id, Command.payment_id)
    )
    return [
        Due(CommandKey(row.command_type, row.correlation_id), row.payment_id) for row in connection.execute(statement)
    ]


def hasten(connection: Connection, payment_id: UUID) -> None:
    """Make the payment's waiting authorize due now."""
    waiting = and_(Command.payment_id == payment_id, Command.state == CommandState.WAITING)
    connection.execute(update(Command).where(waiting).values(next_attempt_at=func.now()))
