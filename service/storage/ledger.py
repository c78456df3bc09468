"""The ledger: movements of money, appended and never changed. The database keeps their sums in the payment's row."""

from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, bindparam, func, insert, select

from service.domain.ledger import Ledger, Movement, Recorded
from service.storage.prepared import Call, Prepared
from service.storage.tables import movements, payments

_COLUMNS = (
    "kind", "proof", "payment_id", "amount", "currency", "intent_id", "by_us", "stray", "detail", "cause",
    "happened_at",
)  # fmt: skip
_ADD = Prepared(insert(movements), _COLUMNS)

RECORDED: ColumnElement[Any] = (
    select(
        func.array_agg(
            func.concat_ws(" ", movements.c.kind, movements.c.proof, movements.c.amount, movements.c.intent_id)
        )
    )
    .where(movements.c.payment_id == bindparam("id", type_=payments.c.payment_id.type))
    .scalar_subquery()
)
"""One payment's movements, as a column; ``ledger_of`` reads it."""


def ledger_of(column: list[str] | None) -> Ledger:
    """What stands in a payment's ledger."""
    return Ledger(tuple(map(_recorded, column or ())))


def _recorded(row: str) -> Recorded:
    kind, proof, amount, *intent_id = row.split(" ")
    return Recorded(kind, proof, int(amount), intent_id[0] if intent_id else None)


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
        "intent_id": movement.intent_id,
        "by_us": movement.by_us,
        "stray": movement.stray,
        "detail": movement.detail,
        "cause": cause,
        "happened_at": movement.at,
    }
