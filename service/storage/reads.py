"""Reads for callers: one statement each, no transaction, no lock."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import Engine, Select, bindparam, func, literal, select, union_all

from service.domain.payment import Payment
from service.domain.status import PaymentStatus
from service.storage.payments import payment_of
from service.storage.tables import payments

SPENT = (PaymentStatus.AUTHORIZED, PaymentStatus.SUCCEEDED)
EARNED = (PaymentStatus.SUCCEEDED,)

_LATEST_OF_ORDER = (
    select(payments).where(payments.c.order_id == bindparam("id")).order_by(payments.c.created_at.desc()).limit(1)
)
_BY_ID = select(payments).where(payments.c.payment_id == bindparam("id"))


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
    ).where(user == bindparam("id"), payments.c.status.in_([status.value for status in statuses]))


def _history() -> Select[Any]:
    """Two index scans, customer's and runner's, summed by currency."""
    both = union_all(
        _half(payments.c.customer_id, SPENT, spends=True), _half(payments.c.runner_id, EARNED, spends=False)
    ).subquery()
    sums = [func.sum(both.c[name]) for name in ("spent", "earned", "spent_count", "earned_count")]
    return select(both.c.currency, *sums).group_by(both.c.currency).order_by(both.c.currency)


_HISTORY = _history()


class Reads:
    """In autocommit: a read costs one round trip, and none holds a snapshot open."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine.execution_options(isolation_level="AUTOCOMMIT")

    def latest_of_order(self, order_id: str) -> Payment | None:
        """The order's newest attempt. Raises the database's error, as all reads do."""
        return self._one(_LATEST_OF_ORDER, order_id)

    def by_id(self, payment_id: UUID) -> Payment | None:
        """One payment."""
        return self._one(_BY_ID, payment_id)

    def history_of(self, user_id: str) -> list[CurrencyTotals]:
        """The user's totals, one entry a currency; none for a user we do not know."""
        with self._engine.connect() as connection:
            rows = connection.execute(_HISTORY, {"id": user_id}).all()
        return [CurrencyTotals(currency, *(int(figure) for figure in figures)) for currency, *figures in rows]

    def _one(self, statement: Select[Any], key: UUID | str) -> Payment | None:
        with self._engine.connect() as connection:
            row = connection.execute(statement, {"id": key}).one_or_none()
        return None if row is None else payment_of(row)
