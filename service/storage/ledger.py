"""The ledger: movements of money, appended and never changed. The database keeps their sums in the payment's row."""

from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, bindparam, func, insert, select

from service.domain.ledger import Movement, Proof
from service.storage.prepared import Call, Prepared
from service.storage.tables import movements, payments

_COLUMNS = (
    "kind", "proof", "payment_id", "amount", "currency", "by_us", "stray", "detail", "cause", "happened_at",
)  # fmt: skip
_ADD = Prepared(insert(movements), _COLUMNS)

_SEPARATOR = " "

KNOWN: ColumnElement[Any] = (
    select(func.array_agg(movements.c.kind + _SEPARATOR + movements.c.proof))
    .where(movements.c.payment_id == bindparam("id", type_=payments.c.payment_id.type))
    .scalar_subquery()
)
"""The keys of one payment's movements, as a column; ``known`` reads it."""


def known(column: list[str] | None) -> frozenset[Proof]:
    """What stands in a payment's ledger."""
    keys = (key.partition(_SEPARATOR) for key in column or ())
    return frozenset((kind, proof) for kind, _, proof in keys)


def appending(payment_id: UUID, learnt: tuple[Movement, ...], cause: str) -> list[Call]:
    """What writes these movements, in their order. A movement that another payment has is refused by the database."""
    return [(_ADD, _row(payment_id, movement, cause)) for movement in learnt]


def _row(payment_id: UUID, movement: Movement, cause: str) -> dict[str, Any]:
    return {
        "kind": movement.kind,
        "proof": movement.proof,
        "payment_id": payment_id,
        "amount": movement.amount,
        "currency": movement.currency,
        "by_us": movement.by_us,
        "stray": movement.stray,
        "detail": movement.detail,
        "cause": cause,
        "happened_at": movement.at,
    }
