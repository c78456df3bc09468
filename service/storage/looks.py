"""Looks that are due: payments to compare with Stripe, because an event or an answer reports that money has moved."""

from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    Connection,
    Interval,
    bindparam,
    exists,
    func,
    literal_column,
    null,
    select,
    update,
)
from sqlalchemy.orm import InstrumentedAttribute

from service.domain.ledger import Proof
from service.domain.payment import as_uuid
from service.domain.stripe_objects import About
from service.storage.models import Payment, StripeEvent
from service.storage.prepared import Call, Prepared, run

WANTS_LOOK = "look"
"""Result of an inbox event that makes a look due; the look changes it to ``LOOKED``."""

LOOKED = "looked"

_NEVER: ColumnElement[Any] = literal_column("timestamptz 'infinity'")


def _due_by(due: ColumnElement[Any]) -> ColumnElement[Any]:
    return func.least(func.coalesce(Payment.look_at, _NEVER), due)


LOOK_NOW = _due_by(func.now())
"""Value of ``look_at`` in an UPDATE that makes a look due now."""

_LOOK = Prepared(
    update(Payment)
    .where(Payment.payment_id == bindparam("id"))
    .values(look_at=_due_by(func.now() + bindparam("delay", type_=Interval)))
)


def _found(column: InstrumentedAttribute[Any], name: str) -> Any:
    return select(Payment.payment_id).where(column == bindparam(name, type_=column.type)).scalar_subquery()


_NAMED = Prepared(
    select(
        func.coalesce(
            _found(Payment.stripe_payment_intent_id, "intent_id"),
            _found(Payment.stripe_charge_id, "charge_id"),
            _found(Payment.stripe_transfer_id, "transfer_id"),
            _found(Payment.payment_id, "payment_id"),
        )
    )
)


def payment_named(connection: Connection, about: About) -> UUID | None:
    """The payment of these ids. A stored id of Stripe's comes before metadata, which anybody can write."""
    named = {
        "intent_id": about.intent_id,
        "charge_id": about.charge_id,
        "transfer_id": about.transfer_id,
        "payment_id": as_uuid(about.payment_id),
    }
    found: UUID | None = run(connection, (_NAMED, named))[0][0]
    return found


def looking(payment_id: UUID, delay: timedelta = timedelta(0)) -> Call:
    """The call that makes a look at the payment due after ``delay``, or leaves an earlier due time."""
    return (_LOOK, {"id": payment_id, "delay": delay})


def take(connection: Connection, limit: int, pause: timedelta) -> list[UUID]:
    """Payments whose look is due. None is returned again within ``pause``, in which the caller works on it or dies."""
    ripe = (
        select(Payment.payment_id)
        .where(Payment.look_at <= func.now())
        .order_by(Payment.look_at)
        .limit(limit)
        .with_for_update(skip_locked=True)
        .scalar_subquery()
    )
    statement = update(Payment).where(Payment.payment_id.in_(ripe)).values(look_at=func.now() + pause)
    return list(connection.execute(statement.returning(Payment.payment_id)).scalars())


def put_off(connection: Connection, payment_id: UUID, delay: timedelta) -> None:
    """Make the next look due after ``delay``, in place of any earlier due time."""
    due = update(Payment).where(Payment.payment_id == payment_id).values(look_at=func.now() + delay)
    connection.execute(due)


def waiting_events(connection: Connection, payment_id: UUID) -> dict[str, list[Proof]]:
    """Events of the payment without a look so far: the movements that each reports, none where only a look can say."""
    columns = (StripeEvent.event_id, StripeEvent.tells)
    rows = connection.execute(select(*columns).where(_of(payment_id), StripeEvent.result == WANTS_LOOK))
    return {row.event_id: [(kind, proof) for kind, proof in row.tells or ()] for row in rows}


def settle(connection: Connection, payment_id: UUID, event_ids: list[str]) -> None:
    """Mark these events as looked at. No look stays due, unless other events have arrived since."""
    seen = update(StripeEvent).where(StripeEvent.event_id.in_(event_ids)).values(result=LOOKED)
    connection.execute(seen)
    waits = exists().where(_of(payment_id), StripeEvent.result == WANTS_LOOK)
    done = update(Payment).where(Payment.payment_id == payment_id, ~waits)
    connection.execute(done.values(look_at=null(), looked_at=func.now()))


def _of(payment_id: UUID) -> ColumnElement[bool]:
    return StripeEvent.payment_id == payment_id
