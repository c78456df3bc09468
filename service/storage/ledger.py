"""The ledger: movements of money, appended and never changed. The database keeps their sums in the payment's row."""

from typing import Any

from sqlalchemy import ColumnElement, func, select

from service.domain.ledger import Ledger, Movement, Recorded
from service.storage import models

RECORDED: ColumnElement[Any] = (
    select(
        func.array_agg(
            func.concat_ws(
                " ", models.Movement.kind, models.Movement.proof, models.Movement.amount, models.Movement.intent_id
            )
        )
    )
    .where(models.Movement.payment_id == models.Payment.payment_id)
    .correlate(models.Payment)
    .scalar_subquery()
)
"""A payment's movements, as a column beside its own; ``ledger_of`` reads it."""


def ledger_of(column: list[str] | None) -> Ledger:
    """A payment's ledger, from the column ``RECORDED``."""
    return Ledger(tuple(map(_recorded, column or ())))


def _recorded(row: str) -> Recorded:
    kind, proof, amount, *intent_id = row.split(" ")
    return Recorded(kind, proof, int(amount), intent_id[0] if intent_id else None)


def filed(learnt: tuple[Movement, ...], cause: str) -> list[dict[str, Any]]:
    """The value of the payment's column ``new_movements`` that appends these movements, in their order.

    One statement then writes row, movements and sums. The database refuses a movement that another payment has.
    """
    return [_row(movement, cause) for movement in learnt]


def _row(movement: Movement, cause: str) -> dict[str, Any]:
    return {
        "kind": movement.kind,
        "proof": movement.proof,
        "amount": movement.amount,
        "currency": movement.currency,
        "intent_id": movement.intent_id,
        "by_us": movement.by_us,
        "stray": movement.stray,
        "detail": movement.detail,
        "cause": cause,
        "happened_at": movement.at and movement.at.isoformat(),
    }
