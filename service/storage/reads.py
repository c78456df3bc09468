"""Reads for callers: no transaction, no lock."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any
from uuid import UUID

from sqlalchemy import Engine, Select, bindparam, func, literal, select, text, union_all

from service.domain.payment import Payment
from service.domain.status import PaymentStatus
from service.storage.prepared import Prepared, run_alone
from service.storage.refusals import one_of
from service.storage.tables import payments

SPENT = (PaymentStatus.AUTHORIZED, PaymentStatus.SUCCEEDED)
EARNED = (PaymentStatus.SUCCEEDED,)


_FIELDS = [field.name for field in fields(Payment)]
_STATUS = _FIELDS.index("status")
_PAYMENT = select(*(payments.c[name] for name in _FIELDS))
LATEST_OF_ORDER = Prepared(
    _PAYMENT.where(payments.c.order_id == bindparam("id")).order_by(payments.c.created_at.desc()).limit(1)
)
BY_ID = Prepared(_PAYMENT.where(payments.c.payment_id == bindparam("id")))


@dataclass(frozen=True, slots=True)
class CurrencyTotals:
    """What one user spent as a customer and earned as a runner in one currency, in its minor units."""

    currency: str
    spent: int
    earned: int
    spent_count: int
    earned_count: int


def _half(user: Any, statuses: Sequence[PaymentStatus], *, spends: bool) -> Select[Any]:
    amount, one, none = payments.c.amount, literal(1), literal(0)
    spent, earned = (amount, none) if spends else (none, amount)
    spent_count, earned_count = (one, none) if spends else (none, one)
    return select(
        payments.c.currency,
        spent.label("spent"),
        earned.label("earned"),
        spent_count.label("spent_count"),
        earned_count.label("earned_count"),
    ).where(user == bindparam("id"), text(one_of("status", statuses)))


def _history() -> Select[Any]:
    """Two index scans, customer's and runner's, summed by currency."""
    both = union_all(
        _half(payments.c.customer_id, SPENT, spends=True), _half(payments.c.runner_id, EARNED, spends=False)
    ).subquery()
    sums = [func.sum(both.c[name]) for name in ("spent", "earned", "spent_count", "earned_count")]
    return select(both.c.currency, *sums).group_by(both.c.currency).order_by(both.c.currency)


HISTORY = Prepared(_history())


class Reads:
    """What callers may look at: each read one statement. Reads raise the driver's errors."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def latest_of_order(self, order_id: str) -> Payment | None:
        """The order's newest attempt."""
        return self._payment(LATEST_OF_ORDER, order_id)

    def by_id(self, payment_id: UUID) -> Payment | None:
        """One payment."""
        return self._payment(BY_ID, payment_id)

    def history_of(self, user_id: str) -> list[CurrencyTotals]:
        """The user's totals, one entry a currency; none for a user we do not know."""
        rows = run_alone(self._engine, HISTORY, {"id": user_id})
        return [CurrencyTotals(currency, *(int(figure) for figure in figures)) for currency, *figures in rows]

    def _payment(self, read: Prepared, key: str | UUID) -> Payment | None:
        rows = run_alone(self._engine, read, {"id": key})
        return _payment_of(rows[0]) if rows else None


def _payment_of(row: tuple[Any, ...]) -> Payment:
    values = list(row)
    values[_STATUS] = PaymentStatus(values[_STATUS])
    return Payment(*values)
