"""Accepting an authorize: its payment and its command, in one statement."""

from datetime import datetime, timedelta
from enum import Enum, auto
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import Connection, Interval, Text, bindparam, case, func, select
from sqlalchemy.dialects.postgresql import insert as pg_insert

from service.domain.commands.authorize import Authorize
from service.domain.commands.catalog import content_of
from service.domain.commands.command import fingerprint
from service.domain.payment import Payment
from service.domain.progress import KEY_LIFETIME
from service.domain.received_records import Arrival
from service.storage import models
from service.storage.models.base import INSTANT
from service.storage.models.command import PENDING
from service.storage.payments import NEW, new_row
from service.storage.prepared import Prepared, run


class Result(Enum):
    """The result of an acceptance. On DUPLICATE the caller rolls back, because the new payment is already written."""

    NEW = auto()
    NO_PAYMENT = auto()
    """No payment was inserted: it exists already, or the order has another live payment."""
    DUPLICATE = auto()


class Accepted(NamedTuple):
    """``recovery_point`` is None unless the result is NEW."""

    result: Result
    recovery_point: str | None
    now: datetime


_FROM_CALLER = (
    "correlation_id",
    "command_type",
    "fingerprint",
    "payload",
    "traceparent",
    "origin_topic",
    "origin_partition",
    "origin_offset",
    "lease_token",
)
_ENDS = func.now() + bindparam("lease", type_=Interval)
_PAID = (
    pg_insert(models.Payment)
    .values({name: bindparam(name, type_=models.Payment.__table__.c[name].type) for name in NEW})
    .on_conflict_do_nothing()
    .returning(models.Payment.payment_id)
    .cte("paid")
)
_POINT = case(
    (bindparam("sent_at", type_=INSTANT) < func.now() - KEY_LIFETIME, bindparam("sent_long_ago", type_=Text)),
    else_=bindparam("sent_lately", type_=Text),
)
_KEPT = (
    pg_insert(models.Command)
    .from_select(
        [
            *_FROM_CALLER,
            "recovery_point",
            "payment_id",
            "state",
            "lease_expires_at",
            "next_attempt_at",
            "step_started_at",
        ],
        select(
            *(bindparam(name, type_=models.Command.__table__.c[name].type) for name in _FROM_CALLER),
            _POINT,
            _PAID.c.payment_id,
            PENDING,
            _ENDS,
            _ENDS,
            func.now(),
        ),
        include_defaults=False,
    )
    .on_conflict_do_nothing()
    .returning(models.Command.recovery_point)
    .cte("kept")
)
_ACCEPT = Prepared(
    select(
        select(func.count()).select_from(_PAID).scalar_subquery(),
        select(_KEPT.c.recovery_point).scalar_subquery(),
        func.now(),
    )
)


def accept(
    connection: Connection,
    command: Authorize,
    payment: Payment,
    *,
    arrival: Arrival,
    sent_lately: str,
    sent_long_ago: str,
    token: UUID,
    lease: timedelta,
) -> Accepted:
    """Insert the payment and its command under a lease; returns the result with the database's time.

    Nothing is inserted when the payment exists already or its order has another live payment.

    ``sent_lately`` and ``sent_long_ago`` are the recovery points to choose from, by the age of the command. If it is
    older than Stripe's memory of idempotency keys, it may have been carried out before its row was lost.
    """
    content = content_of(command)
    values = {
        **new_row(payment),
        "correlation_id": command.correlation_id,
        "command_type": command.type,
        "fingerprint": fingerprint(content),
        "payload": content,
        "sent_at": arrival.sent_at,
        "sent_lately": sent_lately,
        "sent_long_ago": sent_long_ago,
        **arrival.columns,
        "lease_token": token,
        "lease": lease,
    }
    ((paid, point, now),) = run(connection, (_ACCEPT, values))
    if not paid:
        return Accepted(Result.NO_PAYMENT, None, now)
    return Accepted(Result.DUPLICATE if point is None else Result.NEW, point, now)
