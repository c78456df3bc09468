"""Reads for callers: no transaction, no lock."""

from dataclasses import dataclass, fields
from typing import Any
from uuid import UUID

from sqlalchemy import Engine, Select, bindparam, case, func, literal, or_, select, text, union_all

from service.domain.payment import Payment, PaymentStatus
from service.storage import models
from service.storage.prepared import Prepared, run_alone
from service.storage.refusals import one_of

SPENT = (PaymentStatus.AUTHORIZED, PaymentStatus.SUCCEEDED)
EARNED = (PaymentStatus.SUCCEEDED,)


_FIELDS = [field.name for field in fields(Payment)]
_STATUS = _FIELDS.index("status")
_PAYMENT = select(*(models.Payment.__table__.c[name] for name in _FIELDS))
LATEST_OF_ORDER = Prepared(
    _PAYMENT.where(models.Payment.order_id == bindparam("id")).order_by(models.Payment.created_at.desc()).limit(1)
)
BY_ID = Prepared(_PAYMENT.where(models.Payment.payment_id == bindparam("id")))


@dataclass(frozen=True, slots=True)
class CurrencyTotals:
    """The amounts that one user spent as a customer and earned as a runner in one currency, in its minor units.

    Returned money is subtracted. A runner earns in the currency of the transfer.
    """

    currency: str
    spent: int
    earned: int
    spent_count: int
    earned_count: int


_P = models.Payment
_NONE, _ONE = literal(0), literal(1)

_TAKEN = case((_P.captured > _NONE, _P.captured), else_=_P.amount)
_SPENT = func.greatest(_TAKEN - _P.refunded - _P.disputed, _NONE)
"""The amount of a payment that is still spent; never negative, because a bank may dispute refunded money."""

SENT = func.coalesce(_P.transfer_amount, _P.amount)
LEFT_TO_RUNNER = case(
    # A payment from before the ledger: the runner has the whole transfer.
    (_P.transferred == _NONE, SENT),
    (or_(_P.stripe_transfer_id.is_(None), _P.stripe_reversal_id.is_not(None)), _NONE),
    else_=func.least(SENT, _P.transferred - _P.reversed),
)
"""The amount of our transfer that the runner still has. The sums also contain the transfers of outsiders, and earlier
transfers of ours."""


def _spent_by_customer() -> Select[Any]:
    figures = (_SPENT.label("spent"), _NONE.label("earned"), _ONE.label("spent_count"), _NONE.label("earned_count"))
    mine = _P.customer_id == bindparam("id"), text(one_of("status", SPENT))
    return select(_P.currency, *figures).where(*mine)


def _earned_by_runner() -> Select[Any]:
    currency = func.coalesce(_P.transfer_currency, _P.currency).label("currency")
    figures = (
        _NONE.label("spent"),
        LEFT_TO_RUNNER.label("earned"),
        _NONE.label("spent_count"),
        _ONE.label("earned_count"),
    )
    mine = _P.runner_id == bindparam("id"), text(one_of("status", EARNED))
    return select(currency, *figures).where(*mine)


def _history() -> Select[Any]:
    """The sums by currency of two index scans, by customer and by runner."""
    both = union_all(_spent_by_customer(), _earned_by_runner()).subquery()
    sums = [func.sum(both.c[name]) for name in ("spent", "earned", "spent_count", "earned_count")]
    return select(both.c.currency, *sums).group_by(both.c.currency).order_by(both.c.currency)


HISTORY = Prepared(_history())


class Reads:
    """The reads of HTTP callers: one statement each. They raise the driver's errors."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def latest_of_order(self, order_id: str) -> Payment | None:
        """The order's newest attempt."""
        return self._payment(LATEST_OF_ORDER, order_id)

    def by_id(self, payment_id: UUID) -> Payment | None:
        """One payment."""
        return self._payment(BY_ID, payment_id)

    def history_of(self, user_id: str) -> list[CurrencyTotals]:
        """The user's totals, one entry for each currency; none for an unknown user."""
        rows = run_alone(self._engine, HISTORY, {"id": user_id})
        return [CurrencyTotals(currency, *(int(figure) for figure in figures)) for currency, *figures in rows]

    def _payment(self, read: Prepared, key: str | UUID) -> Payment | None:
        rows = run_alone(self._engine, read, {"id": key})
        return _payment_of(rows[0]) if rows else None


def _payment_of(row: tuple[Any, ...]) -> Payment:
    values = list(row)
    values[_STATUS] = PaymentStatus(values[_STATUS])
    return Payment(*values)
