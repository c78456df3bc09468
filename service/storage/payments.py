"""Payments with their ledgers: read under a row lock, written with their transitions and movements.

Movements are appended and never changed. The database keeps their sums in the payment's row.
"""

from collections.abc import Sequence
from dataclasses import fields
from datetime import datetime, timedelta
from functools import cache
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import ColumnElement, Connection, and_, bindparam, exists, func, insert, or_, select, text, update

from service.domain.intent_state import Observed
from service.domain.ledger import Ledger, Movement, Recorded
from service.domain.payment import LIVE, MONEY_FIELDS, UNANSWERED, Payment, PaymentStatus
from service.storage import models
from service.storage.looks import LOOK_NOW, looking
from service.storage.models.command import DONE
from service.storage.prepared import Call, Prepared, run
from service.storage.refusals import one_of

COLUMNS = [models.Payment.__table__.c[field.name] for field in fields(Payment)]
"""The columns that ``payment_of`` reads."""

_KEPT_ELSEWHERE = {"payment_id", "created_at", "updated_at", *MONEY_FIELDS}
_FACTS = [field.name for field in fields(Payment) if field.name not in _KEPT_ELSEWHERE]
_STATUS = [field.name for field in fields(Payment)].index("status")
_BY_ID = select(*COLUMNS).where(models.Payment.payment_id == bindparam("id"))
_LOCK = Prepared(_BY_ID.add_columns(func.now()).with_for_update())
_LOCK_LIVE = Prepared(
    select(*COLUMNS, func.now())
    .where(models.Payment.order_id == bindparam("id"), text(one_of("status", sorted(LIVE))))
    .with_for_update()
)


def payment_of(row: Sequence[Any]) -> Payment:
    """The domain's Payment, from a row of ``COLUMNS``."""
    values = list(row)
    values[_STATUS] = PaymentStatus(values[_STATUS])
    return Payment(*values)


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


class Held(NamedTuple):
    """A payment with its row locked. ``now``: the beginning of the transaction, by the database's clock."""

    payment: Payment
    now: datetime


def _held(connection: Connection, statement: Prepared, key: UUID | str) -> Held | None:
    rows = run(connection, (statement, {"id": key}))
    return Held(payment_of(rows[0][:-1]), rows[0][-1]) if rows else None


def lock(connection: Connection, payment_id: UUID) -> Held | None:
    """The payment with its row locked. Every writer of the payment or of its events must lock it first."""
    return _held(connection, _LOCK, payment_id)


def lock_live(connection: Connection, order_id: str) -> Held | None:
    """The order's only live payment with its row locked, if the order has one."""
    return _held(connection, _LOCK_LIVE, order_id)


NEW = (
    "payment_id", "order_id", "customer_id", "amount", "currency", "status", "authorize_correlation_id", "description",
)  # fmt: skip
"""Columns of a new payment."""


def new_row(payment: Payment) -> dict[str, Any]:
    """The values of these columns."""
    return {name: getattr(payment, name) for name in NEW}


@cache
def _save(names: tuple[str, ...], look: bool) -> Prepared:
    values: dict[str, ColumnElement[Any]] = {
        name: bindparam(name, type_=models.Payment.__table__.c[name].type) for name in names
    }
    if look:
        values["look_at"] = LOOK_NOW
    changed = update(models.Payment).where(models.Payment.payment_id == bindparam("id"))
    return Prepared(changed.values(**values, updated_at=func.now()))


_TRANSITION = Prepared(insert(models.PaymentTransition), ("payment_id", "from_status", "to_status", "cause"))


def _filed(learnt: tuple[Movement, ...], cause: str) -> list[dict[str, Any]]:
    """The value of the payment's column ``new_movements`` that appends these movements, in their order.

    One statement then writes row, movements and sums. The database refuses a movement that another payment has.
    """
    return [_movement_row(movement, cause) for movement in learnt]


def _movement_row(movement: Movement, cause: str) -> dict[str, Any]:
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


def saving(before: Payment, after: Payment, observed: Observed, cause: str) -> list[Call]:
    """The calls that write the changes from ``before`` to ``after`` and the observed movements, none without news.

    A change of status adds a transition with its cause. A look that the observation asks for becomes due.
    """
    changed = {name: getattr(after, name) for name in _FACTS if getattr(after, name) != getattr(before, name)}
    if observed.movements:
        changed["new_movements"] = _filed(observed.movements, cause)
    if not changed:
        return [looking(before.payment_id)] if observed.look else []
    saved = (_save(tuple(changed), observed.look), {"id": before.payment_id, **changed})
    if before.status is after.status:
        return [saved]
    transition = {
        "payment_id": after.payment_id,
        "from_status": before.status,
        "to_status": after.status,
        "cause": cause,
    }
    return [saved, (_TRANSITION, transition)]


def take_stale(connection: Connection, limit: int, older_than: timedelta) -> list[UUID]:
    """Authorized payments without a look for ``older_than``; marks them as looked at now."""
    stale = (
        select(models.Payment.payment_id)
        .where(models.Payment.status == text("'AUTHORIZED'"), models.Payment.looked_at < func.now() - older_than)
        .order_by(models.Payment.looked_at)
        .limit(limit)
        .with_for_update(skip_locked=True)
        .scalar_subquery()
    )
    statement = update(models.Payment).where(models.Payment.payment_id.in_(stale)).values(looked_at=func.now())
    return list(connection.execute(statement.returning(models.Payment.payment_id)).scalars())


_HOLD_UNKNOWN = and_(
    models.Payment.status.in_([PaymentStatus.FAILED, PaymentStatus.REVERTED]),
    models.Payment.stripe_payment_intent_id.is_not(None),
    models.Payment.canceled_at.is_(None),
    models.Payment.stripe_refund_id.is_(None),
)
_UNSETTLED = or_(
    models.Payment.status.in_([*sorted(UNANSWERED), PaymentStatus.AUTHORIZED]),
    _HOLD_UNKNOWN,
    models.Payment.look_at.is_not(None),
    exists().where(models.Command.payment_id == models.Payment.payment_id, models.Command.state != DONE),
)


def to_reconcile(connection: Connection, since: datetime | None, *, every: bool = False) -> list[UUID]:
    """Payments with unfinished work, oldest first; with ``since`` (UTC) those changed from then on; or all of them."""
    chosen = select(models.Payment.payment_id).order_by("created_at")
    if not every:
        chosen = chosen.where(_UNSETTLED if since is None else models.Payment.updated_at >= since)
    return list(connection.execute(chosen).scalars())
