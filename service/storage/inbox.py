"""The inbox: one row for each webhook event, written in the same transaction as the event's effect."""

from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Engine, bindparam
from sqlalchemy.dialects.postgresql import insert as pg_insert

from service.domain.stripe_objects import StripeEvent
from service.storage import models
from service.storage.prepared import Call, Prepared, run, run_alone

_ADD = Prepared(
    pg_insert(models.StripeEvent)
    .values(
        event_id=bindparam("event_id"),
        type=bindparam("type"),
        object_id=bindparam("object_id"),
        stripe_created_at=bindparam("stripe_created_at"),
        payment_id=bindparam("payment_id"),
        result=bindparam("result"),
        tells=bindparam("tells", type_=models.StripeEvent.tells.type),
    )
    .on_conflict_do_nothing()
    .returning(models.StripeEvent.event_id)
)


def adding(event: StripeEvent, payment_id: UUID | None, result: str) -> Call:
    """The call that records a delivery beside its effect. It returns no row when the event was recorded before."""
    return (_ADD, _row(event, payment_id, result))


def add(connection: Connection, event: StripeEvent, payment_id: UUID | None, result: str) -> bool:
    """Record a delivery; False when the event was recorded before. A simultaneous delivery waits for the first."""
    return bool(run(connection, adding(event, payment_id, result)))


def add_alone(engine: Engine, event: StripeEvent, result: str) -> bool:
    """Record and commit, in one statement, a delivery that concerns no payment; False when it was recorded before."""
    return bool(run_alone(engine, _ADD, _row(event, None, result)))


def _row(event: StripeEvent, payment_id: UUID | None, result: str) -> dict[str, Any]:
    return {
        "event_id": event.id,
        "type": event.type,
        "object_id": event.object_id,
        "stripe_created_at": event.created_at,
        "payment_id": payment_id,
        "result": result,
        "tells": [list(tell) for tell in event.tells] or None,
    }
