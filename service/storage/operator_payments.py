"""Payments as operators look for them: by status, age and party."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from sqlalchemy import ColumnElement, Executable, func, select, true

from service.domain.payment import PaymentStatus
from service.storage.engine import Connection
from service.storage.models import Payment, PaymentTransition
from service.storage.operator_session import Record, records

_LISTED = (
    Payment.payment_id,
    Payment.status,
    Payment.amount,
    Payment.currency,
    Payment.order_id,
    Payment.customer_id,
    Payment.runner_id,
    Payment.created_at,
)

SINCE = func.coalesce(
    select(func.max(PaymentTransition.at))
    .where(PaymentTransition.payment_id == Payment.payment_id)
    .correlate(Payment)
    .scalar_subquery(),
    Payment.created_at,
)
"""The time from which on a payment has its status."""

_COLUMNS = (*_LISTED, SINCE.label("since"))


@dataclass(frozen=True, slots=True)
class PaymentFilter:
    """Which payments; every condition given must hold. ``older_than``: for so long in its status."""

    statuses: Collection[PaymentStatus] = ()
    older_than: timedelta | None = None
    customer_id: str | None = None
    runner_id: str | None = None
    order_id: str | None = None

    def __bool__(self) -> bool:
        """Whether there is any condition."""
        parts = (self.statuses, self.older_than is not None, self.customer_id, self.runner_id, self.order_id)
        return any(part for part in parts)

    def conditions(self) -> list[ColumnElement[bool]]:
        """The filter as SQL."""
        named = {Payment.customer_id: self.customer_id, Payment.runner_id: self.runner_id}
        named |= {Payment.order_id: self.order_id}
        found = [column == value for column, value in named.items() if value is not None]
        if self.older_than is not None:
            # The first is true of every payment of which the second is, and an index has it.
            found += [age < func.now() - self.older_than for age in (Payment.created_at, SINCE)]
        return found


def list_payments(connection: Connection, wanted: PaymentFilter, limit: int | None) -> list[Record]:
    """Payments with ``since``, from when on they have their status: newest first; with an age, oldest first."""
    # One statement for each status: each goes by the index that has it, and reads no more rows than the limit.
    each = [_listed(wanted, Payment.status == status, limit) for status in wanted.statuses] or [
        _listed(wanted, true(), limit)
    ]
    found = [row for statement in each for row in records(connection, statement)]
    found.sort(key=lambda row: (row["created_at"], str(row["payment_id"])), reverse=wanted.older_than is None)
    return found[:limit]


def listed_payments(connection: Connection, payment_ids: Collection[UUID]) -> list[Record]:
    """These payments as a list has them, in this order."""
    found = records(connection, select(*_COLUMNS).where(Payment.payment_id.in_(payment_ids)))
    by_id = {row["payment_id"]: row for row in found}
    return [by_id[payment_id] for payment_id in payment_ids]


def _listed(wanted: PaymentFilter, status: ColumnElement[bool], limit: int | None) -> Executable:
    order = Payment.created_at.desc() if wanted.older_than is None else Payment.created_at
    return select(*_COLUMNS).where(status, *wanted.conditions()).order_by(order).limit(limit)
