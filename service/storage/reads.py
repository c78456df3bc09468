"""Reads for callers: one statement each, no transaction, no lock."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, fields
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Engine, Select, bindparam, func, literal, select, union_all

from service.domain.payment import Payment
from service.domain.status import PaymentStatus
from service.storage.payments import payment_of
from service.storage.tables import payments

SPENT = (PaymentStatus.AUTHORIZED, PaymentStatus.SUCCEEDED)
EARNED = (PaymentStatus.SUCCEEDED,)

_PAYMENT = select(*(payments.c[field.name] for field in fields(Payment)))
_LATEST_OF_ORDER = (
    _PAYMENT.where(payments.c.order_id == bindparam("id")).order_by(payments.c.created_at.desc()).limit(1)
)
_BY_ID = _PAYMENT.where(payments.c.payment_id == bindparam("id"))


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


@contextmanager
def _reading(engine: Engine) -> Iterator[Connection]:
    """A connection in autocommit: a read is one round trip, without BEGIN and ROLLBACK, and holds no snapshot.

    The driver's own flag is set: SQLAlchemy's isolation levels cost a read half as much again (measured).
    """
    with engine.connect() as connection:
        driver: Any = connection.connection.dbapi_connection
        driver.autocommit = True
        try:
            yield connection
        finally:
            if not driver.closed:
                driver.autocommit = False


class Reads:
    """What callers may look at."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def latest_of_order(self, order_id: str) -> Payment | None:
        """The order's newest attempt. Raises the database's error, as all reads do."""
        return self._one(_LATEST_OF_ORDER, order_id)

    def by_id(self, payment_id: UUID) -> Payment | None:
        """One payment."""
        return self._one(_BY_ID, payment_id)

    def history_of(self, user_id: str) -> list[CurrencyTotals]:
        """The user's totals, one entry a currency; none for a user we do not know."""
        with _reading(self._engine) as connection:
            rows = connection.execute(_HISTORY, {"id": user_id}).all()
        return [CurrencyTotals(currency, *(int(figure) for figure in figures)) for currency, *figures in rows]

    def _one(self, statement: Select[Any], key: UUID | str) -> Payment | None:
        with _reading(self._engine) as connection:
            row = connection.execute(statement, {"id": key}).one_or_none()
        return None if row is None else payment_of(row)
