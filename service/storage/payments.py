"""Payments: read under a row lock, written with their transitions."""

from dataclasses import fields
from datetime import datetime, timedelta
from functools import cache
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Row, Select, Update, and_, bindparam, exists, func, insert, or_, select, text, update
from sqlalchemy.dialects.postgresql import insert as pg_insert

from service.domain.payment import Payment
from service.domain.status import LIVE, UNANSWERED, PaymentStatus
from service.storage.tables import commands, one_of, payment_transitions, payments

_COLUMNS = [payments.c[field.name] for field in fields(Payment)]
_FACTS = [field.name for field in fields(Payment) if field.name not in {"payment_id", "created_at", "updated_at"}]
_READ = select(*_COLUMNS).where(payments.c.payment_id == bindparam("id"))
_LOCK = _READ.with_for_update()
_LOCK_LIVE = (
    select(*_COLUMNS)
    .where(payments.c.order_id == bindparam("id"), text(one_of("status", sorted(LIVE))))
    .with_for_update()
)
_BY_INTENT = select(payments.c.payment_id).where(payments.c.stripe_payment_intent_id == bindparam("id"))


def payment_of(row: Row[Any]) -> Payment:
    """A row as the domain sees it."""
    values = dict(row._mapping)
    return Payment(**{**values, "status": PaymentStatus(values["status"])})


def _one(connection: Connection, statement: Select[Any], key: UUID | str) -> Payment | None:
    row = connection.execute(statement, {"id": key}).one_or_none()
    return None if row is None else payment_of(row)


def lock(connection: Connection, payment_id: UUID) -> Payment | None:
    """The payment, its row locked: every writer of it or of its events comes through here."""
    return _one(connection, _LOCK, payment_id)


def read(connection: Connection, payment_id: UUID) -> Payment | None:
    """The payment as it stands, without a lock."""
    return _one(connection, _READ, payment_id)


def lock_live(connection: Connection, order_id: str) -> Payment | None:
    """The order's one live payment, locked."""
    return _one(connection, _LOCK_LIVE, order_id)


def id_of_intent(connection: Connection, intent_id: str) -> UUID | None:
    """The payment whose PaymentIntent this is."""
    found: UUID | None = connection.execute(_BY_INTENT, {"id": intent_id}).scalar_one_or_none()
    return found


_ADD = (
    pg_insert(payments)
    .on_conflict_do_nothing(index_elements=["order_id"], index_where=text(one_of("status", sorted(LIVE))))
    .returning(payments.c.payment_id)
)


def add(connection: Connection, payment: Payment) -> bool:
    """Insert a new payment; False when its order has a live one already."""
    values = {name: getattr(payment, name) for name in _NEW}
    return connection.execute(_ADD, values).first() is not None


_NEW = (
    "payment_id", "order_id", "customer_id", "amount", "currency", "status", "authorize_correlation_id", "description",
)  # fmt: skip


@cache
def _save(names: tuple[str, ...]) -> Update:
    bound = {name: bindparam(name, type_=payments.c[name].type) for name in names}
    return update(payments).where(payments.c.payment_id == bindparam("id")).values(**bound, updated_at=func.now())


_TRANSITION = insert(payment_transitions)


def save(connection: Connection, before: Payment, after: Payment, cause: str) -> None:
    """Write what has changed; a change of status leaves a transition with its cause."""
    changed = {name: getattr(after, name) for name in _FACTS if getattr(after, name) != getattr(before, name)}
    if not changed:
        return
    connection.execute(_save(tuple(changed)), {"id": before.payment_id, **changed})
    if before.status is not after.status:
        connection.execute(
            _TRANSITION,
            {
                "payment_id": after.payment_id,
                "from_status": before.status,
                "to_status": after.status,
                "cause": cause,
            },
        )


def take_stale(connection: Connection, limit: int, older_than: timedelta) -> list[UUID]:
    """Held payments not looked at for ``older_than``, marked as looked at now."""
    stale = (
        select(payments.c.payment_id)
        .where(payments.c.status == text("'AUTHORIZED'"), payments.c.looked_at < func.now() - older_than)
        .order_by(payments.c.looked_at)
        .limit(limit)
        .with_for_update(skip_locked=True)
        .scalar_subquery()
    )
    statement = update(payments).where(payments.c.payment_id.in_(stale)).values(looked_at=func.now())
    return list(connection.execute(statement.returning(payments.c.payment_id)).scalars())


_HOLD_UNKNOWN = and_(
    payments.c.status.in_([PaymentStatus.FAILED, PaymentStatus.REVERTED]),
    payments.c.stripe_payment_intent_id.is_not(None),
    payments.c.canceled_at.is_(None),
    payments.c.stripe_refund_id.is_(None),
)
_UNSETTLED = or_(
    payments.c.status.in_([*sorted(UNANSWERED), PaymentStatus.AUTHORIZED]),
    _HOLD_UNKNOWN,
    exists().where(commands.c.payment_id == payments.c.payment_id, commands.c.state != text("'done'")),
)


def to_reconcile(connection: Connection, since: datetime | None) -> list[UUID]:
    """Payments not settled, oldest first; with ``since`` (UTC) every payment changed from then on."""
    wanted = _UNSETTLED if since is None else payments.c.updated_at >= since
    return list(connection.execute(select(payments.c.payment_id).where(wanted).order_by("created_at")).scalars())
