"""Accepting an authorise: its payment and its command, in one statement."""

from datetime import datetime, timedelta
from enum import Enum, auto
from uuid import UUID

from sqlalchemy import Connection, Interval, bindparam, func, select, text
from sqlalchemy.dialects.postgresql import insert as pg_insert

from service.domain.commands import Authorize, content_of, fingerprint
from service.domain.payment import Payment
from service.storage.payments import NEW, new_row
from service.storage.prepared import Prepared, run
from service.storage.tables import commands, payments


class Accepted(Enum):
    """What became of an authorise. On DUPLICATE the caller rolls back: its payment is written already."""

    NEW = auto()
    NO_PAYMENT = auto()
    """The payment exists already, or the order has another live one."""
    DUPLICATE = auto()


_FROM_CALLER = (
    "correlation_id",
    "command_type",
    "fingerprint",
    "payload",
    "recovery_point",
    "traceparent",
    "lease_token",
)
_ENDS = func.now() + bindparam("lease", type_=Interval)
_PAID = (
    pg_insert(payments)
    .values({name: bindparam(name, type_=payments.c[name].type) for name in NEW})
    .on_conflict_do_nothing()
    .returning(payments.c.payment_id)
    .cte("paid")
)
_KEPT = (
    pg_insert(commands)
    .from_select(
        [*_FROM_CALLER, "payment_id", "state", "lease_expires_at", "next_attempt_at", "step_started_at"],
        select(
            *(bindparam(name, type_=commands.c[name].type) for name in _FROM_CALLER),
            _PAID.c.payment_id,
            text("'pending'"),
            _ENDS,
            _ENDS,
            func.now(),
        ),
        include_defaults=False,
    )
    .on_conflict_do_nothing()
    .returning(commands.c.arrival)
    .cte("kept")
)
_ACCEPT = Prepared(
    select(
        select(func.count()).select_from(_PAID).scalar_subquery(),
        select(func.count()).select_from(_KEPT).scalar_subquery(),
        func.now(),
    )
)


def accept(
    connection: Connection,
    command: Authorize,
    payment: Payment,
    *,
    recovery_point: str,
    traceparent: str | None,
    token: UUID,
    lease: timedelta,
) -> tuple[Accepted, datetime]:
    """Insert the payment and its command under a lease, and say when; nothing when it exists or its order is taken."""
    content = content_of(command)
    values = {
        **new_row(payment),
        "correlation_id": command.correlation_id,
        "command_type": command.type,
        "fingerprint": fingerprint(content),
        "payload": content,
        "recovery_point": recovery_point,
        "traceparent": traceparent,
        "lease_token": token,
        "lease": lease,
    }
    ((paid, kept, now),) = run(connection, (_ACCEPT, values))
    if not paid:
        return Accepted.NO_PAYMENT, now
    return (Accepted.NEW if kept else Accepted.DUPLICATE), now
