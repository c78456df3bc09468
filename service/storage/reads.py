"""Reads for callers: no transaction, no lock."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import Engine, Select, bindparam, func, literal, select, text, union_all
from sqlalchemy.dialects.postgresql.psycopg2 import PGDialect_psycopg2

from service.domain.payment import Payment
from service.domain.status import PaymentStatus
from service.storage.tables import one_of, payments

SPENT = (PaymentStatus.AUTHORIZED, PaymentStatus.SUCCEEDED)
EARNED = (PaymentStatus.SUCCEEDED,)


class Prepared(NamedTuple):
    """A statement as the driver takes it: SQL, and its values but for ``id``."""

    sql: str
    constants: dict[str, Any]


def _prepared(statement: Select[Any]) -> Prepared:
    compiled = statement.compile(dialect=PGDialect_psycopg2())  # type: ignore[no-untyped-call]
    return Prepared(str(compiled), compiled.params)


_FIELDS = [field.name for field in fields(Payment)]
_STATUS = _FIELDS.index("status")
_PAYMENT = select(*(payments.c[name] for name in _FIELDS))
LATEST_OF_ORDER = _prepared(
    _PAYMENT.where(payments.c.order_id == bindparam("id")).order_by(payments.c.created_at.desc()).limit(1)
)
BY_ID = _prepared(_PAYMENT.where(payments.c.payment_id == bindparam("id")))


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


HISTORY = _prepared(_history())


class Reads:
    """What callers may look at: each read one statement, in autocommit, past SQLAlchemy's own execution.

    BEGIN, ROLLBACK and the building of result objects would double what a read costs (measured); the statements are
    SQLAlchemy's, rendered once. Reads raise the driver's errors; a connection that had one is not used again.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def latest_of_order(self, order_id: str) -> Payment | None:
        """The order's newest attempt."""
        return self._payment(LATEST_OF_ORDER, order_id)

    def by_id(self, payment_id: UUID) -> Payment | None:
        """One payment."""
        return self._payment(BY_ID, str(payment_id))

    def history_of(self, user_id: str) -> list[CurrencyTotals]:
        """The user's totals, one entry a currency; none for a user we do not know."""
        rows = self._rows(HISTORY, user_id)
        return [CurrencyTotals(currency, *(int(figure) for figure in figures)) for currency, *figures in rows]

    def _payment(self, read: Prepared, key: str) -> Payment | None:
        rows = self._rows(read, key)
        return _payment_of(rows[0]) if rows else None

    def _rows(self, read: Prepared, key: str) -> list[tuple[Any, ...]]:
        pooled = self._engine.raw_connection()
        driver: Any = pooled.driver_connection
        try:
            driver.autocommit = True
            with driver.cursor() as cursor:
                cursor.execute(read.sql, {**read.constants, "id": key})
                rows: list[tuple[Any, ...]] = cursor.fetchall()
            driver.autocommit = False
        except Exception:
            pooled.invalidate()
            raise
        finally:
            pooled.close()
        return rows


def _payment_of(row: tuple[Any, ...]) -> Payment:
    values = list(row)
    values[_STATUS] = PaymentStatus(values[_STATUS])
    return Payment(*values)
