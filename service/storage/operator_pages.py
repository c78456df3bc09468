"""Lists for operators, page by page. Each goes by an index, and begins after the last row of the page before."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Boolean, ColumnElement, Select, and_, func, literal_column, select, text, tuple_, union_all

from service.domain.payment import PaymentStatus
from service.domain.progress import CommandState
from service.storage.engine import Connection
from service.storage.models import Command, DeadLetter, OperatorAction, Payment
from service.storage.models.command import DONE
from service.storage.operator_overview import MOST_OPEN
from service.storage.operator_payments import SINCE, PaymentFilter
from service.storage.operator_session import Record, records, whole_records

PAGE_ROWS = 50

PAYMENT_COLUMNS = [
    Payment.__table__.c[name]
    for name in ("payment_id", "order_id", "customer_id", "runner_id", "amount", "currency", "status", "created_at")
]
_COMMAND_COLUMNS = [
    Command.__table__.c[name]
    for name in (
        "correlation_id",
        "command_type",
        "payment_id",
        "state",
        "recovery_point",
        "attempts",
        "last_error",
        "received_at",
        "next_attempt_at",
        "lease_expires_at",
    )
]
_DEAD_LETTER_COLUMNS = [
    DeadLetter.__table__.c[name]
    for name in ("id", "reason", "detail", "topic", "partition", "offset", "state", "received_at")
]


@dataclass(frozen=True, slots=True)
class After:
    """The last payment of the page before."""

    created_at: datetime
    payment_id: UUID


def payments(connection: Connection, wanted: PaymentFilter, after: After | None, *, oldest_first: bool) -> list[Record]:
    """A page of payments, and one more if there are more."""
    # One scan of the index for each status: an index on the time alone would cost every payment a write.
    statements = (
        _of_status(status, wanted, after, oldest_first=oldest_first) for status in wanted.statuses or PaymentStatus
    )
    each = union_all(*(statement.subquery().select() for statement in statements)).subquery()
    order = _ordered(each.c.created_at, each.c.payment_id, oldest_first=oldest_first)
    return records(connection, select(each).order_by(*order).limit(PAGE_ROWS + 1))


def _of_status(status: PaymentStatus, wanted: PaymentFilter, after: After | None, *, oldest_first: bool) -> Select[Any]:
    place = (Payment.created_at, Payment.payment_id)
    conditions = [Payment.status == status, *wanted.conditions()]
    if after is not None:
        last = tuple_(after.created_at, after.payment_id)
        # The first of each pair goes by the index; the second separates payments of one moment.
        if oldest_first:
            conditions += [Payment.created_at >= after.created_at, tuple_(*place) > last]
        else:
            conditions += [Payment.created_at <= after.created_at, tuple_(*place) < last]
    order = _ordered(*place, oldest_first=oldest_first)
    return select(*PAYMENT_COLUMNS, SINCE.label("since")).where(*conditions).order_by(*order).limit(PAGE_ROWS + 1)


def _ordered(*columns: Any, oldest_first: bool) -> tuple[Any, ...]:
    return columns if oldest_first else tuple(column.desc() for column in columns)


@dataclass(frozen=True, slots=True)
class CommandFilter:
    """Which open commands; every condition given must hold. ``older``: received longer ago than this."""

    command_type: str | None = None
    state: CommandState | None = None
    older: timedelta | None = None
    after_fault: bool = False


def open_commands(connection: Connection, wanted: CommandFilter, skipped: int) -> list[Record]:
    """A page of the open commands, oldest first, and one more if there are more.

    They are taken from the ``MOST_OPEN`` that are due first.
    """
    opened = select(*_COMMAND_COLUMNS).where(text(f"state <> {DONE}")).order_by(Command.next_attempt_at)
    of = opened.limit(MOST_OPEN).subquery()
    conditions: list[ColumnElement[bool]] = []
    if wanted.command_type is not None:
        conditions.append(of.c.command_type == wanted.command_type)
    if wanted.state is not None:
        conditions.append(of.c.state == wanted.state)
    if wanted.older is not None:
        conditions.append(of.c.received_at < func.now() - wanted.older)
    if wanted.after_fault:
        conditions.append(of.c.attempts > 0)
    page = select(of).where(*conditions).order_by(of.c.received_at, of.c.correlation_id)
    return records(connection, page.offset(skipped).limit(PAGE_ROWS + 1))


def dead_letters(connection: Connection, *, state: str, reason: str | None, below: int | None) -> list[Record]:
    """A page of dead letters, newest first, and one more if there are more.

    ``below``: the last id of the page before.
    """
    # A constant in the statement's text: a parameter would keep PostgreSQL from using the index of open ones.
    in_state = literal_column("state = 'open'", Boolean) if state == "open" else DeadLetter.state == state
    conditions: list[ColumnElement[bool]] = [in_state]
    if reason is not None:
        conditions.append(DeadLetter.reason == reason)
    if below is not None:
        conditions.append(DeadLetter.id < below)
    found = select(*_DEAD_LETTER_COLUMNS).where(and_(*conditions)).order_by(DeadLetter.id.desc())
    return records(connection, found.limit(PAGE_ROWS + 1))


def actions(connection: Connection, below: int | None) -> list[Record]:
    """A page of operators' acts, newest first, and one more if there are more."""
    found = select(OperatorAction).order_by(OperatorAction.id.desc()).limit(PAGE_ROWS + 1)
    return whole_records(connection, found if below is None else found.where(OperatorAction.id < below))


def actions_on(connection: Connection, correlation_id: str) -> list[Record]:
    """The acts on the commands under one correlation id, in order."""
    mine = OperatorAction.correlation_id == correlation_id
    return whole_records(connection, select(OperatorAction).where(mine).order_by(OperatorAction.id))
